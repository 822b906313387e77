//! Generators of config maps and secrets.

use crate::folder::Folder;
use crate::objects::Known;
use crate::words::{LABELS, NAMES, NAMESPACES, pairs};
use crate::yaml::{Value, list, map, raw};

const LITERALS: &[&str] = &[
    "mode=fast",
    "level=3",
    "flag=true",
    "\"quoted='x y'\"",
    "'json={\"a\": [1, 2]}'",
    "url=http://host/?a=b&c=d",
    "empty=",
    "\"line=a\\nb\"",
    "'single='",
    "yes=no",
    "html=<b>&amp;</b>",
    "unicode=é☸",
    "'double=\"in quotes\"'",
    "big=0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789",
];

const FILES: &[(&str, &str)] = &[
    ("app.conf", "[server]\nport = 80\n\n# comment\nname = \"x\"\n"),
    ("no-newline.txt", "no newline at the end"),
    ("crlf.txt", "one\r\ntwo\r\n"),
    ("tabs.txt", "\tfirst\n\tsecond\n"),
    ("empty.txt", ""),
    ("trailing.txt", "trailing \nspaces  \n\n\n"),
    ("script.sh", "#!/bin/sh\necho \"$HOME\"\n"),
];

const ENVS: &[(&str, &str)] = &[
    ("plain.env", "MODE=slow\nHOST=db.shop\n"),
    ("odd.env", "# comment\n\nA=1\n B=two words \nC=x=y\nD=\"quoted\"\n"),
];

pub(super) fn config_maps(folder: &mut Folder<'_>) {
    if folder.wants("configMapGenerator") {
        let rules = rules(folder, "ConfigMap");
        folder.kustomization.put("configMapGenerator", list(rules));
    }
}

pub(super) fn secrets(folder: &mut Folder<'_>) {
    if folder.wants("secretGenerator") {
        let mut rules = rules(folder, "Secret");
        for rule in &mut rules {
            if folder.random.percent(25) {
                rule.put("type", raw(folder.random.word(&["Opaque", "kubernetes.io/tls", "example.com/x"])));
            }
        }
        folder.kustomization.put("secretGenerator", list(rules));
    }
}

fn rules(folder: &mut Folder<'_>, kind: &'static str) -> Vec<Value> {
    (0..folder.random.between(1, 2))
        .map(|_| rule(folder, kind))
        .filter(|rule| matches!(rule, Value::Map(entries) if !entries.is_empty()))
        .collect()
}

/// What makes a new object, or changes one that is there; nothing where chance has it that this is
/// not to be.
pub(super) fn rule(folder: &mut Folder<'_>, kind: &'static str) -> Value {
    let name = folder.random.word(NAMES);
    let found = folder.known.iter().find(|known| known.kind == kind && known.name == name).cloned();
    let mut rule = map([]);
    let namespace = folder.random.percent(15).then(|| folder.random.word(NAMESPACES));
    if let Some(known) = found {
        if !folder.wants_by("generator.behavior", 90) {
            return rule;
        }
        rule.put("name", raw(name));
        rule.put("behavior", raw(folder.random.word(&["merge", "merge", "replace"])));
        if let Some(namespace) = &known.namespace {
            rule.put("namespace", raw(namespace.clone()));
        }
    } else {
        rule.put("name", raw(name.clone()));
        if let Some(namespace) = &namespace {
            rule.put("namespace", raw(namespace.clone()));
        }
        folder.known.push(Known { api: "v1", kind, now: name.clone(), name, namespace });
    }
    sources(folder, &mut rule);
    if folder.wants_by("generator.options", 25) {
        let options = rule_options(folder);
        rule.put("options", options);
    }
    rule
}

fn sources(folder: &mut Folder<'_>, rule: &mut Value) {
    if folder.random.percent(70) {
        let mut literals: Vec<&str> = LITERALS.to_vec();
        folder.random.shuffle(&mut literals);
        let count = folder.random.between(1, 3);
        rule.put("literals", list(literals.into_iter().take(count).map(raw)));
    }
    if folder.wants_by("generator.files", 25) {
        let (name, content) = FILES[folder.random.below(FILES.len())];
        folder.file(name, content);
        let entry = if folder.random.percent(30) { format!("renamed={name}") } else { name.to_owned() };
        rule.put("files", list([raw(entry)]));
    }
    if folder.wants_by("generator.envs", 20) {
        let (name, content) = ENVS[folder.random.below(ENVS.len())];
        folder.file(name, content);
        if folder.random.percent(75) {
            rule.put("envs", list([raw(name)]));
        } else {
            rule.put("env", raw(name));
        }
    }
}

fn rule_options(folder: &mut Folder<'_>) -> Value {
    let mut options = map([]);
    if folder.random.percent(40) {
        options.put("disableNameSuffixHash", raw(folder.random.word(&["true", "true", "false"])));
    }
    if folder.random.percent(40) {
        options.put("labels", pairs(folder.random, LABELS, 2));
    }
    if folder.random.percent(40) {
        options.put("annotations", pairs(folder.random, &["note", "example.com/made"], 2));
    }
    if folder.random.percent(30) {
        options.put("immutable", raw("true"));
    }
    options
}

pub(super) fn options(folder: &mut Folder<'_>) {
    if folder.wants("generatorOptions") {
        let options = rule_options(folder);
        folder.kustomization.put("generatorOptions", options);
    }
}
