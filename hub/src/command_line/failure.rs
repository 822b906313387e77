//! Why a command failed, in the form that people read: code, chain of causes, what to do next.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::Path;

use skerry_certs::root_key::{PassphraseError, SigningKeyError};
use skerry_common::diagnostic::{Code, ErrorClass};
use skerry_common::error_chain::Chain;
use skerry_common::redact::redact;

use crate::backup::BackupError;
use crate::config::ConfigError;
use crate::hub::HubError;
use crate::init::InitError;
use crate::keys::KeyError;
use crate::store::StoreError;
use crate::trust::RotateError;

/// The codes of the hub's program; `skerry explain` knows them.
pub mod codes {
    use skerry_common::diagnostic::Code;

    /// A mistake in this program.
    pub const BUG: Code = Code(900);
    /// Arguments.
    pub const USAGE: Code = Code(905);
    /// A file.
    pub const FILE: Code = Code(910);
    /// The configuration file.
    pub const CONFIG: Code = Code(620);
    /// Keys and trust root.
    pub const KEYS: Code = Code(621);
    /// The store.
    pub const STORE: Code = Code(622);
    /// A port.
    pub const PORT: Code = Code(623);
    /// There is a hub already.
    pub const EXISTS: Code = Code(624);
    /// A passphrase, or the file that it should open.
    pub const PASSPHRASE: Code = Code(625);
    /// The trust root does not change so.
    pub const ROTATE: Code = Code(626);
    /// A backup.
    pub const BACKUP: Code = Code(627);
}

/// A command that failed.
#[derive(Debug)]
pub struct Failure {
    class: ErrorClass,
    code: Code,
    message: String,
    help: Option<String>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let one_line = skerry_common::limits::clip(&self.message.replace(char::is_control, " "));
        write!(f, "error[{}]: {}", self.code, redact(&one_line))?;
        match &self.help {
            Some(help) => write!(f, "\n  help: {}", redact(help)),
            None => write!(f, "\n  help: `skerry explain {}` tells more", self.code),
        }
    }
}

