//! `skerry-hub trust`: shows the trust root, makes root keys, puts a successor in force.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use skerry_certs::root_key::{Passphrase, SigningKey};
use skerry_common::bundle::signature::KeyId;
use skerry_common::bundle::trust::TrustedRoot;
use skerry_common::id::Epoch;

use super::{Failure, passphrase, print, talk};
use crate::config::HubConfig;
use crate::hub::system_clock;
use crate::init::write_new;
use crate::keys::KeyFolder;
use crate::trust::{Changes, Rotated, rotate};

/// Largest file of a root key that is read, in bytes: one has some 300.
const KEY_FILE_BYTES_MAX: u64 = 64 * 1024;

/// What to do with the trust root.
#[derive(Debug, Subcommand)]
pub enum TrustCommand {
    /// Print the trust root in force.
    Show(ShowArgs),
    /// Make another root key, encrypted to a passphrase; it counts once `rotate --add-key` names it.
    NewKey(NewKeyArgs),
    /// Put a successor of the trust root in force: other addresses, another signing key, a higher epoch,
    /// other root keys. A hub that runs takes it up within seconds, agents when they connect.
    Rotate(RotateArgs),
}

/// Options of `trust show`.
#[derive(Debug, clap::Args)]
pub struct ShowArgs {
    /// Configuration file.
    #[arg(long, value_name = "FILE", default_value = "hub.toml")]
    pub config: PathBuf,
}

/// Options of `trust new-key`.
#[derive(Debug, clap::Args)]
pub struct NewKeyArgs {
    /// File with its passphrase.
    #[arg(long, value_name = "FILE", env = "SKERRY_PASSPHRASE_FILE")]
    pub passphrase_file: PathBuf,
    /// The file to write; must not exist.
    pub file: PathBuf,
}

/// Options of `trust rotate`.
#[derive(Debug, clap::Args)]
pub struct RotateArgs {
    /// Configuration file.
    #[arg(long, value_name = "FILE", default_value = "hub.toml")]
    pub config: PathBuf,
    /// A root key that counts now; as many as the threshold says.
    #[arg(long, value_name = "FILE", required = true)]
    pub root_key: Vec<PathBuf>,
    /// File with the passphrase of the root keys; one for all, or one for each in the same order, those
    /// of `--add-key` last.
    #[arg(long, value_name = "FILE", env = "SKERRY_PASSPHRASE_FILE", required = true)]
    pub passphrase_file: Vec<PathBuf>,
    /// Address at which agents find a hub, `host:port`; name all that shall count, best first.
    #[arg(long, value_name = "HOST:PORT", help_heading = "What changes")]
    pub address: Vec<String>,
    /// Sign bundles with a key made now. The one before stays good for archives on their way, unless the
    /// epoch is raised too.
    #[arg(long, help_heading = "What changes")]
    pub new_signing_key: bool,
    /// The epoch, after a compromise: every bundle of a lower one is refused from then on.
    #[arg(long, value_name = "NUMBER", help_heading = "What changes")]
    pub epoch: Option<u64>,
    /// A further root key, made by `trust new-key`.
    #[arg(long, value_name = "FILE", help_heading = "What changes")]
    pub add_key: Vec<PathBuf>,
    /// A root key that shall no longer count, by the id that `trust show` tells.
    #[arg(long, value_name = "ID", help_heading = "What changes")]
    pub drop_key: Vec<String>,
    /// How many root keys must sign the next trust root.
    #[arg(long, value_name = "NUMBER", help_heading = "What changes")]
    pub threshold: Option<usize>,
}

/// Executes a command.
pub(super) fn execute(command: TrustCommand) -> Result<(), Failure> {
    match command {
        TrustCommand::Show(ShowArgs { config }) => {
            let (line, _) = folder(&config)?.standing()?;
            show(line.newest())
        }
        TrustCommand::NewKey(NewKeyArgs { passphrase_file, file }) => {
            let key = SigningKey::generate().map_err(|error| Failure::bug(&error))?;
            let passphrase = passphrase(&passphrase_file)?;
            let encrypted = key.to_encrypted(&passphrase).map_err(|error| Failure::bug(&error))?;
            write_new(&file, &encrypted).map_err(Failure::from)?;
            print(&key.key_id().0)
        }
        TrustCommand::Rotate(arguments) => turn(arguments),
    }
}

