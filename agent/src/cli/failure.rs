//! Why a command failed, in the form that people read: code, chain of causes, what to do next.

use std::error::Error;
use std::fmt;
use std::path::Path;

use skerry_common::bundle::archive::ArchiveError;
use skerry_common::diagnostic::{Code, ErrorClass};
use skerry_common::error_chain::Chain;
use skerry_common::join::JoinTokenError;
use skerry_common::redact::redact;

use super::place::PlaceError;
use crate::agent::AgentError;
use crate::cluster::ClusterError;
use crate::identity::AgentIdentityError;
use crate::join::JoinError;
use crate::target::TargetError;
use crate::tasks::keeper::KeeperError;

/// The codes of the agent's program; `skerry explain` knows them.
pub mod codes {
    use skerry_common::diagnostic::Code;

    /// A mistake in this program.
    pub const BUG: Code = Code(900);
    /// Arguments.
    pub const USAGE: Code = Code(905);
    /// The join token.
    pub const TOKEN: Code = Code(101);
    /// A trust root that was not expected.
    pub const TRUST: Code = Code(103);
    /// Content of a bundle.
    pub const CONTENT: Code = Code(506);
    /// A file.
    pub const FILE: Code = Code(910);
    /// An archive.
    pub const ARCHIVE: Code = Code(918);
    /// It has not joined.
    pub const NOT_JOINED: Code = Code(920);
    /// State folder, identity or store.
    pub const STATE: Code = Code(921);
    /// Another process works on the state folder.
    pub const TAKEN: Code = Code(922);
    /// The Kubernetes API.
    pub const KUBERNETES: Code = Code(923);
    /// No hub.
    pub const HUB: Code = Code(924);
    /// The admin server.
    pub const ADMIN: Code = Code(925);
}

/// A command that failed.
#[derive(Debug)]
pub struct Failure {
    /// What kind; decides the exit code.
    pub class: ErrorClass,
    /// The stable code.
    pub code: Code,
    message: String,
    help: Option<String>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error[{}]: {}", self.code, redact(&one_line(&self.message)))?;
        match &self.help {
            Some(help) => write!(f, "\n  help: {}", redact(help)),
            None => write!(f, "\n  help: `skerry explain {}` tells more", self.code),
        }
    }
}

/// Bytes from outside may be quoted in a message: no line breaks, no terminal codes.
fn one_line(text: &str) -> String {
    skerry_common::limits::clip(&text.replace(char::is_control, " "))
}

