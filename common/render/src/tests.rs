//! Behaviour of the whole crate, on trees in memory.

mod cases;
mod charts;
mod edits;
mod errors;
mod explain;
mod golden;
mod incremental;
mod plain;
mod remote;

use std::collections::BTreeMap;

use crate::{MemoryTree, RenderRequest, Rendered, render};
use skerry_common::diagnostic::Diagnostic;

/// A tree of files.
fn tree(files: &[(&str, &str)]) -> MemoryTree {
    let mut tree = MemoryTree::new();
    for (path, content) in files {
        tree.insert(*path, content);
    }
    tree
}

fn rendered(tree: &MemoryTree, path: &str) -> Rendered {
    render(tree, &RenderRequest::new(path)).unwrap_or_else(|problems| panic!("{}", shown(&problems)))
}

fn shown(problems: &[Diagnostic]) -> String {
    problems.iter().map(|problem| format!("{problem}\n")).collect()
}

fn variables(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}
