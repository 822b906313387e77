//! `skerry-hub init`: makes a fleet in one step.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use skerry_certs::root_key::Passphrase;
use skerry_certs::tls::WallClock;
use skerry_common::id::{FleetId, NameError};
use thiserror::Error;

use crate::config::{
    ApiConfig, ContactConfig, FleetConfig, GitConfig, HubConfig, LinkConfig, RenderConfig, RetentionConfig,
};
use crate::hub::{HubError, make_token};
use crate::keys::{KeyError, KeyFolder};
use crate::store::access::Role;
use crate::store::sqlite::SqliteStore;

/// Name of the configuration file.
pub const CONFIG_FILE: &str = "hub.toml";

/// Name of the file with the certificate by which clients know the API.
pub const API_CA_FILE: &str = "api-ca.pem";

/// Name of the root key's file.
pub const ROOT_KEY_FILE: &str = "root.key";

/// What a new fleet is made from.
#[derive(Debug, Clone)]
pub struct InitOptions {
    /// Where everything is put; must not hold a hub yet.
    pub folder: PathBuf,
    /// The fleet's id; drawn when absent.
    pub fleet: Option<String>,
    /// Where agents find the hub, `host:port`.
    pub advertise: Vec<String>,
    /// Where the fleet is declared.
    pub source: FleetConfig,
    /// Where the link listens.
    pub link: LinkConfig,
    /// Where the API listens.
    pub api: ApiConfig,
    /// Folders below which `file://` repositories may lie.
    pub file_roots: Vec<PathBuf>,
}

/// What was made.
#[derive(Debug)]
pub struct Initialised {
    /// The configuration file.
    pub config: PathBuf,
    /// The encrypted root key: to be moved away.
    pub root_key: PathBuf,
    /// The certificate by which clients know the API: for everybody.
    pub api_ca: PathBuf,
    /// The first admin token; shown once.
    pub admin_token: String,
    /// The fleet.
    pub fleet: FleetId,
}

/// Why a fleet was not made.
#[derive(Debug, Error)]
pub enum InitError {
    /// There is one already.
    #[error("`{0}` exists already: a fleet is made once; to start over, choose another folder")]
    Exists(PathBuf),
    /// An address that cannot be.
    #[error("`{0}` is no hub address: `host:port` is needed")]
    Address(String),
    /// The fleet id.
    #[error("the fleet id is not valid")]
    Fleet(#[from] NameError),
    /// Keys.
    #[error("the fleet's keys cannot be made")]
    Keys(#[from] KeyError),
    /// The store or token.
    #[error("the hub's store cannot be made")]
    Hub(#[from] HubError),
    /// A file.
    #[error("`{path}` cannot be written")]
    Write {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The root key.
    #[error("the root key cannot be encrypted: {0}")]
    RootKey(String),
}

/// Makes keys, trust root, configuration, store and the first admin token.
pub async fn init(options: &InitOptions, passphrase: &Passphrase, clock: &WallClock) -> Result<Initialised, InitError> {
    let config_path = options.folder.join(CONFIG_FILE);
    if config_path.exists() {
        return Err(InitError::Exists(config_path));
    }
    if let Some(wrong) = options.advertise.iter().find(|address| !skerry_common::join::is_address(address)) {
        return Err(InitError::Address(wrong.clone()));
    }
    let fleet = match &options.fleet {
        Some(fleet) => FleetId::parse(fleet)?,
        None => FleetId::parse(&drawn_id()?)?,
    };
    let config = HubConfig {
        data_folder: PathBuf::from("data"),
        name: "hub".to_owned(),
        fleet: options.source.clone(),
        link: options.link.clone(),
        api: options.api.clone(),
        contact: ContactConfig::default(),
        git: GitConfig { file_roots: options.file_roots.clone(), credentials: Vec::new() },
        render: RenderConfig::default(),
        retention: RetentionConfig::default(),
    };
    let data = options.folder.join("data");
    let keys = KeyFolder::new(&data.join("keys"));
    let root = keys.create(&fleet, &options.advertise, clock.now())?;
    let encrypted = root.to_encrypted(passphrase).map_err(|error| InitError::RootKey(error.to_string()))?;
    let root_key = options.folder.join(ROOT_KEY_FILE);
    write_new(&root_key, &encrypted)?;
    let api_ca = options.folder.join(API_CA_FILE);
    write_new(&api_ca, keys.api_certificate()?.as_bytes())?;
    let store = SqliteStore::open(&data.join("hub.db")).await.map_err(HubError::Store)?;
    let admin_token = make_token(&store, "admin", Role::Admin, clock).await?;
    let text = toml::to_string_pretty(&config).map_err(|error| InitError::RootKey(error.to_string()))?;
    write_new(&config_path, text.as_bytes())?;
    Ok(Initialised { config: config_path, root_key, api_ca, admin_token, fleet })
}

fn drawn_id() -> Result<String, InitError> {
    let mut bytes = [0; 5];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| InitError::Hub(HubError::Random))?;
    Ok(format!("f{}", skerry_common::bundle::digest::hex(&bytes)))
}

/// Writes a file that must not exist, readable by its owner alone.
pub(crate) fn write_new(path: &Path, bytes: &[u8]) -> Result<(), InitError> {
    let written = (|| {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        file.write_all(bytes)?;
        file.sync_all()
    })();
    written.map_err(|source| InitError::Write { path: path.to_owned(), source })
}
