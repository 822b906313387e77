//! The hub's command line: `init`, `serve`, `token`, `ca`, `trust`, `backup`, `restore`.
//!
//! Exit codes: 0 done · 2 the caller must change something · 3 not possible now, try again · 4 a bug.

mod failure;
mod serve;
mod trust;

pub use failure::{Failure, codes};
pub use serve::ServeArgs;
pub use trust::TrustCommand;

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::{Parser, Subcommand, ValueEnum};
use skerry_certs::issue::ApiName;
use skerry_certs::root_key::Passphrase;

use crate::backup::{Restored, backup, restore};
use crate::config::{ApiConfig, FleetConfig, HubConfig, LinkConfig};
use crate::git::local_path;
use crate::hub::{make_token, system_clock};
use crate::init::{InitOptions, init};
use crate::keys::KeyFolder;
use crate::store::access::Role;
use crate::store::sqlite::SqliteStore;

/// The hub of a Skerry fleet.
#[derive(Debug, Parser)]
#[command(name = "skerry-hub", version)]
pub struct HubCommandLine {
    /// Human-readable lines, or JSON.
    #[arg(long, global = true, value_enum, default_value = "human", env = "SKERRY_LOG_FORMAT")]
    pub log_format: LogFormat,
    /// What is logged: `info`, `debug`, or `skerry_hub=debug,info`.
    #[arg(long, global = true, default_value = "info", env = "SKERRY_LOG")]
    pub log: String,
    /// What to do.
    #[command(subcommand)]
    pub command: HubCommand,
}

/// How logs look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Human,
    /// For machines.
    Json,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum HubCommand {
    /// Make a fleet: keys, trust root, configuration, first admin token.
    Init(InitArgs),
    /// Run the hub. It does not need the root key.
    Serve(ServeArgs),
    /// Make a bearer token for the API.
    Token(TokenArgs),
    /// Print the certificate by which clients know the HTTPS API: what `skerry --ca-file` takes.
    Ca(CaArgs),
    /// Show the trust root, or put a successor in force.
    #[command(subcommand)]
    Trust(TrustCommand),
    /// Write everything that a hub must not forget into one encrypted file; the hub may run.
    Backup(BackupArgs),
    /// Restore a backup into an empty folder.
    Restore(RestoreArgs),
}

/// Options of `init`.
#[derive(Debug, clap::Args)]
pub struct InitArgs {
    /// Folder of the hub.
    #[arg(long, default_value = ".")]
    pub folder: PathBuf,
    /// Id of the fleet; drawn when absent.
    #[arg(long)]
    pub fleet: Option<String>,
    /// Address at which agents find the hub, `host:port`; several times for several.
    #[arg(long, required = true)]
    pub advertise: Vec<String>,
    /// URL of the fleet repository.
    #[arg(long)]
    pub url: String,
    /// Its branch.
    #[arg(long, default_value = "main")]
    pub branch: String,
    /// Folder of the fleet documents in it.
    #[arg(long, default_value = "")]
    pub path: String,
    /// UDP address of the link.
    #[arg(long, default_value = "0.0.0.0:7443")]
    pub listen: SocketAddr,
    /// TCP address of the HTTPS API.
    #[arg(long, default_value = "0.0.0.0:8443")]
    pub api_listen: SocketAddr,
    /// Folder below which `file://` repositories may lie, besides that of the fleet; several times for several.
    #[arg(long)]
    pub file_root: Vec<PathBuf>,
    /// File with the passphrase of the root key.
    #[arg(long, env = "SKERRY_PASSPHRASE_FILE")]
    pub passphrase_file: PathBuf,
}

/// Options of `token`.
#[derive(Debug, clap::Args)]
pub struct TokenArgs {
    /// Configuration file.
    #[arg(long, default_value = "hub.toml")]
    pub config: PathBuf,
    /// Name of the token, for the audit trail.
    pub name: String,
    /// What it may do.
    #[arg(long, value_enum, default_value = "viewer")]
    pub role: TokenRole,
}

/// Options of `ca`.
#[derive(Debug, clap::Args)]
pub struct CaArgs {
    /// Configuration file.
    #[arg(long, default_value = "hub.toml")]
    pub config: PathBuf,
}

/// What a token may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TokenRole {
    /// Read.
    Viewer,
    /// Read and write.
    Admin,
}

/// Options of `backup`.
#[derive(Debug, clap::Args)]
pub struct BackupArgs {
    /// Configuration file.
    #[arg(long, default_value = "hub.toml")]
    pub config: PathBuf,
    /// File with the passphrase of the backup.
    #[arg(long, env = "SKERRY_PASSPHRASE_FILE")]
    pub passphrase_file: PathBuf,
    /// The backup to write; must not exist.
    pub file: PathBuf,
}

