//! A random tree: bases, components and the overlay over them.

use std::collections::BTreeSet;

use crate::fields;
use crate::objects::{self, Known};
use crate::random::Random;
use crate::tree::Tree;
use crate::yaml::{Value, list, map, raw};

/// A folder on its way to become files.
pub(crate) struct Folder<'a> {
    pub(crate) path: String,
    pub(crate) kustomization: Value,
    /// What its fields may name.
    pub(crate) known: Vec<Known>,
    /// Kinds and names given away in the whole tree.
    taken: &'a mut BTreeSet<(String, String, String)>,
    pub(crate) tree: &'a mut Tree,
    pub(crate) random: &'a mut Random,
    /// Chance of each field, in percent.
    pub(crate) density: usize,
    without: &'a [String],
}

impl Folder<'_> {
    /// Notes that a field is used.
    pub(crate) fn uses(&mut self, field: &'static str) {
        self.tree.fields.insert(field);
    }

    /// Whether a field is to be used, as chance has it.
    pub(crate) fn wants(&mut self, field: &'static str) -> bool {
        let density = self.density;
        self.wants_by(field, density)
    }

    /// The same, with a chance of its own.
    pub(crate) fn wants_by(&mut self, field: &'static str, percent: usize) -> bool {
        if self.without.iter().any(|name| field.starts_with(name.as_str())) || !self.random.percent(percent) {
            return false;
        }
        self.uses(field);
        true
    }

    /// Whether it is a component.
    pub(crate) fn kustomization_is_component(&self) -> bool {
        self.path.starts_with("parts-of")
    }

    /// Adds a file beside the kustomization.
    pub(crate) fn file(&mut self, name: &str, content: impl Into<String>) {
        self.tree.files.insert(format!("{}/{name}", self.path), content.into());
    }

    /// Adds a file of documents.
    pub(crate) fn documents(&mut self, name: &str, documents: &[Value]) {
        let texts: Vec<String> = documents.iter().map(|document| document.print(self.random)).collect();
        let mut content = texts.join("---\n");
        if self.random.percent(10) {
            content.insert_str(0, "# A comment first.\n---\n");
        }
        self.file(name, content);
    }

    /// Makes some objects that nothing else in the tree is called like.
    fn objects(&mut self, count: usize) -> Vec<Value> {
        let mut values = Vec::new();
        for _ in 0..count {
            let (value, known) = objects::object(self.random);
            let id = (known.kind.to_owned(), known.name.clone(), known.namespace.clone().unwrap_or_default());
            if !self.taken.insert(id) {
                continue;
            }
            self.known.push(known);
            values.push(value);
        }
        values
    }

    fn resources(&mut self, mut entries: Vec<Value>, count: usize) {
        let values = self.objects(count);
        if values.len() > 2 && self.random.percent(40) {
            let (first, rest) = values.split_at(values.len() / 2);
            self.documents("first.yaml", first);
            self.documents("rest.yaml", rest);
            entries.extend([raw("first.yaml"), raw("rest.yaml")]);
        } else if values.len() > 1 && self.random.percent(8) {
            let listed = map([("apiVersion", raw("v1")), ("kind", raw("List")), ("items", list(values))]);
            self.documents("list.yaml", &[listed]);
            entries.push(raw("list.yaml"));
        } else if !values.is_empty() {
            self.documents("objects.yaml", &values);
            entries.push(raw("./objects.yaml"));
        }
        if !entries.is_empty() {
            self.random.shuffle(&mut entries);
            self.uses("resources");
            self.kustomization.put("resources", list(entries));
        }
    }

    /// Writes the kustomization, its fields in any order.
    fn finish(mut self) -> Vec<Known> {
        if let Value::Map(entries) = &mut self.kustomization {
            if self.random.percent(50) {
                self.random.shuffle(entries);
            }
            if entries.is_empty() {
                entries.push(("resources".to_owned(), list([])));
            }
        }
        let text = self.kustomization.print(self.random);
        let name = if self.random.percent(90) { "kustomization.yaml" } else { "kustomization.yml" };
        self.file(name, text);
        self.known
    }
}

