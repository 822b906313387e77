//! `buildMetadata`: notes in the output on how each resource came to be.
//!
//! While a build keeps notes they are annotations of the resources, as in Kustomize, so that
//! selectors, patches and replacements see them on the way. In the end those that were not asked
//! for go, together with every annotation that Kustomize reserves for itself.

use std::collections::BTreeMap;

use skerry_common::diagnostic::Location;
use skerry_yaml::{EmitOptions, Node, emit_node};

use super::field_spec::FieldSpec;
use super::file::{BuildNotes, ShownNotes};
use super::resource::Resource;
use super::transform_labels::{self, Pairs};
use crate::allowed::RemoteBase;
use crate::codes::{self, Fallible, fail_with_help};
use crate::document::text_at;
use crate::tree::{View, join_written};

const ORIGIN: &str = "config.kubernetes.io/origin";
const TRANSFORMATIONS: &str = "alpha.config.kubernetes.io/transformations";

const OF_CHART: &str = "internal.config.kubernetes.io/helm-generated";

/// Annotations that Kustomize takes for its own and never prints.
const RESERVED: &[&str] = &[
    "internal.config.kubernetes.io/previousKinds",
    "internal.config.kubernetes.io/previousNames",
    "internal.config.kubernetes.io/previousNamespaces",
    "internal.config.kubernetes.io/prefixes",
    "internal.config.kubernetes.io/suffixes",
    "internal.config.kubernetes.io/allowNameChange",
    "internal.config.kubernetes.io/allowKindChange",
    "internal.config.kubernetes.io/refBy",
    "internal.config.kubernetes.io/generatorBehavior",
    "internal.config.kubernetes.io/needsHashSuffix",
    "internal.config.kubernetes.io/path",
    "internal.config.kubernetes.io/index",
    "internal.config.kubernetes.io/seqindent",
    "internal.config.kubernetes.io/id",
    "internal.config.kubernetes.io/annotations-migration-resource-id",
    OF_CHART,
    "config.kubernetes.io/path",
    "config.kubernetes.io/index",
    "config.k8s.io/id",
];

/// The label that says what built a resource …
const MANAGED_BY: &str = "app.kubernetes.io/managed-by";

/// … and its value: the version of Kustomize that we follow.
const MANAGED_BY_VALUE: &str = "kustomize-v5.8.2";

/// Where a folder or file lies, as the kustomizations on the way to it wrote it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Origin {
    path: String,
    remote: Remote,
}

/// The other repository that something lies in; empty for the source.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Remote {
    repository: String,
    reference: String,
}

/// Stands for the root of another repository in a path, by a slip of Kustomize.
const REMOTE_ROOT: &str = "notCloned";

/// Who made or changed a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Maker {
    remote: Remote,
    configured_in: String,
    api_version: String,
    kind: String,
    name: String,
    namespace: String,
}

impl Origin {
    /// What an entry names from here.
    pub(crate) fn append(&self, entry: &str) -> Self {
        match RemoteBase::parse(entry) {
            None => Self { path: join_written(&self.path, entry), remote: self.remote.clone() },
            Some(base) => {
                let path = Some(join_written("", &base.path)).filter(|path| !matches!(path.as_str(), "" | "."));
                Self {
                    path: path.unwrap_or_else(|| REMOTE_ROOT.to_owned()),
                    remote: Remote { repository: base.repository, reference: base.reference },
                }
            }
        }
    }

    /// A field of the kustomization file of this folder, by the kind of plugin that does its work.
    pub(crate) fn field(&self, file_name: &str, kind: &str) -> Maker {
        Maker {
            remote: self.remote.clone(),
            configured_in: join_written(&self.path, file_name),
            api_version: "builtin".to_owned(),
            kind: kind.to_owned(),
            name: String::new(),
            namespace: String::new(),
        }
    }

    fn text(&self) -> String {
        let mut node = Node::mapping();
        put(&mut node, "path", &self.path);
        self.remote.put(&mut node);
        emit_node(&node, &EmitOptions::default())
    }
}

impl Remote {
    fn put(&self, node: &mut Node) {
        put(node, "repo", &self.repository);
        put(node, "ref", &self.reference);
    }
}

impl Maker {
    fn node(&self) -> Node {
        let mut by = Node::mapping();
        put(&mut by, "apiVersion", &self.api_version);
        put(&mut by, "kind", &self.kind);
        put(&mut by, "name", &self.name);
        put(&mut by, "namespace", &self.namespace);
        let mut node = Node::mapping();
        self.remote.put(&mut node);
        put(&mut node, "configuredIn", &self.configured_in);
        node.set("configuredBy", by);
        node
    }
}

/// The plugin that a document configures, if notes are kept: then it has one on where it lies.
pub(crate) fn plugin(config: &Resource) -> Option<Maker> {
    let origin = annotation(config, ORIGIN)?;
    let lines = skerry_yaml::parse(&origin, &skerry_yaml::Limits::default()).unwrap_or_default();
    let field =
        |name| lines.first().and_then(|document| text_at(&document.root, &[name])).unwrap_or_default().to_owned();
    Some(Maker {
        remote: Remote { repository: field("repo"), reference: field("ref") },
        configured_in: field("path"),
        api_version: config.api_version().to_owned(),
        kind: config.kind().to_owned(),
        name: config.name().to_owned(),
        namespace: config.namespace().to_owned(),
    })
}

