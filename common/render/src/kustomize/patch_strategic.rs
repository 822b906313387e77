//! Strategic merge patches, as Kustomize merges them.
//!
//! Mappings are merged field by field, `null` deletes, `$patch: delete|replace|merge` directs, and
//! lists are replaced, but for those that the schema merges by key (see [`lists`]). Kinds that are
//! not built in have no schema, so that for them this is a JSON merge patch.
//!
//! What a patch adds to nothing is *settled* first: directives and nulls inside it have done their
//! work and are taken out. A field without any value (`key:`) does not survive a merge, while an
//! explicit `null` that the patch does not mention stays: both are the original's.

mod lists;

use std::collections::{BTreeMap, BTreeSet};

use skerry_yaml::{List, Node, NodeKind};

use super::quotes::{keep_style, quote_passed};
use super::schema::{Schema, Table};
use super::shared::Change;
use crate::document::text_at;

/// Why a patch cannot be merged.
#[derive(Debug)]
pub(crate) struct Misfit {
    /// The field, from the root.
    pub(crate) field: String,
    /// In words.
    pub(crate) message: String,
}

/// Merges a patch into an object; nothing is left when the patch deletes it. Also says which shared
/// values have changed, in the order of their paths.
///
/// `$patch: replace` of the whole object changes nothing, as in Kustomize.
pub(crate) fn merge(dest: Node, patch: Node, table: &Table) -> Result<(Option<Node>, Vec<Change>), Misfit> {
    let mut walk = Walk { table, path: Vec::new(), changes: BTreeMap::new() };
    if patch.get(DIRECTIVE).and_then(Node::as_str) == Some("replace") {
        walk.settle(patch, Schema::Unknown)?;
        return Ok((Some(dest), Vec::new()));
    }
    let merged = walk.node(Some(dest), Some(patch), Schema::Unknown)?.into_value();
    Ok((merged, walk.changes.into_values().collect()))
}

/// What became of a node.
#[derive(Debug)]
enum Merged {
    /// It is deleted.
    Gone,
    /// It is the old one, changed.
    Old(Node),
    /// It is that of the patch.
    New(Node),
    /// It is an explicit null that stays.
    Null(Node),
}

impl Merged {
    /// The value to keep, in a mapping.
    fn into_value(self) -> Option<Node> {
        match self {
            Merged::Gone => None,
            Merged::Old(node) | Merged::New(node) => Some(node).filter(|node| !node.is_null()),
            Merged::Null(node) => Some(node),
        }
    }
}

/// What `$patch` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Directive {
    Merge,
    Replace,
    Delete,
}

struct Walk<'t> {
    table: &'t Table,
    path: Vec<String>,
    /// Shared values that were changed, by their path.
    changes: BTreeMap<Vec<String>, Change>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Scalar,
    List,
    Mapping,
}

fn form(node: Option<&Node>) -> Option<Form> {
    match &node?.kind {
        NodeKind::Mapping { .. } => Some(Form::Mapping),
        NodeKind::Sequence { .. } => Some(Form::List),
        NodeKind::Scalar { .. } | NodeKind::Alias { .. } => node.filter(|node| !node.is_null()).map(|_| Form::Scalar),
    }
}

impl<'t> Walk<'t> {
    fn misfit<T>(&self, message: impl Into<String>) -> Result<T, Misfit> {
        Err(Misfit { field: self.path.join("."), message: message.into() })
    }

    /// Kustomize stumbles over a key without any letter, wherever a merge passes it.
    fn refuse_empty(&self, key: &str) -> Result<(), Misfit> {
        if key.is_empty() { self.misfit("a mapping with an empty key cannot be merged") } else { Ok(()) }
    }

    /// Merges two nodes, either of which may be missing.
    fn node(&mut self, dest: Option<Node>, patch: Option<Node>, schema: Schema<'t>) -> Result<Merged, Misfit> {
        let schema = typed(self.table, schema, [dest.as_ref(), patch.as_ref()]);
        let (old, new) = (form(dest.as_ref()), form(patch.as_ref()));
        if let (Some(old), Some(new)) = (old, new)
            && old != new
        {
            return self.misfit("the patch has another shape: text, list and mapping cannot be merged");
        }
        match old.or(new) {
            Some(Form::Mapping) | None => self.mapping(dest, patch, schema),
            Some(Form::List) => {
                if schema.merged().is_some() {
                    return self.list(dest, patch, schema);
                }
                Ok(newer(dest, patch))
            }
            Some(Form::Scalar) => Ok(newer(dest, patch)),
        }
    }

