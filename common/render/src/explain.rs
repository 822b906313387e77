//! Which file, line and step set each field of an object, and which it overrode.

use serde::Serialize;
use skerry_common::diagnostic::{Diagnostic, Location};

use crate::build::locate;
use crate::codes::{self, Fallible, fail_with_help};
use crate::kustomize::{self, Identity, Leaf, Resource, Setting, Trace, leaves};
use crate::limits::RenderLimits;
use crate::suggest::nearest;
use crate::tree::{SourceTree, View};

/// Which object of a build, and which of its fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// Its kind; case does not matter.
    pub kind: String,
    /// Its name, as the build gives it.
    pub name: String,
    /// A field, with those below it, such as `/spec/replicas`; everything when empty.
    pub field: String,
}

/// How one object came to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Explained {
    /// `Deployment/web`.
    pub object: String,
    /// Its namespace, when it names one that counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Its fields, in the order of the output.
    pub fields: Vec<ExplainedField>,
}

/// How one field came to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ExplainedField {
    /// Where it is, such as `/spec/replicas`.
    pub field: String,
    /// What set the value that it has.
    pub set_by: SetBy,
    /// What had set it before, the latest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub overrode: Vec<SetBy>,
}

/// One setting of a field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SetBy {
    /// The step, as Kustomize calls its plugins; `Resource` for what was read from a file.
    pub step: String,
    /// File and line; nothing for what happens at the end of a build.
    #[serde(skip_serializing_if = "Location::is_empty")]
    pub at: Location,
    /// The value; never that of a Secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

/// Builds the kustomization of a folder and explains the objects that are asked for.
pub fn explain(
    tree: &dyn SourceTree,
    path: &str,
    limits: RenderLimits,
    asked: &Asked,
) -> Result<Vec<Explained>, Vec<Diagnostic>> {
    let view = View::new(tree, limits).explaining();
    let found = locate(&view, path, &Location::default())?;
    let resources = kustomize::resources(&view, &found.path)?;
    let mut explained = Vec::new();
    let mut names = Vec::new();
    for resource in resources {
        let id = Identity::of(&resource.node);
        if id.kind.eq_ignore_ascii_case(&asked.kind) && id.name == asked.name {
            explained.push(one(resource, id, &asked.field));
        } else {
            names.push(format!("{}/{}", id.kind, id.name));
        }
    }
    if explained.is_empty() { refuse(asked, &found.path, &names) } else { Ok(explained) }
}

fn refuse<T>(asked: &Asked, path: &str, names: &[String]) -> Fallible<T> {
    let wanted = format!("{}/{}", asked.kind, asked.name);
    let help = match nearest(&wanted, names.iter().map(String::as_str)) {
        Some(near) => format!("did you mean `{near}`? `-o name` lists them all"),
        None => "`-o name` lists them all".to_owned(),
    };
    let message = format!("the build has no `{wanted}`");
    fail_with_help(codes::NO_SUCH_OBJECT, &Location::file(path, None), message, help)
}

fn one(mut resource: Resource, id: Identity, field: &str) -> Explained {
    let trace = resource.trace.take().unwrap_or_default();
    let node = kustomize::finish(resource).node;
    let shows_values = id.kind != "Secret";
    let is_asked = |leaf: &Leaf<'_>| {
        leaf.pointer
            .strip_prefix(field.trim_end_matches('/'))
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let fields = leaves(&node).into_iter().filter(is_asked).filter_map(|leaf| of(&leaf, &trace, shows_values));
    Explained { object: format!("{}/{}", id.kind, id.name), namespace: id.namespace, fields: fields.collect() }
}

fn of(leaf: &Leaf<'_>, trace: &Trace, shows_values: bool) -> Option<ExplainedField> {
    let shown = |setting: &Setting| SetBy {
        step: setting.step.to_owned(),
        at: setting.at.clone(),
        value: shows_values.then(|| setting.value.clone()),
    };
    let mut settings = trace.of(&leaf.key).iter().rev();
    let set_by = shown(settings.next()?);
    Some(ExplainedField { field: leaf.pointer.clone(), set_by, overrode: settings.map(shown).collect() })
}
