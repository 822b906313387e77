//! `${NAME}` in parsed scalars, strictly.
//!
//! Only the text of scalars is looked at, so a value can never add a field or a document. A plain
//! scalar that is nothing but `${NAME}` takes the type that its new text has (`2`, `true`); any
//! other scalar stays the text that it was. `$${` stands for a literal `${`.

use std::collections::BTreeMap;

use skerry_common::diagnostic::{Diagnostic, Location};
use skerry_yaml::{Node, NodeKind, ScalarStyle};

use crate::codes::{MALFORMED_VARIABLE, UNKNOWN_VARIABLE};
use crate::document::Source;
use crate::suggest::nearest;

/// Replaces variables and notes which were read.
pub(crate) struct Substitution<'a> {
    values: &'a BTreeMap<String, String>,
    pub(crate) used: BTreeMap<String, Option<String>>,
    pub(crate) problems: Vec<Diagnostic>,
}

/// Whether any text may name a variable: most trees name none, and stay shared with their copies.
fn may_hold_variables(node: &Node) -> bool {
    node.as_str().is_some_and(|text| text.contains("${"))
        || node.items().iter().any(may_hold_variables)
        || node.entries().iter().any(|(key, value)| may_hold_variables(key) || may_hold_variables(value))
}

/// A part of a text.
enum Part<'a> {
    Literal(&'a str),
    Variable(&'a str),
    Malformed,
}

impl<'a> Substitution<'a> {
    pub(crate) fn new(values: &'a BTreeMap<String, String>) -> Self {
        Self { values, used: BTreeMap::new(), problems: Vec::new() }
    }

    /// Replaces the variables of one document.
    pub(crate) fn apply(&mut self, source: &mut Source) {
        let file = source.file.clone();
        let start = source.node.position.line;
        if may_hold_variables(&source.node) {
            self.node(&mut source.node, &file, start, &mut String::new(), true);
        }
    }

    fn node(&mut self, node: &mut Node, file: &str, line: u32, field: &mut String, may_retype: bool) {
        let line = if node.position.line > 0 { node.position.line } else { line };
        let length = field.len();
        let is_untagged = node.tag().is_none();
        match &mut node.kind {
            NodeKind::Scalar { text, style } => {
                if !text.contains("${") {
                    return;
                }
                let at = Location::file(file, Some(line).filter(|line| *line > 0));
                let at = if field.is_empty() { at } else { at.with_field(field.trim_start_matches('.')) };
                let is_whole = *style == ScalarStyle::Plain && is_untagged && is_one_variable(text);
                let new = self.text(text, &at);
                let keeps_type = !(is_whole && may_retype) && *style == ScalarStyle::Plain && is_untagged;
                *text = new.into();
                if keeps_type {
                    // Was a string, since no other plain scalar holds `${`; it stays one.
                    let string = Node::string(std::mem::take(text));
                    node.kind = string.kind;
                }
            }
            NodeKind::Sequence { items, .. } => {
                for (index, item) in items.iter_mut().enumerate() {
                    field.push_str(&format!("[{index}]"));
                    self.node(item, file, line, field, true);
                    field.truncate(length);
                }
            }
            NodeKind::Mapping { entries, .. } => {
                for (key, value) in entries {
                    field.push('.');
                    field.push_str(key.as_str().unwrap_or("?"));
                    self.node(key, file, line, field, false);
                    self.node(value, file, line, field, true);
                    field.truncate(length);
                }
            }
            NodeKind::Alias { .. } => {}
        }
    }

    fn text(&mut self, text: &str, at: &Location) -> String {
        let mut new = String::with_capacity(text.len());
        for part in parts(text) {
            match part {
                Part::Literal(literal) => new.push_str(literal),
                Part::Variable(name) => {
                    let value = self.values.get(name);
                    self.used.insert(name.to_owned(), value.cloned());
                    match value {
                        Some(value) => new.push_str(value),
                        None => self.unknown(name, at),
                    }
                }
                Part::Malformed => {
                    let message = "`${` is not followed by a name and `}`";
                    let help = "write `$${` where a literal `${` is meant; defaults as in `${X:-1}` are not supported";
                    self.problems.push(Diagnostic::error(MALFORMED_VARIABLE, message).at(at.clone()).help(help));
                }
            }
        }
        new
    }

    fn unknown(&mut self, name: &str, at: &Location) {
        let help = match nearest(name, self.values.keys().map(String::as_str)) {
            Some(known) => format!("did you mean `${{{known}}}`? a literal `${{` is written `$${{`"),
            None => "define it in `spec.variables` of the application; a literal `${` is written `$${`".to_owned(),
        };
        let message = format!("unknown variable `{name}`");
        self.problems.push(Diagnostic::error(UNKNOWN_VARIABLE, message).at(at.clone()).help(help));
    }
}

fn is_one_variable(text: &str) -> bool {
    let mut parts = parts(text);
    matches!(parts.next(), Some(Part::Variable(_))) && parts.next().is_none()
}

/// Cuts a text into literals and variables.
fn parts(text: &str) -> impl Iterator<Item = Part<'_>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        if let Some(after) = rest.strip_prefix("$${") {
            let literal = &rest[1..3];
            rest = after;
            return Some(Part::Literal(literal));
        }
        if let Some(after) = rest.strip_prefix("${") {
            let name = after.split_once('}').map_or("", |(name, _)| name);
            if is_name(name) {
                rest = &after[name.len() + 1..];
                return Some(Part::Variable(name));
            }
            rest = after;
            return Some(Part::Malformed);
        }
        let end = rest.char_indices().skip(1).find(|(_, char)| *char == '$').map_or(rest.len(), |(index, _)| index);
        let (literal, after) = rest.split_at(end);
        rest = after;
        Some(Part::Literal(literal))
    })
}

fn is_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name.chars().all(|char| char.is_ascii_alphanumeric() || "_.-/".contains(char))
}