    fn mapping(&mut self, dest: Option<Node>, patch: Option<Node>, schema: Schema<'t>) -> Result<Merged, Misfit> {
        let Some(mut dest) = dest.filter(|dest| !dest.is_null() || patch.is_none()) else {
            let Some(patch) = patch else { return Ok(Merged::Gone) };
            // Kustomize takes no notice of a directive here that it does not know, and keeps it.
            let is_unknown = patch.get(DIRECTIVE).is_some_and(|node| self.directive(directive_text(node)).is_err());
            if is_unknown {
                return Ok(Merged::New(self.settle_fields(patch, schema)?));
            }
            return Ok(self.settle(patch, schema)?.map_or(Merged::Gone, Merged::New));
        };
        if dest.is_null() {
            let is_explicit = dest.as_str().is_some_and(|text| !text.is_empty());
            return Ok(if is_explicit { Merged::Null(dest) } else { Merged::Gone });
        }
        let mut patch = patch.unwrap_or_else(Node::mapping);
        if patch.is_null() {
            return Ok(Merged::Gone);
        }
        match self.take_directive(&mut patch)? {
            Directive::Delete => return Ok(Merged::Gone),
            Directive::Replace => return Ok(self.settle(patch, schema)?.map_or(Merged::Gone, Merged::New)),
            Directive::Merge => {}
        }
        self.fields(&mut dest, patch, schema)?;
        Ok(Merged::Old(dest))
    }

    /// Merges the fields of two mappings.
    fn fields(&mut self, dest: &mut Node, mut patch: Node, schema: Schema<'t>) -> Result<(), Misfit> {
        if let Some(entries) = patch.entries_mut() {
            keep_first(entries);
        }
        let old = dest.entries_mut().map(std::mem::take).unwrap_or_default();
        let mut merged = List::with_capacity(old.len());
        for (key, value) in old {
            let name = key.as_str().unwrap_or("").to_owned();
            let newer = take(&mut patch, &name);
            let schema = self.below(schema, &name, [Some(&key), newer.as_ref().map(|(key, _)| key)]);
            let newer = newer.map(|(_, newer)| newer);
            if let Some(value) = self.field(&name, Some(value), newer, schema)? {
                merged.push((key, value));
            }
        }
        for (key, newer) in patch.entries_mut().map(std::mem::take).unwrap_or_default() {
            let name = key.as_str().unwrap_or("").to_owned();
            let schema = self.below(schema, &name, [Some(&key), None]);
            if let Some(value) = self.field(&name, None, Some(newer), schema)? {
                merged.push((key, value));
            }
        }
        if let Some(entries) = dest.entries_mut() {
            *entries = merged;
        }
        Ok(())
    }

