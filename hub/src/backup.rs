//! One encrypted file with everything that a hub must not forget.
//!
//! Inside is a tar: `hub.toml`, `hub.db` (a consistent copy, taken while the hub runs) and `keys/`.
//! The root key is not in it. Restored, a hub may have forgotten its last minutes; agents then show
//! it the proof of what they saw, and it issues nothing at or below that.

use std::fs;
use std::io;
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
    let packed = pack(config_file, &config, &copy);
    fs::remove_file(&copy).map_err(writing(&copy))?;
    let packed = packed?;
    if packed.len() as u64 > BYTES_MAX {
        return Err(BackupError::TooLarge(packed.len() as u64));
    }
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

/// Restores a backup into an empty folder; gives the configuration file.
pub fn restore(file: &Path, folder: &Path, passphrase: &Passphrase) -> Result<PathBuf, BackupError> {
    let config = folder.join(CONFIG_FILE);
    if config.exists() {
        return Err(BackupError::Exists(config));
    }
    let bytes = fs::read(file).map_err(reading(file))?;
    let packed = decrypt_with_passphrase(Purpose::Backup, &bytes, passphrase)
        .map_err(|error| BackupError::Crypto(Chain(&error).to_string()))?;
    let keys = folder.join("data").join("keys");
    fs::create_dir_all(&keys).map_err(writing(&keys))?;
    let mut tar = tar::Archive::new(packed.as_slice());
    for entry in tar.entries().map_err(reading(file))? {
        let mut entry = entry.map_err(reading(file))?;
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let key = name.strip_prefix("keys/").filter(|key| !key.contains(['/', '\\']) && !key.starts_with('.'));
        let to = match (name.as_str(), key) {
            (CONFIG_FILE, _) => config.clone(),
            ("hub.db", _) => folder.join("data").join("hub.db"),
            (_, Some(key)) => keys.join(key),
            (_, None) => return Err(BackupError::Foreign(name)),
        };
        entry.unpack(&to).map_err(writing(&to))?;
    }
    Ok(config)
}
