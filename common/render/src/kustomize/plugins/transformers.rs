//! From a configuration to a transformer. Each has its own field specs, and none but those.

use skerry_yaml::Node;

use super::{open, open_exactly};
use crate::codes::{self, Fallible, fail};
use crate::kustomize::field_spec::Specs;
use crate::kustomize::file::{self, Kustomization, Reader, Spot, Targets, Text, rules};
use crate::kustomize::patches;
use crate::kustomize::replacements;
use crate::kustomize::resource::Resource;
use crate::kustomize::transform_labels::Pairs;
use crate::kustomize::transform_names::{End, NameChange};
use crate::kustomize::transform_namespace::{NamespaceChange, Subjects};
use crate::kustomize::transformers::Transformer;
use crate::kustomize::value_add;
use crate::tree::View;

/// The transformer that a configuration, already checked to be one, describes. Paths are relative
/// to the folder of the kustomization, wherever the configuration lies.
pub(crate) fn transformer(view: &View<'_>, kustomization: &Kustomization, config: &Resource) -> Fallible<Transformer> {
    match config.kind() {
        "AnnotationsTransformer" => Ok(Transformer::Annotations(pairs(view, config, "annotations")?)),
        "LabelTransformer" => Ok(Transformer::Labels(pairs(view, config, "labels")?)),
        "HashTransformer" => Ok(Transformer::Hash),
        "ImageTagTransformer" => image(view, config),
        "NamespaceTransformer" => namespace(view, config),
        "PatchJson6902Transformer" => json_patch(view, kustomization, config),
        "PatchStrategicMergeTransformer" => strategic_patches(view, kustomization, config),
        "PatchTransformer" => patch(view, kustomization, config),
        "PrefixSuffixTransformer" => names(view, config, &[End::Prefix, End::Suffix]),
        "PrefixTransformer" => names(view, config, &[End::Prefix]),
        "SuffixTransformer" => names(view, config, &[End::Suffix]),
        "ReplicaCountTransformer" => replicas(view, config),
        "ValueAddTransformer" => Ok(Transformer::ValueAdd(value_add::read(view, kustomization, config)?)),
        // Nothing else comes this far.
        _ => replacements(view, kustomization, config),
    }
}

fn specs(reader: &mut Reader, root: &Spot<'_>) -> Specs {
    rules::field_specs(reader, root, "fieldSpecs").into()
}

fn pairs(view: &View<'_>, config: &Resource, field: &str) -> Fallible<Pairs> {
    let (mut reader, root) = open(config, &[field, "fieldSpecs"]);
    let pairs = Pairs { pairs: reader.pairs(&root, field), specs: specs(&mut reader, &root) };
    reader.finish(view)?;
    Ok(pairs)
}

fn image(view: &View<'_>, config: &Resource) -> Fallible<Transformer> {
    let (mut reader, root) = open(config, &["imageTag", "fieldSpecs"]);
    let spot = root.child("imageTag").unwrap_or_else(|| root.clone());
    let rule = rules::image(&mut reader, &spot);
    let specs = specs(&mut reader, &root);
    reader.finish(view)?;
    Ok(Transformer::Image(rule, specs))
}

fn replicas(view: &View<'_>, config: &Resource) -> Fallible<Transformer> {
    let (mut reader, root) = open(config, &["replica", "fieldSpecs"]);
    let spot = root.child("replica").unwrap_or_else(|| root.clone());
    let rule = rules::replica(&mut reader, &spot);
    let specs = specs(&mut reader, &root);
    reader.finish(view)?;
    Ok(Transformer::Replicas(rule, specs))
}

fn replacements(view: &View<'_>, kustomization: &Kustomization, config: &Resource) -> Fallible<Transformer> {
    let (mut reader, root) = open_exactly(config, &["replacements"]);
    let entries = file::replacements::entries(&mut reader, &root, Targets::Any);
    reader.finish(view)?;
    Ok(Transformer::Replacements(replacements::load_all(view, kustomization, &entries)?))
}

