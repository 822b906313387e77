//! `generators`, `transformers` and `validators`: documents that configure a plugin each.
//!
//! An entry is a file, a folder whose kustomization gives the documents, or the documents
//! themselves. Only the plugins that are part of Kustomize run (`apiVersion: builtin`); programs
//! and containers never do. What stands in the text comes before what stands in files.

mod generators;
mod transformers;
mod validators;

pub(crate) use generators::generator;
pub(crate) use transformers::transformer;
pub(crate) use validators::run as validate;

use skerry_yaml::{CollectionStyle, Node, Position, Rules, from_json, to_json_with};

use super::accumulate::{Around, append, check_named, include};
use super::file::{Kustomization, Reader, Spot, Text};
use super::notes;
use super::resource::Resource;
use crate::codes::{self, Fallible, fail, fail_with_help};
use crate::document::{Source, flatten_lists, parse_nodes, text_at};
use crate::suggest::nearest;
use crate::through_json::read_as;
use crate::tree::View;

/// Plugins that make resources.
const GENERATORS: &[&str] =
    &["ConfigMapGenerator", "SecretGenerator", "HelmChartInflationGenerator", "IAMPolicyGenerator"];

/// Plugins that change resources.
const TRANSFORMERS: &[&str] = &[
    "AnnotationsTransformer",
    "HashTransformer",
    "ImageTagTransformer",
    "LabelTransformer",
    "NamespaceTransformer",
    "PatchJson6902Transformer",
    "PatchStrategicMergeTransformer",
    "PatchTransformer",
    "PrefixSuffixTransformer",
    "PrefixTransformer",
    "ReplacementTransformer",
    "ReplicaCountTransformer",
    "SuffixTransformer",
    "ValueAddTransformer",
];

/// What the documents of a list have to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Generator,
    Transformer,
}

/// Gathers the documents of a list, each checked to be a plugin that can run there.
pub(crate) fn configurations(
    view: &View<'_>,
    kustomization: &Kustomization,
    entries: &[Text],
    role: Role,
    around: &mut Around,
) -> Fallible<Vec<Resource>> {
    let mut found = Vec::new();
    let mut paths = Vec::new();
    for entry in entries {
        let Some(mut resources) = inline(view, kustomization, entry)? else {
            paths.push(entry);
            continue;
        };
        if let Some(origin) = around.origin() {
            notes::read_from(&mut resources, &origin.append(&kustomization.file_name));
        }
        append(&mut found, resources)?;
    }
    for entry in paths {
        let included = include(view, kustomization, entry, around)?;
        append(&mut found, included.resources)?;
    }
    found.iter().try_for_each(|config| check(config, role))?;
    found.iter_mut().try_for_each(read_again)?;
    Ok(found)
}

/// Makes a configuration what a plugin reads: Kustomize prints it as JSON on the way.
fn read_again(config: &mut Resource) -> Fallible<()> {
    let json = to_json_with(&config.node, Rules::Kustomize).or_else(|error| {
        let at = config.location().with_field(error.path);
        fail(codes::NO_JSON_FORM, &at, format!("a configuration cannot be read: {}", error.message))
    })?;
    read_as(&mut config.node, &json, CollectionStyle::Block, from_json);
    Ok(())
}

/// The documents of an entry that is no path.
fn inline(view: &View<'_>, kustomization: &Kustomization, entry: &Text) -> Fallible<Option<Vec<Resource>>> {
    let Ok(mut nodes) = parse_nodes(entry.value.as_bytes(), &kustomization.file, &view.limits) else {
        return Ok(None);
    };
    if !nodes.iter().all(Node::is_mapping) {
        return Ok(None);
    }
    // Lines of an inline text are counted from its own first line, which is not in the file.
    let position = Position { line: entry.at.line.unwrap_or(0), column: 0 };
    nodes.iter_mut().for_each(|node| place_at(node, position));
    let source = |node| Source { node, file: kustomization.file.clone(), rules: Rules::Kustomize };
    let sources = flatten_lists(nodes.into_iter().map(source).collect())?;
    let resources: Vec<Resource> = sources.into_iter().map(|source| Resource::seen(view, source)).collect();
    resources.iter().try_for_each(check_named)?;
    Ok(Some(resources))
}

fn place_at(node: &mut Node, position: Position) {
    node.position = position;
    node.items_mut().into_iter().flatten().for_each(|item| place_at(item, position));
    for (key, value) in node.entries_mut().into_iter().flatten() {
        key.position = position;
        place_at(value, position);
    }
}

/// Refuses what is no plugin of Kustomize itself, or one for another list.
fn check(config: &Resource, role: Role) -> Fallible<()> {
    let at = config.location();
    let kind = config.kind();
    if config.api_version() != "builtin" {
        let is_function =
            text_at(&config.node, &["metadata", "annotations", "config.kubernetes.io/function"]).is_some();
        let what = if is_function { "is a KRM function" } else { "is no builtin plugin" };
        let message = format!("`{kind}` of `{}` {what}; programs and containers are not run", config.api_version());
        let help =
            "run it when you commit and list what it gives in `resources`, or use a plugin of `apiVersion: builtin`";
        return fail_with_help(codes::PLUGIN, &at, message, help);
    }
    let (fitting, other, list) = match role {
        Role::Generator => (GENERATORS, TRANSFORMERS, "transformers"),
        Role::Transformer => (TRANSFORMERS, GENERATORS, "generators"),
    };
    if fitting.contains(&kind) {
        return Ok(());
    }
    if other.contains(&kind) {
        return fail_with_help(
            codes::PLUGIN,
            &at,
            format!("`{kind}` is out of place here"),
            format!("list it in `{list}`"),
        );
    }
    let help = match nearest(kind, fitting.iter().copied()) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => format!("there are {}", fitting.join(", ")),
    };
    fail_with_help(codes::PLUGIN, &at, format!("there is no builtin plugin `{kind}`"), help)
}

/// A reader of a configuration, which may hold more than is read.
fn open<'a>(config: &'a Resource, known: &[&str]) -> (Reader, Spot<'a>) {
    open_by(Reader::converting(config.file.clone()), config, known)
}

/// Likewise, of one whose fields Kustomize keeps inside another structure: it does not find their
/// types there, and converts nothing.
fn open_exactly<'a>(config: &'a Resource, known: &[&str]) -> (Reader, Spot<'a>) {
    open_by(Reader::exact(config.file.clone()), config, known)
}

fn open_by<'a>(mut reader: Reader, config: &'a Resource, known: &[&str]) -> (Reader, Spot<'a>) {
    let root = Spot { node: &config.node, path: String::new() };
    let known: Vec<&str> = known.iter().chain(&["apiVersion", "kind", "metadata"]).copied().collect();
    reader.only(&root, &known);
    (reader, root)
}
