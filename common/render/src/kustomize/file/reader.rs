//! Reads fields of a kustomization and says what is wrong with them, all at once.

use std::collections::BTreeMap;
use std::sync::Arc;

use skerry_common::diagnostic::{Code, Diagnostic, Location};
use skerry_yaml::{Node, Resolved};

use crate::codes::{self, Fallible};
use crate::document::place;
use crate::kustomize::go_json;
use crate::suggest::nearest;
use crate::tree::View;

/// A text with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Text {
    pub(crate) value: String,
    pub(crate) at: Location,
}

/// A node with its path in the file, such as `patches[2].target`.
#[derive(Debug, Clone)]
pub(crate) struct Spot<'a> {
    pub(crate) node: &'a Node,
    pub(crate) path: String,
}

impl<'a> Spot<'a> {
    /// A field that is there and not null. As for Kustomize, case matters only between fields that
    /// differ in nothing else.
    pub(crate) fn child(&self, key: &str) -> Option<Spot<'a>> {
        let in_any_case = || {
            let is_meant = |name: &Node| name.as_str().is_some_and(|name| name.eq_ignore_ascii_case(key));
            self.node.entries().iter().find(|(name, _)| is_meant(name)).map(|(_, value)| value)
        };
        let node = self.node.get(key).or_else(in_any_case).filter(|node| !node.is_null())?;
        let path = if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) };
        Some(Spot { node, path })
    }
}

/// Reads fields and collects problems.
pub(crate) struct Reader {
    pub(crate) file: Arc<str>,
    pub(crate) problems: Vec<Diagnostic>,
    pub(crate) warnings: Vec<Diagnostic>,
    /// Whether numbers and flags pass for texts, as they do for Kustomize in files other than the
    /// kustomization itself.
    converts: bool,
    /// Whether unknown fields are passed over, as they are by Kustomize in some of these.
    passes_unknown: bool,
}

impl Reader {
    /// Reads a kustomization.
    pub(crate) fn new(file: Arc<str>) -> Self {
        Self { file, problems: Vec::new(), warnings: Vec::new(), converts: false, passes_unknown: false }
    }

    /// Reads a file that a kustomization names.
    pub(crate) fn converting(file: Arc<str>) -> Self {
        Self { converts: true, passes_unknown: true, ..Self::new(file) }
    }

    /// Reads a file that a kustomization names, and converts nothing.
    pub(crate) fn exact(file: Arc<str>) -> Self {
        Self { passes_unknown: true, ..Self::new(file) }
    }

    /// Reads a file that a kustomization names, and refuses fields that are not known.
    pub(crate) fn converting_strictly(file: Arc<str>) -> Self {
        Self { converts: true, ..Self::new(file) }
    }

    /// Passes the warnings on, and says whether all is well.
    pub(crate) fn finish(self, view: &View<'_>) -> Fallible<()> {
        self.warnings.into_iter().for_each(|warning| view.warn(warning));
        if self.problems.is_empty() { Ok(()) } else { Err(self.problems) }
    }

    /// Where a field is.
    pub(crate) fn at(&self, spot: &Spot<'_>) -> Location {
        let at = place(&self.file, spot.node);
        if spot.path.is_empty() { at } else { at.with_field(spot.path.clone()) }
    }

    pub(crate) fn problem(&mut self, code: Code, spot: &Spot<'_>, message: impl Into<String>) {
        let problem = Diagnostic::error(code, message).at(self.at(spot));
        self.problems.push(problem);
    }

    fn wrong(&mut self, spot: &Spot<'_>, needed: &str) {
        self.problem(codes::KUSTOMIZATION_INVALID, spot, format!("`{}` must be {needed}", spot.path));
    }

    /// Refuses, or warns of, fields that are not known.
    pub(crate) fn only(&mut self, spot: &Spot<'_>, known: &[&str]) {
        // As for Kustomize, null is a mapping of nothing.
        if !spot.node.is_mapping() && !spot.node.is_null() {
            self.wrong(spot, "a mapping");
            return;
        }
        for (key, _) in spot.node.entries() {
            let name = key.as_str().unwrap_or("");
            if known.iter().any(|known| known.eq_ignore_ascii_case(name)) {
                continue;
            }
            let place = Spot { node: key, path: spot.path.clone() };
            let mut problem = if self.passes_unknown {
                Diagnostic::warning(codes::NO_EFFECT, format!("the field `{name}` has no meaning here"))
            } else {
                Diagnostic::error(codes::UNKNOWN_FIELD, format!("unknown field `{name}`"))
            };
            problem = problem.at(self.at(&place));
            if let Some(meant) = nearest(name, known.iter().copied()) {
                problem = problem.help(format!("did you mean `{meant}`?"));
            }
            if self.passes_unknown { &mut self.warnings } else { &mut self.problems }.push(problem);
        }
    }

    /// Warns of a field that is read and then has no effect.
    pub(crate) fn idle(&mut self, spot: &Spot<'_>) {
        let warning = Diagnostic::warning(codes::NO_EFFECT, format!("`{}` has no effect", spot.path));
        let warning = warning.at(self.at(spot));
        self.warnings.push(warning);
    }

    /// A text; absent and null are the same.
    pub(crate) fn text(&mut self, parent: &Spot<'_>, key: &str) -> Option<String> {
        let spot = parent.child(key)?;
        self.value(&spot)
    }

