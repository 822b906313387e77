//! The kustomization file: its fields, typed, each with its place.

pub(crate) mod charts;
mod configuration;
mod output;
mod reader;
pub(crate) mod replacements;
pub(crate) mod rules;
mod vars;

use std::collections::BTreeMap;
use std::sync::Arc;

use skerry_common::diagnostic::{Diagnostic, Location};
use skerry_yaml::Node;

pub(crate) use charts::{ChartRule, ValuesMerge};
pub(crate) use output::{BuildNotes, ShownNotes, SortRule};
pub(crate) use reader::{Reader, Spot, Text};
pub(crate) use replacements::{FieldRule, Origin, ReplacementEntry, ReplacementRule, SourceRule, TargetRule, Targets};
pub(crate) use rules::{
    Allows, GENERATOR_FIELDS, GeneratorRule, ImageRule, LabelRule, PatchContent, PatchRule, Reach, ReplicaRule,
};

pub(crate) use vars::VarRule;

use super::config::Additions;
use crate::codes::{self, Fallible, fail};
use crate::document::{parse_one, parse_one_strictly};
use crate::tree::{Found, View, parent};

/// What a kustomization may hold.
const FIELDS: &[&str] = &[
    "apiVersion",
    "kind",
    "metadata",
    "namePrefix",
    "nameSuffix",
    "namespace",
    "commonLabels",
    "labels",
    "commonAnnotations",
    "patchesStrategicMerge",
    "patchesJson6902",
    "patches",
    "images",
    "imageTags",
    "replicas",
    "replacements",
    "resources",
    "components",
    "bases",
    "configMapGenerator",
    "secretGenerator",
    "generatorOptions",
    "sortOptions",
    "buildMetadata",
    "generators",
    "transformers",
    "validators",
    "openapi",
    "vars",
    "crds",
    "configurations",
    "helmGlobals",
    "helmCharts",
    "helmChartInflationGenerator",
];

/// Fields that still work, with what to write instead.
const DEPRECATED: &[(&str, &str)] = &[
    ("bases", "resources"),
    ("commonLabels", "labels"),
    ("helmChartInflationGenerator", "helmCharts"),
    ("imageTags", "images"),
    ("patchesJson6902", "patches"),
    ("patchesStrategicMerge", "patches"),
    ("vars", "replacements"),
];

/// `openapi`.
#[derive(Debug, Clone, Default)]
pub(crate) struct OpenApiRule {
    pub(crate) path: Option<Text>,
    pub(crate) version: Option<String>,
    pub(crate) at: Location,
}

/// A kustomization file.
#[derive(Debug, Clone)]
pub(crate) struct Kustomization {
    /// The folder that it is found in.
    pub(crate) folder: String,
    pub(crate) at: Location,
    /// Where it really lies.
    pub(crate) file: Arc<str>,
    /// What it is called in its folder, where it may be a link.
    pub(crate) file_name: String,
    pub(crate) is_component: bool,
    pub(crate) name_prefix: String,
    pub(crate) name_suffix: String,
    pub(crate) namespace: String,
    pub(crate) resources: Vec<Text>,
    pub(crate) components: Vec<Text>,
    pub(crate) labels: Vec<LabelRule>,
    pub(crate) annotations: BTreeMap<String, String>,
    pub(crate) patches: Vec<PatchRule>,
    pub(crate) patches_strategic: Vec<Text>,
    pub(crate) patches_json: Vec<PatchRule>,
    pub(crate) images: Vec<ImageRule>,
    pub(crate) replicas: Vec<ReplicaRule>,
    pub(crate) replacements: Vec<ReplacementEntry>,
    pub(crate) vars: Vec<VarRule>,
    pub(crate) configurations: Vec<Text>,
    pub(crate) crds: Vec<Text>,
    pub(crate) openapi: OpenApiRule,
    pub(crate) config_maps: Vec<GeneratorRule>,
    pub(crate) secrets: Vec<GeneratorRule>,
    pub(crate) charts: Vec<ChartRule>,
    /// Paths or documents that configure plugins, as `transformers` and `validators`.
    pub(crate) generators: Vec<Text>,
    pub(crate) transformers: Vec<Text>,
    pub(crate) validators: Vec<Text>,
    /// Counts at the top of a build only, as `notes` does.
    pub(crate) sort: SortRule,
    pub(crate) notes: BuildNotes,
}

