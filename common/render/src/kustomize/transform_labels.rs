//! `labels`, `commonLabels` and `commonAnnotations`.

use std::collections::BTreeMap;

use skerry_yaml::Node;

use super::field_spec::{self, FieldSpec, Missing, set_entry};
use super::file::{LabelRule, Reach};
use super::resource::Resource;
use crate::codes::Fallible;
use crate::tree::View;

/// Sets labels where a rule says.
pub(crate) fn apply_labels(view: &View<'_>, resources: &mut [Resource], rule: &LabelRule) -> Fallible<()> {
    let mut specs: Vec<&FieldSpec> = rule.fields.iter().collect();
    let own = FieldSpec { path: "metadata/labels".to_owned(), ..FieldSpec::any() };
    let sets: &[&str] = match rule.reach {
        Reach::Selectors => &["selectors", "labels", "claims"],
        Reach::Templates { pods: true, claims: true } => &["labels", "claims"],
        Reach::Templates { pods: true, claims: false } => &["labels"],
        Reach::Templates { pods: false, .. } => &["claims"],
        Reach::Own => &[],
    };
    for spec in sets.iter().flat_map(|set| field_spec::defaults(set)) {
        specs.push(spec);
    }
    if rule.reach != Reach::Selectors {
        specs.push(&own);
    }
    set_all(view, resources, &rule.pairs, &specs)
}

/// Sets annotations on every resource and on the pods that it makes.
pub(crate) fn apply_annotations(
    view: &View<'_>,
    resources: &mut [Resource],
    pairs: &BTreeMap<String, String>,
) -> Fallible<()> {
    let specs: Vec<&FieldSpec> = field_spec::defaults("annotations").collect();
    set_all(view, resources, pairs, &specs)
}

fn set_all(
    view: &View<'_>,
    resources: &mut [Resource],
    pairs: &BTreeMap<String, String>,
    specs: &[&FieldSpec],
) -> Fallible<()> {
    if pairs.is_empty() {
        return Ok(());
    }
    let bytes: usize = pairs.iter().map(|(key, value)| key.len() + value.len()).sum();
    for resource in resources {
        view.count_growth(bytes, &resource.location())?;
        for spec in specs {
            let mut set = |node: &mut Node| pairs.iter().try_for_each(|(key, value)| set_entry(node, key, value));
            field_spec::visit(resource, spec, Missing::Mapping, &mut set)?;
        }
    }
    Ok(())
}
