//! What a render depended on.

use std::collections::{BTreeMap, BTreeSet};

use crate::tree::{Entry, SourceTree, TreeError, parent, starts_in};

/// Mark of a folder of which only its being there mattered.
pub(crate) const FOLDER: &str = "folder";

/// What a render depended on, exactly: as long as all of it holds, so does the result.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ReadSet {
    /// Every path that was looked at, with its blob or tree id (of a folder: everything below
    /// it), `symlink:TARGET`, `submodule`, `folder` (there, whatever it holds), or `None` when
    /// nothing was there. What lies below a folder with its tree id is not listed again.
    pub paths: BTreeMap<String, Option<String>>,
    /// Every variable that was read, with its value.
    pub variables: BTreeMap<String, Option<String>>,
}

impl ReadSet {
    /// Whether all that was read is still the same.
    pub fn still_holds(
        &self,
        tree: &dyn SourceTree,
        variables: Option<&BTreeMap<String, String>>,
    ) -> Result<bool, TreeError> {
        Ok(self.variables_hold(variables) && self.paths_hold(tree)?)
    }

    /// Whether a change of the file at a path can touch what was read.
    pub fn is_touched_by(&self, path: &str) -> bool {
        let listed = |mark: &Option<String>| mark.as_deref().is_some_and(|mark| mark != FOLDER);
        let mut place = path;
        loop {
            match self.paths.get(place) {
                Some(_) if place == path => return true,
                // What was there, or was not, as another thing than a folder; or was listed.
                Some(mark) if mark.is_none() || listed(mark) => return true,
                Some(_) | None => {}
            }
            if place.is_empty() {
                return false;
            }
            place = parent(place);
        }
    }

    /// The folders that hold what was read, where they were seen to be there themselves.
    pub(crate) fn folders(&self) -> BTreeSet<&str> {
        let is_seen = |folder: &&str| self.paths.get(*folder).is_some_and(|mark| mark.as_deref() == Some(FOLDER));
        let read = self.paths.iter().filter(|(_, mark)| mark.as_deref() != Some(FOLDER));
        read.map(|(path, _)| parent(path)).filter(|folder| !folder.is_empty()).filter(is_seen).collect()
    }

    /// Whether the content of some folders says everything of what was read.
    pub(crate) fn is_inside(&self, folders: &[(String, String)]) -> bool {
        let folders: Vec<&str> = folders.iter().map(|(folder, _)| folder.as_str()).collect();
        self.paths.iter().all(|(path, mark)| follows(path, mark.as_deref(), &folders))
    }

    /// Whether every variable that was read has the same value.
    pub(crate) fn variables_hold(&self, variables: Option<&BTreeMap<String, String>>) -> bool {
        let now = |name: &String| variables.and_then(|variables| variables.get(name));
        self.variables.iter().all(|(name, value)| now(name) == value.as_ref())
    }

    /// Whether every path that was read has the same content.
    pub(crate) fn paths_hold(&self, tree: &dyn SourceTree) -> Result<bool, TreeError> {
        self.paths_hold_outside(tree, &[])
    }

    /// The same, in a tree in which some folders and all that they hold are unchanged.
    pub(crate) fn paths_hold_outside(&self, tree: &dyn SourceTree, folders: &[&str]) -> Result<bool, TreeError> {
        for (path, expected) in &self.paths {
            if follows(path, expected.as_deref(), folders) {
                continue;
            }
            let found = tree.entry(path)?;
            let same = match (expected.as_deref(), &found) {
                (None, None) => true,
                (Some(FOLDER), Some(Entry::Directory { .. })) => true,
                (Some(expected), Some(entry)) => entry.is_marked(expected),
                (None, Some(_)) | (Some(_), None) => false,
            };
            if !same {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// Whether what was seen at a path follows from folders that are unchanged: it lies in one, or it is a
/// folder around one.
fn follows(path: &str, mark: Option<&str>, folders: &[&str]) -> bool {
    folders.iter().any(|folder| starts_in(path, folder) || (mark == Some(FOLDER) && starts_in(folder, path)))
}
