//! How the fields of resources came to be, noted while a build is explained.
//!
//! After every step each resource is compared with what it was before, field by field, and what is
//! new or different is noted with the step and its place. What is noted travels with the resource.
//! A build that is not explained keeps nothing, and compares nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use skerry_common::diagnostic::Location;
use skerry_yaml::Node;

use super::file::Kustomization;
use super::resource::{Resource, finish};
use super::transformers::Transformer;
use crate::document::{Source, parse_nodes, place};
use crate::tree::{Found, View};

/// What has set a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Setting {
    /// The step, as Kustomize calls its plugins.
    pub(crate) step: &'static str,
    pub(crate) at: Location,
    pub(crate) value: String,
}

/// What has set the fields of one resource, the latest last.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Trace {
    settings: BTreeMap<String, Vec<Setting>>,
    values: BTreeMap<String, String>,
}

impl Trace {
    /// What has set the field of a key.
    pub(crate) fn of(&self, key: &str) -> &[Setting] {
        self.settings.get(key).map(Vec::as_slice).unwrap_or_default()
    }

    /// Notes what differs from what was noted last, at a place that follows from the node and what
    /// had set it before.
    fn note(&mut self, node: &Node, step: &'static str, at: impl Fn(&Node, &[Setting]) -> Location) {
        let mut values = BTreeMap::new();
        for Leaf { key, node, .. } in leaves(node) {
            let value = text(node);
            if self.values.get(&key) != Some(&value) {
                let settings = self.settings.entry(key.clone()).or_default();
                settings.push(Setting { step, at: at(node, settings), value: value.clone() });
            }
            values.insert(key, value);
        }
        self.values = values;
    }
}

/// A field without fields of its own.
pub(crate) struct Leaf<'a> {
    /// Tells it from others, also when entries are added to a list: those with names go by them.
    pub(crate) key: String,
    /// Where it is, such as `/spec/ports/0/name`.
    pub(crate) pointer: String,
    pub(crate) node: &'a Node,
}

/// A document that was built, with how its fields came to be.
pub(crate) struct Traced {
    pub(crate) source: Source,
    pub(crate) trace: Trace,
}

impl Traced {
    /// What a build gave.
    pub(crate) fn built(mut resource: Resource) -> Self {
        let trace = resource.trace.take().unwrap_or_default();
        Self { source: finish(resource), trace }
    }

    /// What was read from a file, and is as it stands there.
    pub(crate) fn read(source: Source) -> Self {
        let mut trace = Trace::default();
        trace.note(&source.node, "Resource", |node, _| place(&source.file, node));
        Self { source, trace }
    }

    /// Notes what a step has changed: at the place where that was set before.
    pub(crate) fn note(&mut self, step: &'static str) {
        let before = |_: &Node, settings: &[Setting]| settings.last().map(|last| last.at.clone()).unwrap_or_default();
        self.trace.note(&self.source.node, step, before);
    }
}

/// Every leaf of a tree.
pub(crate) fn leaves(node: &Node) -> Vec<Leaf<'_>> {
    let mut found = Vec::new();
    collect(node, String::new(), String::new(), &mut found);
    found
}

fn collect<'a>(node: &'a Node, key: String, pointer: String, found: &mut Vec<Leaf<'a>>) {
    if node.entries().is_empty() && node.items().is_empty() {
        found.push(Leaf { key, pointer, node });
        return;
    }
    for (name, value) in node.entries() {
        let name = name.as_str().unwrap_or("");
        let escaped = name.replace('~', "~0").replace('/', "~1");
        collect(value, format!("{key}/{escaped}"), format!("{pointer}/{escaped}"), found);
    }
    let names: Vec<Option<&str>> = node.items().iter().map(|item| item.get("name").and_then(Node::as_str)).collect();
    let have_names = names.iter().enumerate().all(|(index, name)| name.is_some() && !names[..index].contains(name));
    for (index, item) in node.items().iter().enumerate() {
        let part = match names.get(index) {
            Some(Some(name)) if have_names => format!("name={name}"),
            Some(_) | None => index.to_string(),
        };
        collect(item, format!("{key}/{part}"), format!("{pointer}/{index}"), found);
    }
}

