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

mod cache;
mod codes;
mod counts;
mod credential;
mod error;
mod fetch;
mod history;
mod http;
mod local;
mod meter;
mod open;
mod remotes;
mod ssh;
#[cfg(test)]
mod tests;
mod tree;
mod url;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use skerry_common::id::CommitId;
use skerry_hub_core::source::GitRef;

pub use codes::CODES;
pub use counts::GitCounts;
pub use credential::{Credential, CredentialKind};
pub use error::GitError;
pub use meter::FetchLimits;
pub use remotes::RemoteBases;
pub use tree::{CommitTree, TreeLimits};

use cache::Cache;
use counts::Counter;
use credential::BoundCredential;
use fetch::Server;
use meter::Meter;
use tree::Terms;
use url::RemoteUrl;

/// The folder that a `file://` address names; none for any other address.
pub(crate) fn local_path(address: &str) -> Option<PathBuf> {
    match RemoteUrl::parse(address) {
        Ok(RemoteUrl::File(path)) => Some(path),
        Ok(RemoteUrl::Https(_) | RemoteUrl::Ssh(_)) | Err(_) => None,
    }
}

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

impl GitSettings {
    /// Settings with the usual bounds, no credentials and no `file://`.
    pub fn new(cache_folder: PathBuf) -> Self {
        Self {
            allowed_file_roots: Vec::new(),
            cache_folder,
            credentials: Vec::new(),
            tree_limits: TreeLimits::default(),
        }
    }
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
    ssh_program: PathBuf,
    fetch_limits: FetchLimits,
    /// One fetch at a time per cached repository. Locks, because callers block on threads of their own
    /// and two sources may have the same URL.
    fetching: Mutex<BTreeMap<String, Arc<Mutex<()>>>>,
    counter: Arc<Counter>,
}

impl Git {
    /// Takes the settings; fails when a URL prefix of credentials is wrong.
    pub fn new(mut settings: GitSettings) -> Result<Self, GitError> {
        let credentials: Result<_, _> =
            std::mem::take(&mut settings.credentials).into_iter().map(BoundCredential::new).collect();
        Ok(Self {
            settings,
            credentials: credentials?,
            ssh_program: PathBuf::from("ssh"),
            fetch_limits: FetchLimits::default(),
            fetching: Mutex::default(),
            counter: Arc::default(),
        })
    }

    /// Sets the OpenSSH client: a path, or a name that is looked up in the usual folders.
    #[must_use]
    pub fn with_ssh_program(mut self, ssh_program: PathBuf) -> Self {
        self.ssh_program = ssh_program;
        self
    }

    /// Sets the bounds of one fetch.
    #[must_use]
    pub fn with_fetch_limits(mut self, fetch_limits: FetchLimits) -> Self {
        self.fetch_limits = fetch_limits;
        self
    }

    /// Checks what can be checked without asking the server: URL, credentials, roots.
    pub fn check(&self, remote: Remote<'_>) -> Result<(), GitError> {
        match self.allow(remote)?.0 {
            RemoteUrl::File(path) => open::open_below(&path, &self.settings.allowed_file_roots).map(drop),
            RemoteUrl::Https(_) | RemoteUrl::Ssh(_) => Ok(()),
        }
    }

    /// Finds the commit that a ref means now, and fetches what is missing of it.
    ///
    /// `previous` is the commit that was found before; it is only compared with.
    pub fn fetch(&self, remote: Remote<'_>, wanted: &GitRef, previous: Option<&CommitId>) -> Result<Fetched, GitError> {
        let (url, credential) = self.allow(remote)?;
        if let RemoteUrl::File(path) = &url {
            let repository = open::open_below(path, &self.settings.allowed_file_roots)?;
            let commit = local::resolve(&repository, &url.key(), wanted)?;
            let forced = forced(&repository, wanted, previous, &commit);
            return Ok(Fetched { commit, bytes_received: 0, forced });
        }
        let meter = Meter::new(url.key(), self.fetch_limits);
        let ssh_program = &self.ssh_program;
        let server = Server { url: &url, credential, ssh_program, meter: Arc::clone(&meter) };
        let lock = self.lock_of(&format!("{}\n{}", url.key(), remote.credential.unwrap_or_default()));
        let _alone = hold(&lock);
        let cache = self.cache(&url, remote);
        let (repository, commit) = fetch_into(&cache, &server, wanted)?;
        let forced = forced(&repository, wanted, previous, &commit);
        Ok(Fetched { commit, bytes_received: meter.received(), forced })
    }

