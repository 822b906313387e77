//! A tree in memory, for tests and the demo.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, OnceLock};

use skerry_common::bundle::digest::Digest;

use super::{Entry, SourceTree, TreeError};

/// A tree in memory. Ids are digests of the content, so that equal content has equal ids.
#[derive(Debug, Clone, Default)]
pub struct MemoryTree {
    leaves: BTreeMap<String, Leaf>,
    /// The ids of all folders, made when first asked for after a change.
    folders: OnceLock<HashMap<String, String>>,
}

#[derive(Debug, Clone)]
enum Leaf {
    File { content: Arc<[u8]>, id: String },
    Symlink(String),
    Submodule,
}

impl MemoryTree {
    /// An empty tree.
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts a file, in place of what was there.
    pub fn insert(&mut self, path: impl Into<String>, content: impl AsRef<[u8]>) {
        let content = content.as_ref();
        self.put(path.into(), Leaf::File { content: Arc::from(content), id: Digest::of(content).hex() });
    }

    /// Puts a symbolic link.
    pub fn insert_symlink(&mut self, path: impl Into<String>, target: impl Into<String>) {
        self.put(path.into(), Leaf::Symlink(target.into()));
    }

    /// Puts a submodule.
    pub fn insert_submodule(&mut self, path: impl Into<String>) {
        self.put(path.into(), Leaf::Submodule);
    }

    fn put(&mut self, path: String, leaf: Leaf) {
        self.leaves.insert(path, leaf);
        self.folders = OnceLock::new();
    }

    /// Takes away whatever is at a path, or below it.
    pub fn remove(&mut self, path: &str) {
        let below = format!("{path}/");
        self.leaves.retain(|name, _| name != path && !name.starts_with(&below));
        self.folders = OnceLock::new();
    }

    /// Every path that holds something other than a folder.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.leaves.keys().map(String::as_str)
    }

    fn below<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a str, &'a Leaf)> {
        self.leaves
            .range(prefix.to_owned()..)
            .take_while(move |(name, _)| name.starts_with(prefix))
            .map(|(name, leaf)| (name.as_str(), leaf))
    }

    fn folder(&self, path: &str) -> Option<Entry> {
        let id = self.folders.get_or_init(|| self.folder_ids()).get(path)?;
        Some(Entry::Directory { id: id.clone() })
    }

    /// Digests of what lies in each folder, at any depth. There is always a root.
    fn folder_ids(&self) -> HashMap<String, String> {
        let mut texts = BTreeMap::from([(String::new(), String::new())]);
        for (path, leaf) in &self.leaves {
            let ends = path.match_indices('/').map(|(index, _)| index);
            let folders = std::iter::once("").chain(ends.map(|end| &path[..end]));
            let mark = leaf.entry().mark();
            for folder in folders {
                let inside = path.strip_prefix(folder).unwrap_or(path).trim_start_matches('/');
                let text = texts.entry(folder.to_owned()).or_default();
                text.push_str(&format!("{inside}\0{mark}\n"));
            }
        }
        texts.into_iter().map(|(path, text)| (path, Digest::of(text.as_bytes()).hex())).collect()
    }
}

impl Leaf {
    fn entry(&self) -> Entry {
        match self {
            Leaf::File { content, id } => Entry::File { id: id.clone(), size: content.len() as u64, executable: false },
            Leaf::Symlink(target) => Entry::Symlink { target: target.clone() },
            Leaf::Submodule => Entry::Submodule,
        }
    }
}

impl SourceTree for MemoryTree {
    fn entry(&self, path: &str) -> Result<Option<Entry>, TreeError> {
        Ok(self.folder(path).or_else(|| self.leaves.get(path).map(Leaf::entry)))
    }

    fn list(&self, path: &str) -> Result<Vec<(String, Entry)>, TreeError> {
        let prefix = if path.is_empty() { String::new() } else { format!("{path}/") };
        let mut names = BTreeMap::new();
        for (name, leaf) in self.below(&prefix) {
            let rest = &name[prefix.len()..];
            match rest.split_once('/') {
                None => {
                    names.insert(rest.to_owned(), Some(leaf.entry()));
                }
                Some((folder, _)) => {
                    let path = format!("{prefix}{folder}");
                    names.entry(folder.to_owned()).or_insert_with(|| self.folder(&path));
                }
            }
        }
        Ok(names.into_iter().filter_map(|(name, entry)| Some((name, entry?))).collect())
    }

    fn read(&self, path: &str) -> Result<Arc<[u8]>, TreeError> {
        match self.leaves.get(path) {
            Some(Leaf::File { content, .. }) => Ok(content.clone()),
            Some(Leaf::Symlink(_) | Leaf::Submodule) | None => Err(TreeError::NotAFile { path: path.to_owned() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_seen_and_named_by_what_they_hold() {
        let mut tree = MemoryTree::new();
        tree.insert("a/b/c.yaml", "1");
        tree.insert("a/d.yaml", "2");
        let names = |tree: &MemoryTree, path: &str| -> Vec<String> {
            tree.list(path).expect("readable").into_iter().map(|(name, _)| name).collect()
        };
        assert_eq!(names(&tree, ""), ["a"]);
        assert_eq!(names(&tree, "a"), ["b", "d.yaml"]);
        let before = tree.entry("a").expect("readable");
        tree.insert("a/b/c.yaml", "3");
        assert_ne!(tree.entry("a").expect("readable"), before);
        assert_eq!(tree.entry("a/x").expect("readable"), None);
        tree.remove("a/b");
        assert_eq!(names(&tree, "a"), ["d.yaml"]);
    }
}
