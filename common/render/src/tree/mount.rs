//! Other trees beside the one that is rendered, each below a name of its own.
//!
//! A mounted tree is a folder at the root whose name says which it is, with [`SLASH`] in place of
//! `/`, so that it is one part of a path. No path leads from one tree into another, whatever `..`
//! and symbolic links say; only [`Mounts::add`] makes a way.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use super::{SourceTree, TreeError};

/// Stands in for `/`.
const SLASH: &str = "\u{2215}";

type Tree = Rc<dyn SourceTree>;

/// The other trees.
#[derive(Default)]
pub(crate) struct Mounts(RefCell<BTreeMap<String, Tree>>);

impl Mounts {
    /// The name of the folder of a tree.
    pub(crate) fn name(label: &str) -> String {
        label.replace(['/', '\\'], SLASH)
    }

    pub(crate) fn len(&self) -> usize {
        self.0.borrow().len()
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.borrow().contains_key(name)
    }

    pub(crate) fn add(&self, name: String, tree: Tree) {
        self.0.borrow_mut().insert(name, tree);
    }

    /// The name of the other tree that a path lies in.
    pub(crate) fn of<'p>(&self, path: &'p str) -> Option<&'p str> {
        let name = path.split('/').next().unwrap_or(path);
        self.has(name).then_some(name)
    }

    /// Asks the tree that a path lies in.
    pub(crate) fn ask<T>(
        &self,
        main: &dyn SourceTree,
        path: &str,
        question: impl FnOnce(&dyn SourceTree, &str) -> Result<T, TreeError>,
    ) -> Result<T, TreeError> {
        let (name, rest) = path.split_once('/').unwrap_or((path, ""));
        let mounted = self.0.borrow().get(name).cloned();
        match mounted {
            Some(tree) => question(&*tree, rest),
            None => question(main, path),
        }
    }
}
