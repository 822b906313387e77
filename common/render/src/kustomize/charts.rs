//! Helm charts: gathers their files and values, has them rendered, and reads what comes out.
//!
//! A chart lies in the source, below `charts` or `helmGlobals.chartHome`, or is fetched from its
//! repository. What comes of it is marked, because a later `namespace` leaves it alone.

use std::sync::Arc;

use skerry_common::error_chain::Chain;
use skerry_yaml::{Node, Position, Rules, json_to_yaml, to_json_with};

use super::accumulate::{check_named, load};
use super::file::{ChartRule, Kustomization, ValuesMerge};
use super::notes;
use super::patch_strategic;
use super::resource::Resource;
use crate::allowed::{ChartError, ChartRenderer, ChartRequest, ChartSource};
use crate::build::leaves;
use crate::codes::{self, Fallible, fail, fail_with_help};
use crate::document::{Source, flatten_lists, parse_nodes};
use crate::tree::{View, join};

/// The chart's own values.
const VALUES: &str = "values.yaml";

/// Who renders charts, if anybody may.
pub(crate) fn renderer<'a>(view: &'a View<'_>, rule: &ChartRule) -> Fallible<&'a dyn ChartRenderer> {
    // On the namespace around, and on what the renderer gives.
    view.depend_on_more();
    match &view.allowed.charts {
        Some(charts) => Ok(&**charts),
        None => {
            let message = format!("the Helm chart `{}` is not rendered: Helm is not enabled", rule.name);
            let help = "`skerry build` has `--enable-helm`, the hub the setting `render.helm`; or commit the output of `helm template`";
            fail_with_help(codes::HELM_DISABLED, &rule.at, message, help)
        }
    }
}

/// Renders a chart.
pub(super) fn make(view: &View<'_>, kustomization: &Kustomization, rule: &ChartRule) -> Fallible<Vec<Resource>> {
    let charts = renderer(view, rule)?;
    let more: Vec<Vec<u8>> =
        rule.values.more_files.iter().map(|file| Ok(load(view, kustomization, file)?.1)).collect::<Fallible<_>>()?;
    let chart = Chart::find(view, kustomization, rule, charts)?;
    let mut values = vec![values(view, kustomization, rule, &chart)?];
    values.extend(more);
    let request = ChartRequest {
        name: rule.name.clone(),
        files: chart.files,
        release_name: rule.release_name.clone(),
        namespace: rule.namespace.clone(),
        name_template: rule.name_template.clone(),
        values,
        api_versions: rule.api_versions.clone(),
        kube_version: rule.kube_version.clone(),
        flags: rule.flags.clone(),
    };
    let output = charts.template(&request).or_else(|error| refused(rule, &error))?;
    read(view, kustomization, rule, &output)
}

fn refused<T>(rule: &ChartRule, error: &ChartError) -> Fallible<T> {
    fail(codes::CHART, &rule.at, format!("the chart `{}`: {}", rule.name, Chain(error)))
}

/// The files of a chart.
struct Chart {
    files: Vec<(String, Vec<u8>)>,
    /// Whether Kustomize may load files of it.
    is_inside: bool,
}

impl Chart {
    /// In the source, or else from its repository.
    fn find(
        view: &View<'_>,
        kustomization: &Kustomization,
        rule: &ChartRule,
        charts: &dyn ChartRenderer,
    ) -> Fallible<Self> {
        let home = match (rule.version.as_str(), rule.repo.as_str()) {
            ("", _) | (_, "") => rule.home.clone(),
            (version, _) => format!("{}/{}-{version}", rule.home, rule.name),
        };
        let written = format!("{home}/{}", rule.name);
        let path = join(&kustomization.folder, &written)
            .or_else(|problem| fail(codes::LEAVES_SOURCE, &rule.at, leaves(&written, problem)))?;
        if let Some(found) = view.find(&path, &rule.at)?.filter(|found| found.is_folder) {
            let mut files = Vec::new();
            collect(view, &found.path, "", &mut files, 0)?;
            return Ok(Self { files, is_inside: view.may_load(&found.path, &kustomization.folder) });
        }
        if rule.repo.is_empty() {
            let message = format!("there is no chart at `{written}`, and no `repo` to fetch it from");
            return fail(codes::NOT_FOUND, &rule.at, message);
        }
        let (name, repo, version) = (rule.name.clone(), rule.repo.clone(), rule.version.clone());
        let is_devel = rule.flags.contains(&crate::allowed::ChartFlag::Devel);
        let source = ChartSource { name, repo, version, is_devel };
        let files = charts.pull(&source).or_else(|error| refused(rule, &error))?;
        Ok(Self { files, is_inside: true })
    }
}

