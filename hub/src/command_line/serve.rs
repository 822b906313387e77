//! `skerry-hub serve`: a flag for every setting of the configuration file; the flag wins.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;

use super::Failure;
use crate::config::{CredentialConfig, HubConfig};
use crate::hub::{Hub, system_clock};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Options of `serve`.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct ServeArgs {
    /// Configuration file; every setting in it has a flag below, which wins.
    #[arg(long, value_name = "FILE", default_value = "hub.toml")]
    pub config: PathBuf,
    /// Folder of database, keys and Git cache.
    #[arg(long, value_name = "FOLDER", help_heading = "Hub")]
    pub data_folder: Option<PathBuf>,
    /// Name of this hub in bundles and logs.
    #[arg(long, help_heading = "Hub")]
    pub name: Option<String>,
    /// Repository of the fleet documents: `file://`, `https://` or `ssh://`.
    #[arg(long, help_heading = "Fleet repository")]
    pub url: Option<String>,
    /// Its branch.
    #[arg(long, help_heading = "Fleet repository")]
    pub branch: Option<String>,
    /// Folder of the documents in it.
    #[arg(long, value_name = "FOLDER", help_heading = "Fleet repository")]
    pub path: Option<String>,
    /// Name of the credentials that it is read with.
    #[arg(long, value_name = "NAME", help_heading = "Fleet repository")]
    pub credentials: Option<String>,
    /// Seconds between two looks; a webhook makes it immediate.
    #[arg(long, value_name = "SECONDS", help_heading = "Fleet repository")]
    pub interval_seconds: Option<u64>,
    /// UDP address of the link that agents dial.
    #[arg(long, value_name = "ADDRESS", help_heading = "Network")]
    pub listen: Option<SocketAddr>,
    /// TCP address of the HTTPS API.
    #[arg(long, value_name = "ADDRESS", help_heading = "Network")]
    pub api_listen: Option<SocketAddr>,
    /// Name or address in the API's certificate; several times for several.
    #[arg(long, value_name = "NAME", help_heading = "Network")]
    pub api_name: Vec<String>,
    /// Seconds of silence after which a cluster is late.
    #[arg(long, value_name = "SECONDS", help_heading = "Contact")]
    pub late_seconds: Option<u64>,
    /// Seconds of silence after which a cluster is offline, and counted as unknown.
    #[arg(long, value_name = "SECONDS", help_heading = "Contact")]
    pub offline_seconds: Option<u64>,
    /// Folder below which `file://` repositories may lie; several times for several.
    #[arg(long, value_name = "FOLDER", help_heading = "Git")]
    pub file_root: Vec<PathBuf>,
    /// Credentials as `name=N,url_prefix=URL,…` with the settings that they have in the file; several
    /// times for several. Secrets stay in files.
    #[arg(long, value_name = "SETTINGS", value_parser = credential, help_heading = "Git")]
    pub git_credential: Vec<CredentialConfig>,
    /// The `helm` program, for Helm charts of kustomizations; without it they are refused.
    #[arg(long, value_name = "PROGRAM", help_heading = "Rendering")]
    pub helm: Option<PathBuf>,
    /// Repository that Helm charts may be fetched from, at exact versions; several times for several.
    #[arg(long, value_name = "URL", help_heading = "Rendering")]
    pub chart_repository: Vec<String>,
    /// URL prefix below which kustomizations may name bases in other repositories; several times for
    /// several.
    #[arg(long, value_name = "URL", help_heading = "Rendering")]
    pub remote_base: Vec<String>,
    /// How many bundles of each cluster are kept, the newest among them.
    #[arg(long, value_name = "NUMBER", help_heading = "Retention")]
    pub keep_bundles: Option<NonZeroU32>,
    /// Hours before content that no kept bundle needs is deleted.
    #[arg(long, value_name = "HOURS", help_heading = "Retention")]
    pub keep_content_hours: Option<u32>,
}