fn folder(config: &Path) -> Result<KeyFolder, Failure> {
    Ok(KeyFolder::new(&HubConfig::load(config)?.data_folder.join("keys")))
}

fn show(trust: &TrustedRoot) -> Result<(), Failure> {
    let root = trust.root();
    let ids = |keys: &[skerry_common::bundle::signature::PublicKey]| {
        keys.iter().map(|key| key.id().0).collect::<Vec<_>>().join(" ")
    };
    print(&format!("fleet:        {}", root.fleet))?;
    print(&format!("version:      {}", root.version))?;
    print(&format!("epoch:        {}", root.epoch))?;
    print(&format!("issued:       {}", root.issued))?;
    print(&format!("digest:       {}", trust.digest()))?;
    print(&format!("hubs:         {}", root.hubs.join(" ")))?;
    print(&format!("signing keys: {}", ids(&root.bundle_keys)))?;
    print(&format!("root keys:    {} ({} must sign)", ids(&root.root_keys), root.threshold))
}

fn turn(arguments: RotateArgs) -> Result<(), Failure> {
    let files: Vec<&PathBuf> = arguments.root_key.iter().chain(&arguments.add_key).collect();
    let passphrases = arguments.passphrase_file.iter().map(|file| passphrase(file)).collect::<Result<Vec<_>, _>>()?;
    let mut keys = match passphrases.as_slice() {
        [one] => files.iter().map(|file| open(file, one)).collect::<Result<Vec<_>, _>>()?,
        many if many.len() == files.len() => {
            files.iter().zip(many).map(|(file, passphrase)| open(file, passphrase)).collect::<Result<Vec<_>, _>>()?
        }
        many => {
            let message =
                format!("{} passphrase files for {} root keys: one for all, or one for each", many.len(), files.len());
            return Err(Failure::usage(message));
        }
    };
    let added = keys.split_off(arguments.root_key.len());
    let changes = Changes {
        addresses: Some(arguments.address).filter(|addresses| !addresses.is_empty()),
        epoch: arguments.epoch.map(Epoch),
        new_signing_key: arguments.new_signing_key,
        added,
        dropped: arguments.drop_key.into_iter().map(KeyId).collect(),
        threshold: arguments.threshold,
    };
    match rotate(&folder(&arguments.config)?, &keys, &changes, system_clock().now())? {
        Rotated::Unchanged(trust) => {
            talk(&format!("nothing to change: trust root {} says all of this already", trust.root().version))?;
            show(&trust)
        }
        Rotated::Made(trust) => {
            show(&trust)?;
            talk("Agents take it up when they next connect, or with the next archive.")?;
            talk("Move the root keys away from this machine again, and back up the hub.")
        }
    }
}

