//! What can go wrong between a source's URL and its files.

use std::error::Error;
use std::path::PathBuf;

use skerry_common::diagnostic::{Code, ErrorClass};
use skerry_common::id::CommitId;
use skerry_hub_core::source::ChooseError;
use thiserror::Error;

/// The error of whatever lies beneath.
pub(super) type Cause = Box<dyn Error + Send + Sync>;

/// Why a source cannot be read. Every URL in it is without credentials.
#[derive(Debug, Error)]
pub enum GitError {
    /// The text is no URL that is understood.
    #[error("`{url}` is not the URL of a repository: {reason}")]
    Url {
        /// The URL, redacted.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// `http://`, `git://` and others.
    #[error("`{scheme}://` is not supported: `{url}`")]
    Scheme {
        /// The URL, redacted.
        url: String,
        /// Its scheme.
        scheme: String,
    },
    /// A user or password stands in the URL.
    #[error("the URL of the repository holds credentials: `{url}`")]
    UrlCredentials {
        /// The URL, redacted.
        url: String,
    },
    /// A `file://` URL leads out of the folders that the hub may read.
    #[error("`{path}` is not below a folder that the hub may read")]
    OutsideRoots {
        /// Where it leads.
        path: PathBuf,
    },
    /// A source names credentials that the hub's configuration does not have.
    #[error("the hub has no credentials called `{name}`")]
    NoSuchCredential {
        /// Their name.
        name: String,
        /// Credentials of nearly that name.
        meant: Option<String>,
    },
    /// Credentials are bound to other URLs.
    #[error("the credentials `{name}` may not be used for `{url}`")]
    CredentialNotAllowed {
        /// Their name.
        name: String,
        /// The URL, redacted.
        url: String,
    },
    /// Credentials do not fit the scheme, or are missing where they are a must.
    #[error("`{url}` needs {needed}")]
    CredentialKind {
        /// The URL, redacted.
        url: String,
        /// What it needs.
        needed: &'static str,
    },
    /// A file that credentials name cannot be used.
    #[error("cannot use the file `{file}` of the credentials `{name}`")]
    CredentialFile {
        /// Name of the credentials.
        name: String,
        /// The file.
        file: PathBuf,
        /// Why.
        #[source]
        source: Cause,
    },
    /// Nobody answers.
    #[error("cannot reach `{url}`")]
    Unreachable {
        /// The URL.
        url: String,
        /// Why.
        #[source]
        source: Cause,
    },
    /// It answers too slowly or not to the end.
    #[error("`{url}` answers too slowly: {what}")]
    TooSlow {
        /// The URL.
        url: String,
        /// Which deadline passed.
        what: String,
    },
    /// Login, password, token or key are not accepted.
    #[error("`{url}` does not accept the credentials: {reason}")]
    LoginRefused {
        /// The URL.
        url: String,
        /// What the server said.
        reason: String,
    },
    /// The server's certificate is not trusted.
    #[error("the certificate of `{url}` is not trusted: {reason}")]
    Certificate {
        /// The URL.
        url: String,
        /// Why.
        reason: String,
    },
    /// The SSH host key is not in the `known_hosts` file.
    #[error("the SSH host key of `{url}` is not known")]
    HostKeyUnknown {
        /// The URL.
        url: String,
        /// Host as `known_hosts` names it.
        host: String,
        /// Where it is looked up.
        known_hosts: PathBuf,
    },
    /// The SSH host key is another one than the `known_hosts` file says.
    #[error("the SSH host key of `{url}` has changed")]
    HostKeyChanged {
        /// The URL.
        url: String,
        /// Host as `known_hosts` names it.
        host: String,
        /// Where it is looked up.
        known_hosts: PathBuf,
    },
    /// There is no repository at the URL.
    #[error("there is no repository at `{url}`: {reason}")]
    NoRepository {
        /// The URL.
        url: String,
        /// What the server or the disk said.
        reason: String,
    },
    /// The server sends elsewhere.
    #[error("`{url}` redirects to `{to}`, which is not followed")]
    Redirect {
        /// The URL.
        url: String,
        /// Where to, redacted.
        to: String,
    },
    /// The server fails, or speaks no Git.
    #[error("the server of `{url}` failed: {reason}")]
    Server {
        /// The URL.
        url: String,
        /// What it said.
        reason: String,
    },
    /// More bytes than are taken.
    #[error("`{url}` sends more than {max} bytes")]
    TooManyBytes {
        /// The URL.
        url: String,
        /// The bound.
        max: u64,
    },
    /// The exchange broke in the middle.
    #[error("fetching from `{url}` failed")]
    Exchange {
        /// The URL.
        url: String,
        /// Why.
        #[source]
        source: Cause,
    },
    /// The repository has no branch and no tag.
    #[error("the repository `{url}` is empty")]
    Empty {
        /// The URL.
        url: String,
    },
    /// The wanted ref is not there.
    #[error(transparent)]
    Choose(#[from] ChooseError),
    /// The wanted ref points to something else than a commit.
    #[error("{wanted} of `{url}` is not a commit")]
    NotACommit {
        /// The URL.
        url: String,
        /// The ref.
        wanted: String,
    },
    /// The commit is not in the repository.
    #[error("`{url}` has no commit `{commit}`")]
    NoCommit {
        /// The URL.
        url: String,
        /// The commit.
        commit: CommitId,
    },
    /// A repository on the hub's disk cannot be read.
    #[error("cannot read the repository `{path}`")]
    Repository {
        /// Its folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: Cause,
    },
    /// The cache folder cannot be read or written.
    #[error("cannot use the cache folder `{path}`")]
    Cache {
        /// The folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: Cause,
    },
    /// OpenSSH cannot be started.
    #[error("cannot run `{program}`")]
    NoSsh {
        /// The program.
        program: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

impl GitError {
    /// Stable code.
    pub fn code(&self) -> Code {
        Code(match self {
            Self::Url { .. } => 700,
            Self::Scheme { .. } => 701,
            Self::UrlCredentials { .. } => 702,
            Self::OutsideRoots { .. } => 703,
            Self::NoSuchCredential { .. } => 704,
            Self::CredentialNotAllowed { .. } => 705,
            Self::CredentialKind { .. } => 706,
            Self::CredentialFile { .. } => 707,
            Self::Unreachable { .. } => 710,
            Self::TooSlow { .. } => 711,
            Self::LoginRefused { .. } => 712,
            Self::Certificate { .. } => 713,
            Self::HostKeyUnknown { .. } => 714,
            Self::HostKeyChanged { .. } => 715,
            Self::NoRepository { .. } => 716,
            Self::Redirect { .. } => 717,
            Self::Server { .. } => 718,
            Self::TooManyBytes { .. } => 719,
            Self::Exchange { .. } => 720,
            Self::Empty { .. } => 721,
            Self::NotACommit { .. } => 722,
            Self::NoCommit { .. } => 723,
            Self::Repository { .. } => 730,
            Self::Cache { .. } => 731,
            Self::NoSsh { .. } => 732,
            Self::Choose(error) => return error.code(),
        })
    }

    /// Whether trying again may help.
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Unreachable { .. }
            | Self::TooSlow { .. }
            | Self::Server { .. }
            | Self::Exchange { .. }
            | Self::Repository { .. }
            | Self::Cache { .. } => ErrorClass::Retry,
            Self::Url { .. }
            | Self::Scheme { .. }
            | Self::UrlCredentials { .. }
            | Self::OutsideRoots { .. }
            | Self::NoSuchCredential { .. }
            | Self::CredentialNotAllowed { .. }
            | Self::CredentialKind { .. }
            | Self::CredentialFile { .. }
            | Self::LoginRefused { .. }
            | Self::Certificate { .. }
            | Self::HostKeyUnknown { .. }
            | Self::HostKeyChanged { .. }
            | Self::NoRepository { .. }
            | Self::Redirect { .. }
            | Self::TooManyBytes { .. }
            | Self::Empty { .. }
            | Self::Choose(_)
            | Self::NotACommit { .. }
            | Self::NoCommit { .. }
            | Self::NoSsh { .. } => ErrorClass::NeedsUser,
        }
    }

    /// What to change; `None` when only time helps.
    pub fn help(&self) -> Option<String> {
        let text = match self {
            Self::Url { .. } => "write `https://HOST/PATH`, `ssh://USER@HOST/PATH` or `file:///PATH`",
            Self::Scheme { .. } => "use `https://`, `ssh://` or `file://`: others are neither private nor authentic",
            Self::UrlCredentials { .. } => {
                "remove them from the URL, put them into the hub's configuration under a name bound to the URL, and \
                 write that name into `spec.git.credentials`; whoever saw the URL knows them: renew them"
            }
            Self::OutsideRoots { .. } => "add a folder above it to the allowed roots of the hub's configuration",
            Self::NoSuchCredential { meant: Some(meant), .. } => return Some(format!("did you mean `{meant}`?")),
            Self::NoSuchCredential { meant: None, .. } => "add them to the hub's configuration",
            Self::CredentialNotAllowed { .. } => {
                "add the URL, or a prefix of it that ends at a `/`, to the credentials in the hub's configuration"
            }
            Self::CredentialKind { .. } => "name credentials of that kind in `spec.git.credentials`",
            Self::CredentialFile { .. } => "make it readable for the hub alone, and check its format",
            Self::LoginRefused { .. } => "check user, password, token or key, and that they may read this repository",
            Self::Certificate { .. } => "name the server's CA certificate as the `ca_file` of the credentials",
            Self::HostKeyUnknown { host, known_hosts, .. } => {
                return Some(format!(
                    "ask the server's operator for its host key and add the line `{host} KEY` to `{}`",
                    known_hosts.display()
                ));
            }
            Self::HostKeyChanged { host, known_hosts, .. } => {
                return Some(format!(
                    "somebody may be in between. Ask the server's operator; when the key was really renewed, replace \
                     the line of `{host}` in `{}`",
                    known_hosts.display()
                ));
            }
            Self::NoRepository { .. } => "check the URL; some servers say this also when the login may not read it",
            Self::Redirect { .. } => "write the new URL into the Source",
            Self::TooManyBytes { .. } => "use a repository of its own for what is deployed, or raise the bound",
            Self::Empty { .. } => "push a commit",
            Self::NotACommit { .. } => "let the tag point to a commit",
            Self::NoCommit { .. } => "push the commit, or name one that a branch or tag holds",
            Self::Repository { .. } => "check it with `git fsck`, and that the hub may read it",
            Self::Cache { .. } => "check the disk: the hub must be able to write there",
            Self::NoSsh { .. } => "install the OpenSSH client",
            Self::Choose(error) => return Some(error.help()),
            Self::Unreachable { .. } | Self::TooSlow { .. } | Self::Server { .. } | Self::Exchange { .. } => {
                return None;
            }
        };
        Some(text.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::super::codes::CODES;
    use super::*;

    #[test]
    fn codes_are_unique_and_in_order() {
        assert!(CODES.windows(2).all(|pair| pair[0].0 < pair[1].0));
        assert!(CODES.iter().all(|(code, ..)| (700..800).contains(code)));
        let error = GitError::Empty { url: String::new() };
        assert!(CODES.iter().any(|(code, ..)| *code == error.code().0));
    }
}
