//! The hub's configuration file. Every setting is documented in `docs/hub.toml.md`.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use skerry_common::redact::Redacted;
use skerry_common::status::ContactBounds;
use thiserror::Error;

use crate::git::{Credential, CredentialKind};

/// The whole file.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HubConfig {
    /// Folder of database, keys and Git cache; relative to the configuration file.
    pub data_folder: PathBuf,
    /// Name of this hub, as bundles and logs say it.
    #[serde(default = "hub_name")]
    pub name: String,
    /// Where the fleet is declared.
    pub fleet: FleetConfig,
    /// The link that agents dial.
    #[serde(default)]
    pub link: LinkConfig,
    /// The HTTPS API.
    #[serde(default)]
    pub api: ApiConfig,
    /// When a cluster that is not heard of is late and offline.
    #[serde(default)]
    pub contact: ContactConfig,
    /// Git.
    #[serde(default)]
    pub git: GitConfig,
    /// What renders may do.
    #[serde(default)]
    pub render: RenderConfig,
    /// How much of the past is kept.
    #[serde(default)]
    pub retention: RetentionConfig,
}

fn hub_name() -> String {
    "hub".to_owned()
}

/// Where the fleet is declared.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FleetConfig {
    /// URL of the fleet repository: `file://`, `https://` or `ssh://`.
    pub url: String,
    /// Branch.
    #[serde(default = "main_branch")]
    pub branch: String,
    /// Folder of the documents in it.
    #[serde(default)]
    pub path: String,
    /// Name of credentials.
    #[serde(default)]
    pub credentials: Option<String>,
    /// Seconds between two looks; a webhook makes it immediate.
    #[serde(default = "interval")]
    pub interval_seconds: u64,
}

fn main_branch() -> String {
    "main".to_owned()
}

fn interval() -> u64 {
    30
}

/// The link that agents dial.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LinkConfig {
    /// UDP address.
    pub listen: SocketAddr,
}

impl Default for LinkConfig {
    fn default() -> Self {
        Self { listen: SocketAddr::from(([0, 0, 0, 0], 7443)) }
    }
}

/// The HTTPS API.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ApiConfig {
    /// TCP address.
    pub listen: SocketAddr,
    /// Names and addresses in its certificate.
    pub names: Vec<String>,
}

impl Default for ApiConfig {
    fn default() -> Self {
        let names = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).into();
        Self { listen: SocketAddr::from(([0, 0, 0, 0], 8443)), names }
    }
}

/// A quiet agent says something every 20 s, which is written down within 15 s and read within 10 s: before that, a
/// cluster that is well would be late.
const LATE_SECONDS_MIN: u64 = 45;

/// When a cluster that is not heard of is late and offline.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ContactConfig {
    /// Seconds of silence after which it is late.
    pub late_seconds: u64,
    /// Seconds of silence after which it is offline: what is known of it counts as unknown.
    pub offline_seconds: u64,
}

impl Default for ContactConfig {
    fn default() -> Self {
        let bounds = ContactBounds::default();
        Self { late_seconds: bounds.late.as_secs(), offline_seconds: bounds.offline.as_secs() }
    }
}

/// Git.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GitConfig {
    /// Folders below which `file://` repositories may lie.
    pub file_roots: Vec<PathBuf>,
    /// Credentials that sources may name.
    pub credentials: Vec<CredentialConfig>,
}

/// What renders may do besides reading their sources.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RenderConfig {
    /// The `helm` program, for charts of kustomizations; without it they are refused.
    pub helm: Option<PathBuf>,
    /// Addresses of repositories that charts may be fetched from; what lies below counts too.
    pub chart_repositories: Vec<String>,
    /// URL prefixes below which kustomizations may name bases in other repositories.
    pub remote_bases: Vec<String>,
}

/// How much of the past is kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RetentionConfig {
    /// Bundles of each cluster, the newest among them.
    pub bundles: NonZeroU32,
    /// Hours before content that no kept bundle needs is deleted.
    pub content_hours: u32,
}

impl Default for RetentionConfig {
    fn default() -> Self {
        Self { bundles: BUNDLES_KEPT, content_hours: 24 }
    }
}