    /// What is known of a field: what a comment beside its key says, else what its mapping says.
    fn below(&self, schema: Schema<'t>, name: &str, keys: [Option<&Node>; 2]) -> Schema<'t> {
        let said = keys.into_iter().flatten().find_map(|key| self.table.said_by(key.comments()));
        said.unwrap_or_else(|| schema.field(name))
    }

    /// Merges the values of a field.
    fn field(
        &mut self,
        name: &str,
        dest: Option<Node>,
        patch: Option<Node>,
        schema: Schema<'t>,
    ) -> Result<Option<Node>, Misfit> {
        self.refuse_empty(name)?;
        self.path.push(name.to_owned());
        let is_replaced = patch.is_some();
        let mut dest = dest;
        if let Some(passed) = dest.as_mut().filter(|_| !is_replaced)
            && quote_passed(passed)
            && let Some(change) = Change::to(passed)
        {
            self.changes.insert(self.path.clone(), change);
        }
        if let (Some(dest), Some(patch)) = (dest.as_mut(), patch.as_ref()) {
            take_style(dest, patch);
        }
        let old = dest.as_ref().filter(|_| is_replaced).map(husk);
        let mut merged = self.node(dest, patch, schema)?;
        if let (Some(old), Merged::New(new)) = (&old, &mut merged)
            && !new.is_null()
        {
            keep_style(old, new);
            if let Some(change) = Change::of(old, new) {
                self.changes.insert(self.path.clone(), change);
            }
        }
        self.path.pop();
        let mut value = merged.into_value();
        if let Some(new) = value.as_mut().filter(|_| old.is_none() && is_replaced) {
            quote_passed(new);
        }
        Ok(value)
    }

    /// Takes directives and nulls out of what is added as it is.
    fn settle(&mut self, mut node: Node, schema: Schema<'t>) -> Result<Option<Node>, Misfit> {
        if node.is_null() {
            return Ok(None);
        }
        let schema = typed(self.table, schema, [Some(&node), None]);
        if node.is_sequence() {
            return if schema.merged().is_some() { self.settle_list(node, schema) } else { Ok(Some(node)) };
        }
        if !node.is_mapping() {
            return Ok(Some(node));
        }
        if self.take_directive(&mut node)? == Directive::Delete {
            return Ok(None);
        }
        self.settle_fields(node, schema).map(Some)
    }

    fn settle_fields(&mut self, mut node: Node, schema: Schema<'t>) -> Result<Node, Misfit> {
        let entries = node.entries_mut().map(std::mem::take).unwrap_or_default();
        let mut settled = List::with_capacity(entries.len());
        for (key, value) in entries {
            let name = key.as_str().unwrap_or("").to_owned();
            self.refuse_empty(&name)?;
            self.path.push(name.clone());
            if let Some(mut value) = self.settle(value, self.below(schema, &name, [Some(&key), None]))? {
                quote_passed(&mut value);
                settled.push((key, value));
            }
            self.path.pop();
        }
        if let Some(entries) = node.entries_mut() {
            *entries = settled;
        }
        Ok(node)
    }

    /// Reads and takes out `$patch` of a mapping.
    fn take_directive(&self, patch: &mut Node) -> Result<Directive, Misfit> {
        match patch.get(DIRECTIVE).map(|node| directive_text(node).to_owned()) {
            None => Ok(Directive::Merge),
            Some(text) => {
                let directive = self.directive(&text)?;
                patch.remove(DIRECTIVE);
                Ok(directive)
            }
        }
    }

    fn directive(&self, text: &str) -> Result<Directive, Misfit> {
        match text {
            "merge" => Ok(Directive::Merge),
            "replace" => Ok(Directive::Replace),
            "delete" => Ok(Directive::Delete),
            other => self.misfit(format!("`$patch: {other}` is none of merge, replace and delete")),
        }
    }
}

/// A node without what is below it.
fn husk(node: &Node) -> Node {
    let mut husk = match &node.kind {
        NodeKind::Scalar { .. } | NodeKind::Alias { .. } => return node.clone(),
        NodeKind::Sequence { style, .. } => Node::new(NodeKind::Sequence { items: List::new(), style: *style }),
        NodeKind::Mapping { style, .. } => Node::new(NodeKind::Mapping { entries: List::new(), style: *style }),
    };
    husk.position = node.position;
    husk
}

/// What is empty stands in brackets; what comes into it is written as it was in the patch.
fn take_style(dest: &mut Node, patch: &Node) {
    match (&mut dest.kind, &patch.kind) {
        (NodeKind::Sequence { items, style }, NodeKind::Sequence { style: new, .. }) if items.is_empty() => {
            *style = *new;
        }
        (NodeKind::Mapping { entries, style }, NodeKind::Mapping { style: new, .. }) if entries.is_empty() => {
            *style = *new;
        }
        _ => {}
    }
}

/// The field that directs a merge.
const DIRECTIVE: &str = "$patch";

/// The patch's value, else the old one.
fn newer(dest: Option<Node>, patch: Option<Node>) -> Merged {
    match (dest, patch) {
        (_, Some(patch)) => Merged::New(patch),
        (Some(dest), None) => Merged::Old(dest),
        (None, None) => Merged::Gone,
    }
}

/// What a directive says; nothing when it is no text.
fn directive_text(node: &Node) -> &str {
    node.as_str().unwrap_or("")
}

/// Takes a key and its value out of a mapping.
fn take(mapping: &mut Node, name: &str) -> Option<(Node, Node)> {
    let index = mapping.entries().iter().position(|(key, _)| key.as_str() == Some(name))?;
    Some(mapping.entries_mut()?.remove(index))
}

/// Of the values of one key only the first is ever looked at.
fn keep_first(entries: &mut List<(Node, Node)>) {
    let is_first = |index: usize| {
        let name = entries.get(index).and_then(|(key, _)| key.as_str());
        entries.iter().position(|(key, _)| key.as_str() == name) == Some(index)
    };
    if (0..entries.len()).all(is_first) {
        return;
    }
    let mut names = BTreeSet::new();
    entries.retain(|(key, _)| names.insert(key.as_str().map(str::to_owned)));
}

/// What is known of a node: what a comment at it says, else what is known from above, else what its
/// own kind says.
fn typed<'t>(table: &'t Table, schema: Schema<'t>, nodes: [Option<&Node>; 2]) -> Schema<'t> {
    let commented = nodes.into_iter().flatten().filter(|node| !node.is_null());
    if let Some(said) = commented.into_iter().find_map(|node| table.said_by(node.comments())) {
        return said;
    }
    if !schema.is_unknown() {
        return schema;
    }
    for node in nodes.into_iter().flatten() {
        let (version, kind) = (text_at(node, &["apiVersion"]), text_at(node, &["kind"]));
        if let (Some(version), Some(kind)) = (version, kind) {
            let found = table.of_kind(version, kind);
            if !found.is_unknown() {
                return found;
            }
        }
    }
    schema
}
