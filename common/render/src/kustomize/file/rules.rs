//! The larger fields of a kustomization.

use std::collections::BTreeMap;

use skerry_common::diagnostic::Location;

use super::reader::{Reader, Spot, Text};
use crate::codes;
use crate::kustomize::field_spec::FieldSpec;
use crate::kustomize::resource::Behavior;
use crate::kustomize::select::Selector;

/// Most parts of a field's path: no Kubernetes object is nested as deep.
pub(super) const PATH_PARTS_MAX: usize = 64;

/// One entry of `labels`; `commonLabels` is one that goes everywhere.
#[derive(Debug, Clone, Default)]
pub(crate) struct LabelRule {
    pub(crate) pairs: BTreeMap<String, String>,
    pub(crate) reach: Reach,
    pub(crate) fields: Vec<FieldSpec>,
}

/// Where labels go besides `metadata.labels`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Reach {
    /// Nowhere.
    #[default]
    Own,
    /// Into the templates of pods, or of claims, or both.
    Templates { pods: bool, claims: bool },
    /// Into selectors and every template.
    Selectors,
}

/// One entry of `patches` or `patchesJson6902`.
#[derive(Debug, Clone)]
pub(crate) struct PatchRule {
    /// The file, or the patch itself.
    pub(crate) content: PatchContent,
    pub(crate) target: Option<Selector>,
    pub(crate) allows: Allows,
    pub(crate) at: Location,
}

/// Where a patch is.
#[derive(Debug, Clone)]
pub(crate) enum PatchContent {
    File(String),
    Inline(String),
}

/// What a patch may change besides content.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Allows {
    pub(crate) name_change: bool,
    pub(crate) kind_change: bool,
}

/// One entry of `images`.
#[derive(Debug, Clone)]
pub(crate) struct ImageRule {
    pub(crate) name: String,
    pub(crate) new_name: Option<String>,
    pub(crate) new_tag: Option<String>,
    pub(crate) digest: Option<String>,
    pub(crate) tag_suffix: Option<String>,
}

/// One entry of `replicas`.
#[derive(Debug, Clone)]
pub(crate) struct ReplicaRule {
    pub(crate) name: String,
    pub(crate) count: i64,
    pub(crate) at: Location,
}

/// One entry of `configMapGenerator` or `secretGenerator`, `generatorOptions` merged in.
#[derive(Debug, Clone)]
pub(crate) struct GeneratorRule {
    pub(crate) name: String,
    pub(crate) namespace: String,
    pub(crate) secret_type: String,
    pub(crate) behavior: Behavior,
    pub(crate) literals: Vec<Text>,
    pub(crate) files: Vec<Text>,
    pub(crate) envs: Vec<Text>,
    pub(crate) options: GeneratorOptions,
    pub(crate) at: Location,
}

/// `options` and `generatorOptions`.
#[derive(Debug, Clone, Default)]
pub(crate) struct GeneratorOptions {
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) annotations: BTreeMap<String, String>,
    pub(crate) disable_hash: bool,
    pub(crate) immutable: bool,
}

pub(super) fn labels(reader: &mut Reader, root: &Spot<'_>) -> Vec<LabelRule> {
    const KNOWN: &[&str] = &["pairs", "includeSelectors", "includeTemplates", "includeVolumeClaimTemplates", "fields"];
    let mut rules = Vec::new();
    for spot in reader.items(root, "labels") {
        reader.only(&spot, KNOWN);
        let mut fields = Vec::new();
        for field in reader.items(&spot, "fields") {
            reader.only(&field, &["path", "create", "group", "version", "kind"]);
            let path = reader.text(&field, "path").unwrap_or_default();
            if path.matches('/').count() >= PATH_PARTS_MAX {
                let message = format!("the path has more than {PATH_PARTS_MAX} parts");
                reader.problem(codes::KUSTOMIZATION_INVALID, &field, message);
                continue;
            }
            fields.push(FieldSpec {
                group: reader.text(&field, "group").unwrap_or_default(),
                version: reader.text(&field, "version").unwrap_or_default(),
                kind: reader.text(&field, "kind").unwrap_or_default(),
                path,
                creates: reader.flag(&field, "create"),
            });
        }
        rules.push(LabelRule { pairs: reader.pairs(&spot, "pairs"), reach: reach(reader, &spot), fields });
    }
    let common = reader.pairs(root, "commonLabels");
    rules.push(LabelRule { pairs: common, reach: Reach::Selectors, fields: Vec::new() });
    rules
}

fn reach(reader: &mut Reader, spot: &Spot<'_>) -> Reach {
    let pods = reader.flag(spot, "includeTemplates");
    let claims = reader.flag(spot, "includeVolumeClaimTemplates");
    match (reader.flag(spot, "includeSelectors"), pods || claims) {
        (true, _) => Reach::Selectors,
        (false, true) => Reach::Templates { pods, claims },
        (false, false) => Reach::Own,
    }
}

