//! Folders of plain manifests.
//!
//! Every `*.yaml`, `*.yml` and `*.json` of the folder and of the folders below is read, sorted by
//! path. Left out is what begins with a dot, as a name of a file or of a folder. A folder below
//! that has a kustomization of its own is built as that, and only that: its files are inputs, not
//! manifests. A `Chart.yaml` below is refused as one at the top is.

use skerry_common::diagnostic::Location;
use skerry_yaml::Rules;

use crate::codes::{self, Fallible, fail};
use crate::document::{Source, flatten_lists, read_documents};
use crate::kustomize;
use crate::tree::{Found, View};

/// What a folder is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum FolderKind {
    /// Manifests.
    Plain,
    /// It has a kustomization of this name, which may be a link.
    Kustomize(Found, &'static str),
}

/// The names of a kustomization file, in the order in which Kustomize looks for them.
pub(crate) const KUSTOMIZATION_NAMES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// Tells what a folder is, and refuses Helm charts.
pub(crate) fn folder_kind(view: &View<'_>, folder: &str) -> Fallible<FolderKind> {
    let at = Location::file(folder, None);
    let mut found = Vec::new();
    for name in KUSTOMIZATION_NAMES {
        let file = view.find(&below(folder, name), &at)?.filter(|found| !found.is_folder);
        found.extend(file.map(|file| (file, name)));
    }
    if found.len() > 1 {
        let names =
            found.iter().map(|(_, name)| format!("`{}`", below(folder, name))).collect::<Vec<_>>().join(" and ");
        return fail(codes::SEVERAL_KUSTOMIZATIONS, &at, format!("both {names} exist"));
    }
    if let Some((found, name)) = found.pop() {
        return Ok(FolderKind::Kustomize(found, name));
    }
    let chart = view.find(&below(folder, "Chart.yaml"), &at)?;
    if let Some(chart) = chart.filter(|chart| !chart.is_folder) {
        let at = Location::file(&chart.path, None);
        return fail(
            codes::HELM,
            &at,
            format!("`{folder}` is a Helm chart; name it in the `helmCharts` of a kustomization"),
        );
    }
    Ok(FolderKind::Plain)
}

/// The path of a name in a folder.
pub(crate) fn below(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}

/// Reads a folder of manifests.
pub(crate) fn read_folder(view: &View<'_>, folder: &str) -> Fallible<Vec<Source>> {
    walk_folder(view, folder, kustomize::build, |source| source)
}

/// Makes something of every document of a folder of manifests, and of the kustomizations below it.
pub(crate) fn walk_folder<T>(
    view: &View<'_>,
    folder: &str,
    build: fn(&View<'_>, &str) -> Fallible<Vec<T>>,
    read: fn(Source) -> T,
) -> Fallible<Vec<T>> {
    let mut walk = Walk { view, build, read, chain: Vec::new(), made: Vec::new(), problems: Vec::new() };
    walk.folder(folder)?;
    if walk.problems.is_empty() { Ok(walk.made) } else { Err(walk.problems) }
}

struct Walk<'a, T> {
    view: &'a View<'a>,
    /// What is made of a kustomization below.
    build: fn(&View<'_>, &str) -> Fallible<Vec<T>>,
    /// What is made of a document.
    read: fn(Source) -> T,
    /// The folders around, as they really lie: a link to one of them would never end.
    chain: Vec<String>,
    made: Vec<T>,
    problems: Vec<skerry_common::diagnostic::Diagnostic>,
}

impl<T> Walk<'_, T> {
    fn folder(&mut self, folder: &str) -> Fallible<()> {
        let at = Location::file(folder, None);
        if self.chain.iter().any(|above| above == folder) {
            return fail(codes::CYCLE, &at, format!("a symbolic link below `{folder}` leads back to it"));
        }
        if self.chain.len() >= self.view.limits.nesting_max {
            let message = format!("folders are nested more than {} deep", self.view.limits.nesting_max);
            return fail(codes::TOO_NESTED, &at, message);
        }
        self.view.count_build(&at)?;
        self.chain.push(folder.to_owned());
        for (name, _) in self.view.list(folder)? {
            if !name.starts_with('.') {
                self.entry(&below(folder, &name))?;
            }
        }
        self.chain.pop();
        Ok(())
    }

    fn entry(&mut self, path: &str) -> Fallible<()> {
        let is_manifest = [".yaml", ".yml", ".json"].iter().any(|end| path.ends_with(end));
        let Some(found) = self.view.find(path, &Location::file(path, None))? else { return Ok(()) };
        if found.is_folder {
            return match folder_kind(self.view, &found.path)? {
                FolderKind::Plain => self.folder(&found.path),
                FolderKind::Kustomize(..) => {
                    self.made.extend((self.build)(self.view, &found.path)?);
                    Ok(())
                }
            };
        }
        if is_manifest {
            match read_documents(self.view, &found, Rules::Kubernetes).and_then(flatten_lists) {
                Ok(sources) => self.made.extend(sources.into_iter().map(self.read)),
                Err(problems) => self.problems.extend(problems),
            }
        }
        Ok(())
    }
}
