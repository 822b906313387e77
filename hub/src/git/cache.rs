//! Bare repositories that keep what was fetched.
//!
//! ```text
//! CACHE/<digest of URL and credentials>/<generation>.git
//! ```
//! Credentials are part of the key, so that a source without them sees nothing that they opened.
//! A repository that is damaged, or has collected too many packs, is replaced by the next generation;
//! the one before stays until then, because a reader may still hold it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use gix::Repository;
use skerry_common::bundle::digest::Digest;

use super::error::GitError;
use super::open::{self, options};

/// Packs in one repository before it is fetched anew: each makes lookups slower, and a fetch that
/// brings something makes one.
const PACKS_MAX: usize = 100;

/// Noted in a repository when one of its objects cannot be read.
const DAMAGED: &str = "skerry-damaged";

/// The cache of one URL and credentials.
#[derive(Debug)]
pub(super) struct Cache {
    folder: PathBuf,
}

impl Cache {
    /// The cache of a URL, as read with credentials.
    pub(super) fn of(cache_folder: &Path, url_key: &str, credential: Option<&str>) -> Self {
        let key = format!("{url_key}\n{}", credential.unwrap_or_default());
        let name = Digest::of(key.as_bytes()).hex();
        Self { folder: cache_folder.join(name.get(..32).unwrap_or(&name)) }
    }

    /// The newest repository, if it is whole and not worn out. Call it only while nobody else fetches.
    pub(super) fn current(&self) -> Option<Repository> {
        let newest = self.generations().into_iter().max()?;
        let path = self.path(newest);
        remove_torn_packs(&path);
        let is_worn = packs(&path).is_none_or(|packs| packs > PACKS_MAX) || path.join(DAMAGED).exists();
        if is_worn { None } else { open::open(&path).ok() }
    }

    /// Every repository that can be opened, newest first.
    pub(super) fn all(&self) -> impl Iterator<Item = Repository> + '_ {
        let mut generations = self.generations();
        generations.sort_unstable_by(|a, b| b.cmp(a));
        generations.into_iter().filter_map(|generation| open::open(&self.path(generation)).ok())
    }

    /// Makes an empty repository, which becomes the newest.
    pub(super) fn start(&self) -> Result<Repository, GitError> {
        let newest = self.generations().into_iter().max().unwrap_or_default();
        let path = self.path(newest.saturating_add(1));
        let failed = |source: super::error::Cause| GitError::Cache { path: path.clone(), source };
        fs::create_dir_all(&path).map_err(|error| failed(error.into()))?;
        let kind = gix::create::Kind::Bare;
        gix::ThreadSafeRepository::init_opts(&path, kind, gix::create::Options::default(), options())
            .map_err(|error| failed(error.into()))?;
        // Opened again, under the same options as ever after.
        open::open(&path)
    }

    /// Takes back a repository that was started and could not be filled.
    pub(super) fn give_up(&self, repository: &Repository) {
        remove(repository.git_dir());
    }

    /// Removes all but the newest two.
    pub(super) fn sweep(&self) {
        let mut generations = self.generations();
        generations.sort_unstable_by(|a, b| b.cmp(a));
        for generation in generations.into_iter().skip(2) {
            remove(&self.path(generation));
        }
    }

    fn path(&self, generation: u64) -> PathBuf {
        self.folder.join(format!("{generation}.git"))
    }

    fn generations(&self) -> Vec<u64> {
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let number = |entry: fs::DirEntry| entry.file_name().to_str()?.strip_suffix(".git")?.parse().ok();
        entries.filter_map(number).collect()
    }
}

/// Notes that a repository of the cache is damaged: the next fetch replaces it.
pub(super) fn note_damage(git_dir: &Path) {
    if let Err(error) = fs::write(git_dir.join(DAMAGED), "") {
        tracing::warn!(folder = %git_dir.display(), %error, "cannot note that a cached repository is damaged");
    }
}

/// What cannot be removed is in nobody's way, and is tried again at the next sweep.
fn remove(path: &Path) {
    if let Err(error) = fs::remove_dir_all(path)
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::warn!(folder = %path.display(), %error, "cannot remove a cached repository");
    }
}

/// Removes what a fetch that was killed has left: packs under temporary names, which nobody reads.
fn remove_torn_packs(path: &Path) {
    let entries = fs::read_dir(path.join("objects/pack")).into_iter().flatten().flatten();
    for entry in entries.filter(|entry| entry.file_name().as_encoded_bytes().starts_with(b".tmp")) {
        if let Err(error) = fs::remove_file(entry.path()) {
            tracing::warn!(file = %entry.path().display(), %error, "cannot remove a torn pack");
        }
    }
}

fn packs(path: &Path) -> Option<usize> {
    let entries = fs::read_dir(path.join("objects/pack")).ok()?;
    Some(entries.flatten().filter(|entry| entry.path().extension().is_some_and(|end| end == "pack")).count())
}
