//! One resource on its way through a build.

mod history;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, LazyLock};

use skerry_common::diagnostic::Location;
use skerry_common::object::{group_of, version_of};
use skerry_yaml::{CollectionStyle, Node, NodeKind, Position, Rules, ScalarStyle, Text};

use super::field_spec;
use super::quotes::new_text;
use super::schema::Custom;
use super::trace::Trace;
use crate::document::{Source, text_at};
use crate::tree::View;

/// Stands in for the namespace of what has none.
const NOT_A_NAMESPACE: &str = "_non_namespaceable_";

/// Marks objects that are input of tools and not for the cluster.
const LOCAL_CONFIG: &str = "config.kubernetes.io/local-config";

/// Stands for what Kustomize keeps in annotations while a patch is merged.
const PIN: &str = "internal.config.kubernetes.io/pin";

/// Asks for a digest in the name of what no generator made.
pub(crate) const NEEDS_HASH: &str = "internal.config.kubernetes.io/needsHashSuffix";

/// Group, version and kind.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub(crate) struct Gvk {
    pub(crate) group: Text,
    pub(crate) version: Text,
    pub(crate) kind: Text,
}

impl Gvk {
    /// Whether each part that the pattern gives is equal.
    pub(crate) fn is_selected(&self, group: &str, version: &str, kind: &str) -> bool {
        (group.is_empty() || group == self.group)
            && (version.is_empty() || version == self.version)
            && (kind.is_empty() || kind == self.kind)
    }
}

/// What makes a resource itself, to Kustomize.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ResourceId {
    pub(crate) gvk: Gvk,
    pub(crate) name: Text,
    /// The namespace that counts: `default` for none, a marker for kinds without.
    pub(crate) namespace: Text,
}

impl ResourceId {
    pub(crate) fn is_cluster_scoped(&self) -> bool {
        self.namespace == NOT_A_NAMESPACE
    }

    /// For people: `Deployment web` or `Deployment shop/web`.
    pub(crate) fn shown(&self) -> String {
        match self.namespace.as_str() {
            NOT_A_NAMESPACE | "default" => format!("{} {}", self.gvk.kind, self.name),
            namespace => format!("{} {namespace}/{}", self.gvk.kind, self.name),
        }
    }
}

/// What a built document is called, in parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) kind: String,
    pub(crate) name: String,
    /// The one that counts; none for kinds that exist once per cluster.
    pub(crate) namespace: Option<String>,
}

impl Identity {
    /// That of a document.
    pub(crate) fn of(node: &Node) -> Self {
        let text = |path: &[&str]| text_at(node, path).unwrap_or("").to_owned();
        let (api_version, kind) = (text(&["apiVersion"]), text(&["kind"]));
        let namespaced = !is_cluster_scoped(&api_version, &kind);
        Self {
            group: group_of(&api_version).to_owned(),
            version: version_of(&api_version).to_owned(),
            kind,
            name: text(&["metadata", "name"]),
            namespace: namespaced.then(|| effective(&text(&["metadata", "namespace"])).to_owned()),
        }
    }
}

/// An identity that a resource had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PreviousId {
    pub(crate) kind: Text,
    pub(crate) name: Text,
    pub(crate) namespace: Text,
}

/// What a generated resource does to one that is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Behavior {
    /// It is not generated.
    #[default]
    None,
    /// As `create`.
    Unspecified,
    Create,
    Merge,
    Replace,
}

/// One resource on its way through a build.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Resource {
    pub(crate) node: Node,
    pub(crate) file: Arc<str>,
    pub(crate) position: Position,
    /// Oldest first, without the current one.
    pub(crate) previous: Vec<PreviousId>,
    pub(crate) prefixes: Vec<Text>,
    pub(crate) suffixes: Vec<Text>,
    /// How many anchors were given.
    pub(crate) anchors: u32,
    pub(crate) needs_hash: bool,
    pub(crate) behavior: Behavior,
    /// The variables that stand for one of its fields.
    pub(crate) vars: Vec<String>,
    /// The schema file in force, which knows more kinds.
    pub(crate) schema: Option<Arc<Custom>>,
    /// What has set its fields, while a build is explained.
    pub(crate) trace: Option<Trace>,
}

