//! Bases in other repositories, fetched with the `git` program: whoever builds by hand has it set up
//! for what may be read.
//!
//! Each is fetched once for a run, one commit deep; what is named by a commit is kept and taken again
//! without the network.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex, PoisonError};
use std::{fs, thread};

use skerry_common::bundle::digest::Digest;
use skerry_common::id::CommitId;
use skerry_render::{RemoteBase, RemoteError, RemoteSources, SourceTree};
use thiserror::Error;

use crate::folder::FolderTree;

/// Longest text of `git` that is shown.
const SAID_MAX: usize = 2048;

/// Tells work trees of one process apart.
static FETCHES: AtomicU64 = AtomicU64::new(0);

/// Fetches with `git`.
#[derive(Debug)]
pub(super) struct GitProgram {
    folder: PathBuf,
    /// What was fetched in this run, by repository and ref. A mutex, because builds of several threads
    /// share it: it is held while something is fetched, so that nothing is fetched twice.
    fetched: Mutex<BTreeMap<String, Arc<WorkTree>>>,
}

/// The files of a fetched commit.
#[derive(Debug)]
struct WorkTree {
    path: PathBuf,
    /// Whether it stays when this run ends.
    is_kept: bool,
}

impl Drop for WorkTree {
    fn drop(&mut self) {
        if !self.is_kept {
            // What cannot be removed is in a cache, and in nobody's way.
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

/// Why nothing was fetched.
#[derive(Debug, Error)]
enum FetchError {
    #[error("`git` cannot be run")]
    Program(#[source] io::Error),
    #[error("`{path}`")]
    File {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("git refuses: {0}")]
    Refused(String),
    #[error("no end after {0} seconds")]
    Timeout(u64),
}

impl GitProgram {
    /// Keeps what it fetches below a folder.
    pub(super) fn new(folder: PathBuf) -> Self {
        Self { folder, fetched: Mutex::default() }
    }

    fn work_tree(&self, base: &RemoteBase) -> Result<Arc<WorkTree>, FetchError> {
        let key = format!("{}\n{}\n{}", base.repository, base.reference, base.has_submodules);
        let mut fetched = self.fetched.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = fetched.get(&key) {
            return Ok(known.clone());
        }
        let is_kept = CommitId::parse(&base.reference).is_ok();
        let kept = self.folder.join(Digest::of(key.as_bytes()).hex());
        if !(is_kept && kept.is_dir()) {
            let fresh = self.fetch(base)?;
            if !is_kept {
                return Ok(fetched.entry(key).or_insert(Arc::new(fresh)).clone());
            }
            // Somebody else may have been faster: then theirs is as good.
            if let Err(source) = fs::rename(&fresh.path, &kept)
                && !kept.is_dir()
            {
                return Err(FetchError::File { path: kept, source });
            }
        }
        Ok(fetched.entry(key).or_insert(Arc::new(WorkTree { path: kept, is_kept: true })).clone())
    }

    fn fetch(&self, base: &RemoteBase) -> Result<WorkTree, FetchError> {
        let number = FETCHES.fetch_add(1, Ordering::Relaxed);
        let path = self.folder.join(format!("new-{}-{number}", std::process::id()));
        let failed = |source| FetchError::File { path: path.clone(), source };
        // One of a process before us that had the same number.
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).map_err(failed)?;
        let tree = WorkTree { path: path.canonicalize().map_err(failed)?, is_kept: false };
        let reference = if base.reference.is_empty() { "HEAD" } else { &base.reference };
        let git = |words: &[&str]| git(&tree.path, base, words);
        git(&["init", "-q"])?;
        git(&["fetch", "-q", "--depth=1", "--end-of-options", &base.repository, reference])?;
        git(&["checkout", "-q", "FETCH_HEAD"])?;
        if base.has_submodules && tree.path.join(".gitmodules").is_file() {
            git(&["submodule", "-q", "update", "--init", "--recursive", "--depth=1"])?;
            forget_repositories(&tree.path).map_err(failed)?;
        }
        Ok(tree)
    }
}

/// Removes the `.git` files of submodules: what they hold is part of the base.
fn forget_repositories(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() && entry.file_name() != ".git" {
            forget_repositories(&entry.path())?;
        } else if entry.file_type()?.is_file() && entry.file_name() == ".git" {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// Runs `git` in a folder, for as long as the base allows.
fn git(folder: &Path, base: &RemoteBase, words: &[&str]) -> Result<(), FetchError> {
    let mut command = Command::new("git");
    command.arg("-C").arg(folder).args(["-c", "core.hooksPath=/dev/null"]).args(words);
    command.env("GIT_TERMINAL_PROMPT", "0").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let child = command.spawn().map_err(FetchError::Program)?;
    let id = child.id();
    let (sender, receiver) = channel();
    thread::spawn(move || {
        // Nobody waits any more after the time is up.
        let _ = sender.send(child.wait_with_output());
    });
    let Ok(output) = receiver.recv_timeout(base.timeout) else {
        // Started here and not waited for yet, so the number is still its own.
        let _ = Command::new("kill").arg(id.to_string()).stderr(Stdio::null()).status();
        return Err(FetchError::Timeout(base.timeout.as_secs()));
    };
    let output = output.map_err(FetchError::Program)?;
    if output.status.success() {
        return Ok(());
    }
    let said = output.stderr.get(..SAID_MAX).unwrap_or(&output.stderr);
    Err(FetchError::Refused(skerry_common::redact::redact(String::from_utf8_lossy(said).trim())))
}

impl RemoteSources for GitProgram {
    fn tree(&self, base: &RemoteBase) -> Result<Rc<dyn SourceTree>, RemoteError> {
        match self.work_tree(base) {
            Ok(tree) => Ok(Rc::new(FolderTree::new(tree.path.clone()))),
            Err(error) => Err(RemoteError::Unavailable(Box::new(error))),
        }
    }
}
