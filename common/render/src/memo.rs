//! What builds share: parsed files, kustomizations and built bases.
//!
//! Each is kept with a record of what it depended on and used up. It is taken again when all that
//! still holds in the tree at hand and the rest of the bounds has room for it, so that a build with
//! a memo gives exactly what one without gives – and reads, and counts. Within one tree that is
//! looked up once: trees are told apart by the id of their root.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use skerry_yaml::Node;

use crate::kustomize::{Gathered, Kustomization};
use crate::limits::RenderLimits;
use crate::read_set::ReadSet;
use crate::tree::{Entry, Record, SourceTree, TreeError};

/// Most parsed files and kustomizations: those of a large repository; a file takes some ten
/// times its size.
const FILES_MAX: usize = 20_000;

/// Most built bases.
const BASES_MAX: usize = 4_096;

/// Most states of one path: a few branches, and what was there before.
const STATES_MAX: usize = 8;

/// What builds share, of one tree or of several; threads may share it.
#[derive(Debug)]
pub struct Memo {
    pub(crate) documents: Store<Kept<Vec<Node>>>,
    pub(crate) kustomizations: Store<Kept<Kustomization>>,
    pub(crate) bases: Store<Kept<Gathered>>,
    trees: Mutex<Trees>,
}

impl Default for Memo {
    fn default() -> Self {
        Self {
            documents: Store::new(FILES_MAX, STATES_MAX),
            kustomizations: Store::new(FILES_MAX, STATES_MAX),
            bases: Store::new(BASES_MAX, STATES_MAX),
            trees: Mutex::default(),
        }
    }
}

/// The tree at hand, and how many there were.
#[derive(Debug, Default)]
struct Trees {
    root: Option<String>,
    number: u64,
}

impl Memo {
    /// A memo of nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// A number for a tree: the same for the same tree, until another comes.
    pub(crate) fn number_of(&self, tree: &dyn SourceTree) -> Result<u64, TreeError> {
        let root = tree.entry("")?.map(|entry| entry.mark());
        let mut trees = self.trees.lock().unwrap_or_else(PoisonError::into_inner);
        if root.is_none() || trees.root != root {
            trees.number += 1;
            trees.root = root;
        }
        Ok(trees.number)
    }
}

/// Something with what it depended on.
#[derive(Debug)]
pub(crate) struct Kept<T> {
    pub(crate) value: Arc<T>,
    pub(crate) record: Record,
    pub(crate) limits: RenderLimits,
    pub(crate) seen: Seen,
    /// Whether making it has needed the built-in schema.
    pub(crate) uses_schema: bool,
}

/// Where something was found to hold.
#[derive(Debug)]
pub(crate) struct Seen {
    /// The number of the tree in which it did so last.
    number: AtomicU64,
    /// Folders around what it has read, with their ids when it was made: while they have the same,
    /// nothing in them needs to be looked at.
    folders: Vec<(String, String)>,
    /// Whether all that it has read lies in them.
    is_inside: bool,
}

impl Seen {
    /// Something holds in the tree with a number, in which it was made.
    pub(crate) fn new(number: u64, tree: &dyn SourceTree, reads: &ReadSet) -> Self {
        let id = |folder: &str| match tree.entry(folder) {
            Ok(Some(Entry::Directory { id })) => Some((folder.to_owned(), id)),
            // Without its id, everything in it will be looked at.
            Ok(_) | Err(_) => None,
        };
        let folders: Vec<(String, String)> = reads.folders().into_iter().filter_map(id).collect();
        let is_inside = reads.is_inside(&folders);
        Self { number: AtomicU64::new(number), folders, is_inside }
    }

    /// Whether what something has read is the same in the tree with a number; asked once for each
    /// tree.
    pub(crate) fn holds(&self, number: u64, tree: &dyn SourceTree, reads: &ReadSet) -> Result<bool, TreeError> {
        if self.number.load(Ordering::Relaxed) == number {
            return Ok(true);
        }
        let mut unchanged = Vec::with_capacity(self.folders.len());
        for (folder, id) in &self.folders {
            if tree.entry(folder)?.is_some_and(|entry| entry.is_marked(id)) {
                unchanged.push(folder.as_str());
            }
        }
        let is_untouched = self.is_inside && unchanged.len() == self.folders.len();
        let holds = is_untouched || reads.paths_hold_outside(tree, &unchanged)?;
        if holds {
            self.number.store(number, Ordering::Relaxed);
        }
        Ok(holds)
    }
}

/// Things by path, the newest first. Of two halves the older is forgotten when the younger is full.
#[derive(Debug)]
pub(crate) struct Store<V> {
    halves: Mutex<Halves<V>>,
    half_max: usize,
    states_max: usize,
}

#[derive(Debug)]
struct Halves<V> {
    young: HashMap<String, Vec<Arc<V>>>,
    old: HashMap<String, Vec<Arc<V>>>,
    young_count: usize,
}

impl<V> Store<V> {
    pub(crate) fn new(max: usize, states_max: usize) -> Self {
        let halves = Halves { young: HashMap::new(), old: HashMap::new(), young_count: 0 };
        Self { halves: Mutex::new(halves), half_max: max.div_ceil(2), states_max }
    }

    /// Everything that is known of a path.
    pub(crate) fn of(&self, path: &str) -> Vec<Arc<V>> {
        let mut halves = self.halves.lock().unwrap_or_else(PoisonError::into_inner);
        if !halves.old.is_empty()
            && let Some(old) = halves.old.remove(path)
        {
            halves.young_count += old.len();
            let states = halves.young.entry(path.to_owned()).or_default();
            states.extend(old);
            states.truncate(self.states_max);
        }
        halves.young.get(path).cloned().unwrap_or_default()
    }

    pub(crate) fn insert(&self, path: &str, state: Arc<V>) {
        let mut halves = self.halves.lock().unwrap_or_else(PoisonError::into_inner);
        halves.insert(path, state, self.states_max);
        if halves.young_count > self.half_max {
            halves.old = std::mem::take(&mut halves.young);
            halves.young_count = 0;
        }
    }
}

impl<V> Halves<V> {
    fn insert(&mut self, path: &str, state: Arc<V>, states_max: usize) {
        let states = match self.young.get_mut(path) {
            Some(states) => states,
            None => self.young.entry(path.to_owned()).or_default(),
        };
        states.insert(0, state);
        self.young_count += 1;
        if states.len() > states_max {
            states.truncate(states_max);
            self.young_count -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_used_stays_and_what_is_not_is_forgotten() {
        let store = Store::new(4, 2);
        store.insert("used", Arc::new(0));
        for number in 1..20 {
            store.insert(&format!("{number}"), Arc::new(number));
            assert_eq!(store.of("used").len(), 1, "after {number}");
        }
        assert!(store.of("3").is_empty());
        for number in 0..5 {
            store.insert("states", Arc::new(number));
        }
        assert_eq!(store.of("states").iter().map(|state| **state).collect::<Vec<_>>(), [4, 3]);
    }
}