/// Makes a tree.
pub(crate) fn tree(random: &mut Random, without: &[String]) -> Tree {
    let mut tree = Tree::default();
    let mut taken = BTreeSet::new();
    let density = [4, 10, 20, 40][random.below(4)];
    let mut below: Vec<(String, Vec<Known>)> = Vec::new();
    for path in ["base", "other"].iter().take(random.below(3)) {
        let count = random.between(1, 5);
        let shape = Shape { path, count, is_component: false };
        let known = folder(random, &mut tree, &mut taken, without, density, Vec::new(), shape);
        below.push(((*path).to_owned(), known));
    }
    if !below.is_empty() && random.percent(25) {
        let shape = Shape { path: "middle", count: 1, is_component: false };
        let known = folder(random, &mut tree, &mut taken, without, density, std::mem::take(&mut below), shape);
        below.push(("middle".to_owned(), known));
    }
    let count = if below.is_empty() { random.between(1, 8) } else { random.below(4) };
    let shape = Shape { path: "in", count, is_component: false };
    folder(random, &mut tree, &mut taken, without, density, below, shape);
    tree
}

struct Shape<'a> {
    path: &'a str,
    count: usize,
    is_component: bool,
}

fn folder(
    random: &mut Random,
    tree: &mut Tree,
    taken: &mut BTreeSet<(String, String, String)>,
    without: &[String],
    density: usize,
    below: Vec<(String, Vec<Known>)>,
    shape: Shape<'_>,
) -> Vec<Known> {
    let mut folder = Folder {
        path: shape.path.to_owned(),
        kustomization: map([]),
        known: below.iter().flat_map(|(_, known)| known.clone()).collect(),
        taken,
        tree,
        random,
        density,
        without,
    };
    if shape.is_component {
        folder.kustomization.put("apiVersion", raw("kustomize.config.k8s.io/v1alpha1"));
        folder.kustomization.put("kind", raw("Component"));
    } else if folder.random.percent(30) {
        folder.kustomization.put("apiVersion", raw("kustomize.config.k8s.io/v1beta1"));
        folder.kustomization.put("kind", raw("Kustomization"));
    }
    let entries: Vec<Value> = below.iter().map(|(path, _)| raw(format!("../{path}"))).collect();
    if !entries.is_empty() && folder.wants_by("bases", 10) {
        folder.kustomization.put("bases", list(entries));
        folder.resources(Vec::new(), shape.count);
    } else {
        folder.resources(entries, shape.count);
    }
    fields::generators(&mut folder);
    if !shape.is_component && folder.wants("components") {
        let path = format!("parts-of-{}", shape.path);
        let inner = Shape { path: &path, count: 1, is_component: true };
        let known = vec![(String::new(), std::mem::take(&mut folder.known))];
        let known = component(&mut folder, density, known, inner);
        folder.known = known;
        folder.kustomization.put("components", list([raw(format!("../{path}"))]));
    }
    fields::transformers(&mut folder);
    folder.finish()
}

/// A component sees what its parent has gathered, but does not list it.
fn component(
    parent: &mut Folder<'_>,
    density: usize,
    below: Vec<(String, Vec<Known>)>,
    shape: Shape<'_>,
) -> Vec<Known> {
    let mut folder = Folder {
        path: shape.path.to_owned(),
        kustomization: map([]),
        known: below.into_iter().flat_map(|(_, known)| known).collect(),
        taken: parent.taken,
        tree: parent.tree,
        random: parent.random,
        density,
        without: parent.without,
    };
    folder.kustomization.put("apiVersion", raw("kustomize.config.k8s.io/v1alpha1"));
    folder.kustomization.put("kind", raw("Component"));
    folder.resources(Vec::new(), shape.count);
    fields::generators(&mut folder);
    fields::transformers(&mut folder);
    folder.finish()
}