    /// The files of a commit that was fetched; asks no server.
    pub fn tree(&self, remote: Remote<'_>, commit: &CommitId) -> Result<CommitTree, GitError> {
        let (url, _) = self.allow(remote)?;
        let missing = || GitError::NoCommit { url: url.key(), commit: commit.clone() };
        let id = open::object_id(commit).ok_or_else(missing)?;
        let has = |repository: &gix::Repository| open::has_commit(repository, id);
        let (repository, is_cached) = match &url {
            RemoteUrl::File(path) => {
                let repository = open::open_below(path, &self.settings.allowed_file_roots)?;
                (Some(repository).filter(has), false)
            }
            RemoteUrl::Https(_) | RemoteUrl::Ssh(_) => (self.cache(&url, remote).all().find(has), true),
        };
        let repository = repository.ok_or_else(missing)?;
        let path = repository.git_dir().to_owned();
        self.counter.opened();
        let terms = Terms { limits: self.settings.tree_limits, counter: self.counter.clone(), is_cached };
        let tree = CommitTree::new(repository, id, terms);
        tree.map_err(|source| {
            if is_cached {
                cache::note_damage(&path);
            }
            GitError::Repository { path, source: source.into() }
        })
    }

    /// How much was read so far.
    pub fn counts(&self) -> GitCounts {
        self.counter.so_far()
    }

    /// The name of credentials that show nothing to a server and only say which CA is trusted, for a URL.
    fn trusting(&self, url: &RemoteUrl) -> Option<&str> {
        let bound = self.credentials.iter().find(|bound| bound.is_anonymous_for(url))?;
        Some(&bound.credential.name)
    }

    /// Parses the URL and finds the credentials, if they may be used for it.
    fn allow(&self, remote: Remote<'_>) -> Result<(RemoteUrl, Option<&BoundCredential>), GitError> {
        let url = RemoteUrl::parse(remote.url)?;
        let credential = credential::choose(&self.credentials, remote.credential, &url)?;
        Ok((url, credential))
    }

    fn cache(&self, url: &RemoteUrl, remote: Remote<'_>) -> Cache {
        Cache::of(&self.settings.cache_folder, &url.key(), remote.credential)
    }

    fn lock_of(&self, key: &str) -> Arc<Mutex<()>> {
        let mut all = self.fetching.lock().unwrap_or_else(PoisonError::into_inner);
        // Locks that nobody holds are forgotten, so that the map is bounded by the fetches under way.
        all.retain(|_, lock| Arc::strong_count(lock) > 1);
        Arc::clone(all.entry(key.to_owned()).or_default())
    }
}

/// A poisoned lock guards nothing: a fetch that panicked left files, which are checked anyway.
fn hold(lock: &Mutex<()>) -> MutexGuard<'_, ()> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Fetches into the cached repository or, when there is none or it is damaged, into a new one.
fn fetch_into(cache: &Cache, server: &Server<'_>, wanted: &GitRef) -> Result<(gix::Repository, CommitId), GitError> {
    let into = |repository: gix::Repository| {
        let commit = server.fetch(&repository, wanted)?;
        open::check_whole(&repository, &commit)?;
        Ok((repository, commit))
    };
    if let Some(repository) = cache.current() {
        match into(repository) {
            // Perhaps the fault is ours: a new repository shows, and is kept only if it works.
            Err(GitError::Exchange { .. } | GitError::Repository { .. }) => {}
            done => return done,
        }
    }
    let fresh = cache.start()?;
    let result = into(fresh.clone());
    match &result {
        Ok(_) => cache.sweep(),
        Err(_) => cache.give_up(&fresh),
    }
    result
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
