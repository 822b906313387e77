//! Transformers that are configured by a file.

use super::named;
use crate::fields::{patch, replace};
use crate::folder::Folder;
use crate::random::Random;
use crate::words::{LABELS, NAMES};
use crate::yaml::{Value, block, list, map, raw};

const KINDS: &[&str] = &[
    "LabelTransformer",
    "AnnotationsTransformer",
    "PrefixTransformer",
    "SuffixTransformer",
    "PrefixSuffixTransformer",
    "NamespaceTransformer",
    "ImageTagTransformer",
    "ReplicaCountTransformer",
    "PatchTransformer",
    "PatchStrategicMergeTransformer",
    "PatchJson6902Transformer",
    "ReplacementTransformer",
    "HashTransformer",
    "ValueAddTransformer",
];

/// A configuration of any builtin kind.
pub(super) fn config(folder: &mut Folder<'_>, name: &str) -> Value {
    let kind = folder.random.word(KINDS);
    let mut config = named(&kind, name);
    match kind.as_str() {
        "LabelTransformer" | "AnnotationsTransformer" => pairs(&mut config, &kind, folder.random),
        "PrefixTransformer" | "SuffixTransformer" | "PrefixSuffixTransformer" => names(&mut config, folder, &kind),
        "NamespaceTransformer" => namespace(&mut config, folder.random),
        "ImageTagTransformer" => {
            config.put("imageTag", map([("name", raw("nginx")), ("newTag", raw("plug"))]));
            config.put("fieldSpecs", fields(&["spec/template/spec/containers[]/image"], folder.random));
        }
        "ReplicaCountTransformer" => {
            let name = patch::some_known(folder).map_or_else(|| "web".to_owned(), |known| known.name);
            config.put("replica", map([("name", raw(name)), ("count", raw("3"))]));
            config.put("fieldSpecs", fields(&["spec/replicas"], folder.random));
        }
        "PatchTransformer" | "PatchStrategicMergeTransformer" | "PatchJson6902Transformer" => {
            patches(&mut config, folder, &kind);
        }
        "ReplacementTransformer" => {
            let rules: Vec<Value> = replace::replacement(folder).into_iter().collect();
            config.put("replacements", list(rules));
        }
        "ValueAddTransformer" => value_add(&mut config, folder.random),
        _ => {}
    }
    config
}

fn pairs(config: &mut Value, kind: &str, random: &mut Random) {
    if kind == "LabelTransformer" {
        config.put("labels", map([(random.pick(LABELS), raw("plug"))]));
        let paths = ["metadata/labels", "metadata/labels", "spec/selector", "spec/template/metadata/labels"];
        config.put("fieldSpecs", fields(&paths, random));
    } else {
        config.put("annotations", map([("plug", raw("in"))]));
        let paths = ["metadata/annotations", "metadata/annotations", "spec/template/metadata/annotations"];
        config.put("fieldSpecs", fields(&paths, random));
    }
}

fn names(config: &mut Value, folder: &mut Folder<'_>, kind: &str) {
    if kind != "SuffixTransformer" {
        config.put("prefix", raw("plug-"));
    }
    if kind != "PrefixTransformer" {
        config.put("suffix", raw("-plug"));
    }
    config.put("fieldSpecs", fields(&["metadata/name"], folder.random));
}

fn namespace(config: &mut Value, random: &mut Random) {
    config.put_at(&["metadata", "namespace"], raw("plug"));
    config.put("fieldSpecs", fields(&["metadata/namespace", "subjects[]/namespace"], random));
    if random.percent(50) {
        config.put("unsetOnly", raw("true"));
    }
    if random.percent(50) {
        config.put("setRoleBindingSubjects", raw(random.word(&["allServiceAccounts", "defaultOnly", "none"])));
    }
}

fn patches(config: &mut Value, folder: &mut Folder<'_>, kind: &str) {
    let Some(known) = patch::some_known(folder) else { return };
    match kind {
        "PatchStrategicMergeTransformer" => {
            let text = patch::strategic::object(folder, &known).print(folder.random);
            config.put("patches", block(&text));
        }
        "PatchJson6902Transformer" => {
            let text = patch::operations::list_of(folder, known.kind).print(folder.random);
            config.put("jsonOp", block(&text));
            config.put("target", map([("kind", raw(known.kind)), ("name", raw(known.name))]));
        }
        _ if folder.random.percent(50) => {
            let text = "- {op: add, path: /metadata/annotations, value: {plug: \"yes\"}}";
            config.put("patch", block(text));
            config.put("target", map([("kind", raw("ConfigMap|Service"))]));
        }
        _ => {
            let text = patch::strategic::object(folder, &known).print(folder.random);
            config.put("patch", block(&text));
            if folder.random.percent(40) {
                config.put("target", map([("kind", raw(known.kind))]));
            }
        }
    }
}

fn value_add(config: &mut Value, random: &mut Random) {
    if random.percent(80) {
        config.put("value", raw(random.word(NAMES)));
    }
    let paths = ["metadata/annotations/added", "metadata/labels/added", "spec/added/deep", "metadata/namespace"];
    let mut target = map([("fieldPath", raw(random.word(&paths)))]);
    if random.percent(40) {
        target.put("selector", map([("kind", raw(random.word(&["Deployment", "Service", "ConfigMap"])))]));
    }
    if random.percent(30) {
        target.put("filePathPosition", raw(random.word(&["0", "1", "2", "9"])));
    }
    config.put("targets", list([target]));
}

/// One of these paths, for all kinds or for one.
fn fields(paths: &[&str], random: &mut Random) -> Value {
    let mut field = map([("path", raw(random.word(paths)))]);
    if random.percent(75) {
        field.put("create", raw("true"));
    }
    if random.percent(20) {
        field.put("kind", raw(random.word(&["Deployment", "Service", "ConfigMap"])));
    }
    list([field])
}
