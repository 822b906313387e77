//! From a configuration to a transformer. Each has its own field specs, and none but those.

use super::open;
use crate::codes::{self, Fallible, fail};
use crate::kustomize::field_spec::Specs;
use crate::kustomize::file::{self, Kustomization, Reader, Spot, Text, rules};
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
    let (mut reader, root) = open(config, &["replacements"]);
    let entries = file::replacements::entries(&mut reader, &root);
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

fn names(view: &View<'_>, config: &Resource, ends: &[End]) -> Fallible<Transformer> {
    let known: Vec<&str> = ends.iter().map(|end| end.field()).chain(["fieldSpecs"]).collect();
    let (mut reader, root) = open(config, &known);
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
    let mut entries = reader.texts(&root, "paths");
    entries.extend(reader.filled(&root, "patches").map(|value| Text { value, at: config.location() }));
    if entries.is_empty() {
        reader.problem(codes::PLUGIN_CONFIGURATION, &root, "one of `paths` and `patches` is needed");
    }
    reader.finish(view)?;
    Ok(Transformer::StrategicPatches(patches::load_strategic(view, kustomization, &entries)?))
}