impl Resource {
    /// A resource that is read in a build.
    pub(crate) fn seen(view: &View<'_>, source: Source) -> Self {
        let mut resource = Self::new(source);
        let mut state = view.schema();
        state.meet(resource.api_version(), resource.kind());
        resource.schema = state.custom().cloned();
        resource
    }

    pub(crate) fn new(source: Source) -> Self {
        let past = history::of(&source.node);
        Self {
            position: source.node.position,
            node: source.node,
            file: source.file,
            previous: past.ids,
            prefixes: past.prefixes,
            suffixes: past.suffixes,
            anchors: 0,
            needs_hash: false,
            behavior: Behavior::None,
            vars: Vec::new(),
            schema: None,
            trace: None,
        }
    }

    /// Where it was declared.
    pub(crate) fn location(&self) -> Location {
        Location::file(&*self.file, (self.position.line > 0).then_some(self.position.line))
    }

    pub(crate) fn kind(&self) -> &str {
        text_at(&self.node, &["kind"]).unwrap_or("")
    }

    pub(crate) fn api_version(&self) -> &str {
        text_at(&self.node, &["apiVersion"]).unwrap_or("")
    }

    pub(crate) fn name(&self) -> &str {
        text_at(&self.node, &["metadata", "name"]).unwrap_or("")
    }

    pub(crate) fn namespace(&self) -> &str {
        let namespace = self.node.get("metadata").and_then(|metadata| metadata.get("namespace"));
        namespace.filter(|namespace| !namespace.is_null()).and_then(Node::as_str).unwrap_or("")
    }

    pub(crate) fn gvk(&self) -> Gvk {
        let api_version = self.api_version();
        Gvk { group: group_of(api_version).into(), version: version_of(api_version).into(), kind: self.kind().into() }
    }

    /// Whether it is of what a pattern gives, each part that is not empty.
    pub(crate) fn is_selected(&self, group: &str, version: &str, kind: &str) -> bool {
        if !(kind.is_empty() || kind == self.kind()) {
            return false;
        }
        if group.is_empty() && version.is_empty() {
            return true;
        }
        let own = self.api_version();
        (group.is_empty() || group == group_of(own)) && (version.is_empty() || version == version_of(own))
    }

    /// Whether an identity is or was its own.
    pub(crate) fn is_or_was(&self, id: &ResourceId) -> bool {
        let (kind, name, namespace) = (&id.gvk.kind, &id.name, &id.namespace);
        if !self.is_selected_exactly(&id.gvk.group, &id.gvk.version) {
            return false;
        }
        let was = |old: &PreviousId| old.kind == *kind && old.name == *name && old.namespace == *namespace;
        self.previous.iter().any(was)
            || (self.name() == name && self.kind() == kind && self.effective_namespace() == namespace)
    }

    fn is_selected_exactly(&self, group: &str, version: &str) -> bool {
        let own = self.api_version();
        group_of(own) == group && version_of(own) == version
    }

    /// The namespace that counts.
    fn effective_namespace(&self) -> &str {
        if self.is_cluster_scoped() { NOT_A_NAMESPACE } else { effective(self.namespace()) }
    }

    /// Whether its kind is surely one that exists once per cluster.
    pub(crate) fn is_cluster_scoped(&self) -> bool {
        let (api_version, kind) = (self.api_version(), self.kind());
        let is_told = |schema: &Arc<Custom>| schema.is_cluster_scoped(api_version, kind);
        is_cluster_scoped(api_version, kind) || self.schema.as_ref().is_some_and(is_told)
    }

    /// What it is now.
    pub(crate) fn current_id(&self) -> ResourceId {
        ResourceId { gvk: self.gvk(), name: self.name().into(), namespace: self.effective_namespace().into() }
    }

