//! `generators`, `transformers` and `validators`: builtin kinds, each with what it needs.

mod generator;
mod transformer;

use crate::folder::Folder;
use crate::yaml::{Value, block, list, map, raw};

pub(super) fn builtin(folder: &mut Folder<'_>) {
    for field in ["generators", "transformers", "validators"] {
        let chance = folder.density / 2 + 2;
        if !folder.wants_by(field, chance) {
            continue;
        }
        let mut configs = Vec::new();
        for index in 0..folder.random.between(1, 2) {
            let name = format!("{field}-{index}");
            configs.push(match field {
                "generators" => generator::config(folder, &name),
                "validators" if folder.random.percent(90) => harmless(folder, &name),
                _ => transformer::config(folder, &name),
            });
        }
        let entries = place(folder, field, &configs);
        folder.kustomization.put(field, list(entries));
    }
}

/// What changes nothing, and so may be a validator.
fn harmless(folder: &mut Folder<'_>, name: &str) -> Value {
    let kind = folder.random.word(&["ImageTagTransformer", "ImageTagTransformer", "LabelTransformer"]);
    let mut config = named(&kind, name);
    if kind == "LabelTransformer" {
        config.put("labels", map([("app", raw("web"))]));
        config.put("fieldSpecs", list([map([("path", raw("spec/no/such/field"))])]));
    } else {
        config.put("imageTag", map([("name", raw("no-such-image")), ("newTag", raw("never"))]));
    }
    config
}

/// The head of a configuration.
fn named(kind: &str, name: &str) -> Value {
    let mut config = map([("apiVersion", raw("builtin")), ("kind", raw(kind))]);
    config.put("metadata", map([("name", raw(name))]));
    config
}

/// Writes configurations down in one of the three ways; gives the entries that name them.
fn place(folder: &mut Folder<'_>, field: &'static str, configs: &[Value]) -> Vec<Value> {
    if folder.wants_by("plugins.inline", 30) {
        return configs.iter().map(|config| block(&config.print(folder.random))).collect();
    }
    let file = format!("{field}.yaml");
    if !folder.wants_by("plugins.folder", 25) {
        folder.documents(&file, configs);
        return vec![raw(file)];
    }
    let path = format!("{}-{field}", folder.path);
    let mut kustomization = map([("resources", list([raw(file.clone())]))]);
    if folder.random.percent(30) {
        kustomization.put("nameSuffix", raw("-configured"));
    }
    let texts: Vec<String> = configs.iter().map(|config| config.print(folder.random)).collect();
    folder.tree.files.insert(format!("{path}/{file}"), texts.join("---\n"));
    let text = kustomization.print(folder.random);
    folder.tree.files.insert(format!("{path}/kustomization.yaml"), text);
    vec![raw(format!("../{path}"))]
}