/// The value of a leaf, as text.
pub(crate) fn text(node: &Node) -> String {
    match node.as_str() {
        Some(text) => text.to_owned(),
        None if node.is_sequence() => "[]".to_owned(),
        None => "{}".to_owned(),
    }
}

/// Where a step stands.
pub(crate) enum Stand {
    /// At one place.
    At(Location),
    /// In a file of which every node knows its line.
    In(Arc<str>),
}

impl Stand {
    fn of(&self, node: &Node) -> Location {
        match self {
            Stand::At(at) => at.clone(),
            Stand::In(file) => place(file, node),
        }
    }
}

/// Notes what was read from a file.
pub(crate) fn read(view: &View<'_>, resources: &mut [Resource]) {
    if view.is_explained() {
        for resource in resources {
            let file = Stand::In(resource.file.clone());
            compare(resource, "Resource", &file);
        }
    }
}

/// Notes what a step has changed or made.
pub(crate) fn step(view: &View<'_>, resources: &mut [Resource], step: &'static str, stand: impl FnOnce() -> Stand) {
    if view.is_explained() {
        let stand = stand();
        resources.iter_mut().for_each(|resource| compare(resource, step, &stand));
    }
}

/// Notes what happens at the end of a build, which stands nowhere.
pub(crate) fn end(view: &View<'_>, resources: &mut [Resource], name: &'static str) {
    step(view, resources, name, || Stand::At(Location::default()));
}

fn compare(resource: &mut Resource, step: &'static str, stand: &Stand) {
    let trace = resource.trace.get_or_insert_default();
    trace.note(&resource.node, step, |node, _| stand.of(node));
}

/// Where a field of a kustomization asks for a transformer.
pub(crate) fn field(view: &View<'_>, kustomization: &Kustomization, transformer: &Transformer) -> Stand {
    if let Transformer::Patch(patch) | Transformer::JsonPatch(patch) = transformer {
        return match patch.file().filter(|file| *file != &kustomization.file) {
            Some(file) => Stand::In(file.clone()),
            None => Stand::At(patch.at().clone()),
        };
    }
    let fields: &[&str] = match transformer {
        Transformer::StrategicPatches(patches) => {
            return match patches.first().filter(|patch| patch.file != kustomization.file) {
                Some(patch) => Stand::In(patch.file.clone()),
                None => Stand::At(line_of(view, kustomization, &["patchesStrategicMerge"])),
            };
        }
        Transformer::Namespace(_) => &["namespace"],
        Transformer::Names(_) => &["namePrefix", "nameSuffix"],
        Transformer::Labels(_) => &["labels", "commonLabels"],
        Transformer::Annotations(_) => &["commonAnnotations"],
        Transformer::Replicas(..) => &["replicas"],
        Transformer::Image(..) => &["images", "imageTags"],
        Transformer::Replacements(_) => &["replacements"],
        Transformer::Patch(_) | Transformer::JsonPatch(_) | Transformer::Hash | Transformer::ValueAdd(_) => &[],
    };
    Stand::At(line_of(view, kustomization, fields))
}

/// The line of the first of some fields that a kustomization has.
fn line_of(view: &View<'_>, kustomization: &Kustomization, fields: &[&str]) -> Location {
    let found = Found { path: kustomization.file.to_string(), is_folder: false };
    let content = view.read(&found).ok();
    let nodes = content.and_then(|content| parse_nodes(&content, &kustomization.file, &view.limits).ok());
    let nodes = nodes.unwrap_or_default();
    let keys = nodes.iter().flat_map(Node::entries).map(|(key, _)| key);
    let is_wanted =
        |key: &&Node| key.as_str().is_some_and(|name| fields.iter().any(|field| field.eq_ignore_ascii_case(name)));
    match keys.into_iter().find(is_wanted) {
        Some(key) => place(&kustomization.file, key).with_field(key.as_str().unwrap_or("")),
        None => Location::file(&*kustomization.file, None),
    }
}