    /// Every identity that it had, oldest first, without the current one.
    pub(crate) fn previous_ids(&self) -> impl Iterator<Item = ResourceId> + '_ {
        let now = self.gvk();
        self.previous.iter().map(move |id| ResourceId {
            gvk: Gvk { kind: id.kind.clone(), ..now.clone() },
            name: id.name.clone(),
            namespace: id.namespace.clone(),
        })
    }

    /// What it was at first.
    pub(crate) fn original_id(&self) -> ResourceId {
        let first = self.previous_ids().next();
        first.unwrap_or_else(|| self.current_id())
    }

    /// The kind that it was of at first.
    pub(crate) fn original_gvk(&self) -> Gvk {
        let mut gvk = self.gvk();
        if let Some(first) = self.previous.first() {
            gvk.kind = first.kind.clone();
        }
        gvk
    }

    /// Whether an identity is or was its own.
    pub(crate) fn has_id(&self, matches: impl Fn(&ResourceId) -> bool) -> bool {
        self.previous_ids().any(|id| matches(&id)) || matches(&self.current_id())
    }

    /// Keeps the current identity, before it changes.
    pub(crate) fn remember_id(&mut self) {
        let id = self.current_id();
        self.previous.push(PreviousId { kind: id.gvk.kind, name: id.name, namespace: id.namespace });
        self.annotate();
    }

    /// Makes what is remembered an annotation, as it is in Kustomize: a patch may take it away.
    pub(crate) fn pin_notes(&mut self) {
        if self.previous.is_empty() && !self.needs_hash {
            return;
        }
        self.annotate();
        let annotations = self.node.get_mut("metadata").and_then(|metadata| metadata.get_mut("annotations"));
        if let Some(annotations) = annotations {
            annotations.set(PIN, Node::string(""));
        }
    }

    /// Takes the annotation away again; forgets everything when a patch has done so.
    pub(crate) fn unpin_notes(&mut self) {
        if self.previous.is_empty() && !self.needs_hash {
            return;
        }
        let annotations = self.node.get_mut("metadata").and_then(|metadata| metadata.get_mut("annotations"));
        if annotations.and_then(|annotations| annotations.remove(PIN)).is_none() {
            self.previous.clear();
            self.prefixes.clear();
            self.suffixes.clear();
            self.needs_hash = false;
        }
    }

    /// Kustomize keeps what it has to remember as annotations: there are some from then on.
    pub(crate) fn annotate(&mut self) {
        let annotations = self.node.get("metadata").and_then(|metadata| metadata.get("annotations"));
        if !annotations.is_some_and(Node::is_mapping) {
            set_metadata(&mut self.node, "annotations", Some(Node::mapping()));
        }
    }

    /// What a run of Kustomize keeps in annotations, as far as it is written: a JSON 6902 patch
    /// cannot take it away.
    pub(crate) fn written_notes(&self) -> Vec<(Node, Node)> {
        let annotations = self.node.get("metadata").and_then(|metadata| metadata.get("annotations"));
        let entries = annotations.map(Node::entries).unwrap_or_default();
        entries.iter().filter(|(key, _)| key.as_str().is_some_and(history::is_note)).cloned().collect()
    }

    /// Writes all annotations anew, with those that may not be taken away.
    pub(crate) fn rewrite_annotations_with(&mut self, notes: Vec<(Node, Node)>) {
        if !notes.is_empty() {
            self.annotate();
        }
        let annotations = self.node.get_mut("metadata").and_then(|metadata| metadata.get_mut("annotations"));
        if let Some(annotations) = annotations {
            notes.into_iter().for_each(|(key, value)| annotations.set(key.as_str().unwrap_or_default(), value));
        }
        self.rewrite_annotations();
    }

    /// Writes all annotations anew, as texts that are one with nothing any more.
    pub(crate) fn rewrite_annotations(&mut self) {
        if let Some(metadata) = self.node.get_mut("metadata") {
            rewrite_texts(metadata, "annotations");
        }
        if !self.previous.is_empty() || self.needs_hash {
            self.annotate();
        }
    }

    /// A name for values that are one (see [`super::shared`]), new to this resource.
    pub(crate) fn next_anchor(&mut self) -> String {
        self.anchors += 1;
        self.anchors.to_string()
    }

    /// Whether its name is to end in the digest of its content.
    pub(crate) fn needs_hash(&self) -> bool {
        self.needs_hash || text_at(&self.node, &["metadata", "annotations", NEEDS_HASH]) == Some("enabled")
    }

    /// Sets the name, written as the old one; an empty one, of a list, is null without quotes.
    pub(crate) fn set_name(&mut self, name: &str) {
        set_metadata_text(&mut self.node, "name", name);
    }

    /// Sets the namespace; an empty one takes it away.
    pub(crate) fn set_namespace(&mut self, namespace: &str) {
        if namespace.is_empty() {
            set_metadata(&mut self.node, "namespace", None);
        } else {
            set_metadata_text(&mut self.node, "namespace", namespace);
        }
    }

    pub(crate) fn is_local_config(&self) -> bool {
        let annotations = self.node.get("metadata").and_then(|metadata| metadata.get("annotations"));
        let value = annotations.and_then(|annotations| annotations.get(LOCAL_CONFIG));
        value.is_some_and(|value| value.as_str() != Some("false"))
    }
}

