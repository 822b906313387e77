//! Reads Git repositories: which commit a ref means, and the files of a commit.
//!
//! ```text
//! URL ──parse──▶ RemoteUrl ──credential──▶ allowed?
//!   file://   opened in place, below allowed roots
//!   https://  http  ┐ our own transports: bounded in bytes and time,
//!   ssh://    ssh   ┘ ──fetch──▶ bare cache repository per (URL, credentials)
//! commit ──tree──▶ CommitTree (a SourceTree: nothing is checked out)
//! ```
//!
//! **Guarantees.** No configuration of a user, the system or a repository counts, no hook, filter or
//! credential helper runs, no `GIT_*` variable is read. Credentials leave only for URLs below their
//! prefixes. A fetch that fails leaves what was fetched before as it was. Nothing is written to a
//! `file://` repository.
//!
//! **How much history is fetched.** A ref that the cache does not know yet is fetched one commit
//! deep; from then on everything that was pushed since, so that later fetches move new objects only
//! and the history between two fetches is there to tell a push from a forced push. After a forced
//! push the server sends what it cannot tell that we have; at worst that ref's whole history, once.
//! A full clone would cost that at the first fetch of every source; one commit each time would make a
//! forced push look like any other.
//!
//! **Assumptions.** One hub process owns the cache folder. All functions block: call them on threads
//! that may.

mod credential;
mod error;
mod history;
mod local;
mod open;
#[cfg(test)]
mod tests;
mod tree;
mod url;

use std::path::PathBuf;

use skerry_common::id::CommitId;
use skerry_hub_core::source::GitRef;

pub use credential::{Credential, CredentialKind};
pub use error::{CODES, GitError};
pub use tree::{CommitTree, TreeLimits};

use credential::BoundCredential;
use url::RemoteUrl;

/// How the hub reads Git.
#[derive(Debug, Clone)]
pub struct GitSettings {
    /// Folders below which `file://` repositories may lie; none, and `file://` is refused.
    pub allowed_file_roots: Vec<PathBuf>,
    /// Where fetched repositories are kept. Everything in it can be fetched again.
    pub cache_folder: PathBuf,
    /// Credentials that sources may name.
    pub credentials: Vec<Credential>,
    /// Bounds of reading a commit.
    pub tree_limits: TreeLimits,
}

/// A repository, and what may be shown to its server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Remote<'a> {
    /// URL, as a source names it.
    pub url: &'a str,
    /// Name of credentials in the hub's configuration.
    pub credential: Option<&'a str>,
}

/// What a fetch found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// The commit that the ref means; its tree can be read.
    pub commit: CommitId,
    /// Bytes that the server sent, its list of refs included; 0 for `file://`.
    pub bytes_received: u64,
    /// True when a branch was moved to a commit that does not descend from the previous one, or a tag
    /// to any other commit.
    pub forced: bool,
}

/// Reads repositories. Cheap to share: put it into an `Arc`.
#[derive(Debug)]
pub struct Git {
    settings: GitSettings,
    credentials: Vec<BoundCredential>,
}

impl Git {
    /// Takes the settings; fails when a URL prefix of credentials is wrong.
    pub fn new(mut settings: GitSettings) -> Result<Self, GitError> {
        let credentials: Result<_, _> =
            std::mem::take(&mut settings.credentials).into_iter().map(BoundCredential::new).collect();
        Ok(Self { settings, credentials: credentials? })
    }

    /// Checks what can be checked without asking the server: URL, credentials, roots.
    pub fn check(&self, remote: Remote<'_>) -> Result<(), GitError> {
        let url = RemoteUrl::parse(remote.url)?;
        credential::choose(&self.credentials, remote.credential, &url)?;
        match url {
            RemoteUrl::File(path) => open::open_below(&path, &self.settings.allowed_file_roots).map(drop),
            RemoteUrl::Https(_) | RemoteUrl::Ssh(_) => Ok(()),
        }
    }

    /// Finds the commit that a ref means now, and fetches what is missing of it.
    ///
    /// `previous` is the commit that was found before; it is only compared with.
    pub fn fetch(
        &self,
        remote: Remote<'_>,
        wanted: &GitRef,
        previous: Option<&CommitId>,
    ) -> Result<Fetched, GitError> {
        let url = RemoteUrl::parse(remote.url)?;
        credential::choose(&self.credentials, remote.credential, &url)?;
        match &url {
            RemoteUrl::File(path) => {
                let repository = open::open_below(path, &self.settings.allowed_file_roots)?;
                let commit = local::resolve(&repository, &url.key(), wanted)?;
                let forced = forced(&repository, wanted, previous, &commit);
                Ok(Fetched { commit, bytes_received: 0, forced })
            }
            RemoteUrl::Https(_) | RemoteUrl::Ssh(_) => {
                Err(GitError::Scheme { url: url.key(), scheme: "not yet".to_owned() })
            }
        }
    }

    /// The files of a commit that was fetched; asks no server.
    pub fn tree(&self, remote: Remote<'_>, commit: &CommitId) -> Result<CommitTree, GitError> {
        let url = RemoteUrl::parse(remote.url)?;
        credential::choose(&self.credentials, remote.credential, &url)?;
        let repository = match &url {
            RemoteUrl::File(path) => open::open_below(path, &self.settings.allowed_file_roots)?,
            RemoteUrl::Https(_) | RemoteUrl::Ssh(_) => {
                return Err(GitError::Scheme { url: url.key(), scheme: "not yet".to_owned() });
            }
        };
        let missing = || GitError::NoCommit { url: url.key(), commit: commit.clone() };
        let id = open::object_id(commit).filter(|id| open::has_commit(&repository, *id)).ok_or_else(missing)?;
        let path = repository.git_dir().to_owned();
        let failed = |source: gix::Error| GitError::Repository { path, source: source.into() };
        CommitTree::new(repository, id, self.settings.tree_limits).map_err(failed)
    }
}

fn forced(repository: &gix::Repository, wanted: &GitRef, previous: Option<&CommitId>, new: &CommitId) -> bool {
    let Some(previous) = previous.filter(|previous| *previous != new) else { return false };
    match wanted {
        GitRef::Branch(_) => match (open::object_id(previous), open::object_id(new)) {
            (Some(previous), Some(new)) => history::was_forced(repository, previous, new),
            (None, _) | (_, None) => false,
        },
        GitRef::Tag(_) => true,
        GitRef::Semver(_) | GitRef::Commit(_) => false,
    }
}
