//! `helmCharts`, `helmGlobals` and `helmChartInflationGenerator`.

use skerry_common::diagnostic::Location;
use skerry_yaml::{Node, from_json, to_json};

use super::reader::{Reader, Spot, Text};
use crate::allowed::ChartFlag;
use crate::codes;

/// Where charts lie when nothing else is said.
const HOME: &str = "charts";

/// A chart that is to be rendered.
#[derive(Debug, Clone)]
pub(crate) struct ChartRule {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) repo: String,
    pub(crate) release_name: String,
    pub(crate) name_template: String,
    pub(crate) namespace: String,
    pub(crate) home: String,
    pub(crate) values: Values,
    pub(crate) api_versions: Vec<String>,
    pub(crate) kube_version: String,
    pub(crate) flags: Vec<ChartFlag>,
    pub(crate) at: Location,
}

/// What a chart's templates are filled with.
#[derive(Debug, Clone)]
pub(crate) struct Values {
    /// In place of the chart's own.
    pub(crate) file: Option<Text>,
    pub(crate) more_files: Vec<Text>,
    /// Never an empty mapping.
    pub(crate) inline: Option<Node>,
    pub(crate) merge: ValuesMerge,
}

/// What becomes of a file of values and of inline ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ValuesMerge {
    /// Inline values win.
    Override,
    /// The file wins.
    Merge,
    /// Only inline ones count.
    Replace,
}

/// What the fields of a chart are called.
struct Names {
    name: &'static str,
    version: &'static str,
    repo: &'static str,
    values_file: &'static str,
    values_inline: &'static str,
}

const NEW: Names =
    Names { name: "name", version: "version", repo: "repo", values_file: "valuesFile", values_inline: "valuesInline" };

const OLD: Names = Names {
    name: "chartName",
    version: "chartVersion",
    repo: "chartRepoUrl",
    values_file: "values",
    values_inline: "valuesLocal",
};

const FLAGS: &[(&str, ChartFlag)] = &[
    ("includeCRDs", ChartFlag::IncludeCrds),
    ("skipTests", ChartFlag::SkipTests),
    ("skipHooks", ChartFlag::SkipHooks),
    ("debug", ChartFlag::Debug),
    ("devel", ChartFlag::Devel),
];

/// The fields of a chart.
pub(crate) const CHART_FIELDS: &[&str] = &[
    "name",
    "version",
    "repo",
    "releaseName",
    "namespace",
    "additionalValuesFiles",
    "valuesFile",
    "valuesInline",
    "valuesMerge",
    "includeCRDs",
    "skipHooks",
    "apiVersions",
    "kubeVersion",
    "nameTemplate",
    "skipTests",
    "debug",
    "devel",
];

const OLD_FIELDS: &[&str] = &[
    "chartName",
    "chartVersion",
    "chartRepoUrl",
    "chartHome",
    "helmHome",
    "values",
    "valuesLocal",
    "valuesMerge",
    "releaseName",
];

/// What Kustomize reads of an old chart and does nothing with.
const OLD_IDLE_FIELDS: &[&str] = &["chartRepoName", "helmBin", "releaseNamespace", "extraArgs"];

/// Reads every chart of a kustomization, those in the old form last.
pub(super) fn charts(reader: &mut Reader, root: &Spot<'_>) -> Vec<ChartRule> {
    let (new, old) = (reader.items(root, "helmCharts"), reader.items(root, "helmChartInflationGenerator"));
    let globals = root.child("helmGlobals");
    if let Some(spot) = &globals {
        reader.only(spot, &["chartHome", "configHome"]);
    }
    let home = match &globals {
        Some(spot) => home(reader, spot),
        // Of the old ones the last that says something counts, for all.
        None => {
            old.iter().rev().map(|spot| home(reader, spot)).find(|home| home != HOME).unwrap_or_else(|| HOME.to_owned())
        }
    };
    let mut rules = Vec::new();
    for spot in &new {
        reader.only(spot, CHART_FIELDS);
        rules.push(chart(reader, spot, &home));
    }
    for spot in &old {
        let known: Vec<&str> = OLD_FIELDS.iter().chain(OLD_IDLE_FIELDS).copied().collect();
        reader.only(spot, &known);
        for field in OLD_IDLE_FIELDS.iter().filter_map(|field| spot.child(field)) {
            reader.idle(&field);
        }
        let values = values(reader, spot, &OLD);
        rules.push(ChartRule { values, ..named(reader, spot, &OLD, &home) });
    }
    rules
}

