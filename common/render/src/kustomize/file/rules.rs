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
    pub(crate) at: Location,
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
    /// Likewise, as `commonLabels` does: without the fields that only `labels` has.
    Everywhere,
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

impl Allows {
    /// Whether anything besides content may change.
    pub(crate) fn anything(self) -> bool {
        self.name_change || self.kind_change
    }
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
        let fields = field_specs(reader, &spot, "fields");
        let (pairs, reach) = (reader.pairs(&spot, "pairs"), reach(reader, &spot));
        rules.push(LabelRule { pairs, reach, fields, at: reader.at(&spot) });
    }
    let common = reader.pairs(root, "commonLabels");
    if !(rules.is_empty() && common.is_empty()) {
        let at = reader.at(&root.child("commonLabels").unwrap_or_else(|| root.clone()));
        rules.push(LabelRule { pairs: common, reach: Reach::Everywhere, fields: Vec::new(), at });
    }
    rules
}

/// A list of field specs.
pub(crate) fn field_specs(reader: &mut Reader, parent: &Spot<'_>, key: &str) -> Vec<FieldSpec> {
    let mut specs = Vec::new();
    for spot in reader.items(parent, key) {
        reader.only(&spot, &["path", "create", "group", "version", "kind"]);
        let path = reader.text(&spot, "path").unwrap_or_default();
        if path.matches('/').count() >= PATH_PARTS_MAX {
            let message = format!("the path has more than {PATH_PARTS_MAX} parts");
            reader.problem(codes::KUSTOMIZATION_INVALID, &spot, message);
            continue;
        }
        specs.push(FieldSpec {
            group: reader.exact_text(&spot, "group").unwrap_or_default(),
            version: reader.exact_text(&spot, "version").unwrap_or_default(),
            kind: reader.exact_text(&spot, "kind").unwrap_or_default(),
            path,
            creates: reader.flag(&spot, "create"),
            ..FieldSpec::any()
        });
    }
    specs
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
        rules.extend(patch(reader, &spot, "patch"));
    }
    rules
}

/// One patch; an inline one is in the field `inline`.
pub(crate) fn patch(reader: &mut Reader, spot: &Spot<'_>, inline: &str) -> Option<PatchRule> {
    let path = reader.filled(spot, "path");
    // Kustomize trims what `patches` say, and nothing else.
    let is_trimmed = inline == "patch" && !spot.path.starts_with("patchesJson6902");
    let text = reader.text(spot, inline);
    let text = text.map(|text| if is_trimmed { text.trim().to_owned() } else { text }).filter(|text| !text.is_empty());
    let content = match (path, text) {
        (Some(path), None) => PatchContent::File(path),
        (None, Some(text)) => PatchContent::Inline(text),
        (Some(_), Some(_)) | (None, None) => {
            let message = format!("exactly one of `path` and `{inline}` is needed");
            reader.problem(codes::KUSTOMIZATION_INVALID, spot, message);
            return None;
        }
    };
    let target = spot.child("target").and_then(|spot| selector(reader, &spot));
    let mut allows = Allows::default();
    if let Some(options) = spot.child("options") {
        reader.only(&options, &["allowNameChange", "allowKindChange"]);
        allows.name_change = reader.flag(&options, "allowNameChange");
        allows.kind_change = reader.flag(&options, "allowKindChange");
    }
    Some(PatchRule { content, target, allows, at: reader.at(spot) })
}

pub(crate) fn selector(reader: &mut Reader, spot: &Spot<'_>) -> Option<Selector> {
    const KNOWN: &[&str] = &["group", "version", "kind", "name", "namespace", "labelSelector", "annotationSelector"];
    reader.only(spot, KNOWN);
    let mut text = |key: &str| match key {
        "labelSelector" | "annotationSelector" => reader.text(spot, key),
        _ => reader.exact_text(spot, key),
    };
    let values = KNOWN.iter().map(|key| (*key, text(key).unwrap_or_default())).collect();
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
    reader.items(root, key).iter().map(|spot| image(reader, spot)).collect()
}

pub(crate) fn image(reader: &mut Reader, spot: &Spot<'_>) -> ImageRule {
    reader.only(spot, &["name", "newName", "newTag", "digest", "tagSuffix"]);
    ImageRule {
        name: reader.text(spot, "name").unwrap_or_default(),
        new_name: reader.filled(spot, "newName"),
        new_tag: reader.filled(spot, "newTag"),
        digest: reader.filled(spot, "digest"),
        tag_suffix: reader.filled(spot, "tagSuffix"),
    }
}

pub(super) fn replicas(reader: &mut Reader, root: &Spot<'_>) -> Vec<ReplicaRule> {
    reader.items(root, "replicas").iter().map(|spot| replica(reader, spot)).collect()
}

pub(crate) fn replica(reader: &mut Reader, spot: &Spot<'_>) -> ReplicaRule {
    reader.only(spot, &["name", "count"]);
    let name = reader.text(spot, "name").unwrap_or_default();
    ReplicaRule { name, count: reader.integer(spot, "count"), at: reader.at(spot) }
}

/// What every generator of pairs has; secrets have a `type` besides.
pub(crate) const GENERATOR_FIELDS: &[&str] =
    &["name", "namespace", "behavior", "literals", "files", "envs", "env", "options"];

pub(super) fn generators(reader: &mut Reader, root: &Spot<'_>, key: &str) -> Vec<GeneratorRule> {
    let secret = (key == "secretGenerator").then_some("type");
    let known: Vec<&str> = GENERATOR_FIELDS.iter().copied().chain(secret).collect();
    let global = root.child("generatorOptions").map(|spot| options(reader, &spot)).unwrap_or_default();
    let mut rules = Vec::new();
    for spot in reader.items(root, key) {
        reader.only(&spot, &known);
        let mut rule = generator(reader, &spot);
        if rule.name.is_empty() {
            reader.problem(codes::KUSTOMIZATION_INVALID, &spot, "a generator needs a `name`");
        }
        rule.envs.extend(reader.filled(&spot, "env").map(|value| Text { value, at: reader.at(&spot) }));
        rule.options = merge(rule.options, &global);
        rules.push(rule);
    }
    rules
}

/// One generator, by what it says itself.
pub(crate) fn generator(reader: &mut Reader, spot: &Spot<'_>) -> GeneratorRule {
    GeneratorRule {
        name: reader.text(spot, "name").unwrap_or_default(),
        namespace: reader.text(spot, "namespace").unwrap_or_default(),
        secret_type: reader.filled(spot, "type").unwrap_or_else(|| "Opaque".to_owned()),
        behavior: behavior(reader, spot),
        literals: reader.texts(spot, "literals"),
        files: reader.texts(spot, "files"),
        envs: reader.texts(spot, "envs"),
        options: spot.child("options").map(|spot| options(reader, &spot)).unwrap_or_default(),
        at: reader.at(spot),
    }
}

fn behavior(reader: &mut Reader, spot: &Spot<'_>) -> Behavior {
    match reader.text(spot, "behavior").as_deref() {
        Some("merge") => Behavior::Merge,
        Some("replace") => Behavior::Replace,
        Some("create") => Behavior::Create,
        Some("" | "unspecified") | None => Behavior::Unspecified,
        // Kustomize takes any other word for `create`.
        Some(_) => {
            if let Some(place) = spot.child("behavior") {
                reader.idle(&place);
            }
            Behavior::Unspecified
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
