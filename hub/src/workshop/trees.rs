//! Commits that stay open between renders.

use std::collections::BTreeMap;
use std::sync::Arc;

use skerry_common::id::CommitId;

use super::SourceAt;
use crate::git::{CommitTree, Git, GitError, Remote};

/// Most commits open at once: the sources of a large fleet that most clusters use. Each holds the folders that were
/// read and 8 MiB of objects at most; beyond, all are closed.
const OPEN_MAX: usize = 32;

/// Opens a commit once for all renders of a look, each of which may read as much as if it were alone.
pub(super) struct Trees {
    git: Arc<Git>,
    open: BTreeMap<Key, CommitTree>,
}

/// URL, credentials, commit.
type Key = (String, Option<String>, CommitId);

impl Trees {
    pub(super) fn new(git: Arc<Git>) -> Self {
        Self { git, open: BTreeMap::new() }
    }

    /// Begins a render of a source, and says whether its commit was open before.
    pub(super) fn begin(&mut self, at: &SourceAt) -> Result<(&CommitTree, bool), GitError> {
        let key = key(at);
        let was_open = self.open.contains_key(&key);
        if !was_open {
            let tree = self.git.tree(Remote { url: &at.url, credential: at.credential.as_deref() }, &key.2)?;
            if self.open.len() >= OPEN_MAX {
                self.open.clear();
            }
            self.open.insert(key.clone(), tree);
        }
        let missing = || GitError::NoCommit { url: at.url.clone(), commit: at.revision.commit.clone() };
        let tree = self.open.get(&key).ok_or_else(missing)?;
        tree.begin();
        Ok((tree, was_open))
    }

    /// Closes a commit: it is opened anew when it is asked for again.
    pub(super) fn close(&mut self, at: &SourceAt) {
        self.open.remove(&key(at));
    }

    /// Closes all.
    pub(super) fn close_all(&mut self) {
        self.open.clear();
    }
}

fn key(at: &SourceAt) -> Key {
    (at.url.clone(), at.credential.clone(), at.revision.commit.clone())
}
