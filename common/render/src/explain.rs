//! Which file, line and step set each field of an object, and which it overrode.

use std::collections::BTreeMap;

use serde::Serialize;
use skerry_common::diagnostic::{Diagnostic, Location};
use skerry_common::object::ObjectKey;
use skerry_yaml::{Node, Rules};

use crate::allowed::Allowed;
use crate::build::locate;
use crate::codes::{self, Fallible, fail_with_help};
use crate::document::{Source, flatten_lists, read_documents};
use crate::kustomize::{self, Identity, Leaf, Setting, Trace, Traced, leaves};
use crate::limits::RenderLimits;
use crate::lint;
use crate::plain::{FolderKind, folder_kind, walk_folder};
use crate::request::{RenderRequest, RenderedObject};
use crate::suggest::nearest;
use crate::tree::{SourceTree, View};
use crate::variables::Substitution;

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
    explain_allowed(tree, path, limits, &Allowed::default(), asked)
}

/// The same, where the build is allowed more than to read.
pub fn explain_allowed(
    tree: &dyn SourceTree,
    path: &str,
    limits: RenderLimits,
    allowed: &Allowed,
    asked: &Asked,
) -> Result<Vec<Explained>, Vec<Diagnostic>> {
    let view = View::new(tree, limits).allowing(allowed).explaining();
    let found = locate(&view, path, &Location::default())?;
    let mut explained = Vec::new();
    let mut names = Vec::new();
    for traced in kustomize::traced(&view, &found.path)? {
        let id = Identity::of(&traced.source.node);
        if id.kind.eq_ignore_ascii_case(&asked.kind) && id.name == asked.name {
            explained.push(one(&traced, id, &asked.field));
        } else {
            names.push(format!("{}/{}", id.kind, id.name));
        }
    }
    if explained.is_empty() { refuse(asked, &found.path, &names) } else { Ok(explained) }
}

/// An object of a render, and how it came to be.
#[derive(Debug, Clone, PartialEq)]
pub struct RenderedExplained {
    /// The object, as the render gives it.
    pub object: RenderedObject,
    /// How it came to be.
    pub explained: Explained,
}

/// Explains one object of a render, variables and the default namespace included; nothing when the
/// path does not give it.
pub fn explain_rendered(
    tree: &dyn SourceTree,
    request: &RenderRequest<'_>,
    allowed: &Allowed,
    key: &ObjectKey,
    field: &str,
) -> Result<Option<RenderedExplained>, Vec<Diagnostic>> {
    let view = View::new(tree, request.limits).allowing(allowed).explaining();
    for mut traced in gather(&view, request.path)? {
        traced.substitute(request.variables)?;
        let checked = lint::check(std::slice::from_ref(&traced.source), request.namespace).objects.pop();
        if let Some(object) = checked.filter(|object| object.key == *key) {
            traced.follow(&object);
            let id = Identity { namespace: key.namespace.clone(), ..Identity::of(&traced.source.node) };
            return Ok(Some(RenderedExplained { object, explained: one(&traced, id, field) }));
        }
    }
    Ok(None)
}

/// What a path gives, whatever it is.
fn gather(view: &View<'_>, path: &str) -> Fallible<Vec<Traced>> {
    let found = locate(view, path, &Location::default())?;
    if !found.is_folder {
        let sources = flatten_lists(read_documents(view, &found, Rules::Kubernetes)?)?;
        return Ok(sources.into_iter().map(Traced::read).collect());
    }
    match folder_kind(view, &found.path)? {
        FolderKind::Plain => walk_folder(view, &found.path, kustomize::traced, Traced::read),
        FolderKind::Kustomize(..) => kustomize::traced(view, &found.path),
    }
}

impl Traced {
    /// Replaces variables, as a render does.
    fn substitute(&mut self, variables: Option<&BTreeMap<String, String>>) -> Fallible<()> {
        let Some(values) = variables else { return Ok(()) };
        let mut substitution = Substitution::new(values);
        substitution.apply(&mut self.source);
        self.note("Variables");
        if substitution.problems.is_empty() { Ok(()) } else { Err(substitution.problems) }
    }

    /// Does to the tree what the checks have done to the object.
    fn follow(&mut self, object: &RenderedObject) {
        let node = &mut self.source.node;
        node.remove("status");
        let Some(metadata) = node.get_mut("metadata") else { return };
        if metadata.get("creationTimestamp").is_some_and(Node::is_null) {
            metadata.remove("creationTimestamp");
        }
        if let (Some(namespace), None) = (&object.key.namespace, metadata.get("namespace")) {
            metadata.set("namespace", Node::string(namespace));
        }
        self.note("DefaultNamespace");
    }
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

fn one(traced: &Traced, id: Identity, field: &str) -> Explained {
    let Traced { source: Source { node, .. }, trace } = traced;
    let shows_values = id.kind != "Secret";
    let is_asked = |leaf: &Leaf<'_>| {
        leaf.pointer
            .strip_prefix(field.trim_end_matches('/'))
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let fields = leaves(node).into_iter().filter(is_asked).filter_map(|leaf| of(&leaf, trace, shows_values));
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
