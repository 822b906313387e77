//! Which cluster runs what: groups, labels, variables.

use std::collections::{BTreeMap, BTreeSet};

use skerry_common::bundle::manifest::Policy;
use skerry_common::diagnostic::{Code, Diagnostic};
use skerry_common::id::{ApplicationName, ClusterId, ClusterName, GroupName, NameError};

use super::{ApplicationPlan, ClusterPlan, PlannedSource, RegisteredCluster};
use crate::fleet::variables::{Reference, Scope, Template};
use crate::fleet::{Application, ClusterDocument, Fleet, check_path, suggest};

/// What all clusters run.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Assignment {
    /// By cluster; every registered cluster is here, also one that runs nothing.
    pub plans: BTreeMap<ClusterId, ClusterPlan>,
    /// What concerns no registered cluster.
    pub warnings: Vec<Diagnostic>,
}

/// Decides what every registered cluster runs.
pub fn assign(fleet: &Fleet, clusters: &[RegisteredCluster]) -> Assignment {
    let plans = clusters.iter().map(|cluster| (cluster.id.clone(), plan(fleet, cluster))).collect();
    let names: BTreeSet<&ClusterName> = clusters.iter().map(|cluster| &cluster.name).collect();
    let unregistered = fleet.clusters.iter().filter(|(name, _)| !names.contains(name));
    let warnings = unregistered.map(|(name, document)| not_registered(name, document, &names)).collect();
    Assignment { plans, warnings }
}

fn not_registered(name: &ClusterName, document: &ClusterDocument, names: &BTreeSet<&ClusterName>) -> Diagnostic {
    let help = match suggest::closest(name.as_str(), names.iter().map(|name| name.as_str())) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => format!("register it: `skerry cluster register {name}`"),
    };
    let message = format!("no registered cluster is called `{name}`: the document has no effect");
    Diagnostic::warning(Code(302), message).at(document.site.location().with_field("metadata.name")).help(help)
}

fn plan(fleet: &Fleet, cluster: &RegisteredCluster) -> ClusterPlan {
    let mut diagnostics = Vec::new();
    let mut labels = cluster.labels.clone();
    let mut variables = BTreeMap::new();
    if let Some(document) = fleet.clusters.get(&cluster.name) {
        variables.clone_from(&document.variables);
        for (key, value) in &document.labels {
            match cluster.labels.get(key) {
                Some(fixed) if fixed != value => diagnostics.push(clash(cluster, document, (key, value, fixed))),
                Some(_) => {}
                None => {
                    labels.insert(key.clone(), value.clone());
                }
            }
        }
    }
    let groups: BTreeSet<GroupName> = fleet
        .groups
        .iter()
        .filter(|(_, group)| group.selector.matches(&labels))
        .map(|(name, _)| name.clone())
        .collect();
    let names: BTreeSet<&ApplicationName> =
        groups.iter().filter_map(|name| fleet.groups.get(name)).flat_map(|group| &group.applications).collect();
    let scope = Scope { name: &cluster.name, id: &cluster.id, labels: &labels, variables: &variables };
    let mut applications = BTreeMap::new();
    for name in names {
        let Some(application) = fleet.applications.get(name) else { continue };
        match (Resolver { name, application, scope }).resolve() {
            Ok(resolved) => {
                applications.insert(name.clone(), resolved);
            }
            Err(found) => diagnostics.extend(found),
        }
    }
    let (id, name) = (cluster.id.clone(), cluster.name.clone());
    ClusterPlan { cluster: id, name, labels, variables, groups, applications, diagnostics }
}

fn clash(cluster: &RegisteredCluster, document: &ClusterDocument, label: (&str, &str, &str)) -> Diagnostic {
    let (key, value, fixed) = label;
    let message =
        format!("label `{key}` of cluster `{}` is `{fixed}` by its registration, not `{value}`", cluster.name);
    let help = format!("remove `{key}` from the document, or write `{fixed}`");
    Diagnostic::error(Code(301), message)
        .at(document.site.location().with_field(format!("spec.labels.{key}")))
        .help(help)
}