impl Failure {
    /// A failure of this kind.
    pub fn of(class: ErrorClass, code: Code, error: &(dyn Error + 'static)) -> Self {
        Self { class, code, message: Chain(error).to_string(), help: None }
    }

    /// The caller must change something.
    pub fn user(code: Code, error: &(dyn Error + 'static)) -> Self {
        Self::of(ErrorClass::NeedsUser, code, error)
    }

    /// Trying again may help.
    pub fn retry(code: Code, error: &(dyn Error + 'static)) -> Self {
        Self::of(ErrorClass::Retry, code, error)
    }

    /// A failure that is told in words.
    pub fn words(class: ErrorClass, code: Code, message: impl Into<String>) -> Self {
        Self { class, code, message: message.into(), help: None }
    }

    /// Names what it is about.
    #[must_use]
    pub fn about(mut self, subject: &str) -> Self {
        self.message = format!("{subject}: {}", self.message);
        self
    }

    /// Says what to do next.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// A file that cannot be read or written.
    pub fn file(path: &Path, error: &std::io::Error) -> Self {
        Self::user(codes::FILE, error).about(&format!("`{}`", path.display()))
    }
}

impl From<PlaceError> for Failure {
    fn from(error: PlaceError) -> Self {
        match error {
            PlaceError::Taken(_) => Self::retry(codes::TAKEN, &error)
                .help("one process works on a state folder at a time: stop the other one, or give `--state-folder`"),
            PlaceError::Folder { .. } => {
                Self::user(codes::STATE, &error).help("give a folder that this user may write with `--state-folder`")
            }
        }
    }
}

impl From<AgentIdentityError> for Failure {
    fn from(error: AgentIdentityError) -> Self {
        Self::user(codes::STATE, &error)
    }
}

impl From<KeeperError> for Failure {
    fn from(error: KeeperError) -> Self {
        Self::user(codes::STATE, &error)
            .help("see that the disk is not full and the state folder belongs to this user, then try again")
    }
}

impl From<JoinTokenError> for Failure {
    fn from(error: JoinTokenError) -> Self {
        Self::user(codes::TOKEN, &error).help("copy the whole line that `skerry cluster register NAME` printed")
    }
}

impl From<ArchiveError> for Failure {
    fn from(error: ArchiveError) -> Self {
        Self::user(codes::ARCHIVE, &error).help("export it again with `skerry bundle export`")
    }
}

impl From<ClusterError> for Failure {
    fn from(error: ClusterError) -> Self {
        Self::of(error.class(), codes::KUBERNETES, &error)
            .help("`skerry-agent check` shows which part of the way to the Kubernetes API does not work")
    }
}

impl From<JoinError> for Failure {
    fn from(error: JoinError) -> Self {
        match &error {
            JoinError::Identity(_) | JoinError::OtherFleet(_) => Self::user(codes::STATE, &error),
            JoinError::Connect(_) => Self::retry(codes::HUB, &error)
                .help("run `skerry-agent check --token …` here; the hub's port must be open for UDP, or join with `--offline`"),
            JoinError::Refused { code, .. } => Self::user(*code, &error)
                .help("make a new token with `skerry cluster rejoin NAME` and join with that"),
            JoinError::Busy(_) => Self::retry(codes::HUB, &error).help("run the same command again"),
            JoinError::Trust(_) => Self::user(codes::TRUST, &error)
                .help("nothing was stored; compare the digest with `skerry cluster register`, and ask who answers at this address"),
            JoinError::File(_) => Self::user(codes::FILE, &error)
                .help("carry the file over again; `skerry cluster enroll-offline` makes the reply"),
        }
    }
}

impl From<TargetError> for Failure {
    fn from(error: TargetError) -> Self {
        match &error {
            TargetError::Refused(refusal) => Self::user(refusal.code(), &error),
            TargetError::Content(_) => {
                Self::user(codes::CONTENT, &error).help("export the whole bundle again with `skerry bundle export`")
            }
            TargetError::Stored(_) | TargetError::Store(_) => Self::user(codes::STATE, &error),
        }
    }
}

impl From<AgentError> for Failure {
    fn from(error: AgentError) -> Self {
        match error {
            AgentError::NotJoined => not_joined(),
            AgentError::Store(error) => error.into(),
            AgentError::Target(error) => error.into(),
            AgentError::Identity(_) | AgentError::Reconciler(_) => Self::user(codes::STATE, &error),
        }
    }
}

/// The failure of whatever needs an identity.
pub(crate) fn not_joined() -> Failure {
    Failure::words(ErrorClass::NeedsUser, codes::NOT_JOINED, "this agent has not joined a fleet")
        .help("run `skerry cluster register NAME` at the hub, then `skerry-agent join --token TOKEN` here")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_explained() {
        for code in [codes::NOT_JOINED, codes::STATE, codes::TAKEN, codes::KUBERNETES, codes::HUB, codes::ADMIN] {
            let known = skerry_common::explain::CODES.iter().any(|(number, ..)| Code(*number) == code);
            assert!(known, "{code} is not explained");
        }
    }

    #[test]
    fn what_a_file_says_breaks_no_line() {
        let shown = Failure::words(ErrorClass::NeedsUser, codes::FILE, "a\nb\u{1b}[31m").to_string();
        assert!(shown.starts_with("error[SK0910]: a b [31m\n  help: "), "{shown}");
    }

    #[test]
    fn a_failure_reads_code_reason_and_help() {
        let shown = not_joined().to_string();
        assert!(shown.starts_with("error[SK0920]: this agent has not joined a fleet\n  help: run "), "{shown}");
    }
}
