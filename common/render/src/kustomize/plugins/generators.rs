//! From a configuration to a generator.

use super::open_exactly;
use crate::codes::{self, Fallible};
use crate::kustomize::file::charts::{self, CHART_FIELDS};
use crate::kustomize::file::{GENERATOR_FIELDS, Reader, Spot, rules};
use crate::kustomize::generators::{Generator, Made, Policy};
use crate::kustomize::resource::Resource;
use crate::tree::View;

/// The generator that a configuration, already checked to be one, describes.
pub(crate) fn generator(view: &View<'_>, config: &Resource) -> Fallible<Generator> {
    match config.kind() {
        "IAMPolicyGenerator" => policy(view, config),
        "HelmChartInflationGenerator" => chart(view, config),
        "SecretGenerator" => pairs(view, config, Made::Secret),
        _ => pairs(view, config, Made::ConfigMap),
    }
}

fn chart(view: &View<'_>, config: &Resource) -> Fallible<Generator> {
    let known: Vec<&str> = CHART_FIELDS.iter().copied().chain(["chartHome", "configHome"]).collect();
    let (mut reader, root) = open_exactly(config, &known);
    let home = charts::home(&mut reader, &root);
    let rule = charts::chart(&mut reader, &root, &home);
    reader.finish(view)?;
    crate::kustomize::charts::renderer(view, &rule)?;
    Ok(Generator::Chart(Box::new(rule)))
}

/// Name and namespace are those of the configuration, where it does not say others.
fn pairs(view: &View<'_>, config: &Resource, made: Made) -> Fallible<Generator> {
    let mut config = config.clone();
    if made == Made::ConfigMap
        && let Some(fields) = config.node.entries_mut()
    {
        // Of no effect, whatever it is.
        fields.retain(|(key, _)| !key.as_str().is_some_and(|key| key.eq_ignore_ascii_case("type")));
    }
    let secret = (made == Made::Secret).then_some("type");
    let known: Vec<&str> = GENERATOR_FIELDS.iter().copied().chain(secret).collect();
    let (mut reader, root) = open_exactly(&config, &known);
    // Of no effect either, but must be a text.
    reader.text(&root, "env");
    let mut rule = rules::generator(&mut reader, &root);
    if rule.name.is_empty() {
        rule.name = config.name().to_owned();
    }
    if rule.namespace.is_empty() {
        rule.namespace = config.namespace().to_owned();
    }
    reader.finish(view)?;
    Ok(Generator::Pairs(made, rule))
}

fn policy(view: &View<'_>, config: &Resource) -> Fallible<Generator> {
    let (mut reader, root) = open_exactly(config, &["cloud", "kubernetesService", "serviceAccount"]);
    let cloud = reader.text(&root, "cloud").unwrap_or_default();
    if cloud != "gke" {
        let spot = root.child("cloud").unwrap_or_else(|| root.clone());
        reader.problem(codes::PLUGIN_CONFIGURATION, &spot, "`cloud` must be `gke`");
    }
    let text = |reader: &mut Reader, parent: &str, key: &str| {
        let parent: Option<Spot<'_>> = root.child(parent);
        parent.and_then(|parent| reader.text(&parent, key)).unwrap_or_default()
    };
    let policy = Policy {
        name: text(&mut reader, "kubernetesService", "name"),
        namespace: text(&mut reader, "kubernetesService", "namespace"),
        account: text(&mut reader, "serviceAccount", "name"),
        project: text(&mut reader, "serviceAccount", "projectId"),
        at: config.location(),
    };
    if policy.name.is_empty() {
        reader.problem(codes::PLUGIN_CONFIGURATION, &root, "`kubernetesService.name` is needed");
    }
    reader.finish(view)?;
    Ok(Generator::Policy(policy))
}