fn namespace(view: &View<'_>, config: &Resource) -> Fallible<Transformer> {
    let (mut reader, root) = open(config, &["fieldSpecs", "unsetOnly", "setRoleBindingSubjects"]);
    let subjects = match reader.text(&root, "setRoleBindingSubjects").as_deref() {
        None | Some("" | "defaultOnly") => Subjects::Default,
        Some("allServiceAccounts") => Subjects::ServiceAccounts,
        Some("none") => Subjects::Untouched,
        Some(_) => {
            let spot = root.child("setRoleBindingSubjects").unwrap_or_else(|| root.clone());
            let message = "`setRoleBindingSubjects` must be `defaultOnly`, `allServiceAccounts` or `none`";
            reader.problem(codes::PLUGIN_CONFIGURATION, &spot, message);
            Subjects::Default
        }
    };
    let change = NamespaceChange {
        namespace: config.namespace().to_owned(),
        specs: specs(&mut reader, &root),
        unset_only: reader.flag(&root, "unsetOnly"),
        subjects,
    };
    reader.finish(view)?;
    Ok(Transformer::Namespace(change))
}

/// Of all configurations, Kustomize reads these by other rules: case matters, and any scalar is a
/// text.
fn names(view: &View<'_>, config: &Resource, ends: &[End]) -> Fallible<Transformer> {
    let known: Vec<&str> = ends.iter().map(|end| end.field()).chain(["fieldSpecs"]).collect();
    let mut config = config.clone();
    read_exactly(&mut config.node, &known);
    if let Some(specs) = config.node.get_mut("fieldSpecs").and_then(Node::items_mut) {
        specs.retain(|spec| !spec.is_null());
        specs.iter_mut().for_each(|spec| read_exactly(spec, &["path", "create", "group", "version", "kind"]));
    }
    let (mut reader, root) = open(&config, &known);
    let specs = specs(&mut reader, &root);
    if root.child("fieldSpecs").is_none() {
        let message = "`fieldSpecs` is needed: which fields hold names, such as `- path: metadata/name`";
        reader.problem(codes::PLUGIN_CONFIGURATION, &root, message);
    }
    let mut changes = Vec::new();
    for end in ends {
        let text = reader.text(&root, end.field()).unwrap_or_default();
        changes.push(NameChange { text, end: *end, specs: specs.clone() });
    }
    reader.finish(view)?;
    Ok(Transformer::Names(changes))
}

fn read_exactly(node: &mut Node, known: &[&str]) {
    let Some(entries) = node.entries_mut() else { return };
    let is_meant = |key: &Node| {
        let is_like = |key: &str| known.iter().any(|known| known.eq_ignore_ascii_case(key));
        key.as_str().is_some_and(|key| known.contains(&key) || !is_like(key))
    };
    entries.retain(|(key, _)| is_meant(key));
    for (key, value) in entries.iter_mut().filter(|(_, value)| !value.is_null()) {
        if key.as_str() != Some("create")
            && let Some(text) = value.as_str()
        {
            value.kind = Node::string(text).kind;
        }
    }
}

fn patch(view: &View<'_>, kustomization: &Kustomization, config: &Resource) -> Fallible<Transformer> {
    let (mut reader, root) = open(config, &["path", "patch", "target", "options"]);
    let rule = rules::patch(&mut reader, &root, "patch");
    reader.finish(view)?;
    match rule {
        Some(rule) => Ok(Transformer::Patch(patches::load(view, kustomization, &rule)?)),
        None => fail(codes::PLUGIN_CONFIGURATION, &config.location(), "a patch is needed"),
    }
}

fn json_patch(view: &View<'_>, kustomization: &Kustomization, config: &Resource) -> Fallible<Transformer> {
    let (mut reader, root) = open(config, &["path", "jsonOp", "target"]);
    let rule = rules::patch(&mut reader, &root, "jsonOp");
    reader.finish(view)?;
    match rule {
        Some(rule) => Ok(Transformer::JsonPatch(patches::load_json(view, kustomization, &rule)?)),
        None => fail(codes::PLUGIN_CONFIGURATION, &config.location(), "a patch is needed"),
    }
}

fn strategic_patches(view: &View<'_>, kustomization: &Kustomization, config: &Resource) -> Fallible<Transformer> {
    let (mut reader, root) = open(config, &["paths", "patches"]);
    let entries = reader.texts(&root, "paths");
    let text = reader.filled(&root, "patches").map(|value| Text { value, at: config.location() });
    if entries.is_empty() && text.is_none() {
        reader.problem(codes::PLUGIN_CONFIGURATION, &root, "one of `paths` and `patches` is needed");
    }
    reader.finish(view)?;
    let mut patches = patches::load_strategic(view, kustomization, &entries)?;
    if let Some(text) = text {
        patches.extend(patches::load_text(view, kustomization, &text)?);
    }
    patches::refuse_none(&patches, &config.location())?;
    Ok(Transformer::StrategicPatches(patches))
}
