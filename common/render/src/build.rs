//! From a path of a source to objects.

use std::collections::BTreeMap;

use skerry_common::diagnostic::{Diagnostic, Location};
use skerry_yaml::{Node, Rules};

use crate::allowed::Allowed;
use crate::codes::{self, Fallible, fail};
use crate::document::{Source, flatten_lists, read_documents};
use crate::limits::RenderLimits;
use crate::plain::{FolderKind, folder_kind, read_folder};
use crate::read_set::ReadSet;
use crate::request::{RenderRequest, Rendered};
use crate::tree::{Found, PathProblem, SourceTree, View, join};
use crate::variables::Substitution;
use crate::{kustomize, lint};

/// What a path holds, before variables.
#[derive(Debug, Clone)]
pub(crate) struct Build {
    pub(crate) path: String,
    pub(crate) sources: Vec<Source>,
    pub(crate) reads: ReadSet,
    pub(crate) warnings: Vec<Diagnostic>,
}

/// Renders a path to checked objects, or says everything that is wrong with it.
pub fn render(tree: &dyn SourceTree, request: &RenderRequest<'_>) -> Result<Rendered, Vec<Diagnostic>> {
    let build = build(View::new(tree, request.limits), request.path)?;
    finish(&build, request.namespace, request.variables)
}

/// Builds a path without replacing variables and without checks: what `kustomize build` gives.
pub fn build_documents(tree: &dyn SourceTree, path: &str, limits: RenderLimits) -> Result<Vec<Node>, Vec<Diagnostic>> {
    build_allowed(tree, path, limits, &Allowed::default())
}

/// Builds as [`build_documents`] does, allowed more than to read.
pub fn build_allowed(
    tree: &dyn SourceTree,
    path: &str,
    limits: RenderLimits,
    allowed: &Allowed,
) -> Result<Vec<Node>, Vec<Diagnostic>> {
    let built = build(View::new(tree, limits).allowing(allowed), path)?;
    Ok(built.sources.into_iter().map(|source| source.node).collect())
}

/// Builds what a path of a view holds.
pub(crate) fn build(view: View<'_>, path: &str) -> Fallible<Build> {
    let at = Location::default();
    let found = locate(&view, path, &at)?;
    let sources = if found.is_folder {
        match folder_kind(&view, &found.path)? {
            FolderKind::Plain => read_folder(&view, &found.path)?,
            FolderKind::Kustomize(..) => kustomize::build(&view, &found.path)?,
        }
    } else {
        flatten_lists(read_documents(&view, &found, Rules::Kubernetes)?)?
    };
    let (reads, warnings) = view.finish();
    Ok(Build { path: found.path, sources, reads, warnings })
}

pub(crate) fn locate(view: &View<'_>, path: &str, at: &Location) -> Fallible<Found> {
    let wanted = match join("", path) {
        Ok(wanted) => wanted,
        Err(problem) => return fail(codes::LEAVES_SOURCE, at, leaves(path, problem)),
    };
    match view.find(&wanted, at)? {
        Some(found) => Ok(found),
        None => fail(codes::NOT_FOUND, at, format!("the source has no `{path}`")),
    }
}

/// Says why a written path is refused.
pub(crate) fn leaves(path: &str, problem: PathProblem) -> String {
    match problem {
        PathProblem::Absolute => format!("`{path}` is absolute; paths are relative"),
        PathProblem::LeavesRoot => format!("`{path}` leads out of the source"),
        PathProblem::BadCharacter => format!("`{path}` holds a character that no path of a source has"),
    }
}

/// Replaces variables, converts and checks.
pub(crate) fn finish(
    build: &Build,
    namespace: Option<&str>,
    variables: Option<&BTreeMap<String, String>>,
) -> Result<Rendered, Vec<Diagnostic>> {
    if build.sources.is_empty() {
        let at = Location::file(&build.path, None);
        return fail(codes::NOTHING_TO_RENDER, &at, format!("`{}` holds nothing to render", build.path));
    }
    let mut reads = build.reads.clone();
    let mut checked = match variables {
        None => lint::check(&build.sources, namespace),
        Some(values) => {
            let mut sources = build.sources.clone();
            let mut substitution = Substitution::new(values);
            sources.iter_mut().for_each(|source| substitution.apply(source));
            reads.variables = substitution.used;
            if !substitution.problems.is_empty() {
                return Err(substitution.problems);
            }
            lint::check(&sources, namespace)
        }
    };
    if !checked.problems.is_empty() {
        return Err(checked.problems);
    }
    let mut warnings = build.warnings.clone();
    warnings.append(&mut checked.warnings);
    Ok(Rendered { objects: checked.objects, reads, warnings })
}
