//! `replacements`, here and in files of their own.

use skerry_common::diagnostic::Location;
use skerry_yaml::Node;

use super::reader::{Reader, Spot, Text};
use super::rules::{PATH_PARTS_MAX, selector};
use crate::codes;
use crate::kustomize::field_path;
use crate::kustomize::select::Selector;

/// The field of source and targets that say none.
const FIELD_PATH: &str = "metadata.name";

/// One entry of `replacements`.
#[derive(Debug, Clone)]
pub(crate) enum ReplacementEntry {
    /// Those in a file.
    File(Text),
    /// That one.
    Inline(ReplacementRule),
}

/// A value that is copied into fields.
#[derive(Debug, Clone)]
pub(crate) struct ReplacementRule {
    pub(crate) origin: Origin,
    pub(crate) targets: Vec<TargetRule>,
    pub(crate) at: Location,
}

/// Where the value comes from.
#[derive(Debug, Clone)]
pub(crate) enum Origin {
    /// The rule itself.
    Value(String),
    /// A field.
    Field(SourceRule),
}

/// The one field that a value is taken from.
#[derive(Debug, Clone)]
pub(crate) struct SourceRule {
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) kind: String,
    pub(crate) name: String,
    pub(crate) namespace: String,
    pub(crate) field: FieldRule,
    pub(crate) delimiter: String,
    pub(crate) index: i64,
}

/// The fields that a value is copied into.
#[derive(Debug, Clone)]
pub(crate) struct TargetRule {
    pub(crate) select: Selector,
    pub(crate) reject: Vec<Selector>,
    pub(crate) fields: Vec<FieldRule>,
    pub(crate) delimiter: String,
    pub(crate) index: i64,
    pub(crate) creates: bool,
    pub(crate) at: Location,
}

/// A path, cut into its parts.
#[derive(Debug, Clone)]
pub(crate) struct FieldRule {
    pub(crate) text: String,
    pub(crate) parts: Vec<String>,
}

impl FieldRule {
    /// Whether annotations are read as a whole, or one of those in which Kustomize keeps what it
    /// remembers.
    pub(crate) fn reads_history(&self) -> bool {
        match self.parts.as_slice() {
            [] => true,
            [metadata, rest @ ..] if metadata == "metadata" => match rest {
                [] => true,
                [annotations] => annotations == "annotations",
                [annotations, key, ..] => {
                    annotations == "annotations" && key.starts_with("internal.config.kubernetes.io/")
                }
            },
            _ => false,
        }
    }

    /// Whether annotations may go as a whole, and with them what Kustomize keeps there.
    pub(crate) fn may_replace_annotations(&self) -> bool {
        self.parts.len() <= 2 && self.parts.first().is_some_and(|part| matches!(part.as_str(), "metadata" | "*"))
    }
}

/// Reads the entries of a kustomization, or of the document of a plugin.
pub(crate) fn entries(reader: &mut Reader, root: &Spot<'_>, needed: Targets) -> Vec<ReplacementEntry> {
    let mut entries = Vec::new();
    for spot in reader.items(root, "replacements") {
        reader.only(&spot, &["path", "source", "sourceValue", "targets"]);
        let Some(path) = reader.filled(&spot, "path") else {
            entries.extend(rule(reader, &spot, needed).map(ReplacementEntry::Inline));
            continue;
        };
        if spot.child("source").is_some() || !reader.items(&spot, "targets").is_empty() {
            reader.problem(codes::REPLACEMENT, &spot, "either a `path` or `source` and `targets` are needed, not both");
        }
        entries.push(ReplacementEntry::File(Text { value: path, at: reader.at(&spot) }));
    }
    entries
}

/// Reads the replacements of a file.
pub(super) fn rules(reader: &mut Reader, node: &Node) -> Vec<ReplacementRule> {
    let root = Spot { node, path: String::new() };
    if node.is_mapping() {
        return rule(reader, &root, Targets::Any).into_iter().collect();
    }
    if !node.is_sequence() {
        reader.problem(codes::REPLACEMENT, &root, "a replacement or a list of them is needed");
    }
    let items = node.items().iter().enumerate();
    items.filter_map(|(index, node)| rule(reader, &Spot { node, path: format!("[{index}]") }, Targets::Any)).collect()
}