/// Sets or takes away a field of `metadata`.
pub(crate) fn set_metadata(node: &mut Node, key: &str, value: Option<Node>) {
    if node.get("metadata").is_none() {
        node.set("metadata", Node::mapping());
    }
    let Some(metadata) = node.get_mut("metadata") else { return };
    match value {
        Some(value) => metadata.set(key, value),
        None => {
            metadata.remove(key);
        }
    }
}

/// Sets a text in `metadata`, written as the one that was there.
fn set_metadata_text(node: &mut Node, key: &str, text: &str) {
    if node.get("metadata").is_none() {
        node.set("metadata", Node::mapping());
    }
    if let Some(metadata) = node.get_mut("metadata") {
        field_spec::set_text_under(metadata, key, text);
    }
}

fn effective(namespace: &str) -> &str {
    if namespace.is_empty() { "default" } else { namespace }
}

/// Makes a field of `metadata` a mapping of texts, whatever was written; without any it goes.
pub(crate) fn rewrite_texts(metadata: &mut Node, field: &str) {
    let Some(old) = metadata.get(field) else { return };
    let texts: BTreeMap<String, String> = old
        .entries()
        .iter()
        .map(|(key, value)| (key.as_str().unwrap_or("").to_owned(), value.as_str().unwrap_or("").to_owned()))
        .collect();
    if texts.is_empty() {
        metadata.remove(field);
    } else {
        metadata.set(field, mapping_of_texts(texts));
    }
}

/// A mapping of distinct keys, which are written without quotes as Kustomize does.
pub(crate) fn mapping_of_texts(texts: impl IntoIterator<Item = (String, String)>) -> Node {
    let mut node = Node::mapping();
    if let Some(entries) = node.entries_mut() {
        entries.extend(texts.into_iter().map(|(key, value)| (Node::plain(key), new_text(&value))));
    }
    node
}

/// Makes the document that a build gives: annotations are texts, whatever was written.
pub(crate) fn finish(mut resource: Resource) -> Source {
    if resource.node.get("metadata").is_none() {
        resource.node.set("metadata", Node::mapping());
    }
    if let Some(metadata) = resource.node.get_mut("metadata") {
        rewrite_texts(metadata, "annotations");
    }
    fill_flow_nulls(&mut resource.node);
    resource.node.position = resource.position;
    Source { node: resource.node, file: resource.file, rules: Rules::Kustomize }
}

/// Makes a value that is not written at all, inside brackets (`{key: }`), an empty text: Kustomize
/// writes and reads every resource once more on its way, and that is how it comes back.
fn fill_flow_nulls(node: &mut Node) {
    if has_flow_null(node, false) {
        fill(node, false);
    }
}

