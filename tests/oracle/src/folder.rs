//! A random tree: bases, components and the overlay over them.

use std::collections::BTreeSet;

use crate::fields;
use crate::handwriting;
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
        self.path.contains("parts-of")
    }

    /// Adds a file beside the kustomization.
    pub(crate) fn file(&mut self, name: &str, content: impl Into<String>) {
        self.tree.files.insert(format!("{}/{name}", self.path), content.into());
    }

    /// Adds a file of documents.
    pub(crate) fn documents(&mut self, name: &str, documents: &[Value]) {
        let texts: Vec<String> = documents.iter().map(|document| document.print(self.random)).collect();
        let content = handwriting::joined(&texts, self.random);
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
        } else if values.len() > 1 && self.random.percent(12) {
            let kind = self.random.word(&["List", "List", "ConfigMapList"]);
            let others = if self.random.percent(40) { values.len() / 2 } else { 0 };
            let (others, items) = values.split_at(others);
            let listed = map([("apiVersion", raw("v1")), ("kind", raw(kind)), ("items", list(items.to_vec()))]);
            let mut documents = others.to_vec();
            documents.push(listed);
            self.documents("list.yaml", &documents);
            entries.push(raw("list.yaml"));
        } else if !values.is_empty() {
            self.documents("objects.yaml", &values);
            let forms = ["./objects.yaml", "objects.yaml", "././objects.yaml", "../{}/objects.yaml"];
            let form = self.random.word(&forms).replace("{}", &self.path);
            entries.push(raw(form));
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
            if self.random.percent(3) && !entries.is_empty() {
                let index = self.random.below(entries.len());
                entries[index].0 = upper(&entries[index].0);
            }
            if entries.is_empty() {
                entries.push(("resources".to_owned(), list([])));
            }
        }
        let text = self.kustomization.print(self.random);
        let name = self.random.word(&NAMES_OF_FILES);
        self.file(&name, text);
        self.known
    }
}

/// A field with a capital letter, which is read all the same.
fn upper(field: &str) -> String {
    let (first, rest) = field.split_at(1);
    format!("{}{rest}", first.to_ascii_uppercase())
}

/// What a kustomization may be called; the usual name most often.
const NAMES_OF_FILES: [&str; 6] = [
    "kustomization.yaml",
    "kustomization.yaml",
    "kustomization.yaml",
    "kustomization.yaml",
    "kustomization.yml",
    "Kustomization",
];

/// What every folder of a tree is made with.
struct Ground<'a> {
    taken: BTreeSet<(String, String, String)>,
    tree: Tree,
    random: &'a mut Random,
    density: usize,
    without: &'a [String],
}

/// A folder to be made: where, over how many objects of its own.
struct Plot<'a> {
    path: &'a str,
    count: usize,
}

type Below = Vec<(String, Vec<Known>)>;

/// Makes a tree.
pub(crate) fn tree(random: &mut Random, without: &[String]) -> Tree {
    let density = [4, 10, 20, 40][random.below(4)];
    let mut ground = Ground { taken: BTreeSet::new(), tree: Tree::default(), random, density, without };
    let mut below: Below = Vec::new();
    for path in ["base", "other"].iter().take(ground.random.below(3)) {
        let count = ground.random.between(1, 5);
        let known = ground.folder(Plot { path, count }, Vec::new());
        below.push(((*path).to_owned(), known));
    }
    if !below.is_empty() && ground.random.percent(25) {
        let known = ground.folder(Plot { path: "middle", count: 1 }, std::mem::take(&mut below));
        below.push(("middle".to_owned(), known));
    }
    let count = if below.is_empty() { ground.random.between(1, 8) } else { ground.random.below(4) };
    ground.folder(Plot { path: "in", count }, below);
    ground.tree
}

impl Ground<'_> {
    fn start(&mut self, path: &str, known: Vec<Known>) -> Folder<'_> {
        Folder {
            path: path.to_owned(),
            kustomization: map([]),
            known,
            taken: &mut self.taken,
            tree: &mut self.tree,
            random: self.random,
            density: self.density,
            without: self.without,
        }
    }

    fn folder(&mut self, plot: Plot<'_>, below: Below) -> Vec<Known> {
        let known = below.iter().flat_map(|(_, known)| known.clone()).collect();
        let mut folder = self.start(plot.path, known);
        if folder.random.percent(30) {
            folder.kustomization.put("apiVersion", raw("kustomize.config.k8s.io/v1beta1"));
            folder.kustomization.put("kind", raw("Kustomization"));
        }
        let entries: Vec<Value> = below.iter().map(|(path, _)| raw(format!("../{path}"))).collect();
        if !entries.is_empty() && folder.wants_by("bases", 10) {
            folder.kustomization.put("bases", list(entries));
            folder.resources(Vec::new(), plot.count);
        } else {
            folder.resources(entries, plot.count);
        }
        fields::generators(&mut folder);
        if folder.wants("components") {
            let count = if folder.random.percent(25) { 2 } else { 1 };
            let paths: Vec<String> = (0..count).map(|index| format!("parts-of-{}-{index}", plot.path)).collect();
            let entries = paths.iter().map(|path| raw(format!("../{path}")));
            folder.kustomization.put("components", list(entries));
            // What the parent has gathered is what the component works on, and gives back.
            let (mut known, kustomization) = (std::mem::take(&mut folder.known), folder.kustomization);
            for path in &paths {
                known = self.component(path, known);
            }
            folder = self.start(plot.path, known);
            folder.kustomization = kustomization;
        }
        fields::transformers(&mut folder);
        folder.finish()
    }

    fn component(&mut self, path: &str, known: Vec<Known>) -> Vec<Known> {
        let mut folder = self.start(path, known);
        folder.kustomization.put("apiVersion", raw("kustomize.config.k8s.io/v1alpha1"));
        folder.kustomization.put("kind", raw("Component"));
        let below = if folder.random.percent(10) { Some(format!("more-{path}")) } else { None };
        if let Some(below) = &below {
            folder.kustomization.put("components", list([raw(format!("../{below}"))]));
        }
        folder.resources(Vec::new(), 1);
        fields::generators(&mut folder);
        let (mut known, kustomization) = (std::mem::take(&mut folder.known), folder.kustomization);
        if let Some(below) = below {
            known = self.component(&below, known);
        }
        let mut folder = self.start(path, known);
        folder.kustomization = kustomization;
        fields::transformers(&mut folder);
        folder.finish()
    }
}