/// Reads every file below a folder.
fn collect(
    view: &View<'_>,
    folder: &str,
    prefix: &str,
    files: &mut Vec<(String, Vec<u8>)>,
    depth: usize,
) -> Fallible<()> {
    let at = skerry_common::diagnostic::Location::file(folder, None);
    if depth >= view.limits.nesting_max {
        let message = format!("the folders of a chart are nested more than {} deep", view.limits.nesting_max);
        return fail(codes::TOO_NESTED, &at, message);
    }
    for (name, _) in view.list(folder)? {
        let Some(found) = view.find(&crate::plain::below(folder, &name), &at)? else { continue };
        let path = crate::plain::below(prefix, &name);
        if found.is_folder {
            collect(view, &found.path, &path, files, depth + 1)?;
        } else {
            files.push((path, view.read(&found)?.to_vec()));
        }
    }
    Ok(())
}

/// The first file of values, inline ones worked in.
fn values(view: &View<'_>, kustomization: &Kustomization, rule: &ChartRule, chart: &Chart) -> Fallible<Vec<u8>> {
    let file = || match &rule.values.file {
        Some(file) => Ok(load(view, kustomization, file)?.1),
        None => match chart.files.iter().find(|(path, _)| path == VALUES) {
            Some((_, content)) if chart.is_inside => Ok(content.clone()),
            Some(_) => {
                let message =
                    format!("`{VALUES}` of the chart `{}` lies outside the folder of the kustomization", rule.name);
                fail_with_help(codes::FILE_OUTSIDE, &rule.at, message, "set `valuesFile` to a file below")
            }
            None => fail(codes::NOT_FOUND, &rule.at, format!("the chart `{}` has no `{VALUES}`", rule.name)),
        },
    };
    let Some(inline) = &rule.values.inline else { return file() };
    let base = |content: Vec<u8>| match parse_nodes(&content, VALUES, &view.limits)?.into_iter().next() {
        Some(node) if node.is_mapping() => Ok(node),
        Some(_) | None => {
            let help = "write `{}` there, or set `valuesMerge: replace`";
            fail_with_help(codes::CHART, &rule.at, "the file of values holds no mapping to merge with", help)
        }
    };
    let table = view.schema().table();
    let merged = |old, new| patch_strategic::merge(old, new, &table).map(|(merged, _)| merged);
    let merged = match rule.values.merge {
        ValuesMerge::Replace => Ok(Some(inline.clone())),
        ValuesMerge::Override => merged(base(file()?)?, inline.clone()),
        ValuesMerge::Merge => merged(inline.clone(), base(file()?)?),
    };
    let merged = match merged {
        Ok(merged) => merged.unwrap_or_else(Node::mapping),
        Err(misfit) => {
            let message =
                format!("the values of `{}` cannot be merged at `{}`: {}", rule.name, misfit.field, misfit.message);
            return fail(codes::CHART, &rule.at, message);
        }
    };
    match to_json_with(&merged, Rules::Kustomize) {
        Ok(json) => Ok(json_to_yaml(&json).into_bytes()),
        Err(error) => fail(codes::NO_JSON_FORM, &rule.at, error.message),
    }
}

/// Reads what Helm printed, and marks it.
fn read(view: &View<'_>, kustomization: &Kustomization, rule: &ChartRule, output: &[u8]) -> Fallible<Vec<Resource>> {
    let name = format!("{} (output of the chart `{}`)", kustomization.file, rule.name);
    let nodes = parse_nodes(output, &name, &view.limits)?;
    view.count_documents(nodes.len(), &rule.at)?;
    let file: Arc<str> = kustomization.file.clone();
    let position = Position { line: rule.at.line.unwrap_or(0), column: 0 };
    let source = |mut node: Node| {
        node.position = position;
        Source { node, file: file.clone(), rules: Rules::Kustomize }
    };
    let sources = flatten_lists(nodes.into_iter().map(source).collect())?;
    let mut resources: Vec<Resource> = sources.into_iter().map(Resource::new).collect();
    resources.iter().try_for_each(check_named)?;
    resources.iter_mut().for_each(notes::mark_chart);
    Ok(resources)
}