    /// A text that is not empty.
    pub(crate) fn filled(&mut self, parent: &Spot<'_>, key: &str) -> Option<String> {
        self.text(parent, key).filter(|text| !text.is_empty())
    }

    /// A text that a number does not pass for in any file: the parts of an identity.
    pub(crate) fn exact_text(&mut self, parent: &Spot<'_>, key: &str) -> Option<String> {
        let converts = std::mem::replace(&mut self.converts, false);
        let text = self.text(parent, key);
        self.converts = converts;
        text
    }

    fn value(&mut self, spot: &Spot<'_>) -> Option<String> {
        let resolved = spot.node.resolve();
        let is_finite = !matches!(resolved, Resolved::Float(value) if !value.is_finite());
        if resolved == Resolved::Str || (self.converts && resolved != Resolved::NotScalar && is_finite) {
            return match resolved {
                Resolved::Bool(value) => Some(value.to_string()),
                Resolved::Int(value) => Some(value.to_string()),
                Resolved::Float(value) => Some(go_json::short_float(value)),
                Resolved::Null | Resolved::Uint(_) | Resolved::Str | Resolved::NotScalar => {
                    spot.node.as_str().map(str::to_owned)
                }
            };
        }
        let problem = Diagnostic::error(codes::KUSTOMIZATION_INVALID, format!("`{}` must be a text", spot.path));
        let mut problem = problem.at(self.at(spot));
        if let Some(text) = spot.node.as_str() {
            problem = problem.help(format!("write it in quotes: \"{text}\""));
        }
        self.problems.push(problem);
        None
    }

    /// A list of texts; null is an empty one.
    pub(crate) fn texts(&mut self, parent: &Spot<'_>, key: &str) -> Vec<Text> {
        let spots = self.items(parent, key);
        let mut texts = Vec::with_capacity(spots.len());
        for spot in spots {
            let value = if spot.node.is_null() { Some(String::new()) } else { self.value(&spot) };
            if let Some(value) = value {
                texts.push(Text { value, at: self.at(&spot) });
            }
        }
        texts
    }

    /// The entries of a list.
    pub(crate) fn items<'a>(&mut self, parent: &Spot<'a>, key: &str) -> Vec<Spot<'a>> {
        let Some(spot) = parent.child(key) else { return Vec::new() };
        if !spot.node.is_sequence() {
            self.wrong(&spot, "a list");
        }
        let items = spot.node.items().iter().enumerate();
        items.map(|(index, node)| Spot { node, path: format!("{}[{index}]", spot.path) }).collect()
    }

    /// A mapping of texts to texts.
    pub(crate) fn pairs(&mut self, parent: &Spot<'_>, key: &str) -> BTreeMap<String, String> {
        let Some(spot) = parent.child(key) else { return BTreeMap::new() };
        if !spot.node.is_mapping() {
            self.wrong(&spot, "a mapping of texts");
        }
        let mut pairs = BTreeMap::new();
        for (name, node) in spot.node.entries() {
            if !name.is_scalar() || name.is_null() {
                self.wrong(&spot, "a mapping of texts, and every key a text");
                continue;
            }
            // The file is read as Kubernetes reads YAML: `on: x` sets the key `true`.
            let name = match name.resolve() {
                Resolved::Bool(value) => value.to_string(),
                Resolved::Int(value) => value.to_string(),
                Resolved::Null | Resolved::Uint(_) | Resolved::Float(_) | Resolved::Str | Resolved::NotScalar => {
                    name.as_str().unwrap_or("").to_owned()
                }
            };
            if node.is_null() {
                pairs.insert(name, String::new());
                continue;
            }
            let value = Spot { node, path: format!("{}.{name}", spot.path) };
            if let Some(value) = self.value(&value) {
                pairs.insert(name, value);
            }
        }
        pairs
    }

    /// A flag; absent is false.
    pub(crate) fn flag(&mut self, parent: &Spot<'_>, key: &str) -> bool {
        let Some(spot) = parent.child(key) else { return false };
        if let Resolved::Bool(value) = spot.node.resolve() {
            return value;
        }
        self.wrong(&spot, "`true` or `false`");
        false
    }

    /// A whole number; absent is 0.
    pub(crate) fn integer(&mut self, parent: &Spot<'_>, key: &str) -> i64 {
        let Some(spot) = parent.child(key) else { return 0 };
        match spot.node.resolve() {
            Resolved::Int(value) => value,
            Resolved::Float(value) if is_whole(value) => as_whole(value),
            Resolved::Float(_)
            | Resolved::Null
            | Resolved::Bool(_)
            | Resolved::Uint(_)
            | Resolved::Str
            | Resolved::NotScalar => {
                self.wrong(&spot, "a whole number");
                0
            }
        }
    }
}

/// Whether a number is one of those that JSON, which Kustomize sends everything through, writes
/// without a point, and that fits.
fn is_whole(value: f64) -> bool {
    const END: f64 = 9_223_372_036_854_775_808.0;
    value.fract() == 0.0 && (-END..END).contains(&value)
}

#[expect(clippy::cast_possible_truncation, reason = "it is whole and fits")]
fn as_whole(value: f64) -> i64 {
    value as i64
}
