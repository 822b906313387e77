//! Patches of both kinds, in all three fields.

pub(super) mod operations;
pub(super) mod strategic;

use crate::folder::Folder;
use crate::objects::Known;
use crate::yaml::{Value, block, list, map, raw};

/// Any of the objects that fields may name.
pub(super) fn some_known(folder: &mut Folder<'_>) -> Option<Known> {
    if folder.known.is_empty() {
        return None;
    }
    let index = folder.random.below(folder.known.len());
    Some(folder.known[index].clone())
}

pub(super) fn patches(folder: &mut Folder<'_>) {
    if folder.known.is_empty() || !folder.wants("patches.strategic") && !folder.wants("patches.json") {
        return;
    }
    let mut rules = Vec::new();
    for index in 0..folder.random.between(1, 3) {
        let Some(known) = some_known(folder) else { return };
        let is_json = folder.wants_by("patches.json", 45);
        let patch = if is_json {
            operations::list_of(folder, known.kind)
        } else {
            folder.uses("patches.strategic");
            strategic::object(folder, &known)
        };
        let mut rule = map([]);
        place(folder, &mut rule, &patch, &format!("patch-{index}.yaml"));
        if (is_json && folder.random.percent(99)) || folder.random.percent(35) {
            folder.uses("patches.target");
            rule.put("target", target(folder, &known));
        }
        if folder.wants_by("patches.options", 15) {
            let mut options = map([]);
            for name in ["allowNameChange", "allowKindChange"] {
                if folder.random.percent(60) {
                    options.put(name, raw("true"));
                }
            }
            rule.put("options", options);
        }
        rules.push(rule);
    }
    folder.kustomization.put("patches", list(rules));
}

fn place(folder: &mut Folder<'_>, rule: &mut Value, patch: &Value, name: &str) {
    let is_object = matches!(patch, Value::Map(_));
    let text = if is_object && folder.random.percent(3) {
        let items = list([patch.clone()]);
        map([("apiVersion", raw("v1")), ("kind", raw("List")), ("items", items)]).print(folder.random)
    } else {
        patch.print(folder.random)
    };
    if folder.wants_by("patches.path", 40) {
        folder.file(name, text);
        rule.put("path", raw(name));
    } else {
        rule.put("patch", block(&text));
    }
}

fn target(folder: &mut Folder<'_>, known: &Known) -> Value {
    let random = &mut *folder.random;
    let mut target = map([]);
    if random.percent(75) {
        let kind = if random.percent(10) { format!("{}|Widget", known.kind) } else { known.kind.to_owned() };
        target.put("kind", raw(kind));
    }
    if random.percent(50) {
        let name = match random.below(9) {
            0 => "\".*\"".to_owned(),
            1 => format!("{}|none", known.name),
            2 => format!("{}.*", known.name.get(..2).unwrap_or("w")),
            3 => known.now.clone(),
            4 => format!("^{}$", known.name),
            5 => format!("web|{}", known.now),
            _ => known.name.clone(),
        };
        target.put("name", raw(name));
    }
    if random.percent(20) {
        let (group, version) = known.api.split_once('/').unwrap_or(("", known.api));
        if !group.is_empty() {
            target.put("group", raw(group));
        }
        target.put("version", raw(version));
    }
    if let Some(namespace) = known.namespace.as_ref().filter(|_| random.percent(30)) {
        target.put("namespace", raw(namespace.clone()));
    }
    if random.percent(15) {
        let selectors =
            ["app=web", "tier", "\"!tier\"", "app in (a, web)", "app notin (b),tier", "tier!=front", "app==a"];
        target.put("labelSelector", raw(random.word(&selectors)));
    }
    if random.percent(8) {
        target.put("annotationSelector", raw(random.word(&["note=a", "note", "example.com/owner!=web"])));
    }
    target
}

pub(super) fn strategic(folder: &mut Folder<'_>) {
    if folder.known.is_empty() || !folder.wants("patchesStrategicMerge") {
        return;
    }
    let mut entries = Vec::new();
    for index in 0..folder.random.between(1, 2) {
        let Some(known) = some_known(folder) else { return };
        let text = strategic::object(folder, &known).print(folder.random);
        if folder.random.percent(50) {
            let name = format!("merge-{index}.yaml");
            folder.file(&name, text);
            entries.push(raw(name));
        } else {
            entries.push(block(&text));
        }
    }
    folder.kustomization.put("patchesStrategicMerge", list(entries));
}

pub(super) fn json(folder: &mut Folder<'_>) {
    if folder.known.is_empty() || !folder.wants("patchesJson6902") {
        return;
    }
    let Some(known) = some_known(folder) else { return };
    let patch = operations::list_of(folder, known.kind);
    let (group, version) = known.api.split_once('/').unwrap_or(("", known.api));
    let mut target = map([("version", raw(version)), ("kind", raw(known.kind)), ("name", raw(known.name.clone()))]);
    if !group.is_empty() {
        target.put("group", raw(group));
    }
    if let Some(namespace) = known.namespace.as_ref().filter(|_| folder.random.percent(70)) {
        target.put("namespace", raw(namespace.clone()));
    }
    let mut rule = map([("target", target)]);
    place(folder, &mut rule, &patch, "old.yaml");
    folder.kustomization.put("patchesJson6902", list([rule]));
}