impl Failure {
    fn of(class: ErrorClass, code: Code, error: &(dyn Error + 'static)) -> Self {
        Self { class, code, message: Chain(error).to_string(), help: None }
    }

    fn user(code: Code, error: &(dyn Error + 'static)) -> Self {
        Self::of(ErrorClass::NeedsUser, code, error)
    }

    /// Something that should not happen.
    pub fn bug(error: &(dyn Error + 'static)) -> Self {
        Self::of(ErrorClass::Bug, codes::BUG, error).help(
            "this is a mistake in Skerry: please report it with `skerry-hub --version` and the command that you ran",
        )
    }

    /// The command line.
    pub fn usage(message: String) -> Self {
        Self { class: ErrorClass::NeedsUser, code: codes::USAGE, message, help: None }
    }

    /// A file that cannot be read or written.
    pub fn file(path: &Path, error: &io::Error) -> Self {
        let mut failure = Self::of(class_of(error), codes::FILE, error);
        failure.message = format!("`{}`: {}", path.display(), failure.message);
        failure
    }

    /// The system refused something that is no file.
    pub fn system(error: &io::Error) -> Self {
        Self::of(ErrorClass::Retry, codes::FILE, error)
    }

    /// A file with a root key.
    pub fn root_key(path: &Path, error: &SigningKeyError) -> Self {
        let mut failure = Self::user(codes::PASSPHRASE, error);
        failure.message = format!("root key `{}`: {}", path.display(), failure.message);
        failure.help("is it the right file, and its own passphrase?")
    }

    /// A file with a passphrase.
    pub fn passphrase(path: &Path, error: &PassphraseError) -> Self {
        let mut failure = Self::user(codes::PASSPHRASE, error);
        failure.message = format!("`{}`: {}", path.display(), failure.message);
        failure
    }

    /// Says what to do next.
    #[must_use]
    fn help(mut self, help: &str) -> Self {
        self.help = Some(help.to_owned());
        self
    }

    /// The process exit code.
    pub fn exit_code(&self) -> u8 {
        self.class.exit_code()
    }
}

/// Full disks and busy files may be over soon; the rest is for somebody to change.
fn class_of(error: &io::Error) -> ErrorClass {
    use io::ErrorKind::{Interrupted, QuotaExceeded, ResourceBusy, StorageFull, TimedOut, WouldBlock};
    if matches!(error.kind(), StorageFull | QuotaExceeded | ResourceBusy | Interrupted | TimedOut | WouldBlock) {
        ErrorClass::Retry
    } else {
        ErrorClass::NeedsUser
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::user(codes::CONFIG, &error).help("every setting is described in `docs/hub.toml.md`")
    }
}

impl From<KeyError> for Failure {
    fn from(error: KeyError) -> Self {
        match &error {
            KeyError::Make(_) => Self::bug(&error),
            KeyError::Io { .. } | KeyError::Damaged { .. } | KeyError::Trust(_) | KeyError::Unlisted(_) => {
                Self::user(codes::KEYS, &error)
            }
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let may_pass = matches!(error, StoreError::Backend { .. } | StoreError::Injected);
        let class = if may_pass { ErrorClass::Retry } else { ErrorClass::NeedsUser };
        Self::of(class, codes::STORE, &error)
    }
}

impl From<HubError> for Failure {
    fn from(error: HubError) -> Self {
        match error {
            HubError::Config(error) => error.into(),
            HubError::Keys(error) => error.into(),
            HubError::Store(error) => error.into(),
            HubError::Git(git) => {
                let help = git.help();
                let failure = Self::user(git.code(), &git);
                help.into_iter().fold(failure, |failure, help| failure.help(&help))
            }
            HubError::Listen { ref source, .. } => {
                let is_taken = source.kind() == io::ErrorKind::AddrInUse;
                let class = if is_taken { ErrorClass::Retry } else { ErrorClass::NeedsUser };
                Self::of(class, codes::PORT, &error)
            }
            HubError::Certificates(_) | HubError::Roots(_) | HubError::Publish(_) => Self::user(codes::KEYS, &error),
            HubError::Tls(_) | HubError::Random => Self::bug(&error),
        }
    }
}

impl From<InitError> for Failure {
    fn from(error: InitError) -> Self {
        match error {
            InitError::Keys(error) => error.into(),
            InitError::Hub(error) => error.into(),
            InitError::Exists(_) => Self::user(codes::EXISTS, &error),
            InitError::Write { path, source } if source.kind() == io::ErrorKind::AlreadyExists => {
                Self::user(codes::EXISTS, &InitError::Exists(path))
            }
            InitError::Write { path, source } => Self::file(&path, &source),
            InitError::Address(_) | InitError::Fleet(_) => Self::user(codes::USAGE, &error),
            InitError::RootKey(_) => Self::bug(&error),
        }
    }
}

impl From<RotateError> for Failure {
    fn from(error: RotateError) -> Self {
        match error {
            RotateError::Keys(error) => error.into(),
            RotateError::NotARootKey { .. } => {
                Self::user(codes::ROTATE, &error).help("`skerry-hub trust show` lists the root keys that count")
            }
            RotateError::TooFewKeys { .. } => {
                Self::user(codes::ROTATE, &error).help("give `--root-key FILE` once for each key that signs")
            }
            RotateError::Threshold { .. }
            | RotateError::Epoch { .. }
            | RotateError::Address(_)
            | RotateError::Addresses(_)
            | RotateError::Refused(_) => Self::user(codes::ROTATE, &error),
            RotateError::Sign(_) => Self::bug(&error),
        }
    }
}

impl From<BackupError> for Failure {
    fn from(error: BackupError) -> Self {
        match error {
            BackupError::Config(error) => error.into(),
            BackupError::Store(error) => error.into(),
            BackupError::Io { path, source, .. } => Self::file(&path, &source),
            BackupError::Exists(_) => Self::user(codes::EXISTS, &error),
            BackupError::Crypto(_) => {
                Self::user(codes::PASSPHRASE, &error).help("is it the right file, and its own passphrase?")
            }
            BackupError::TooLarge(_) | BackupError::Foreign(_) => Self::user(codes::BACKUP, &error),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use skerry_common::bundle::signature::KeyId;
    use skerry_common::id::Epoch;

    use super::*;

    #[test]
    fn a_failure_has_a_code_that_is_explained_and_an_exit_code_of_its_class() {
        let check = |failure: Failure, code: u16, exit: u8| {
            let known = [skerry_hub_core::shell_codes::HUB_CODES, skerry_hub_core::shell_codes::GIT_CODES].concat();
            let own = [codes::BUG, codes::USAGE, codes::FILE].contains(&Code(code));
            assert!(own || known.iter().any(|entry| entry.0 == code), "{failure}");
            assert!(failure.to_string().starts_with(&format!("error[{}]: ", Code(code))), "{failure}");
            assert_eq!(failure.exit_code(), exit, "{failure}");
        };
        let io = |kind: io::ErrorKind| io::Error::from(kind);
        let address = ([127, 0, 0, 1], 1).into();
        check(ConfigError::Credential("x".into()).into(), 620, 2);
        check(KeyError::Unlisted(KeyId("a".into())).into(), 621, 2);
        check(KeyError::Make("x".into()).into(), 900, 4);
        check(HubError::Listen { address, source: io(io::ErrorKind::AddrInUse) }.into(), 623, 3);
        check(HubError::Listen { address, source: io(io::ErrorKind::PermissionDenied) }.into(), 623, 2);
        check(HubError::Random.into(), 900, 4);
        check(InitError::Exists(PathBuf::from("hub.toml")).into(), 624, 2);
        check(InitError::Address("x".into()).into(), 905, 2);
        check(RotateError::Epoch { asked: Epoch(1), current: Epoch(2) }.into(), 626, 2);
        check(BackupError::Crypto("x".into()).into(), 625, 2);
        check(BackupError::TooLarge(1).into(), 627, 2);
        check(Failure::file(Path::new("x"), &io(io::ErrorKind::StorageFull)), 910, 3);
        check(Failure::file(Path::new("x"), &io(io::ErrorKind::NotFound)), 910, 2);
        check(Failure::usage("x".into()), 905, 2);
    }

    #[test]
    fn nothing_hostile_and_no_credential_is_shown() {
        let failure = Failure::usage("a\u{1b}[2J https://ana:pw@host/".into());
        let text = failure.to_string();
        assert!(!text.contains('\u{1b}') && !text.contains("pw@"), "{text}");
    }
}
