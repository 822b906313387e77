//! Aliases and merge keys, replaced by what they stand for.

use std::collections::{HashMap, HashSet};

use crate::error::{ParseError, ParseErrorKind};
use crate::limits::Limits;
use crate::list::List;
use crate::node::{Document, Node, NodeKind, ScalarStyle};

/// Replaces each alias by a copy of its anchor's value and each merge key `<<` by the entries
/// of its mappings, and drops the anchors.
///
/// Bounded: the nodes that result are counted against [`Limits::nodes_max`], so that a document
/// in which aliases multiply each other is refused before it grows. A copy keeps the position
/// of the text that it was made of.
///
/// What a mapping sets itself wins over what it merges, and of several merged mappings the
/// first wins, as YAML has it. (go-yaml v2 alone lets a merge key win over keys above it.)
/// Merged entries stand where the merge key stood.
pub fn expand_aliases(document: &mut Document, limits: &Limits) -> Result<(), ParseError> {
    let mut used = HashSet::new();
    survey(&document.root, &mut used);
    let mut expander = Expander { limits, used, anchors: HashMap::new(), nodes: 0 };
    expander.expand(&mut document.root, 0)?;
    Ok(())
}

/// Whether a node is a merge key.
pub(crate) fn is_merge_key(node: &Node) -> bool {
    let NodeKind::Scalar { text, style } = &node.kind else {
        return false;
    };
    text == "<<"
        && match node.tag() {
            None => *style == ScalarStyle::Plain,
            Some(tag) => tag == "!!merge" || (tag == "!" && *style == ScalarStyle::Plain),
        }
}

/// Finds the names that aliases use.
fn survey(node: &Node, used: &mut HashSet<String>) {
    match &node.kind {
        NodeKind::Scalar { .. } => {}
        NodeKind::Sequence { items, .. } => {
            for item in items {
                survey(item, used);
            }
        }
        NodeKind::Mapping { entries, .. } => {
            for (key, value) in entries {
                survey(key, used);
                survey(value, used);
            }
        }
        NodeKind::Alias { name } => {
            if !used.contains(name.as_str()) {
                used.insert(name.as_str().to_owned());
            }
        }
    }
}

/// The size of an expanded subtree.
#[derive(Clone, Copy, Default)]
struct Extent {
    nodes: usize,
    depth: usize,
}

struct Anchor {
    /// Nothing while the node is not finished.
    value: Option<(Node, Extent)>,
    number: usize,
}

struct Expander<'a> {
    limits: &'a Limits,
    used: HashSet<String>,
    anchors: HashMap<String, Anchor>,
    nodes: usize,
}

impl Expander<'_> {
    fn count(&mut self, node: &Node, more: usize) -> Result<(), ParseError> {
        self.nodes = self.nodes.saturating_add(more);
        if self.nodes <= self.limits.nodes_max {
            return Ok(());
        }
        let message = format!("aliases expand to more than {} values", self.limits.nodes_max);
        Err(ParseError::new(ParseErrorKind::TooManyNodes, node.position, message))
    }

    fn expand(&mut self, node: &mut Node, depth: usize) -> Result<Extent, ParseError> {
        if depth > self.limits.depth() {
            return Err(self.too_deep(node));
        }
        if let NodeKind::Alias { name } = &node.kind {
            let name = name.clone();
            return self.replace(node, &name, depth);
        }
        let anchor = node.anchor().filter(|name| self.used.contains(*name)).map(str::to_owned);
        node.set_anchor(None);
        let number = self.nodes;
        if let Some(name) = &anchor {
            let anchor = Anchor { value: None, number };
            self.anchors.insert(name.clone(), anchor);
        }
        self.count(node, 1)?;
        let extent = self.expand_children(node, depth)?;
        if let Some(anchor) = anchor.and_then(|name| self.anchors.get_mut(&name))
            && anchor.number == number
            && anchor.value.is_none()
        {
            anchor.value = Some((node.clone(), extent));
        }
        Ok(extent)
    }

    fn too_deep(&self, node: &Node) -> ParseError {
        let message = format!("nested deeper than {} levels", self.limits.depth());
        ParseError::new(ParseErrorKind::TooDeep, node.position, message)
    }

    fn replace(&mut self, node: &mut Node, name: &str, depth: usize) -> Result<Extent, ParseError> {
        let (kind, message) = match self.anchors.get(name) {
            Some(Anchor { value: Some((value, extent)), .. }) => {
                let extent = *extent;
                if depth + extent.depth > self.limits.depth() {
                    return Err(self.too_deep(node));
                }
                self.nodes = self.nodes.saturating_add(extent.nodes);
                if self.nodes > self.limits.nodes_max {
                    return self.count(node, 0).map(|()| extent);
                }
                let comments = node.comments().clone();
                *node = value.clone();
                node.clear_comments();
                if !comments.is_empty() {
                    *node.comments_mut() = comments;
                }
                return Ok(extent);
            }
            Some(Anchor { value: None, .. }) => {
                (ParseErrorKind::RecursiveAlias, format!("the value of anchor `{name}` contains itself"))
            }
            None => (ParseErrorKind::UndefinedAlias, format!("no anchor `{name}` is defined before this alias")),
        };
        Err(ParseError::new(kind, node.position, message))
    }

    fn expand_children(&mut self, node: &mut Node, depth: usize) -> Result<Extent, ParseError> {
        let mut extent = Extent { nodes: 1, depth: 0 };
        let mut add = |child: Extent| {
            extent.nodes = extent.nodes.saturating_add(child.nodes);
            extent.depth = extent.depth.max(child.depth + 1);
        };
        match &mut node.kind {
            NodeKind::Scalar { .. } | NodeKind::Alias { .. } => {}
            NodeKind::Sequence { items, .. } => {
                for item in items {
                    add(self.expand(item, depth + 1)?);
                }
            }
            NodeKind::Mapping { entries, .. } => {
                let mut merges = false;
                for (key, value) in entries.iter_mut() {
                    merges |= is_merge_key(key);
                    add(self.expand(key, depth + 1)?);
                    add(self.expand(value, depth + 1)?);
                }
                if merges {
                    merge(entries)?;
                }
            }
        }
        Ok(extent)
    }
}

/// Replaces the merge keys of a mapping whose values are expanded.
fn merge(entries: &mut List<(Node, Node)>) -> Result<(), ParseError> {
    let mut set: HashSet<String> = entries
        .iter()
        .filter(|(key, _)| !is_merge_key(key))
        .filter_map(|(key, _)| key.as_str().map(str::to_owned))
        .collect();
    let mut merged = List::with_capacity(entries.len());
    for (key, value) in std::mem::take(entries) {
        if !is_merge_key(&key) {
            merged.push((key, value));
            continue;
        }
        let position = value.position;
        let sources = match value.kind {
            NodeKind::Mapping { .. } => List::from_iter([value]),
            NodeKind::Sequence { items, .. } => items,
            NodeKind::Scalar { .. } | NodeKind::Alias { .. } => return Err(bad_merge(position)),
        };
        for source in sources {
            let position = source.position;
            let NodeKind::Mapping { entries, .. } = source.kind else {
                return Err(bad_merge(position));
            };
            for (key, value) in entries {
                let new = key.as_str().is_none_or(|name| set.insert(name.to_owned()));
                if new {
                    merged.push((key, value));
                }
            }
        }
    }
    *entries = merged;
    Ok(())
}

fn bad_merge(position: crate::node::Position) -> ParseError {
    ParseError::new(
        ParseErrorKind::BadMerge,
        position,
        "the value of a merge key `<<` is a mapping or a list of mappings",
    )
}
