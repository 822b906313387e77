//! One encrypted file with everything that a hub must not forget.
//!
//! Inside is a tar: `hub.toml`, `hub.db` (a consistent copy, taken while the hub runs) and `keys/`.
//! The root key is not in it. Restoring writes the configuration last, so one that was cut off is
//! started over. Restored, a hub may have forgotten its last minutes; agents then show
//! it the proof of what they saw, and it issues nothing at or below that.

use std::fs;
use std::io::{self, Read as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use skerry_certs::root_key::{Passphrase, Purpose, decrypt_with_passphrase, encrypt_to_passphrase};
use skerry_common::error_chain::Chain;
use thiserror::Error;

use crate::config::{ConfigError, HubConfig};
use crate::init::CONFIG_FILE;
use crate::store::sqlite::SqliteStore;
use crate::store::{HubStore as _, StoreError};

/// Largest backup in bytes: it is encrypted in memory.
const BYTES_MAX: u64 = 1 << 30;

/// A backup or restore did not happen.
#[derive(Debug, Error)]
pub enum BackupError {
    /// The configuration.
    #[error("the configuration cannot be used")]
    Config(#[from] ConfigError),
    /// The store.
    #[error("the store cannot be copied")]
    Store(#[from] StoreError),
    /// A file.
    #[error("`{path}` cannot be {doing}")]
    Io {
        /// Which.
        path: PathBuf,
        /// `read` or `written`.
        doing: &'static str,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Too large.
    #[error("the backup has {0} bytes: at most {BYTES_MAX} can be encrypted")]
    TooLarge(u64),
    /// Encryption or decryption.
    #[error("{0}")]
    Crypto(String),
    /// The folder is not empty.
    #[error("`{0}` exists already: restore into an empty folder")]
    Exists(PathBuf),
    /// The file holds something that is no part of a backup.
    #[error("the backup holds `{0}`, which is no part of one")]
    Foreign(String),
}

fn reading(path: &Path) -> impl Fn(io::Error) -> BackupError {
    move |source| BackupError::Io { path: path.to_owned(), doing: "read", source }
}

fn writing(path: &Path) -> impl Fn(io::Error) -> BackupError {
    move |source| BackupError::Io { path: path.to_owned(), doing: "written", source }
}

/// Writes a backup; the hub may run meanwhile. The file must not exist.
pub async fn backup(config_file: &Path, file: &Path, passphrase: &Passphrase) -> Result<u64, BackupError> {
    if file.exists() {
        return Err(BackupError::Exists(file.to_owned()));
    }
    let config = HubConfig::load(config_file)?;
    let copy = config.data_folder.join(format!("backup-{}.db", std::process::id()));
    let store = SqliteStore::open(&config.data_folder.join("hub.db")).await?;
    store.backup(&copy).await?;
    let size = fs::metadata(&copy).map_err(reading(&copy))?.len();
    let packed = if size > BYTES_MAX { Err(BackupError::TooLarge(size)) } else { pack(config_file, &config, &copy) };
    fs::remove_file(&copy).map_err(writing(&copy))?;
    let packed = packed?;
    let encrypted = encrypt_to_passphrase(Purpose::Backup, &packed, passphrase)
        .map_err(|error| BackupError::Crypto(Chain(&error).to_string()))?;
    let partial = file.with_extension("partial");
    fs::write(&partial, &encrypted).map_err(writing(&partial))?;
    fs::File::open(&partial).and_then(|file| file.sync_all()).map_err(writing(&partial))?;
    fs::rename(&partial, file).map_err(writing(file))?;
    Ok(encrypted.len() as u64)
}

fn pack(config_file: &Path, config: &HubConfig, database: &Path) -> Result<Vec<u8>, BackupError> {
    let mut tar = tar::Builder::new(Vec::new());
    let mut add = |path: &Path, name: &str| tar.append_path_with_name(path, name).map_err(reading(path));
    add(config_file, CONFIG_FILE)?;
    add(database, "hub.db")?;
    let keys = config.data_folder.join("keys");
    for entry in fs::read_dir(&keys).map_err(reading(&keys))? {
        let entry = entry.map_err(reading(&keys))?;
        add(&entry.path(), &format!("keys/{}", entry.file_name().to_string_lossy()))?;
    }
    tar.into_inner().map_err(reading(database))
}

/// What was restored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// The configuration file, as it was.
    pub config: PathBuf,
    /// Where database and keys are now.
    pub data_folder: PathBuf,
    /// Where the configuration looks for them, when that is elsewhere.
    pub configured: Option<PathBuf>,
}

/// Restores a backup into an empty folder.
pub fn restore(file: &Path, folder: &Path, passphrase: &Passphrase) -> Result<Restored, BackupError> {
    let config = folder.join(CONFIG_FILE);
    if config.exists() {
        return Err(BackupError::Exists(config));
    }
    let bytes = fs::read(file).map_err(reading(file))?;
    let packed = decrypt_with_passphrase(Purpose::Backup, &bytes, passphrase)
        .map_err(|error| BackupError::Crypto(Chain(&error).to_string()))?;
    let data_folder = folder.join("data");
    let keys = data_folder.join("keys");
    fs::DirBuilder::new().recursive(true).mode(0o700).create(&keys).map_err(writing(&keys))?;
    let mut tar = tar::Archive::new(packed.as_slice());
    let mut settings = Vec::new();
    for entry in tar.entries().map_err(reading(file))? {
        let mut entry = entry.map_err(reading(file))?;
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let key = name.strip_prefix("keys/").filter(|key| !key.contains(['/', '\\']) && !key.starts_with('.'));
        let to = match (name.as_str(), key) {
            (CONFIG_FILE, _) => {
                entry.read_to_end(&mut settings).map_err(reading(file))?;
                continue;
            }
            ("hub.db", _) => data_folder.join("hub.db"),
            (_, Some(key)) => keys.join(key),
            (_, None) => return Err(BackupError::Foreign(name)),
        };
        entry.unpack(&to).map_err(writing(&to))?;
    }
    let partial = folder.join("hub.toml.partial");
    fs::write(&partial, &settings).map_err(writing(&partial))?;
    fs::rename(&partial, &config).map_err(writing(&config))?;
    let configured = HubConfig::load(&config)?.data_folder;
    let configured = Some(configured).filter(|configured| *configured != data_folder);
    Ok(Restored { config, data_folder, configured })
}