/// Reads a kustomization file.
pub(crate) fn read(view: &View<'_>, found: &Found, called: &str) -> Fallible<Kustomization> {
    let content = view.read(found)?;
    let at = Location::file(&found.path, Some(1));
    let Some(node) = parse(view, &content, found)? else {
        return fail(codes::KUSTOMIZATION_INVALID, &at, "the kustomization is empty");
    };
    warn_of_more(view, &node, &content, found);
    let mut reader = Reader::new(Arc::from(found.path.as_str()));
    let root = Spot { node: &node, path: String::new() };
    check_fields(view, &mut reader, &root);
    check_metadata(&mut reader, &root);
    let is_component = check_kind(&mut reader, &root);
    let kustomization = read_fields(&mut reader, &root, called, is_component);
    reader.finish(view)?;
    Ok(kustomization)
}

/// Parses a kustomization; warns of keys that are there twice.
fn parse(view: &View<'_>, content: &[u8], found: &Found) -> Fallible<Option<Node>> {
    parse_one_strictly(content, &found.path, &view.limits).or_else(|problems| {
        let node = parse_one(content, &found.path, &view.limits).or(Err(problems.clone()))?;
        for problem in problems {
            let warning = Diagnostic::warning(codes::NO_EFFECT, problem.message).at(problem.location);
            view.warn(warning.help("delete one of them: the last counts"));
        }
        Ok(node)
    })
}

/// Kustomize passes over every document but the first: whoever wrote one meant something by it.
fn warn_of_more(view: &View<'_>, first: &Node, content: &[u8], found: &Found) {
    let begins = usize::try_from(first.position.line).unwrap_or(usize::MAX);
    let mut lines = content.split(|byte| *byte == b'\n').zip(1..).skip(begins);
    if let Some((_, line)) = lines.find(|(line, _)| line.starts_with(b"---")) {
        let warning = Diagnostic::warning(codes::NO_EFFECT, "only the first document of a kustomization counts");
        view.warn(warning.at(Location::file(&found.path, Some(line))).help("move it into a file of its own"));
    }
}

/// Reads a file of replacements: one, or a list of them.
pub(crate) fn read_replacements(view: &View<'_>, found: &Found, content: &[u8]) -> Fallible<Vec<ReplacementRule>> {
    let mut reader = Reader::converting(Arc::from(found.path.as_str()));
    let Some(node) = parse_one(content, &found.path, &view.limits)? else {
        let at = Location::file(&found.path, None);
        return fail(codes::REPLACEMENT, &at, "the file is empty: a replacement or a list of them is needed");
    };
    let rules = replacements::rules(&mut reader, &node);
    reader.finish(view)?;
    Ok(rules)
}

/// Reads a file of field specs; an empty one adds none.
pub(crate) fn read_configuration(view: &View<'_>, found: &Found, content: &[u8]) -> Fallible<Additions> {
    let node = parse_one_strictly(content, &found.path, &view.limits)?;
    let mut reader = Reader::converting_strictly(Arc::from(found.path.as_str()));
    let additions = node.map(|node| configuration::configuration(&mut reader, &node)).unwrap_or_default();
    reader.finish(view)?;
    Ok(additions)
}

/// Reads `openapi`. Keys that it does not know have no effect in Kustomize.
fn openapi(reader: &mut Reader, root: &Spot<'_>) -> OpenApiRule {
    let Some(spot) = root.child("openapi") else { return OpenApiRule::default() };
    let at = reader.at(&spot);
    let mut pairs = reader.pairs(root, "openapi");
    let path = pairs.remove("path").map(|value| Text { value, at: at.clone() });
    OpenApiRule { path, version: pairs.remove("version"), at }
}

fn check_fields(view: &View<'_>, reader: &mut Reader, root: &Spot<'_>) {
    reader.only(root, FIELDS);
    for (key, _) in root.node.entries() {
        let name = key.as_str().unwrap_or("");
        let spot = Spot { node: key, path: name.to_owned() };
        if let Some((_, successor)) = DEPRECATED.iter().find(|(old, _)| *old == name) {
            let warning = Diagnostic::warning(codes::DEPRECATED, format!("`{name}` is deprecated"));
            view.warn(warning.at(reader.at(&spot)).help(format!("use `{successor}`")));
        }
    }
    if !root.node.entries().iter().any(|(key, value)| says_something(key, value)) {
        reader.problem(codes::KUSTOMIZATION_INVALID, root, "the kustomization is empty");
    }
}