impl ServeArgs {
    /// Puts the flags over what the file says.
    pub fn apply(self, config: &mut HubConfig) {
        fn set<T>(setting: &mut T, flag: Option<T>) {
            if let Some(flag) = flag {
                *setting = flag;
            }
        }
        fn set_list<T>(setting: &mut Vec<T>, flag: Vec<T>) {
            set(setting, Some(flag).filter(|flag| !flag.is_empty()));
        }
        set(&mut config.data_folder, self.data_folder);
        set(&mut config.name, self.name);
        set(&mut config.fleet.url, self.url);
        set(&mut config.fleet.branch, self.branch);
        set(&mut config.fleet.path, self.path);
        set(&mut config.fleet.credentials, self.credentials.map(Some));
        set(&mut config.fleet.interval_seconds, self.interval_seconds);
        set(&mut config.link.listen, self.listen);
        set(&mut config.api.listen, self.api_listen);
        set_list(&mut config.api.names, self.api_name);
        set(&mut config.contact.late_seconds, self.late_seconds);
        set(&mut config.contact.offline_seconds, self.offline_seconds);
        set_list(&mut config.git.file_roots, self.file_root);
        set_list(&mut config.git.credentials, self.git_credential);
        set(&mut config.render.helm, self.helm.map(Some));
        set_list(&mut config.render.chart_repositories, self.chart_repository);
        set_list(&mut config.render.remote_bases, self.remote_base);
        set(&mut config.retention.bundles, self.keep_bundles);
        set(&mut config.retention.content_hours, self.keep_content_hours);
    }
}

/// Reads `name=N,url_prefix=URL,user=U,password_file=F`.
fn credential(text: &str) -> Result<CredentialConfig, String> {
    let mut made = CredentialConfig::default();
    for setting in text.split(',') {
        let (key, value) = setting.split_once('=').ok_or_else(|| format!("`{setting}` is not `SETTING=VALUE`"))?;
        let (text, path) = (|| Some(value.to_owned()), || Some(PathBuf::from(value)));
        match key {
            "name" => value.clone_into(&mut made.name),
            "url_prefix" => made.url_prefixes.push(value.to_owned()),
            "user" => made.user = text(),
            "password_file" => made.password_file = path(),
            "token_file" => made.token_file = path(),
            "ssh_key_file" => made.ssh_key_file = path(),
            "known_hosts_file" => made.known_hosts_file = path(),
            "ca_file" => made.ca_file = path(),
            _ => return Err(format!("credentials have no setting `{key}`")),
        }
    }
    if made.name.is_empty() || made.url_prefixes.is_empty() {
        return Err("credentials need a `name` and at least one `url_prefix`".to_owned());
    }
    Ok(made)
}

/// A panic was told already.
#[derive(Debug, thiserror::Error)]
#[error("a task of the hub ended: it cannot go on")]
struct BrokenError;

/// Runs the hub until SIGTERM or SIGINT.
pub(super) async fn serve(arguments: ServeArgs) -> Result<(), Failure> {
    let stop = stop_on_signals().map_err(|error| Failure::system(&error))?;
    let mut config = HubConfig::load(&arguments.config)?;
    arguments.apply(&mut config);
    let seed = u64::from(std::process::id());
    let hub = Hub::start(&config, system_clock(), seed).await?;
    let ended = tokio::select! {
        () = stop.cancelled() => Ok(()),
        () = hub.broken() => Err(Failure::bug(&BrokenError)),
    };
    tracing::info!("stopping");
    hub.stop().await;
    ended
}