fn put(node: &mut Node, key: &str, value: &str) {
    if !value.is_empty() {
        node.set(key, Node::string(value));
    }
}

/// Notes the file that resources were read from.
pub(crate) fn read_from(resources: &mut [Resource], origin: &Origin) {
    let text = origin.text();
    for resource in resources {
        put_annotation(resource, ORIGIN, &text);
    }
}

/// Notes who generated a resource, unless a note says it already.
pub(crate) fn generated_by(resource: &mut Resource, maker: &Maker) {
    if annotation(resource, ORIGIN).is_none() {
        set_annotation(resource, ORIGIN, &emit_node(&maker.node(), &EmitOptions::default()));
    }
}

/// Notes a transformer on every resource. What has no origin yet counts as made by it.
pub(crate) fn transformed_by(resources: &mut [Resource], maker: &Maker) -> Fallible<()> {
    let entry = emit_node(&list(maker.node()), &EmitOptions::default());
    for resource in resources {
        if annotation(resource, ORIGIN).is_none() {
            generated_by(resource, maker);
            continue;
        }
        check_origin(resource, &resource.location())?;
        let before = annotation(resource, TRANSFORMATIONS).unwrap_or_default();
        set_annotation(resource, TRANSFORMATIONS, &format!("{before}{entry}"));
    }
    Ok(())
}

fn list(item: Node) -> Node {
    let mut list = Node::sequence();
    if let Some(items) = list.items_mut() {
        items.push(item);
    }
    list
}

/// The origin that is noted on a resource, as text.
pub(crate) fn origin_of(resource: &Resource) -> Option<String> {
    annotation(resource, ORIGIN)
}

/// Refuses a note on the origin that somebody else has written, and that is none.
pub(crate) fn check_origin(resource: &Resource, at: &Location) -> Fallible<()> {
    let Some(text) = annotation(resource, ORIGIN).filter(|text| !says_origin(text)) else { return Ok(()) };
    let shown = resource.current_id().shown();
    let message = format!("the annotation `{ORIGIN}` of `{shown}` names no origin: `{text}`");
    fail_with_help(codes::UNEXPECTED_SHAPE, at, message, "delete it: Kustomize writes it itself")
}

/// Whether a text can be read as an origin: fields that hold texts, but for who did it.
fn says_origin(text: &str) -> bool {
    let Ok(documents) = skerry_yaml::parse(text, &skerry_yaml::Limits::default()) else { return false };
    let Some(root) = documents.first().map(|document| &document.root) else { return true };
    let fits = |(key, value): &(Node, Node)| {
        let is = |name: &str| key.as_str().is_some_and(|key| key.eq_ignore_ascii_case(name));
        match value {
            value if value.is_null() => true,
            value if is("configuredBy") => value.is_mapping(),
            value => value.is_scalar() || !["path", "repo", "ref", "configuredIn"].into_iter().any(is),
        }
    };
    root.is_null() || (root.is_mapping() && root.entries().iter().all(fits))
}

/// Notes an origin again that another resource had.
pub(crate) fn restore_origin(resource: &mut Resource, text: &str) {
    set_annotation(resource, ORIGIN, text);
}

fn annotation(resource: &Resource, key: &str) -> Option<String> {
    text_at(&resource.node, &["metadata", "annotations", key]).map(str::to_owned)
}

/// Sets an annotation, for which Kustomize writes all of them anew.
fn set_annotation(resource: &mut Resource, key: &str, value: &str) {
    resource.rewrite_annotations();
    put_annotation(resource, key, value);
}

fn put_annotation(resource: &mut Resource, key: &str, value: &str) {
    resource.annotate();
    if let Some(annotations) = resource.node.get_mut("metadata").and_then(|metadata| metadata.get_mut("annotations")) {
        annotations.set(key, Node::string(value));
    }
}

/// Marks what came out of a Helm chart.
pub(crate) fn mark_chart(resource: &mut Resource) {
    put_annotation(resource, OF_CHART, "true");
}

/// Whether a resource came out of a Helm chart.
pub(crate) fn is_of_chart(resource: &Resource) -> bool {
    annotation(resource, OF_CHART).is_some_and(|value| value == "true")
}

/// Takes away the notes that are not to be seen, and adds the label that is.
pub(crate) fn finish(view: &View<'_>, resources: &mut [Resource], notes: BuildNotes) -> Fallible<()> {
    let ShownNotes { origins, transformers, managed_by } = notes.shown;
    if managed_by {
        let pairs = BTreeMap::from([(MANAGED_BY.to_owned(), MANAGED_BY_VALUE.to_owned())]);
        let specs = [FieldSpec { path: "metadata/labels".to_owned(), ..FieldSpec::any() }].into();
        transform_labels::apply(view, resources, &Pairs { pairs, specs })?;
    }
    for resource in resources {
        let Some(metadata) = resource.node.get_mut("metadata") else { continue };
        let Some(annotations) = metadata.get_mut("annotations") else { continue };
        if let Some(entries) = annotations.entries_mut() {
            entries.retain(|(key, _)| match key.as_str() {
                Some(ORIGIN) => origins,
                Some(TRANSFORMATIONS) => transformers,
                Some(key) => !RESERVED.contains(&key),
                None => true,
            });
        }
        if annotations.entries().is_empty() {
            metadata.remove("annotations");
        }
    }
    Ok(())
}