/// Whether `targets` may be an empty list: Kustomize sees none in a kustomization, but does in a
/// file.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Targets {
    Filled,
    Any,
}

fn rule(reader: &mut Reader, spot: &Spot<'_>, needed: Targets) -> Option<ReplacementRule> {
    let origin = match (spot.child("source"), reader.text(spot, "sourceValue")) {
        (Some(source), None) => Origin::Field(source_rule(reader, &source)?),
        (None, Some(value)) => Origin::Value(value),
        (Some(_), Some(_)) | (None, None) => {
            reader.problem(codes::REPLACEMENT, spot, "exactly one of `source` and `sourceValue` is needed");
            return None;
        }
    };
    let items = reader.items(spot, "targets");
    if spot.child("targets").is_none() || (needed == Targets::Filled && items.is_empty()) {
        reader.problem(codes::REPLACEMENT, spot, "`targets` is missing: it says where the value goes");
        return None;
    }
    let targets = items.iter().filter_map(|item| target_rule(reader, item)).collect();
    Some(ReplacementRule { origin, targets, at: reader.at(spot) })
}

fn source_rule(reader: &mut Reader, spot: &Spot<'_>) -> Option<SourceRule> {
    const KNOWN: &[&str] = &["group", "version", "kind", "name", "namespace", "fieldPath", "options"];
    reader.only(spot, KNOWN);
    let path = reader.filled(spot, "fieldPath").unwrap_or_else(|| FIELD_PATH.to_owned());
    let options = options(reader, spot);
    Some(SourceRule {
        group: reader.exact_text(spot, "group").unwrap_or_default(),
        version: reader.exact_text(spot, "version").unwrap_or_default(),
        kind: reader.exact_text(spot, "kind").unwrap_or_default(),
        name: reader.exact_text(spot, "name").unwrap_or_default(),
        namespace: reader.exact_text(spot, "namespace").unwrap_or_default(),
        field: field(reader, spot, path)?,
        delimiter: options.delimiter,
        index: options.index,
    })
}

fn target_rule(reader: &mut Reader, spot: &Spot<'_>) -> Option<TargetRule> {
    reader.only(spot, &["select", "reject", "fieldPaths", "options"]);
    let Some(select) = spot.child("select") else {
        reader.problem(codes::REPLACEMENT, spot, "`select` is missing: it says which resources are meant");
        return None;
    };
    let select = selector(reader, &select)?;
    let reject = reader.items(spot, "reject").iter().filter_map(|item| selector(reader, item)).collect();
    let mut paths: Vec<String> = reader.texts(spot, "fieldPaths").into_iter().map(|text| text.value).collect();
    if paths.is_empty() {
        paths.push(FIELD_PATH.to_owned());
    }
    let fields = paths.into_iter().filter_map(|path| field(reader, spot, path)).collect();
    let Options { delimiter, index, creates } = options(reader, spot);
    Some(TargetRule { select, reject, fields, delimiter, index, creates, at: reader.at(spot) })
}

pub(super) fn field(reader: &mut Reader, spot: &Spot<'_>, text: String) -> Option<FieldRule> {
    let parts = field_path::split(&text);
    if parts.len() > PATH_PARTS_MAX {
        reader.problem(codes::REPLACEMENT, spot, format!("the path has more than {PATH_PARTS_MAX} parts"));
        return None;
    }
    Some(FieldRule { text, parts })
}

struct Options {
    delimiter: String,
    index: i64,
    creates: bool,
}

/// Reads `options`; `encoding` is accepted and has no effect, as in Kustomize.
fn options(reader: &mut Reader, spot: &Spot<'_>) -> Options {
    let Some(spot) = spot.child("options") else {
        return Options { delimiter: String::new(), index: 0, creates: false };
    };
    reader.only(&spot, &["delimiter", "index", "encoding", "create"]);
    let _ = reader.text(&spot, "encoding");
    Options {
        delimiter: reader.text(&spot, "delimiter").unwrap_or_default(),
        index: reader.integer(&spot, "index"),
        creates: reader.flag(&spot, "create"),
    }
}