fn open(file: &Path, passphrase: &Passphrase) -> Result<SigningKey, Failure> {
    use std::io::Read as _;
    let mut bytes = Vec::new();
    let read = std::fs::File::open(file).and_then(|it| it.take(KEY_FILE_BYTES_MAX).read_to_end(&mut bytes));
    read.map_err(|error| Failure::file(file, &error))?;
    SigningKey::from_encrypted(&bytes, passphrase).map_err(|error| Failure::root_key(file, &error))
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::command_line::{HubCommandLine, execute as run_command};

    /// A fleet made by `init`, and files that its operator has.
    struct Home {
        folder: tempfile::TempDir,
    }

    impl Home {
        async fn new() -> Self {
            let home = Self { folder: tempfile::tempdir().expect("a folder") };
            home.write("pass", "first passphrase");
            home.write("pass2", "second passphrase");
            let (folder, pass) = (home.path("hub"), home.path("pass"));
            let made = ["init", "--advertise", "hub.example:7443", "--url", "file:///srv/fleet", "--folder", &folder];
            home.run(&[&made[..], &["--passphrase-file", &pass]].concat()).await.expect("makes a fleet");
            home
        }

        fn path(&self, name: &str) -> String {
            self.folder.path().join(name).display().to_string()
        }

        fn write(&self, name: &str, text: &str) {
            std::fs::write(self.path(name), text).expect("writes");
        }

        async fn run(&self, arguments: &[&str]) -> Result<(), Failure> {
            let parsed = HubCommandLine::try_parse_from([&["skerry-hub"], arguments].concat()).expect("parses");
            run_command(parsed.command).await
        }

        /// Rotates with the fleet's root key and the first passphrase.
        async fn rotate(&self, arguments: &[&str]) -> Result<u64, Failure> {
            let (config, key, pass) = (self.path("hub/hub.toml"), self.path("hub/root.key"), self.path("pass"));
            let common = ["trust", "rotate", "--config", &config, "--root-key", &key, "--passphrase-file", &pass];
            self.run(&[&common[..], arguments].concat()).await?;
            Ok(folder(Path::new(&config))?.standing()?.0.newest().root().version)
        }
    }

    #[tokio::test]
    async fn a_trust_root_is_replaced_from_the_command_line_and_a_second_run_changes_nothing() {
        let home = Home::new().await;
        let addresses = ["--address", "hub.example:8443", "--address", "other.example:7443"];
        assert_eq!(home.rotate(&addresses).await.expect("rotates"), 2);
        assert_eq!(home.rotate(&addresses).await.expect("runs"), 2);
        assert_eq!(home.rotate(&["--new-signing-key", "--epoch", "2"]).await.expect("rotates"), 3);
        assert_eq!(home.rotate(&["--epoch", "2"]).await.expect("runs"), 3);
        let (second, pass2) = (home.path("second.key"), home.path("pass2"));
        home.run(&["trust", "new-key", "--passphrase-file", &pass2, &second]).await.expect("makes a key");
        let more = ["--add-key", &second, "--passphrase-file", &pass2, "--threshold", "2"];
        assert_eq!(home.rotate(&more).await.expect("rotates"), 4);
        let alone = home.rotate(&["--epoch", "3"]).await.expect_err("one key is not enough");
        assert!(alone.to_string().starts_with("error[SK0626]: 1 root keys are given"), "{alone}");
        home.run(&["trust", "show", "--config", &home.path("hub/hub.toml")]).await.expect("shows");
    }

    #[tokio::test]
    async fn wrong_keys_passphrases_and_wishes_are_named() {
        let home = Home::new().await;
        let (config, key) = (home.path("hub/hub.toml"), home.path("hub/root.key"));
        let (pass, pass2, other) = (home.path("pass"), home.path("pass2"), home.path("other.key"));
        home.run(&["trust", "new-key", "--passphrase-file", &pass, &other]).await.expect("makes a key");
        let check = async |key: &str, passes: &[&str], wish: &[&str], expected: &str, exit: u8| {
            let mut arguments = vec!["trust", "rotate", "--config", &config, "--root-key", key];
            arguments.extend(passes.iter().flat_map(|&file| ["--passphrase-file", file]));
            arguments.extend(wish);
            let failure = home.run(&arguments).await.expect_err(expected);
            assert!(failure.to_string().starts_with(&format!("error[{expected}]: ")), "{failure}");
            assert_eq!(failure.exit_code(), exit, "{failure}");
        };
        check(&key, &[&pass2], &["--epoch", "2"], "SK0625", 2).await;
        check(&config, &[&pass], &["--epoch", "2"], "SK0625", 2).await;
        check(&home.path("gone"), &[&pass], &["--epoch", "2"], "SK0910", 2).await;
        check(&other, &[&pass], &["--epoch", "2"], "SK0626", 2).await;
        check(&key, &[&pass, &pass], &["--epoch", "2"], "SK0905", 2).await;
        check(&key, &[&pass], &["--epoch", "0"], "SK0626", 2).await;
        check(&key, &[&pass], &["--address", "nowhere"], "SK0626", 2).await;
        let again = home.run(&["trust", "new-key", "--passphrase-file", &pass, &other]).await.expect_err("exists");
        assert!(again.to_string().starts_with("error[SK0624]: "), "{again}");
        assert_eq!(home.rotate(&["--epoch", "1"]).await.expect("runs"), 1, "nothing was changed");
    }
}