/// Options of `restore`.
#[derive(Debug, clap::Args)]
pub struct RestoreArgs {
    /// Folder of the hub; must not hold one yet.
    #[arg(long, default_value = ".")]
    pub folder: PathBuf,
    /// File with the passphrase of the backup.
    #[arg(long, env = "SKERRY_PASSPHRASE_FILE")]
    pub passphrase_file: PathBuf,
    /// The backup to read.
    pub file: PathBuf,
}

/// Executes a command.
pub async fn execute(command: HubCommand) -> Result<(), Failure> {
    match command {
        HubCommand::Init(arguments) => make(arguments).await,
        HubCommand::Serve(arguments) => serve::serve(arguments).await,
        HubCommand::Trust(command) => trust::execute(command),
        HubCommand::Ca(CaArgs { config }) => {
            let keys = KeyFolder::new(&HubConfig::load(&config)?.data_folder.join("keys"));
            print(keys.api_certificate()?.trim_end())
        }
        HubCommand::Token(TokenArgs { config, name, role }) => {
            let config = HubConfig::load(&config)?;
            let store = SqliteStore::open(&config.data_folder.join("hub.db")).await?;
            let role = match role {
                TokenRole::Viewer => Role::Viewer,
                TokenRole::Admin => Role::Admin,
            };
            print(&make_token(&store, &name, role, &system_clock()).await?)
        }
        HubCommand::Backup(BackupArgs { config, passphrase_file, file }) => {
            let bytes = backup(&config, &file, &passphrase(&passphrase_file)?).await?;
            print(&format!("{} ({bytes} bytes)", file.display()))
        }
        HubCommand::Restore(RestoreArgs { folder, passphrase_file, file }) => {
            let Restored { config, data_folder, configured } = restore(&file, &folder, &passphrase(&passphrase_file)?)?;
            print(&config.display().to_string())?;
            if let Some(configured) = configured {
                let (configured, now) = (configured.display(), data_folder.display());
                talk(&format!("The configuration looks for its data in `{configured}`; it was restored to `{now}`:"))?;
                talk(&format!("serve with `--data-folder {now}`, or change `data_folder`."))?;
            }
            Ok(())
        }
    }
}

fn passphrase(file: &Path) -> Result<Passphrase, Failure> {
    let text = std::fs::read_to_string(file).map_err(|error| Failure::file(file, &error))?;
    Passphrase::new(text).map_err(|error| Failure::passphrase(file, &error))
}

fn print(line: &str) -> Result<(), Failure> {
    writeln!(std::io::stdout(), "{line}").map_err(|error| Failure::system(&error))
}

fn talk(line: &str) -> Result<(), Failure> {
    writeln!(std::io::stderr(), "{line}").map_err(|error| Failure::system(&error))
}

/// The host of `host:port`, if it can stand in a certificate.
fn host(address: &str) -> Option<String> {
    let host = address.rsplit_once(':')?.0;
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    Some(bare.to_owned()).filter(|host| ApiName::parse(host).is_ok())
}

async fn make(arguments: InitArgs) -> Result<(), Failure> {
    let folder = &arguments.folder;
    std::fs::create_dir_all(folder).map_err(|error| Failure::file(folder, &error))?;
    let source = FleetConfig {
        url: arguments.url,
        branch: arguments.branch,
        path: arguments.path,
        credentials: None,
        interval_seconds: 30,
    };
    // Operators find the API where agents find the hub, on another port.
    let mut names = ApiConfig::default().names;
    for host in arguments.advertise.iter().filter_map(|address| host(address)) {
        if !names.contains(&host) {
            names.push(host);
        }
    }
    let mut file_roots = arguments.file_root;
    if let Some(path) = local_path(&source.url).filter(|path| !file_roots.iter().any(|root| path.starts_with(root))) {
        file_roots.push(path);
    }
    let options = InitOptions {
        folder: arguments.folder,
        fleet: arguments.fleet,
        advertise: arguments.advertise,
        source,
        link: LinkConfig { listen: arguments.listen },
        api: ApiConfig { listen: arguments.api_listen, names },
        file_roots,
    };
    let made = init(&options, &passphrase(&arguments.passphrase_file)?, &system_clock()).await?;
    print(&format!("fleet:       {}", made.fleet))?;
    print(&format!("config:      {}", made.config.display()))?;
    print(&format!("admin token: {}", made.admin_token))?;
    print(&format!("API CA:      {}", made.api_ca.display()))?;
    print(&format!("root key:    {}", made.root_key.display()))?;
    talk("Move the root key away from this machine: only a new trust root needs it.")?;
    talk("The admin token is not shown again.")?;
    talk(&format!("Next: skerry-hub serve --config {}", made.config.display()))
}
