//! Keys that stand in a mapping twice, where Kustomize builds all the same.
//!
//! It takes notice of them only when it turns an object into JSON. By then a patch has been merged,
//! which looks for the first value of each key, and annotations have been written anew, of which the
//! last value of each counts. Anywhere else a key twice is an error, and a warning here.

use std::collections::BTreeSet;

use skerry_common::diagnostic::Diagnostic;
use skerry_yaml::{Duplicates, Node, parse_bytes_with};

use crate::codes::{self, Fallible, fail};
use crate::document::{parse_pieces, parse_pieces_with, place};
use crate::limits::RenderLimits;

/// What is read, and a warning where a key stood twice.
pub(crate) type Warned = (Vec<Node>, Option<Diagnostic>);

/// Parses a patch: of the values of a key all are kept, for a merge that takes the first.
pub(crate) fn parse_patch(content: &[u8], file: &str, limits: &RenderLimits) -> Fallible<Warned> {
    parse(content, file, limits, "the first value counts", |_| true)
}

/// Parses objects: of the values of an annotation the last is kept.
pub(crate) fn parse_objects(content: &[u8], file: &str, limits: &RenderLimits) -> Fallible<Warned> {
    parse(content, file, limits, "the last value counts", |node| {
        settle_annotations(node);
        !has_twins(node)
    })
}

fn parse(
    content: &[u8],
    file: &str,
    limits: &RenderLimits,
    what_counts: &str,
    settle: impl Fn(&mut Node) -> bool,
) -> Fallible<Warned> {
    let problems = match parse_pieces(content, file, limits) {
        Ok(nodes) => return Ok((nodes, None)),
        Err(problems) => problems,
    };
    let nodes = parse_pieces_with(content, file, limits, Duplicates::Kept).ok();
    let Some(mut nodes) = nodes else { return Err(problems) };
    if !nodes.iter_mut().all(settle) {
        return Err(problems);
    }
    let warning = problems.into_iter().next().map(|problem| {
        let message = format!("{}: {what_counts}", problem.message);
        Diagnostic::warning(codes::NO_EFFECT, message).at(problem.location)
    });
    Ok((nodes, warning))
}

/// Refuses two merge keys in one mapping, as Kustomize does in objects.
pub(crate) fn refuse_merges(content: &[u8], file: &str, limits: &RenderLimits) -> Fallible<()> {
    // What cannot be read at all is refused by who reads it.
    let documents = parse_bytes_with(content, &limits.yaml(), Duplicates::Kept).unwrap_or_default();
    match documents.iter().find_map(|document| second_merge(&document.root)) {
        None => Ok(()),
        Some(key) => fail(codes::NOT_YAML, &place(file, key), "`<<` stands here twice: write it once, with a list"),
    }
}

fn second_merge(node: &Node) -> Option<&Node> {
    let is_merge = |key: &Node| key.is_plain() && key.tag().is_none() && key.as_str() == Some("<<");
    let second = node.entries().iter().map(|(key, _)| key).filter(|key| is_merge(key)).nth(1);
    // What is merged is looked at by nobody.
    let below = || {
        let values = node.entries().iter().filter(|(key, _)| !is_merge(key)).map(|(_, value)| value);
        values.chain(node.items()).find_map(second_merge)
    };
    second.or_else(below)
}

/// Makes all annotations of an object one mapping, with the last value of each.
fn settle_annotations(node: &mut Node) {
    const FIELD: &str = "annotations";
    let Some(metadata) = node.get_mut("metadata") else { return };
    let mut settled = Node::mapping();
    let values = metadata.entries().iter().filter(|(key, _)| key.as_str() == Some(FIELD)).map(|(_, value)| value);
    for (key, value) in values.flat_map(Node::entries) {
        let Some(name) = key.as_str() else { return };
        settled.set(name, value.clone());
    }
    let Some(entries) = metadata.entries_mut() else { return };
    let has_some = !settled.entries().is_empty();
    let mut is_first = true;
    entries.retain(|(key, value)| match key.as_str() {
        Some(FIELD) if value.is_mapping() => std::mem::replace(&mut is_first, false),
        Some(FIELD) => !(has_some && value.is_null()),
        Some(_) | None => true,
    });
    if let Some(annotations) = metadata.get_mut(FIELD).filter(|annotations| annotations.is_mapping()) {
        annotations.kind = settled.kind;
    }
}

/// Whether any key stands twice.
fn has_twins(node: &Node) -> bool {
    let mut names = BTreeSet::new();
    node.items().iter().any(has_twins)
        || node.entries().iter().any(|(key, value)| {
            let is_twin = key.as_str().is_some_and(|key| !names.insert(key));
            is_twin || has_twins(value)
        })
}