/// Whether a value is not written at all, inside brackets.
fn has_flow_null(node: &Node, in_brackets: bool) -> bool {
    match &node.kind {
        NodeKind::Scalar { text, style } => {
            in_brackets && text.is_empty() && *style == ScalarStyle::Plain && node.tag().is_none()
        }
        NodeKind::Sequence { items, style } => {
            let in_brackets = in_brackets || *style == CollectionStyle::Flow;
            items.iter().any(|item| has_flow_null(item, in_brackets))
        }
        NodeKind::Mapping { entries, style } => {
            let in_brackets = in_brackets || *style == CollectionStyle::Flow;
            entries.iter().any(|(_, value)| has_flow_null(value, in_brackets))
        }
        NodeKind::Alias { .. } => false,
    }
}

fn fill(node: &mut Node, in_brackets: bool) {
    let is_null = node.is_scalar() && has_flow_null(node, in_brackets);
    match &mut node.kind {
        NodeKind::Scalar { style, .. } if is_null => *style = ScalarStyle::SingleQuoted,
        NodeKind::Scalar { .. } | NodeKind::Alias { .. } => {}
        NodeKind::Sequence { items, style } => {
            let in_brackets = in_brackets || *style == CollectionStyle::Flow;
            items.iter_mut().for_each(|item| fill(item, in_brackets));
        }
        NodeKind::Mapping { entries, style } => {
            let in_brackets = in_brackets || *style == CollectionStyle::Flow;
            entries.iter_mut().for_each(|(_, value)| fill(value, in_brackets));
        }
    }
}

/// Cluster-scoped kinds, with the versions that Kustomize knows. It goes by the exact version: a
/// kind that it does not know in that version counts as namespaced.
#[rustfmt::skip]
const CLUSTER_SCOPED: &[(&str, &[&str])] = &[
    ("v1", &["ComponentStatus", "Namespace", "Node", "NodeProxyOptions", "PersistentVolume"]),
    ("admissionregistration.k8s.io/v1", &["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration",
        "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"]),
    ("admissionregistration.k8s.io/v1beta1", &["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"]),
    ("apiextensions.k8s.io/v1", &["CustomResourceDefinition"]),
    ("apiextensions.k8s.io/v1beta1", &["CustomResourceDefinition"]),
    ("apiregistration.k8s.io/v1", &["APIService"]),
    ("apiregistration.k8s.io/v1beta1", &["APIService"]),
    ("certificates.k8s.io/v1", &["CertificateSigningRequest"]),
    ("certificates.k8s.io/v1beta1", &["CertificateSigningRequest"]),
    ("flowcontrol.apiserver.k8s.io/v1beta1", &["FlowSchema", "PriorityLevelConfiguration"]),
    ("networking.k8s.io/v1", &["IngressClass"]),
    ("networking.k8s.io/v1beta1", &["IngressClass"]),
    ("node.k8s.io/v1", &["RuntimeClass"]),
    ("node.k8s.io/v1beta1", &["RuntimeClass"]),
    ("policy/v1beta1", &["PodSecurityPolicy"]),
    ("rbac.authorization.k8s.io/v1", &["ClusterRole", "ClusterRoleBinding"]),
    ("rbac.authorization.k8s.io/v1beta1", &["ClusterRole", "ClusterRoleBinding"]),
    ("scheduling.k8s.io/v1", &["PriorityClass"]),
    ("scheduling.k8s.io/v1beta1", &["PriorityClass"]),
    ("storage.k8s.io/v1", &["CSIDriver", "CSINode", "StorageClass", "VolumeAttachment"]),
    ("storage.k8s.io/v1beta1", &["CSIDriver", "CSINode", "StorageClass", "VolumeAttachment"]),
];

fn is_cluster_scoped(api_version: &str, kind: &str) -> bool {
    /// By kind, because there are few of a kind.
    static VERSIONS: LazyLock<HashMap<&str, Vec<&str>>> = LazyLock::new(|| {
        let mut versions: HashMap<&str, Vec<&str>> = HashMap::new();
        for (version, kinds) in CLUSTER_SCOPED {
            kinds.iter().for_each(|kind| versions.entry(kind).or_default().push(version));
        }
        versions
    });
    VERSIONS.get(kind).is_some_and(|versions| versions.contains(&api_version))
}
