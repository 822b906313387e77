//! The fleet as operators declare it: documents of a Git repository, read and checked as a whole.
//!
//! ```text
//! tree ──document──▶ YAML documents ──check (schema table)──▶ build ──▶ references ──▶ Fleet
//! ```
//! [`load`] gives a [`Fleet`] in which every name leads somewhere, or everything that is wrong with
//! file, line and field. There is no half-read fleet: with one error, what is published stays.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use skerry_common::bundle::manifest::Policy;
use skerry_common::diagnostic::{Diagnostic, Location};
use skerry_common::id::{ApplicationName, ClusterName, GroupName, SourceName};
use skerry_render::SourceTree;

use crate::source::GitRef;
use selector::Selector;
use variables::Template;

mod build;
mod check;
mod codes;
mod document;
mod load;
pub(crate) mod rule;
pub mod schema;
pub mod selector;
pub mod suggest;
#[cfg(test)]
mod tests;
pub mod variables;

pub use build::INTERVAL_DEFAULT;
pub use codes::CODES;
pub use rule::{INTERVAL_MAX, INTERVAL_MIN, Rule, check_path};

/// Everything that is declared.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Fleet {
    /// Repositories and refs.
    pub sources: BTreeMap<SourceName, Source>,
    /// What can run; every source that one names is declared.
    pub applications: BTreeMap<ApplicationName, Application>,
    /// Who runs what; every application that one names is declared.
    pub groups: BTreeMap<GroupName, Group>,
    /// What is added to registered clusters.
    pub clusters: BTreeMap<ClusterName, ClusterDocument>,
}

/// Where a document is declared.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Site {
    /// Path from the root of the fleet repository.
    pub file: String,
    /// Line, from 1.
    pub line: u32,
}

impl Site {
    /// The place, for a diagnostic.
    pub fn location(&self) -> Location {
        Location::file(self.file.clone(), Some(self.line))
    }
}

/// A repository and the ref that is followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Address, without credentials.
    pub url: String,
    /// Which commit is wanted.
    pub reference: GitRef,
    /// How often the server is asked.
    pub interval: Duration,
    /// Name of credentials in the hub's configuration.
    pub credentials: Option<String>,
    /// Where it is declared.
    pub site: Site,
}

/// Something that can run on clusters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Application {
    /// Where its manifests are.
    pub sources: Vec<ApplicationSource>,
    /// Default for namespaced objects that name none.
    pub namespace: Option<Template>,
    /// Values for `${NAME}`; `None`: nothing is replaced.
    pub variables: Option<BTreeMap<String, Template>>,
    /// How its objects are treated; its `namespace` is filled in for each cluster.
    pub policy: Policy,
    /// Where it is declared.
    pub site: Site,
}

/// A folder of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApplicationSource {
    /// The source.
    pub from: SourceName,
    /// Path in it; `.` is the root.
    pub path: Template,
}

/// Which clusters run what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Who belongs to it.
    pub selector: Selector,
    /// What its members run.
    pub applications: BTreeSet<ApplicationName>,
    /// Where it is declared.
    pub site: Site,
}

/// What is added to a registered cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterDocument {
    /// Labels, beside those given at registration.
    pub labels: BTreeMap<String, String>,
    /// Values for `${cluster.variables.NAME}`.
    pub variables: BTreeMap<String, String>,
    /// Where it is declared.
    pub site: Site,
}

/// Reads the fleet below a path of its repository (empty or `.` for all of it), or says everything
/// that is wrong. `origin` names repository and commit for the diagnostics.
pub fn load(tree: &dyn SourceTree, path: &str, origin: &Location) -> Result<Fleet, Vec<Diagnostic>> {
    let mut diagnostics = Vec::new();
    let documents = document::read(tree, path, &mut diagnostics);
    let fleet = load::fleet(documents, &mut diagnostics);
    if fleet.is_empty() && diagnostics.is_empty() {
        let message = format!("there is no fleet document at or below `{}`", if path.is_empty() { "." } else { path });
        let help = "check the fleet's path in the hub's configuration; to remove everything, empty the groups instead";
        diagnostics.push(Diagnostic::error(codes::EMPTY, message).help(help));
    }
    if diagnostics.is_empty() {
        return Ok(fleet);
    }
    diagnostics
        .sort_by(|a, b| (&a.location.file, a.location.line, a.code).cmp(&(&b.location.file, b.location.line, b.code)));
    for diagnostic in &mut diagnostics {
        diagnostic.location.repository.clone_from(&origin.repository);
        diagnostic.location.commit.clone_from(&origin.commit);
    }
    Err(diagnostics)
}

impl Fleet {
    /// True when nothing is declared.
    pub fn is_empty(&self) -> bool {
        self.sources.is_empty() && self.applications.is_empty() && self.groups.is_empty() && self.clusters.is_empty()
    }
}