/// Puts one cluster's values into one application.
struct Resolver<'a> {
    name: &'a ApplicationName,
    application: &'a Application,
    scope: Scope<'a>,
}

impl Resolver<'_> {
    fn resolve(&self) -> Result<ApplicationPlan, Vec<Diagnostic>> {
        let mut wrong = Vec::new();
        let mut sources = Vec::new();
        for (index, source) in self.application.sources.iter().enumerate() {
            match self.path(&source.path, index) {
                Ok(path) => sources.push(PlannedSource { from: source.from.clone(), path }),
                Err(diagnostic) => wrong.push(diagnostic),
            }
        }
        let namespace = self.application.namespace.as_ref().map(|namespace| self.namespace(namespace)).transpose();
        let namespace = namespace.unwrap_or_else(|diagnostic| {
            wrong.push(diagnostic);
            None
        });
        let variables = self.application.variables.as_ref().map(|variables| {
            let mut values = BTreeMap::new();
            for (name, template) in variables {
                match self.substitute(template, &format!("spec.variables.{name}")) {
                    Ok(value) => {
                        values.insert(name.clone(), value);
                    }
                    Err(diagnostic) => wrong.push(diagnostic),
                }
            }
            values
        });
        if !wrong.is_empty() {
            return Err(wrong);
        }
        let policy = Policy { namespace, ..self.application.policy.clone() };
        Ok(ApplicationPlan { sources, variables, policy })
    }

    fn path(&self, template: &Template, index: usize) -> Result<String, Diagnostic> {
        let field = format!("spec.sources[{index}].path");
        let path = self.substitute(template, &field)?;
        check_path(&path).map_err(|(message, help)| self.wrong_value(&field, &message, help))?;
        Ok(if path == "." { String::new() } else { path })
    }

    fn namespace(&self, template: &Template) -> Result<String, Diagnostic> {
        let namespace = self.substitute(template, "spec.namespace")?;
        // Namespaces follow the rule of names.
        let checked: Result<ApplicationName, NameError> = ApplicationName::parse(&namespace);
        let help = "use 1 to 63 lower-case letters, digits and `-`, beginning and ending with a letter or digit";
        checked
            .map(|_| namespace.clone())
            .map_err(|_| self.wrong_value("spec.namespace", &format!("`{namespace}` is no namespace"), help.to_owned()))
    }

    fn substitute(&self, template: &Template, field: &str) -> Result<String, Diagnostic> {
        template.substitute(&self.scope).map_err(|missing| {
            let (has, what, known) = match &missing {
                Reference::Label(key) => (self.scope.labels, "label", key.as_str()),
                Reference::Variable(name) => (self.scope.variables, "variable", name.as_str()),
                // Every cluster has these two; the words are for completeness.
                Reference::Name => (self.scope.labels, "name", "name"),
                Reference::Id => (self.scope.labels, "id", "id"),
            };
            let help = match suggest::closest(known, has.keys().map(String::as_str)) {
                Some(meant) => format!("it has `{meant}`: did you mean that?"),
                None => format!("give it the {what}, or narrow the selector of the group"),
            };
            let message = format!(
                "cluster `{}` has no {what} `{known}`, which application `{}` needs",
                self.scope.name, self.name
            );
            self.diagnostic(Code(300), message, field).help(help)
        })
    }

    fn wrong_value(&self, field: &str, message: &str, help: String) -> Diagnostic {
        let message = format!("application `{}` on cluster `{}`: {message}", self.name, self.scope.name);
        self.diagnostic(Code(303), message, field).help(help)
    }

    fn diagnostic(&self, code: Code, message: String, field: &str) -> Diagnostic {
        Diagnostic::error(code, message).at(self.application.site.location().with_field(field))
    }
}