fn stop_on_signals() -> Result<CancellationToken, std::io::Error> {
    let stop = CancellationToken::new();
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let told = stop.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        told.cancel();
    });
    Ok(stop)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use clap::Parser as _;

    use super::*;
    use crate::command_line::{HubCommand, HubCommandLine};

    const FILE: &str = "data_folder = \"data\"\nname = \"one\"\n[fleet]\nurl = \"file:///srv/fleet\"\n";

    fn served(flags: &[&str]) -> Result<HubConfig, clap::Error> {
        let parsed = HubCommandLine::try_parse_from([&["skerry-hub", "serve"], flags].concat())?;
        let HubCommand::Serve(arguments) = parsed.command else { panic!("not `serve`") };
        let mut config = toml::from_str(FILE).expect("a configuration");
        arguments.apply(&mut config);
        Ok(config)
    }

    #[test]
    fn a_flag_wins_over_the_file_and_without_one_the_file_counts() {
        let plain = served(&[]).expect("parses");
        assert_eq!((plain.name.as_str(), plain.fleet.interval_seconds), ("one", 30));
        let credential = "name=shop,url_prefix=https://a/x,url_prefix=https://b,user=u,password_file=p";
        let flags = [
            "--data-folder=/d",
            "--name=two",
            "--url=https://git/x",
            "--branch=next",
            "--path=fleet",
            "--credentials=shop",
            "--interval-seconds=5",
            "--listen=127.0.0.1:1",
            "--api-listen=127.0.0.1:2",
            "--api-name=hub.example",
            "--api-name=10.0.0.1",
            "--late-seconds=6",
            "--offline-seconds=7",
            "--file-root=/r",
            "--helm=/h",
            "--chart-repository=https://charts/team",
            "--remote-base=https://git/bases",
            "--keep-bundles=3",
            "--keep-content-hours=1",
            "--git-credential",
            credential,
        ];
        let config = served(&flags).expect("parses");
        let fleet = &config.fleet;
        assert_eq!((config.data_folder.to_str(), config.name.as_str()), (Some("/d"), "two"));
        assert_eq!(
            (fleet.url.as_str(), fleet.branch.as_str(), fleet.path.as_str()),
            ("https://git/x", "next", "fleet")
        );
        assert_eq!((fleet.credentials.as_deref(), fleet.interval_seconds), (Some("shop"), 5));
        assert_eq!((config.link.listen.port(), config.api.listen.port()), (1, 2));
        assert_eq!(config.api.names, ["hub.example", "10.0.0.1"]);
        assert_eq!((config.contact.late_seconds, config.contact.offline_seconds), (6, 7));
        assert_eq!(config.git.file_roots, [PathBuf::from("/r")]);
        assert_eq!(config.render.helm, Some(PathBuf::from("/h")));
        assert_eq!(config.render.chart_repositories, ["https://charts/team"]);
        assert_eq!(config.render.remote_bases, ["https://git/bases"]);
        assert_eq!((config.retention.bundles.get(), config.retention.content_hours), (3, 1));
        let [made] = config.git.credentials.as_slice() else { panic!("{config:?}") };
        assert_eq!((made.name.as_str(), made.url_prefixes.len(), made.user.as_deref()), ("shop", 2, Some("u")));
        for wrong in ["name=shop", "url_prefix=https://a", "name=x,url_prefix=y,pasword_file=z", "shop"] {
            assert!(served(&["--git-credential", wrong]).is_err(), "{wrong}");
        }
    }

    /// The settings that there are, as `docs/hub.toml.md` and the flags must know them.
    fn settings(prefix: &str, value: &toml::Value, found: &mut BTreeSet<String>) {
        let toml::Value::Table(table) = value else {
            found.insert(prefix.to_owned());
            return;
        };
        for (key, value) in table {
            settings(&if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") }, value, found);
        }
    }

    #[test]
    fn every_setting_is_documented_with_its_flag() {
        let mut config = served(&["--credentials=x", "--helm=/h"]).expect("parses");
        // An empty list of tables would not be written at all.
        config.git.credentials = Vec::new();
        let written = toml::Value::try_from(&config).expect("writes");
        let (mut found, mut documented) = (BTreeSet::new(), BTreeSet::new());
        settings("", &written, &mut found);
        let command = <HubCommandLine as clap::CommandFactory>::command();
        let serve = command.find_subcommand("serve").expect("a command");
        let flags: BTreeSet<String> =
            serve.get_arguments().filter_map(|flag| flag.get_long().map(|long| format!("--{long}"))).collect();
        for row in include_str!("../../../docs/hub.toml.md").lines().filter(|line| line.starts_with("| `")) {
            let cells: Vec<&str> = row.trim_matches('|').split('|').map(|cell| cell.trim().trim_matches('`')).collect();
            let [setting, flag, ..] = cells.as_slice() else { panic!("{row}") };
            assert!(flags.contains(*flag), "`{flag}` of `{setting}` is no flag of `serve`");
            documented.insert((*setting).to_owned());
        }
        assert_eq!(found, documented);
    }
}
