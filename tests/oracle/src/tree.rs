//! A tree of files, and which fields of Kustomize it uses.

use std::collections::{BTreeMap, BTreeSet};

use skerry_render::MemoryTree;

/// Files by path; the folder that is built is `in`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tree {
    pub(crate) files: BTreeMap<String, String>,
    /// Symbolic links by path: where they lead, as written in them.
    pub(crate) links: BTreeMap<String, String>,
    pub(crate) fields: BTreeSet<&'static str>,
}

impl Tree {
    /// For our own build.
    pub(crate) fn in_memory(&self) -> MemoryTree {
        let mut tree = MemoryTree::new();
        for (path, content) in &self.files {
            tree.insert(path.clone(), content);
        }
        for (path, target) in &self.links {
            tree.insert_symlink(path.clone(), target.clone());
        }
        tree
    }

    /// The kinds of its lines: what differences of output are told apart by.
    pub(crate) fn sort(&self) -> String {
        let keys = self.files.values().flat_map(|content| content.lines());
        let keys = keys.filter_map(|line| line.split_once(':')).map(|(key, _)| key.trim_start_matches([' ', '-']));
        keys.collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>().join(" ")
    }

    /// As a case of the corpus is written.
    pub(crate) fn shown(&self) -> String {
        let links = self.links.iter().map(|(path, target)| format!("-- {path} -> {target} --\n"));
        let files = self.files.iter().map(|(path, content)| format!("-- {path} --\n{content}"));
        links.chain(files).collect()
    }
}