pub(super) fn patches(reader: &mut Reader, root: &Spot<'_>, key: &str) -> Vec<PatchRule> {
    let mut rules = Vec::new();
    for spot in reader.items(root, key) {
        reader.only(&spot, &["path", "patch", "target", "options"]);
        let path = reader.filled(&spot, "path");
        let patch = reader.text(&spot, "patch").map(|patch| patch.trim().to_owned()).filter(|patch| !patch.is_empty());
        let content = match (path, patch) {
            (Some(path), None) => PatchContent::File(path),
            (None, Some(patch)) => PatchContent::Inline(patch),
            (Some(_), Some(_)) | (None, None) => {
                reader.problem(codes::KUSTOMIZATION_INVALID, &spot, "exactly one of `path` and `patch` is needed");
                continue;
            }
        };
        let target = spot.child("target").and_then(|spot| selector(reader, &spot));
        let mut allows = Allows::default();
        if let Some(options) = spot.child("options") {
            reader.only(&options, &["allowNameChange", "allowKindChange"]);
            allows.name_change = reader.flag(&options, "allowNameChange");
            allows.kind_change = reader.flag(&options, "allowKindChange");
        }
        rules.push(PatchRule { content, target, allows, at: reader.at(&spot) });
    }
    rules
}

pub(super) fn selector(reader: &mut Reader, spot: &Spot<'_>) -> Option<Selector> {
    const KNOWN: &[&str] = &["group", "version", "kind", "name", "namespace", "labelSelector", "annotationSelector"];
    reader.only_if_strict(spot, KNOWN);
    let values = KNOWN.iter().map(|key| (*key, reader.text(spot, key).unwrap_or_default())).collect();
    match Selector::parse(values) {
        Ok(selector) => Some(selector),
        Err((field, message)) => {
            let place = spot.child(field).unwrap_or_else(|| spot.clone());
            reader.problem(codes::SELECTOR, &place, message);
            None
        }
    }
}

pub(super) fn images(reader: &mut Reader, root: &Spot<'_>, key: &str) -> Vec<ImageRule> {
    let mut rules = Vec::new();
    for spot in reader.items(root, key) {
        reader.only(&spot, &["name", "newName", "newTag", "digest", "tagSuffix"]);
        rules.push(ImageRule {
            name: reader.text(&spot, "name").unwrap_or_default(),
            new_name: reader.filled(&spot, "newName"),
            new_tag: reader.filled(&spot, "newTag"),
            digest: reader.filled(&spot, "digest"),
            tag_suffix: reader.filled(&spot, "tagSuffix"),
        });
    }
    rules
}

pub(super) fn replicas(reader: &mut Reader, root: &Spot<'_>) -> Vec<ReplicaRule> {
    let mut rules = Vec::new();
    for spot in reader.items(root, "replicas") {
        reader.only(&spot, &["name", "count"]);
        let name = reader.text(&spot, "name").unwrap_or_default();
        rules.push(ReplicaRule { name, count: reader.integer(&spot, "count"), at: reader.at(&spot) });
    }
    rules
}

pub(super) fn generators(reader: &mut Reader, root: &Spot<'_>, key: &str) -> Vec<GeneratorRule> {
    const KNOWN: &[&str] = &["name", "namespace", "behavior", "literals", "files", "envs", "env", "options"];
    let known: Vec<&str> = KNOWN.iter().copied().chain((key == "secretGenerator").then_some("type")).collect();
    let global = root.child("generatorOptions").map(|spot| options(reader, &spot)).unwrap_or_default();
    let mut rules = Vec::new();
    for spot in reader.items(root, key) {
        reader.only(&spot, &known);
        let name = reader.text(&spot, "name").unwrap_or_default();
        if name.is_empty() {
            reader.problem(codes::KUSTOMIZATION_INVALID, &spot, "a generator needs a `name`");
        }
        let mut envs = reader.texts(&spot, "envs");
        envs.extend(reader.filled(&spot, "env").map(|value| Text { value, at: reader.at(&spot) }));
        let own = spot.child("options").map(|spot| options(reader, &spot)).unwrap_or_default();
        rules.push(GeneratorRule {
            name,
            namespace: reader.text(&spot, "namespace").unwrap_or_default(),
            secret_type: reader.filled(&spot, "type").unwrap_or_else(|| "Opaque".to_owned()),
            behavior: behavior(reader, &spot),
            literals: reader.texts(&spot, "literals"),
            files: reader.texts(&spot, "files"),
            envs,
            options: merge(own, &global),
            at: reader.at(&spot),
        });
    }
    rules
}

fn behavior(reader: &mut Reader, spot: &Spot<'_>) -> Behavior {
    match reader.text(spot, "behavior").as_deref() {
        Some("merge") => Behavior::Merge,
        Some("replace") => Behavior::Replace,
        Some("create" | "") | None => Behavior::Create,
        Some(_) => {
            let place = spot.child("behavior").unwrap_or_else(|| spot.clone());
            let message = "`behavior` must be `create`, `merge` or `replace`";
            reader.problem(codes::KUSTOMIZATION_INVALID, &place, message);
            Behavior::Create
        }
    }
}

fn options(reader: &mut Reader, spot: &Spot<'_>) -> GeneratorOptions {
    reader.only(spot, &["labels", "annotations", "disableNameSuffixHash", "immutable"]);
    GeneratorOptions {
        labels: reader.pairs(spot, "labels"),
        annotations: reader.pairs(spot, "annotations"),
        disable_hash: reader.flag(spot, "disableNameSuffixHash"),
        immutable: reader.flag(spot, "immutable"),
    }
}

/// What a generator says wins, but what `generatorOptions` switches on stays on.
fn merge(mut own: GeneratorOptions, global: &GeneratorOptions) -> GeneratorOptions {
    let pairs = [(&mut own.labels, &global.labels), (&mut own.annotations, &global.annotations)];
    for (own, global) in pairs {
        for (key, value) in global {
            own.entry(key.clone()).or_insert_with(|| value.clone());
        }
    }
    own.disable_hash |= global.disable_hash;
    own.immutable |= global.immutable;
    own
}