/// Enough to look back, and to serve small differences to agents that were away for some changes.
const BUNDLES_KEPT: NonZeroU32 = NonZeroU32::new(20).expect("20 is not zero");

/// Credentials.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CredentialConfig {
    /// What sources call them.
    pub name: String,
    /// Where they may be used.
    pub url_prefixes: Vec<String>,
    /// User, for basic authentication.
    #[serde(default)]
    pub user: Option<String>,
    /// File with the password.
    #[serde(default)]
    pub password_file: Option<PathBuf>,
    /// File with a bearer token.
    #[serde(default)]
    pub token_file: Option<PathBuf>,
    /// SSH private key.
    #[serde(default)]
    pub ssh_key_file: Option<PathBuf>,
    /// SSH host keys.
    #[serde(default)]
    pub known_hosts_file: Option<PathBuf>,
    /// CA certificates, PEM.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
}

/// The configuration cannot be used.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// A file cannot be read.
    #[error("`{path}` cannot be read")]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Not TOML of the known form; the message names line and field.
    #[error("`{path}` is no valid configuration: {what}")]
    Malformed {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// Credentials that name no secret, or two kinds of one.
    #[error(
        "credentials `{0}` need exactly one of password_file (with user), token_file, ssh_key_file or ca_file alone"
    )]
    Credential(String),
    /// Bounds that contradict each other, or the link.
    #[error(
        "`contact`: late_seconds ({late}) must be at least {LATE_SECONDS_MIN} and less than offline_seconds ({offline})"
    )]
    Contact {
        /// Late after.
        late: u64,
        /// Offline after.
        offline: u64,
    },
}

impl HubConfig {
    /// Reads a file; relative paths in it count from its folder.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = read(path)?;
        let malformed = |error: toml::de::Error| ConfigError::Malformed {
            path: path.to_owned(),
            what: skerry_common::redact::redact(&error.to_string()),
        };
        let mut config: Self = toml::from_str(&text).map_err(malformed)?;
        let folder = path.parent().unwrap_or(Path::new("."));
        config.paths().for_each(|path| *path = folder.join(&*path));
        Ok(config)
    }

    /// Every path in it.
    fn paths(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        let credentials = self.git.credentials.iter_mut().flat_map(|credential| {
            let CredentialConfig { password_file, token_file, ssh_key_file, known_hosts_file, ca_file, .. } =
                credential;
            [password_file, token_file, ssh_key_file, known_hosts_file, ca_file].into_iter().flatten()
        });
        // A program without a folder is looked up in `PATH`.
        let helm = self.render.helm.iter_mut().filter(|program| program.components().count() > 1);
        [&mut self.data_folder].into_iter().chain(&mut self.git.file_roots).chain(credentials).chain(helm)
    }

    /// When a silent cluster is late and offline.
    pub fn contact_bounds(&self) -> Result<ContactBounds, ConfigError> {
        let ContactConfig { late_seconds: late, offline_seconds: offline } = self.contact;
        if late < LATE_SECONDS_MIN || late >= offline {
            return Err(ConfigError::Contact { late, offline });
        }
        Ok(ContactBounds { late: Duration::from_secs(late), offline: Duration::from_secs(offline) })
    }

    /// The credentials, their secrets read from their files.
    pub fn credentials(&self) -> Result<Vec<Credential>, ConfigError> {
        self.git.credentials.iter().map(credential).collect()
    }
}

fn read(path: &Path) -> Result<String, ConfigError> {
    std::fs::read_to_string(path).map_err(|source| ConfigError::Read { path: path.to_owned(), source })
}

fn secret(path: &Path) -> Result<Redacted<String>, ConfigError> {
    Ok(Redacted::new(read(path)?.trim_end_matches(['\n', '\r']).to_owned()))
}

