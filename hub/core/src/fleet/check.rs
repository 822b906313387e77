//! Walks a document along the table and collects everything that is wrong with it.

use skerry_common::diagnostic::{Code, Diagnostic, Location};
use skerry_yaml::{Node, Resolved};

use super::codes;
use super::rule::Rule;
use super::schema::{Field, Presence, Shape};
use super::suggest;

/// Most diagnostics of one document: a file of another format would fill the screen.
const DIAGNOSTICS_MAX: usize = 50;

/// Checks one document of one file.
pub(super) struct Checker<'a> {
    file: &'a str,
    diagnostics: Vec<Diagnostic>,
}

impl<'a> Checker<'a> {
    pub(super) fn new(file: &'a str) -> Self {
        Self { file, diagnostics: Vec::new() }
    }

    /// Everything that was found.
    pub(super) fn finish(self) -> Vec<Diagnostic> {
        self.diagnostics
    }

    /// Adds a diagnostic at a node.
    pub(super) fn report(&mut self, code: Code, node: &Node, field: &str, message: impl Into<String>, help: String) {
        if self.diagnostics.len() < DIAGNOSTICS_MAX {
            let location = place(self.file, node, field);
            self.diagnostics.push(Diagnostic::error(code, message).at(location).help(help));
        }
    }

    /// Checks a value against its shape; `field` is the path that led here.
    pub(super) fn check(&mut self, node: &Node, shape: &Shape, field: &str) {
        match shape {
            Shape::Text(rule) => self.text(node, *rule, field),
            Shape::Boolean => {
                if !matches!(node.resolve(), Resolved::Bool(_)) {
                    self.wrong_type(node, field, "`true` or `false`");
                }
            }
            Shape::List { of, min, max } => self.list(node, of, (*min, *max), field),
            Shape::Map { keys, values, max } => self.map(node, (*keys, *values), *max, field),
            Shape::Record(fields) => self.record(node, fields, field),
            Shape::Choice(fields) => self.choice(node, fields, field),
        }
    }

    fn text(&mut self, node: &Node, rule: Rule, field: &str) {
        let text = match (node.resolve(), node.as_str()) {
            (Resolved::Str, Some(text)) => text,
            _ => return self.wrong_type(node, field, "a text"),
        };
        self.rule(node, text, rule, field);
    }

    fn rule(&mut self, node: &Node, text: &str, rule: Rule, field: &str) {
        if let Err((message, help)) = rule.check(text) {
            self.report(codes::VALUE, node, field, message, help);
        }
    }

    fn list(&mut self, node: &Node, of: &Shape, (min, max): (usize, usize), field: &str) {
        if !node.is_sequence() {
            return self.wrong_type(node, field, "a list");
        }
        let length = node.items().len();
        if length < min || length > max {
            let message = format!("the list has {length} items: {min} to {max} are allowed");
            self.report(codes::TOO_MANY, node, field, message, "change the list".to_owned());
        }
        for (index, item) in node.items().iter().take(max).enumerate() {
            self.check(item, of, &format!("{field}[{index}]"));
        }
    }

    fn map(&mut self, node: &Node, (keys, values): (Rule, Rule), max: usize, field: &str) {
        if !node.is_mapping() {
            return self.wrong_type(node, field, "a mapping of texts to texts");
        }
        let length = node.entries().len();
        if length > max {
            let message = format!("the mapping has {length} entries: at most {max} are allowed");
            self.report(codes::TOO_MANY, node, field, message, "remove some".to_owned());
        }
        for (key, value) in node.entries().iter().take(max) {
            let path = format!("{field}.{}", key.as_str().unwrap_or("?"));
            // A key counts as it is written: YAML's `y` and `on` are good names here.
            match key.as_str() {
                Some(text) => self.rule(key, text, keys, &path),
                None => self.wrong_type(key, &path, "a text"),
            }
            self.text(value, values, &path);
        }
    }

    fn record(&mut self, node: &Node, fields: &[Field], field: &str) {
        if !node.is_mapping() {
            return self.wrong_type(node, field, "a mapping");
        }
        self.known(node, fields, field);
        for known in fields.iter().filter(|known| known.presence == Presence::Required) {
            if node.get(known.name).is_none() {
                let message = format!("`{}` is missing", join(field, known.name));
                self.report(codes::MISSING, node, field, message, format!("add `{}`: {}", known.name, known.about));
            }
        }
    }

    fn choice(&mut self, node: &Node, fields: &[Field], field: &str) {
        if !node.is_mapping() {
            return self.wrong_type(node, field, "a mapping");
        }
        self.known(node, fields, field);
        let chosen = fields.iter().filter(|known| node.get(known.name).is_some()).count();
        let only_unknown = chosen == 0 && !node.entries().is_empty();
        if chosen != 1 && !only_unknown {
            let names: Vec<&str> = fields.iter().map(|known| known.name).collect();
            let help = format!("write exactly one of {}", suggest::quoted(&names));
            self.report(codes::CHOICE, node, field, format!("{chosen} of several fields are given"), help);
        }
    }

    /// Checks the fields that are there: each must be known and supported.
    fn known(&mut self, node: &Node, fields: &[Field], field: &str) {
        for (key, value) in node.entries() {
            let name = key.as_str().unwrap_or("?");
            let path = join(field, name);
            match fields.iter().find(|known| known.name == name) {
                Some(known) if known.presence == Presence::Later => {
                    let help = "remove it until a later version supports it".to_owned();
                    self.report(codes::LATER, key, &path, format!("`{path}` is not supported yet"), help);
                }
                Some(known) => self.check(value, &known.shape, &path),
                None => {
                    let names: Vec<&str> = fields.iter().map(|known| known.name).collect();
                    let message = format!("unknown field `{name}`");
                    self.report(codes::UNKNOWN_FIELD, key, &path, message, suggest::help(name, &names));
                }
            }
        }
    }

    fn wrong_type(&mut self, node: &Node, field: &str, wanted: &str) {
        let found = match node.resolve() {
            Resolved::Null => "nothing",
            Resolved::Bool(_) => "a boolean",
            Resolved::Int(_) | Resolved::Uint(_) | Resolved::Float(_) => "a number",
            Resolved::Str => "a text",
            Resolved::NotScalar if node.is_sequence() => "a list",
            Resolved::NotScalar => "a mapping",
        };
        let help = match (node.as_str(), wanted) {
            (Some(text), "a text") if found != "nothing" => format!("put it in quotes: `\"{text}\"`"),
            _ => format!("write {wanted}"),
        };
        self.report(codes::TYPE, node, field, format!("{found} stands where {wanted} is needed"), help);
    }
}

/// Where a node is.
pub(super) fn place(file: &str, node: &Node, field: &str) -> Location {
    let line = (node.position.line > 0).then_some(node.position.line);
    let location = Location::file(file, line);
    if field.is_empty() { location } else { location.with_field(field) }
}

fn join(field: &str, name: &str) -> String {
    if field.is_empty() { name.to_owned() } else { format!("{field}.{name}") }
}
