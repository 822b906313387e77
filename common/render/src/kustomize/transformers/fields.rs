//! The transformers that the fields of a kustomization ask for, in the order in which they run.

use super::Transformer;
use crate::codes::{self, Fallible, fail};
use crate::kustomize::config::{Config, Purpose};
use crate::kustomize::field_spec::{self, FieldSpec};
use crate::kustomize::file::{Kustomization, LabelRule, Reach};
use crate::kustomize::patches;
use crate::kustomize::replacements;
use crate::kustomize::transform_labels::Pairs;
use crate::kustomize::transform_names::{End, NameChange};
use crate::kustomize::transform_namespace::{NamespaceChange, Subjects};
use crate::tree::View;

/// Everything that the fields of a kustomization change.
pub(crate) fn of_fields(view: &View<'_>, kustomization: &Kustomization, config: &Config) -> Fallible<Vec<Transformer>> {
    let mut found = Vec::new();
    if !kustomization.patches_strategic.is_empty() {
        let patches = patches::load_strategic(view, kustomization, &kustomization.patches_strategic)?;
        patches::refuse_none(&patches, &kustomization.at)?;
        found.push(Transformer::StrategicPatches(patches));
    }
    for rule in &kustomization.patches {
        found.push(Transformer::Patch(patches::load(view, kustomization, rule)?));
    }
    if !kustomization.namespace.is_empty() {
        found.push(Transformer::Namespace(NamespaceChange {
            namespace: kustomization.namespace.clone(),
            specs: config.specs(Purpose::Namespace),
            unset_only: false,
            subjects: Subjects::Default,
        }));
    }
    for (text, end, purpose) in [
        (&kustomization.name_prefix, End::Prefix, Purpose::NamePrefix),
        (&kustomization.name_suffix, End::Suffix, Purpose::NameSuffix),
    ] {
        if !text.is_empty() {
            let specs = config.specs(purpose);
            found.push(Transformer::Names(vec![NameChange { text: text.clone(), end, specs }]));
        }
    }
    for rule in &kustomization.labels {
        found.push(Transformer::Labels(labels(rule, config)?));
    }
    if !kustomization.annotations.is_empty() {
        let (pairs, specs) = (kustomization.annotations.clone(), config.specs(Purpose::Annotations));
        found.push(Transformer::Annotations(Pairs { pairs, specs }));
    }
    for rule in &kustomization.patches_json {
        found.push(Transformer::JsonPatch(patches::load_json(view, kustomization, rule)?));
    }
    for rule in &kustomization.replicas {
        found.push(Transformer::Replicas(rule.clone(), config.specs(Purpose::Replicas)));
    }
    for rule in &kustomization.images {
        found.push(Transformer::Image(rule.clone(), config.specs(Purpose::Images)));
    }
    if !kustomization.replacements.is_empty() {
        let rules = replacements::load_all(view, kustomization, &kustomization.replacements)?;
        found.push(Transformer::Replacements(rules));
    }
    Ok(found)
}

/// Where the labels of a rule go: its own fields first, then the usual ones. Those of `commonLabels`
/// go wherever the configuration says, also where that says two things of one place.
fn labels(rule: &LabelRule, config: &Config) -> Fallible<Pairs> {
    if rule.reach == Reach::Everywhere {
        return Ok(Pairs { pairs: rule.pairs.clone(), specs: config.specs(Purpose::CommonLabels) });
    }
    // Most rules say nothing of their own.
    let is_common =
        rule.fields.is_empty() && rule.reach == Reach::Selectors && config.specs(Purpose::Labels).is_empty();
    if let Some(specs) = config.common_labels().filter(|_| is_common) {
        return Ok(Pairs { pairs: rule.pairs.clone(), specs });
    }
    let mut specs = rule.fields.clone();
    let own = [FieldSpec { path: "metadata/labels".to_owned(), ..FieldSpec::any() }];
    let purposes: &[Purpose] = match rule.reach {
        Reach::Selectors | Reach::Everywhere => &[Purpose::Labels, Purpose::CommonLabels],
        Reach::Templates { pods: true, claims: true } => {
            &[Purpose::Labels, Purpose::TemplateLabels, Purpose::ClaimLabels]
        }
        Reach::Templates { pods: true, claims: false } => &[Purpose::Labels, Purpose::TemplateLabels],
        Reach::Templates { pods: false, .. } => &[Purpose::Labels, Purpose::ClaimLabels],
        Reach::Own => &[Purpose::Labels],
    };
    let mut merge = |more: &[FieldSpec]| match field_spec::merge(&mut specs, more) {
        Ok(()) => Ok(()),
        Err(clash) => {
            let message = format!("`create` of `{}` is told otherwise already", clash.path);
            fail(codes::KUSTOMIZATION_INVALID, &rule.at, message)
        }
    };
    purposes.iter().try_for_each(|purpose| merge(&config.specs(*purpose)))?;
    if rule.reach != Reach::Selectors {
        merge(&own)?;
    }
    Ok(Pairs { pairs: rule.pairs.clone(), specs: specs.into() })
}