fn credential(config: &CredentialConfig) -> Result<Credential, ConfigError> {
    let kind = match (&config.user, &config.password_file, &config.token_file, &config.ssh_key_file) {
        (Some(user), Some(file), None, None) => CredentialKind::Basic { user: user.clone(), password: secret(file)? },
        (None, None, Some(file), None) => CredentialKind::Bearer(secret(file)?),
        (None, None, None, Some(key_file)) => CredentialKind::SshKey {
            key_file: key_file.clone(),
            known_hosts: config.known_hosts_file.clone().ok_or_else(|| ConfigError::Credential(config.name.clone()))?,
        },
        (None, None, None, None) if config.ca_file.is_some() => CredentialKind::Anonymous,
        _ => return Err(ConfigError::Credential(config.name.clone())),
    };
    let (name, url_prefixes) = (config.name.clone(), config.url_prefixes.clone());
    Ok(Credential { name, url_prefixes, kind, ca_file: config.ca_file.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_file_is_enough_and_unknown_fields_are_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("hub.toml");
        let check = |text: &str| {
            std::fs::write(&path, text).expect("writes");
            HubConfig::load(&path)
        };
        let config = check("data_folder = \"data\"\n[fleet]\nurl = \"file:///srv/fleet\"\n").expect("valid");
        assert_eq!(config.data_folder, folder.path().join("data"));
        assert_eq!((config.fleet.branch.as_str(), config.fleet.interval_seconds), ("main", 30));
        let refused = check("data_folder = \"d\"\n[fleet]\nurl = \"file:///x\"\nbrunch = \"main\"\n");
        assert!(refused.is_err_and(|error| error.to_string().contains("brunch")));
    }

    #[test]
    fn every_relative_path_counts_from_the_files_folder() {
        let folder = tempfile::tempdir().expect("a folder");
        let (path, secrets) = (folder.path().join("hub.toml"), folder.path().join("secrets"));
        std::fs::create_dir(&secrets).expect("makes");
        std::fs::write(secrets.join("password"), "p\n").expect("writes");
        let text = "data_folder = \"data\"\n[fleet]\nurl = \"file:///x\"\n[render]\nhelm = \"tools/helm\"\n\
                    [git]\nfile_roots = [\"repositories\"]\n\
                    [[git.credentials]]\nname = \"a\"\nurl_prefixes = [\"https://a\"]\nuser = \"u\"\n\
                    password_file = \"secrets/password\"\nca_file = \"/etc/ca.pem\"\n\
                    [[git.credentials]]\nname = \"b\"\nurl_prefixes = [\"ssh://b\"]\n\
                    ssh_key_file = \"secrets/key\"\nknown_hosts_file = \"secrets/hosts\"\n";
        std::fs::write(&path, text).expect("writes");
        let config = HubConfig::load(&path).expect("valid");
        let below = |name: &str| folder.path().join(name);
        assert_eq!(config.git.file_roots, [below("repositories")]);
        assert_eq!(config.render.helm, Some(below("tools/helm")));
        let [password, key] = config.credentials().expect("the password is read").try_into().expect("two");
        assert_eq!(password.ca_file, Some(PathBuf::from("/etc/ca.pem")), "absolute paths stay");
        let CredentialKind::SshKey { key_file, known_hosts } = key.kind else { panic!("{:?}", key.kind) };
        assert_eq!((key_file, known_hosts), (below("secrets/key"), below("secrets/hosts")));
        let plain = "data_folder = \"d\"\n[fleet]\nurl = \"file:///x\"\n[render]\nhelm = \"helm\"\n";
        std::fs::write(&path, plain).expect("writes");
        let config = HubConfig::load(&path).expect("valid");
        assert_eq!(config.render.helm, Some(PathBuf::from("helm")), "a bare name is looked up in `PATH`");
    }

    #[test]
    fn the_bounds_of_contact_are_settings_and_must_make_sense() {
        let bounds = |contact: &str| {
            let text = format!("data_folder = \"d\"\n[fleet]\nurl = \"file:///x\"\n[contact]\n{contact}");
            toml::from_str::<HubConfig>(&text).expect("valid").contact_bounds()
        };
        let seconds = |bounds: ContactBounds| (bounds.late.as_secs(), bounds.offline.as_secs());
        assert_eq!(bounds("").map(seconds).expect("defaults"), (60, 180));
        assert_eq!(bounds("late_seconds = 600\noffline_seconds = 3600\n").map(seconds).expect("fine"), (600, 3600));
        for wrong in ["late_seconds = 44\n", "late_seconds = 200\n", "offline_seconds = 60\n"] {
            assert!(matches!(bounds(wrong), Err(ConfigError::Contact { .. })), "{wrong}");
        }
    }
}
