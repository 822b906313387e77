//! Which field managers are people: a table, so that a site can read what is meant.

use crate::marks::{MANAGER, MANAGER_INITIAL};

/// What kind of writer a manager is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// This agent, under either of its names.
    Ours,
    /// A person, through a command line, a browser or a console: what it adds is drift.
    Person,
    /// A controller, webhook or deployment tool: what it adds beside ours is left alone.
    Controller,
}

/// One line of the table: names that begin with `prefix`.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// How the manager's name begins.
    pub prefix: &'static str,
    /// Whether it must be the whole name.
    pub exact: bool,
    /// What it is.
    pub tool: &'static str,
}

const fn starts(prefix: &'static str, tool: &'static str) -> Rule {
    Rule { prefix, exact: false, tool }
}

const fn exactly(prefix: &'static str, tool: &'static str) -> Rule {
    Rule { prefix, exact: true, tool }
}

/// The managers that people write through; every other name is a controller's.
///
/// A client that names no manager is called by its `User-Agent` up to the first `/` (Kubernetes API
/// reference, «field management»), hence browsers and HTTP libraries. Helm, Flux, Argo CD and the
/// like are not here: they are deployment tools that write again and again, and a field that one of
/// them sets beside ours is not an accident of a person's.
pub const MANAGERS: &[Rule] = &[
    starts("kubectl", "kubectl and its verbs: edit, patch, create, label, annotate, scale, rollout, client-side apply"),
    exactly("oc", "OpenShift's command line"),
    starts("oc-", "OpenShift's command line"),
    starts("k9s", "K9s"),
    starts("lens", "Lens"),
    starts("openlens", "OpenLens"),
    starts("freelens", "Freelens"),
    starts("node-fetch", "consoles built on Node.js, Lens among them"),
    starts("headlamp", "Headlamp"),
    starts("kubernetes-dashboard", "Kubernetes Dashboard"),
    exactly("dashboard", "Kubernetes Dashboard"),
    starts("octant", "Octant"),
    starts("kubenav", "kubenav"),
    starts("aptakube", "Aptakube"),
    starts("mozilla", "a browser"),
    starts("curl", "curl"),
    starts("wget", "Wget"),
    starts("httpie", "HTTPie"),
    starts("insomnia", "Insomnia"),
    starts("postmanruntime", "Postman"),
    starts("python-requests", "a script"),
    starts("python-urllib", "a script"),
];

/// Judges a manager by its name, whatever its capitals.
pub fn who(manager: &str) -> Who {
    if manager == MANAGER || manager == MANAGER_INITIAL {
        return Who::Ours;
    }
    let name = manager.to_ascii_lowercase();
    let fits = |rule: &Rule| if rule.exact { name == rule.prefix } else { name.starts_with(rule.prefix) };
    if MANAGERS.iter().any(fits) { Who::Person } else { Who::Controller }
}
