//! The configuration file: YAML, readable by its owner alone.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The only version of the file that this program reads.
pub const CONFIG_VERSION: u32 = 1;

/// Largest configuration file that is read, in bytes: some hundred contexts with certificates.
const CONFIG_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// What the file holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ConfigFile {
    /// Format of the file.
    pub version: u32,
    /// The context that is used when none is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current_context: Option<String>,
    /// All contexts, by name.
    #[serde(default)]
    pub contexts: Vec<Context>,
}

impl Default for ConfigFile {
    fn default() -> Self {
        Self { version: CONFIG_VERSION, current_context: None, contexts: Vec::new() }
    }
}

/// One hub, as one user.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Context {
    /// What the user calls it.
    pub name: String,
    /// `https://host:port`.
    pub server: String,
    /// CA certificates, PEM.
    #[serde(rename = "certificateAuthority")]
    pub authority: String,
    /// Bearer token.
    pub token: String,
}

impl std::fmt::Debug for Context {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Context").field("name", &self.name).field("server", &self.server).finish_non_exhaustive()
    }
}

/// Why the file cannot be used.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// It cannot be read.
    #[error("`{path}` cannot be read")]
    Read {
        /// The file.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// It cannot be written.
    #[error("`{path}` cannot be written")]
    Write {
        /// The file.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Others may read it.
    #[error("`{path}` can be read by others (mode {mode:o}): it holds tokens; run `chmod 600 {path}`")]
    Exposed {
        /// The file.
        path: String,
        /// Its mode.
        mode: u32,
    },
    /// Not YAML of the known form. The text is not repeated: it may be a token.
    #[error("`{path}` is not of the known form: {problem}")]
    Malformed {
        /// The file.
        path: String,
        /// What is wrong.
        problem: String,
    },
    /// A later format.
    #[error("`{path}` has version {found}: this program reads {CONFIG_VERSION}; upgrade it")]
    Later {
        /// The file.
        path: String,
        /// Its version.
        found: u64,
    },
}

impl ConfigFile {
    /// Reads the file; one that is not there is empty, one that others may read is refused.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let name = || path.display().to_string();
        match fs::metadata(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(source) => return Err(ConfigError::Read { path: name(), source }),
            Ok(metadata) => check_mode(&metadata, path)?,
        }
        let bytes =
            super::read_bounded(path, CONFIG_BYTES_MAX).map_err(|source| ConfigError::Read { path: name(), source })?;
        Self::parse(&bytes, path)
    }

    fn parse(bytes: &[u8], path: &Path) -> Result<Self, ConfigError> {
        let malformed = |problem: String| ConfigError::Malformed { path: path.display().to_string(), problem };
        let documents = skerry_yaml::parse_bytes(bytes, &skerry_yaml::Limits::default())
            .map_err(|error| malformed(error.to_string()))?;
        let Some(document) = documents.first() else { return Ok(Self::default()) };
        let json = skerry_yaml::to_json(&document.root).map_err(|error| malformed(error.to_string()))?;
        match json.get("version").and_then(serde_json::Value::as_u64) {
            Some(found) if found == u64::from(CONFIG_VERSION) => {}
            Some(found) => return Err(ConfigError::Later { path: path.display().to_string(), found }),
            None => return Err(malformed("`version: 1` is missing".to_owned())),
        }
        // serde's text may repeat a value, which may be a token: only field names are told.
        serde_json::from_value(json).map_err(|_| {
            malformed(
                "a context needs `name`, `server`, `certificateAuthority` and `token`, and nothing else".to_owned(),
            )
        })
    }

    /// Writes the file: beside it, synced, then renamed; readable by its owner alone.
    pub fn write(&self, path: &Path) -> Result<(), ConfigError> {
        let failed = |source| ConfigError::Write { path: path.display().to_string(), source };
        let json = serde_json::to_value(self).map_err(|error| failed(error.into()))?;
        let text = skerry_yaml::json_to_yaml_in_order(&json);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(failed)?;
        }
        let beside = path.with_extension(format!("tmp-{}", std::process::id()));
        let result = write_private(&beside, text.as_bytes()).and_then(|()| fs::rename(&beside, path));
        if result.is_err() {
            let _ = fs::remove_file(&beside);
        }
        result.map_err(failed)
    }
}

/// Creates a file that only its owner may read, and syncs it; an existing one is refused.
pub fn write_private(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

#[cfg(unix)]
fn check_mode(metadata: &fs::Metadata, path: &Path) -> Result<(), ConfigError> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 == 0 { Ok(()) } else { Err(ConfigError::Exposed { path: path.display().to_string(), mode }) }
}

#[cfg(not(unix))]
fn check_mode(_metadata: &fs::Metadata, _path: &Path) -> Result<(), ConfigError> {
    Ok(())
}
