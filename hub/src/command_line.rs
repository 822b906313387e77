//! The hub's command line: `init`, `serve`, `token`, `backup`, `restore`.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};
use skerry_certs::root_key::Passphrase;
use skerry_common::error_chain::Chain;
use tokio_util::sync::CancellationToken;

use crate::backup::{backup, restore};
use crate::config::{ApiConfig, FleetConfig, HubConfig, LinkConfig};
use crate::hub::{Hub, make_token, system_clock};
use crate::init::{InitOptions, init};
use crate::store::access::Role;
use crate::store::sqlite::SqliteStore;

/// Why a command failed.
pub type CommandError = Box<dyn std::error::Error + Send + Sync>;

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
    /// Folder below which `file://` repositories may lie; several times for several.
    #[arg(long)]
    pub file_root: Vec<PathBuf>,
    /// File with the passphrase of the root key.
    #[arg(long, env = "SKERRY_PASSPHRASE_FILE")]
    pub passphrase_file: PathBuf,
}

/// Options of `serve`.
#[derive(Debug, clap::Args)]
pub struct ServeArgs {
    /// Configuration file.
    #[arg(long, default_value = "hub.toml")]
    pub config: PathBuf,
    /// UDP address of the link, in place of the configured one.
    #[arg(long)]
    pub listen: Option<SocketAddr>,
    /// TCP address of the HTTPS API, in place of the configured one.
    #[arg(long)]
    pub api_listen: Option<SocketAddr>,
    /// URL of the fleet repository, in place of the configured one.
    #[arg(long)]
    pub url: Option<String>,
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

/// Executes a command; `stop` ends `serve`.
pub async fn execute(command: HubCommand, stop: CancellationToken) -> Result<(), CommandError> {
    match command {
        HubCommand::Init(arguments) => make(arguments).await,
        HubCommand::Serve(arguments) => serve(arguments, stop).await,
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
            let config = restore(&file, &folder, &passphrase(&passphrase_file)?)?;
            print(&config.display().to_string())
        }
    }
}

fn passphrase(file: &std::path::Path) -> Result<Passphrase, CommandError> {
    let text =
        std::fs::read_to_string(file).map_err(|error| format!("`{}` cannot be read: {error}", file.display()))?;
    Ok(Passphrase::new(text)?)
}

fn print(line: &str) -> Result<(), CommandError> {
    Ok(writeln!(std::io::stdout(), "{line}")?)
}

async fn make(arguments: InitArgs) -> Result<(), CommandError> {
    std::fs::create_dir_all(&arguments.folder)?;
    let source = FleetConfig {
        url: arguments.url,
        branch: arguments.branch,
        path: arguments.path,
        credentials: None,
        interval_seconds: 30,
    };
    let options = InitOptions {
        folder: arguments.folder,
        fleet: arguments.fleet,
        advertise: arguments.advertise,
        source,
        link: LinkConfig { listen: arguments.listen },
        api: ApiConfig { listen: arguments.api_listen, ..ApiConfig::default() },
        file_roots: arguments.file_root,
    };
    let made = init(&options, &passphrase(&arguments.passphrase_file)?, &system_clock()).await?;
    print(&format!("fleet:       {}", made.fleet))?;
    print(&format!("config:      {}", made.config.display()))?;
    print(&format!("admin token: {}", made.admin_token))?;
    print(&format!("root key:    {}", made.root_key.display()))?;
    let mut talk = std::io::stderr();
    writeln!(talk, "Move the root key away from this machine: only a new trust root needs it.")?;
    writeln!(talk, "The admin token is not shown again.")?;
    Ok(writeln!(talk, "Next: skerry-hub serve --config {}", made.config.display())?)
}

async fn serve(arguments: ServeArgs, stop: CancellationToken) -> Result<(), CommandError> {
    let mut config = HubConfig::load(&arguments.config)?;
    config.link.listen = arguments.listen.unwrap_or(config.link.listen);
    config.api.listen = arguments.api_listen.unwrap_or(config.api.listen);
    config.fleet.url = arguments.url.unwrap_or(config.fleet.url);
    let seed = u64::from(std::process::id());
    let hub = Hub::start(&config, system_clock(), seed).await?;
    stop.cancelled().await;
    tracing::info!("stopping");
    hub.stop().await;
    Ok(())
}

/// The error as people read it.
pub fn tell(error: &CommandError) -> String {
    format!("error: {}", Chain(error.as_ref()))
}