/// Where charts lie. Where Helm keeps its own settings is the operator's to say.
pub(crate) fn home(reader: &mut Reader, spot: &Spot<'_>) -> String {
    for field in ["configHome", "helmHome"] {
        if let Some(place) = spot.child(field).filter(|_| reader.filled(spot, field).is_some()) {
            let message = format!("`{field}` cannot be chosen by a source: helm is set up by the operator");
            reader.problem(codes::CHART, &place, message);
        }
    }
    reader.filled(spot, "chartHome").unwrap_or_else(|| HOME.to_owned())
}

/// Reads a chart in today's form.
pub(crate) fn chart(reader: &mut Reader, spot: &Spot<'_>, home: &str) -> ChartRule {
    let flags = FLAGS.iter().filter(|(field, _)| reader.flag(spot, field)).map(|(_, flag)| *flag).collect();
    let texts = |texts: Vec<Text>| texts.into_iter().map(|text| text.value).collect();
    ChartRule {
        namespace: reader.text(spot, "namespace").unwrap_or_default(),
        name_template: reader.text(spot, "nameTemplate").unwrap_or_default(),
        api_versions: texts(reader.texts(spot, "apiVersions")),
        kube_version: reader.text(spot, "kubeVersion").unwrap_or_default(),
        flags,
        ..named(reader, spot, &NEW, home)
    }
}

fn named(reader: &mut Reader, spot: &Spot<'_>, names: &Names, home: &str) -> ChartRule {
    let rule = ChartRule {
        name: reader.text(spot, names.name).unwrap_or_default(),
        version: reader.text(spot, names.version).unwrap_or_default(),
        repo: reader.text(spot, names.repo).unwrap_or_default(),
        release_name: reader.text(spot, "releaseName").unwrap_or_default(),
        name_template: String::new(),
        namespace: String::new(),
        home: home.to_owned(),
        values: values(reader, spot, names),
        api_versions: Vec::new(),
        kube_version: String::new(),
        flags: Vec::new(),
        at: reader.at(spot),
    };
    if rule.name.is_empty() {
        reader.problem(codes::CHART, spot, format!("`{}` is needed: which chart", names.name));
    }
    for (field, text) in [(names.name, &rule.name), ("releaseName", &rule.release_name)] {
        if text.starts_with('-') {
            let place = spot.child(field).unwrap_or_else(|| spot.clone());
            reader.problem(
                codes::CHART,
                &place,
                format!("`{field}` must not begin with `-`: helm would take it for an option"),
            );
        }
    }
    rule
}

fn values(reader: &mut Reader, spot: &Spot<'_>, names: &Names) -> Values {
    let merge = match reader.text(spot, "valuesMerge").as_deref() {
        None | Some("" | "override") => ValuesMerge::Override,
        Some("merge") => ValuesMerge::Merge,
        Some("replace") => ValuesMerge::Replace,
        Some(_) => {
            let place = spot.child("valuesMerge").unwrap_or_else(|| spot.clone());
            reader.problem(codes::CHART, &place, "`valuesMerge` must be `merge`, `override` or `replace`");
            ValuesMerge::Override
        }
    };
    let file = spot.child(names.values_file).and_then(|place| {
        let value = reader.filled(spot, names.values_file)?;
        Some(Text { value, at: reader.at(&place) })
    });
    Values { file, more_files: reader.texts(spot, "additionalValuesFiles"), inline: inline(reader, spot, names), merge }
}

/// Inline values, typed as Kubernetes types YAML.
fn inline(reader: &mut Reader, spot: &Spot<'_>, names: &Names) -> Option<Node> {
    let place = spot.child(names.values_inline)?;
    if !place.node.is_mapping() {
        reader.problem(codes::CHART, &place, format!("`{}` must be a mapping", names.values_inline));
        return None;
    }
    match to_json(place.node) {
        Ok(json) => Some(from_json(&json)).filter(|node| !node.entries().is_empty()),
        Err(error) => {
            reader.problem(codes::NO_JSON_FORM, &place, error.message);
            None
        }
    }
}
