//! What `kustomize build` prints, byte for byte.
//!
//! Documents are converted to JSON, as upstream does, and printed with sorted keys, `---` between
//! them; in files of their own they get the names that upstream gives them.

use std::collections::BTreeSet;

use serde_json::Value;
use skerry_common::diagnostic::{Diagnostic, Location};
use skerry_yaml::{ConvertError, Node, Rules, print_sorted, print_sorted_behind, to_json_with};

use crate::allowed::Allowed;
use crate::build::Build;
use crate::codes::{self, Fallible, fail, fail_with_help};
use crate::document::Source;
use crate::kustomize::Identity;
use crate::limits::RenderLimits;
use crate::lint::unconvertible;
use crate::memo::Memo;
use crate::plain::{FolderKind, folder_kind};
use crate::read_set::ReadSet;
use crate::tree::{SourceTree, View};
use crate::{build, kustomize};

/// About what an object takes, printed.
const OBJECT_BYTES: usize = 1024;

/// What stands between two documents.
const SEPARATOR: &str = "---\n";

/// A kustomization that was built, as `kustomize build` builds it: nothing is replaced, checked or
/// left out besides.
#[derive(Debug, Clone)]
pub struct Built {
    build: Build,
}

/// One document as a file of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuiltFile {
    /// Its name, such as `apps_v1_deployment_web.yaml`.
    pub name: String,
    /// Its content.
    pub yaml: String,
}

/// Builds the kustomization of a folder; a folder without one is refused.
pub fn build_kustomization(tree: &dyn SourceTree, path: &str, limits: RenderLimits) -> Result<Built, Vec<Diagnostic>> {
    build_in(View::new(tree, limits), path)
}

/// The same, with what earlier builds have left, and leaving more for later ones.
pub fn build_kustomization_with(
    memo: &Memo,
    tree: &dyn SourceTree,
    path: &str,
    limits: RenderLimits,
) -> Result<Built, Vec<Diagnostic>> {
    build_in(View::with_memo(tree, limits, memo), path)
}

/// The same, allowed more than to read.
pub fn build_kustomization_allowed(
    memo: Option<&Memo>,
    tree: &dyn SourceTree,
    path: &str,
    limits: RenderLimits,
    allowed: &Allowed,
) -> Result<Built, Vec<Diagnostic>> {
    let view = match memo {
        Some(memo) => View::with_memo(tree, limits, memo),
        None => View::new(tree, limits),
    };
    build_in(view.allowing(allowed), path)
}

fn build_in(view: View<'_>, path: &str) -> Fallible<Built> {
    let at = Location::default();
    let found = build::locate(&view, path, &at)?;
    let at = Location::file(&found.path, None);
    if !found.is_folder {
        return fail(codes::NOT_A_RESOURCE, &at, format!("`{path}` is no folder"));
    }
    let FolderKind::Kustomize(..) = folder_kind(&view, &found.path)? else {
        let message = format!("the folder `{}` has no kustomization", found.path);
        let help = "add a `kustomization.yaml`; with `--as-hub` a folder of plain manifests is rendered too";
        return fail_with_help(codes::NOT_A_RESOURCE, &at, message, help);
    };
    let sources = kustomize::build(&view, &found.path)?;
    let (reads, warnings) = view.finish();
    Ok(Built { build: Build { path: found.path, sources, reads, warnings } })
}

impl Built {
    /// The documents, in their order.
    pub fn documents(&self) -> impl Iterator<Item = &Node> {
        self.build.sources.iter().map(|source| &source.node)
    }

    /// What it depends on.
    pub fn reads(&self) -> &ReadSet {
        &self.build.reads
    }

    /// What works, but somebody should look at.
    pub fn warnings(&self) -> &[Diagnostic] {
        &self.build.warnings
    }

    /// The documents as JSON.
    pub fn values(&self) -> Result<Vec<Value>, Vec<Diagnostic>> {
        self.build.sources.iter().map(value).collect()
    }

    /// Kind and name of every document, for people and scripts.
    pub fn names(&self) -> Vec<String> {
        self.identities().map(|id| format!("{}/{}", id.kind, id.name)).collect()
    }

    /// What `kustomize build` prints.
    pub fn yaml(&self) -> Result<String, Vec<Diagnostic>> {
        let mut text = String::with_capacity(self.build.sources.len() * OBJECT_BYTES);
        for source in &self.build.sources {
            if !text.is_empty() {
                text.push_str(SEPARATOR);
            }
            print_sorted_behind(&mut text, &source.node, source.rules).map_err(|error| refusal(source, &error))?;
        }
        Ok(text)
    }

    /// What `kustomize build -o FOLDER` writes: the namespace begins the names when there are
    /// several.
    pub fn files(&self) -> Result<Vec<BuiltFile>, Vec<Diagnostic>> {
        let namespaces: BTreeSet<_> = self.identities().filter_map(|id| id.namespace).collect();
        let mut files: Vec<BuiltFile> = Vec::new();
        for (source, id) in self.build.sources.iter().zip(self.identities()) {
            let parts = [id.group, id.version, id.kind, id.name.clone()];
            let parts: Vec<&str> = parts.iter().map(String::as_str).filter(|part| !part.is_empty()).collect();
            let mut name = format!("{}.yaml", parts.join("_")).to_lowercase();
            if let (Some(namespace), true) = (&id.namespace, namespaces.len() > 1) {
                name = format!("{}_{name}", namespace.to_lowercase());
            }
            if name.contains(['/', '\\', '\0']) {
                let message = format!("`{}` cannot be part of the name of a file", id.name);
                return fail(codes::NO_FILE_NAME, &source.location(), message);
            }
            if files.iter().any(|file| file.name == name) {
                let message = format!("two objects would be written to the one file `{name}`");
                return fail(codes::NO_FILE_NAME, &source.location(), message);
            }
            files.push(BuiltFile { name, yaml: yaml(source)? });
        }
        Ok(files)
    }

    fn identities(&self) -> impl Iterator<Item = Identity> {
        self.documents().map(Identity::of)
    }
}

fn value(source: &Source) -> Fallible<Value> {
    to_json_with(&source.node, source.rules).map_err(|error| refusal(source, &error))
}

fn yaml(source: &Source) -> Fallible<String> {
    print_sorted(&source.node, source.rules).map_err(|error| refusal(source, &error))
}

fn refusal(source: &Source, error: &ConvertError) -> Vec<Diagnostic> {
    vec![unconvertible(error, &source.file, &source.location())]
}

/// Prints documents as `kustomize build` prints them.
pub fn print_documents(documents: &[Node]) -> Result<String, Vec<Diagnostic>> {
    let mut text = String::new();
    for node in documents {
        if !text.is_empty() {
            text.push_str(SEPARATOR);
        }
        let at = Location::default();
        text.push_str(&print_sorted(node, Rules::Kustomize).map_err(|error| vec![unconvertible(&error, "", &at)])?);
    }
    Ok(text)
}
