//! The transformers that the fields of a kustomization ask for, in the order in which they run.

use super::Transformer;
use crate::codes::{self, Fallible, fail};
use crate::kustomize::field_spec::{self, FieldSpec};
use crate::kustomize::file::{Kustomization, LabelRule, Reach};
use crate::kustomize::patches;
use crate::kustomize::replacements;
use crate::kustomize::transform_labels::Pairs;
use crate::kustomize::transform_names::{End, NameChange};
use crate::kustomize::transform_namespace::{NamespaceChange, Subjects};
use crate::tree::View;

/// Everything that the fields of a kustomization change.
pub(crate) fn of_fields(view: &View<'_>, kustomization: &Kustomization) -> Fallible<Vec<Transformer>> {
    let mut found = Vec::new();
    if !kustomization.patches_strategic.is_empty() {
        let patches = patches::load_strategic(view, kustomization, &kustomization.patches_strategic)?;
        found.push(Transformer::StrategicPatches(patches));
    }
    for rule in &kustomization.patches {
        found.push(Transformer::Patch(patches::load(view, kustomization, rule)?));
    }
    if !kustomization.namespace.is_empty() {
        found.push(Transformer::Namespace(NamespaceChange {
            namespace: kustomization.namespace.clone(),
            specs: field_spec::defaults("namespace"),
            unset_only: false,
            subjects: Subjects::Default,
        }));
    }
    for (text, end) in [(&kustomization.name_prefix, End::Prefix), (&kustomization.name_suffix, End::Suffix)] {
        if !text.is_empty() {
            let specs = field_spec::defaults("names");
            found.push(Transformer::Names(vec![NameChange { text: text.clone(), end, specs }]));
        }
    }
    for rule in &kustomization.labels {
        found.push(Transformer::Labels(labels(rule)?));
    }
    if !kustomization.annotations.is_empty() {
        let (pairs, specs) = (kustomization.annotations.clone(), field_spec::defaults("annotations"));
        found.push(Transformer::Annotations(Pairs { pairs, specs }));
    }
    for rule in &kustomization.patches_json {
        found.push(Transformer::JsonPatch(patches::load_json(view, kustomization, rule)?));
    }
    for rule in &kustomization.replicas {
        found.push(Transformer::Replicas(rule.clone(), field_spec::defaults("replicas")));
    }
    for rule in &kustomization.images {
        found.push(Transformer::Image(rule.clone(), field_spec::defaults("images")));
    }
    if !kustomization.replacements.is_empty() {
        let rules = replacements::load_all(view, kustomization, &kustomization.replacements)?;
        found.push(Transformer::Replacements(rules));
    }
    Ok(found)
}

/// Where the labels of a rule go: its own fields first, then the usual ones.
fn labels(rule: &LabelRule) -> Fallible<Pairs> {
    let mut specs = rule.fields.clone();
    let own = [FieldSpec { path: "metadata/labels".to_owned(), ..FieldSpec::any() }];
    let sets: &[&str] = match rule.reach {
        Reach::Selectors => &["selectors", "labels", "claims"],
        Reach::Templates { pods: true, claims: true } => &["labels", "claims"],
        Reach::Templates { pods: true, claims: false } => &["labels"],
        Reach::Templates { pods: false, .. } => &["claims"],
        Reach::Own => &[],
    };
    let mut merge = |more: &[FieldSpec]| match field_spec::merge(&mut specs, more) {
        Ok(()) => Ok(()),
        Err(clash) => {
            let message = format!("`create` of `{}` is told otherwise already", clash.path);
            fail(codes::KUSTOMIZATION_INVALID, &rule.at, message)
        }
    };
    sets.iter().try_for_each(|set| merge(&field_spec::defaults(set)))?;
    if rule.reach != Reach::Selectors {
        merge(&own)?;
    }
    Ok(Pairs { pairs: rule.pairs.clone(), specs: specs.into() })
}