/// Whether a field makes a kustomization more than an empty one, as Kustomize counts: an empty text
/// does not, an empty list does, unless it stands in for a list of another name.
fn says_something(key: &Node, value: &Node) -> bool {
    const NOTHING: &[&str] = &["apiVersion", "kind"];
    const MOVED: &[&str] = &["bases", "imageTags", "helmChartInflationGenerator"];
    let is_one_of =
        |names: &[&str]| key.as_str().is_some_and(|key| names.iter().any(|name| name.eq_ignore_ascii_case(key)));
    let is_empty_text = value.as_str().is_some_and(str::is_empty);
    let is_moved = is_one_of(MOVED) && value.is_sequence() && value.items().is_empty();
    !(value.is_null() || is_empty_text || is_moved || is_one_of(NOTHING))
}

/// Checks kind and version; whether it is a component.
fn check_kind(reader: &mut Reader, root: &Spot<'_>) -> bool {
    let kind = reader.filled(root, "kind").unwrap_or_else(|| "Kustomization".to_owned());
    let needed = match kind.as_str() {
        "Kustomization" => "kustomize.config.k8s.io/v1beta1",
        "Component" => "kustomize.config.k8s.io/v1alpha1",
        _ => {
            let spot = root.child("kind").unwrap_or_else(|| root.clone());
            reader.problem(codes::KUSTOMIZATION_INVALID, &spot, "`kind` must be `Kustomization` or `Component`");
            return false;
        }
    };
    if let Some(version) = reader.filled(root, "apiVersion")
        && version != needed
        && let Some(spot) = root.child("apiVersion")
    {
        reader.problem(codes::KUSTOMIZATION_INVALID, &spot, format!("`apiVersion` of a `{kind}` must be `{needed}`"));
    }
    kind == "Component"
}

/// Checks what Kustomize reads of `metadata`, and then has no use for.
fn check_metadata(reader: &mut Reader, root: &Spot<'_>) {
    let Some(spot) = root.child("metadata") else { return };
    reader.only(&spot, &["name", "namespace", "labels", "annotations"]);
    let _ = (reader.text(&spot, "name"), reader.text(&spot, "namespace"));
    let _ = (reader.pairs(&spot, "labels"), reader.pairs(&spot, "annotations"));
}

fn read_fields(reader: &mut Reader, root: &Spot<'_>, called: &str, is_component: bool) -> Kustomization {
    let mut resources = reader.texts(root, "resources");
    resources.extend(reader.texts(root, "bases"));
    let mut images = rules::images(reader, root, "images");
    images.extend(rules::images(reader, root, "imageTags"));
    Kustomization {
        folder: parent(called).to_owned(),
        at: Location::file(&*reader.file, None),
        file: reader.file.clone(),
        file_name: called.rsplit('/').next().unwrap_or(called).to_owned(),
        is_component,
        name_prefix: reader.text(root, "namePrefix").unwrap_or_default(),
        name_suffix: reader.text(root, "nameSuffix").unwrap_or_default(),
        namespace: reader.text(root, "namespace").unwrap_or_default(),
        resources,
        components: reader.texts(root, "components"),
        labels: rules::labels(reader, root),
        annotations: reader.pairs(root, "commonAnnotations"),
        patches: rules::patches(reader, root, "patches"),
        patches_strategic: reader.texts(root, "patchesStrategicMerge"),
        patches_json: rules::patches(reader, root, "patchesJson6902"),
        images,
        replicas: rules::replicas(reader, root),
        replacements: replacements::entries(reader, root, Targets::Filled),
        vars: vars::vars(reader, root),
        configurations: reader.texts(root, "configurations"),
        crds: reader.texts(root, "crds"),
        openapi: openapi(reader, root),
        config_maps: rules::generators(reader, root, "configMapGenerator"),
        secrets: rules::generators(reader, root, "secretGenerator"),
        charts: charts::charts(reader, root),
        generators: reader.texts(root, "generators"),
        transformers: reader.texts(root, "transformers"),
        validators: reader.texts(root, "validators"),
        sort: output::sort(reader, root),
        notes: output::notes(reader, root),
    }
}
