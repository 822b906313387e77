//! Finds the files of a fleet repository and splits them into documents.

use skerry_common::diagnostic::{Diagnostic, Location};
use skerry_common::error_chain::Chain;
use skerry_render::{Entry, SourceTree, TreeError};
use skerry_yaml::{Limits, Node};

use super::codes;

/// Largest file, in bytes: a fleet of 10,000 clusters in one file has about half of that.
const FILE_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// Most files: one for each cluster of a large fleet, and its applications.
const FILES_MAX: usize = 20_000;

/// Deepest folder: what people still find their way in, with room to spare.
const DEPTH_MAX: usize = 32;

/// Most documents of one file.
const DOCUMENTS_MAX: usize = 20_000;

/// Deepest nesting of values: the deepest field of any kind is at eight.
const NESTING_MAX: usize = 32;

/// Most nodes of one file: what the largest file can hold.
const NODES_MAX: usize = 1_000_000;

/// One document and where it is.
#[derive(Debug)]
pub(super) struct RawDocument {
    /// Path from the root of the repository.
    pub(super) file: String,
    /// Its only node, aliases replaced.
    pub(super) root: Node,
}

/// Reads every `*.yaml` and `*.yml` at or below a path, in the order of their paths. Names that
/// begin with a dot are passed over: they hold what other tools keep in a repository.
pub(super) fn read(tree: &dyn SourceTree, path: &str, diagnostics: &mut Vec<Diagnostic>) -> Vec<RawDocument> {
    let path = if path == "." { "" } else { path.trim_matches('/') };
    let mut reader = Reader { tree, files: Vec::new(), diagnostics };
    match tree.entry(path) {
        Ok(Some(Entry::File { size, .. })) => reader.files.push((path.to_owned(), size)),
        Ok(Some(Entry::Directory { .. })) => reader.folder(path, 0),
        Ok(None) if path.is_empty() => reader.folder(path, 0),
        Ok(Some(Entry::Symlink { .. } | Entry::Submodule) | None) => {
            let message = format!("there is no folder `{path}` in the fleet repository");
            let help = "check the fleet's path in the hub's configuration";
            reader
                .diagnostics
                .push(Diagnostic::error(codes::UNREADABLE, message).at(Location::file(path, None)).help(help));
        }
        Err(error) => reader.failed(path, &error),
    }
    let files = std::mem::take(&mut reader.files);
    files.into_iter().flat_map(|(file, size)| reader.file(&file, size)).collect()
}

struct Reader<'a> {
    tree: &'a dyn SourceTree,
    files: Vec<(String, u64)>,
    diagnostics: &'a mut Vec<Diagnostic>,
}

impl Reader<'_> {
    fn folder(&mut self, path: &str, depth: usize) {
        if depth > DEPTH_MAX || self.files.len() > FILES_MAX {
            let message = format!("more than {FILES_MAX} files or {DEPTH_MAX} folders in each other");
            self.push(codes::TOO_MANY, path, message, "use a path that holds fleet documents only");
            return;
        }
        let entries = match self.tree.list(path) {
            Ok(entries) => entries,
            Err(error) => return self.failed(path, &error),
        };
        for (name, entry) in entries {
            if name.starts_with('.') {
                continue;
            }
            let child = if path.is_empty() { name.clone() } else { format!("{path}/{name}") };
            match entry {
                Entry::Directory { .. } => self.folder(&child, depth + 1),
                Entry::File { size, .. } if is_yaml(&name) => self.files.push((child, size)),
                Entry::Symlink { .. } if is_yaml(&name) || !name.contains('.') => {
                    self.push(
                        codes::LINK,
                        &child,
                        format!("`{child}` is a symbolic link"),
                        "put the file itself there",
                    );
                }
                Entry::File { .. } | Entry::Symlink { .. } | Entry::Submodule => {}
            }
        }
    }

    fn file(&mut self, path: &str, size: u64) -> Vec<RawDocument> {
        if size > FILE_BYTES_MAX {
            let message = format!("`{path}` has {size} bytes: at most {FILE_BYTES_MAX} are read");
            self.push(codes::TOO_MANY, path, message, "split the file");
            return Vec::new();
        }
        let bytes = match self.tree.read(path) {
            Ok(bytes) => bytes,
            Err(error) => {
                self.failed(path, &error);
                return Vec::new();
            }
        };
        let limits = Limits {
            bytes_max: usize::try_from(FILE_BYTES_MAX).unwrap_or(usize::MAX),
            depth_max: NESTING_MAX,
            nodes_max: NODES_MAX,
            documents_max: DOCUMENTS_MAX,
        };
        let expanded = skerry_yaml::parse_bytes(&bytes, &limits).and_then(|mut documents| {
            documents.iter_mut().try_for_each(|document| skerry_yaml::expand_aliases(document, &limits))?;
            Ok(documents)
        });
        match expanded {
            Ok(documents) => documents
                .into_iter()
                .filter(|document| !document.root.is_null())
                .map(|document| RawDocument { file: path.to_owned(), root: document.root })
                .collect(),
            Err(error) => {
                let location = Location::file(path, Some(error.position.line));
                let help = "correct the file; `git diff` shows what changed in it last";
                self.diagnostics.push(Diagnostic::error(codes::NOT_YAML, error.message).at(location).help(help));
                Vec::new()
            }
        }
    }

    fn failed(&mut self, path: &str, error: &TreeError) {
        self.push(codes::UNREADABLE, path, Chain(error).to_string(), "see the hub's log for the source");
    }

    fn push(&mut self, code: skerry_common::diagnostic::Code, path: &str, message: String, help: &str) {
        self.diagnostics.push(Diagnostic::error(code, message).at(Location::file(path, None)).help(help));
    }
}

fn is_yaml(name: &str) -> bool {
    name.ends_with(".yaml") || name.ends_with(".yml")
}
