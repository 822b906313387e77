//! Names, namespaces, labels, images and replicas.

use crate::folder::Folder;
use crate::words::{LABELS, NAMES, NAMESPACES, pairs};
use crate::yaml::{Value, list, map, raw};

pub(super) fn metadata(folder: &mut Folder<'_>) {
    if folder.wants("metadata") {
        folder.kustomization.put("metadata", map([("name", raw("whole"))]));
    }
}

pub(super) fn namespace(folder: &mut Folder<'_>) {
    if folder.wants("namespace") {
        let namespace = if folder.random.percent(4) { "\"\"".to_owned() } else { folder.random.word(NAMESPACES) };
        folder.kustomization.put("namespace", raw(namespace));
    }
}

pub(super) fn names(folder: &mut Folder<'_>) {
    let (mut prefix, mut suffix) = (String::new(), String::new());
    if folder.wants("namePrefix") {
        prefix = folder.random.word(&["a-", "dev-", "shop-"]);
        folder.kustomization.put("namePrefix", raw(prefix.clone()));
    }
    if folder.wants("nameSuffix") {
        suffix = folder.random.word(&["-b", "-v2"]);
        folder.kustomization.put("nameSuffix", raw(suffix.clone()));
    }
    for known in &mut folder.known {
        known.now = format!("{prefix}{}{suffix}", known.now);
    }
}

pub(super) fn labels(folder: &mut Folder<'_>) {
    if folder.wants("labels") {
        let mut rules = Vec::new();
        for _ in 0..folder.random.between(1, 2) {
            let mut rule = map([("pairs", pairs(folder.random, LABELS, 2))]);
            if folder.wants_by("labels.includeSelectors", 30) {
                rule.put("includeSelectors", raw("true"));
            }
            if folder.wants_by("labels.includeTemplates", 30) {
                rule.put("includeTemplates", raw("true"));
            }
            if folder.wants_by("labels.includeVolumeClaimTemplates", 15) {
                rule.put("includeVolumeClaimTemplates", raw("true"));
            }
            if folder.wants_by("labels.fields", 20) {
                rule.put("fields", list([label_field(folder)]));
            }
            rules.push(rule);
        }
        folder.kustomization.put("labels", list(rules));
    }
    if folder.wants("commonLabels") {
        let value = pairs(folder.random, LABELS, 2);
        folder.kustomization.put("commonLabels", value);
    }
    if folder.wants("commonAnnotations") {
        let odd = if folder.random.percent(5) { "on" } else { "example.com/on" };
        let value = pairs(folder.random, &["note", "example.com/owner", odd], 2);
        folder.kustomization.put("commonAnnotations", value);
    }
}

fn label_field(folder: &mut Folder<'_>) -> Value {
    let paths = [
        "spec/selector",
        "spec/nested/labels",
        "spec/template/spec/nodeSelector",
        "spec/volumeClaimTemplates[]/metadata/labels",
        "metadata/annotations",
        "spec/template/metadata/labels",
        "metadata/labels",
        "spec/template/metadata/annotations",
        "spec/jobTemplate/spec/template/metadata/labels",
        "spec/template/spec/containers/env",
        "data",
        "spec",
    ];
    let mut field = map([("path", raw(folder.random.word(&paths)))]);
    if folder.random.percent(60) {
        field.put("kind", raw(folder.random.word(&["Deployment", "Service", "Widget", "StatefulSet"])));
    }
    if folder.random.percent(20) {
        field.put("group", raw(folder.random.word(&["apps", "example.com"])));
    }
    if folder.random.percent(20) {
        field.put("version", raw("v1"));
    }
    if folder.random.percent(60) {
        field.put("create", raw("true"));
    }
    field
}

pub(super) fn images(folder: &mut Folder<'_>) {
    if !folder.wants("images") {
        return;
    }
    let mut rules = Vec::new();
    for _ in 0..folder.random.between(1, 3) {
        let names =
            ["nginx", "registry.example:5000/shop/api", "postgres", "shop/worker", "busybox", "ngin.", "mirror/nginx"];
        let mut rule = map([("name", raw(folder.random.word(&names)))]);
        if folder.random.percent(50) {
            rule.put(
                "newName",
                raw(folder.random.word(&["mirror/nginx", "r.example/x/y", "nginx", "h:5000/n", "\"\""])),
            );
        }
        if folder.random.percent(60) {
            let tags = if folder.random.percent(4) {
                ["1.26", "7", "\"\"", "on"]
            } else {
                ["\"1.26\"", "v2", "'2'", "latest"]
            };
            rule.put("newTag", raw(folder.random.word(&tags)));
        }
        if folder.random.percent(20) {
            rule.put("digest", raw("sha256:0123"));
        }
        if folder.random.percent(15) {
            rule.put("tagSuffix", raw("-alpine"));
        }
        rules.push(rule);
    }
    folder.kustomization.put("images", list(rules));
}

pub(super) fn replicas(folder: &mut Folder<'_>) {
    const SCALED: &[&str] = &["Deployment", "StatefulSet", "ReplicaSet", "ReplicationController"];
    let names: Vec<String> =
        folder.known.iter().filter(|known| SCALED.contains(&known.kind)).map(|known| known.name.clone()).collect();
    if names.is_empty() || !folder.wants("replicas") {
        return;
    }
    let mut rules = Vec::new();
    for _ in 0..folder.random.between(1, 2) {
        let name = if folder.random.percent(3) {
            folder.random.word(NAMES)
        } else {
            names[folder.random.below(names.len())].clone()
        };
        rules.push(map([("name", raw(name)), ("count", raw(folder.random.word(&["0", "4", "10", "1", "-1"])))]));
    }
    folder.kustomization.put("replicas", list(rules));
}
