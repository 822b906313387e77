//! `replacements`.

use super::refer::some;
use crate::folder::Folder;
use crate::random::Random;
use crate::words::NAMES;
use crate::yaml::{Value, list, map, raw};

/// Where values may go that fit few kinds.
const TARGETS: &[&str] = &[
    "metadata.annotations.copied",
    "metadata.labels.copied",
    "metadata.labels.[example.com/team]",
    "metadata.name",
    "spec.template.spec.containers.[name=main].image",
    "spec.template.spec.containers.*.env.[name=MODE].value",
    "spec.template.metadata.labels.app",
    "data.copied",
    "spec.replicas",
    "spec.ports.0.port",
    "spec.copied.deep",
    "spec.template.spec.containers.-.name",
    "spec.template.spec.containers.[name=new].image",
    "spec.template.spec.containers.*.image",
    "spec.template.spec.volumes.[name=conf.*].configMap.name",
    "spec.template.spec.containers.[name=main].args.0",
    "spec.ports.[port=80].targetPort",
    "spec.ports.*.name",
    "spec.selector.app",
    "metadata.annotations.[example.com/owner]",
    "metadata.annotations",
    "spec.items.0",
    "spec.nested.name",
    "data.mode",
    "data.level",
    "stringData.user",
    "subjects.0.name",
    "rules.0.resourceNames.0",
];

pub(super) fn replacements(folder: &mut Folder<'_>) {
    if folder.known.is_empty() || !folder.wants("replacements") {
        return;
    }
    let mut rules = Vec::new();
    for index in 0..folder.random.between(1, 2) {
        let Some(rule) = replacement(folder) else { return };
        if folder.wants_by("replacements.path", 25) {
            let name = format!("replace-{index}.yaml");
            folder.documents(&name, &[rule]);
            rules.push(map([("path", raw(name))]));
        } else {
            rules.push(rule);
        }
    }
    folder.kustomization.put("replacements", list(rules));
}

/// One entry of `replacements`.
pub(super) fn replacement(folder: &mut Folder<'_>) -> Option<Value> {
    let from = some(folder, &[])?;
    let mut rule = map([]);
    if folder.random.percent(12) {
        rule.put("sourceValue", raw(folder.random.word(&["fixed", "\"7\"", "host:80", "\"\""])));
    } else {
        let mut source = map([("kind", raw(from.kind)), ("name", raw(from.name.clone()))]);
        if folder.random.percent(15) {
            source.put_at(&["namespace"], raw(from.namespace.clone().unwrap_or_else(|| "default".to_owned())));
        }
        if folder.random.percent(10) {
            let (group, version) = from.api.split_once('/').unwrap_or(("", from.api));
            source.put("version", raw(version));
            if !group.is_empty() {
                source.put("group", raw(group));
            }
        }
        if folder.random.percent(50) {
            let paths = [
                "metadata.name",
                "metadata.labels.app",
                "metadata.namespace",
                "spec.replicas",
                "data.mode",
                "spec.template.spec.containers.0.image",
                "spec.ports.[name=http].port",
                "kind",
                "spec.selector",
                "metadata.annotations.note",
                "spec",
                "metadata.labels",
                "spec.template.spec.containers.[name=main].env",
                "spec.size",
            ];
            let fits = match from.kind {
                "ConfigMap" => "data.mode",
                "Deployment" | "StatefulSet" => "spec.template.spec.containers.0.image",
                "Service" => "spec.ports.[name=http].port",
                _ => "metadata.name",
            };
            let path = if folder.random.percent(85) { fits.to_owned() } else { folder.random.word(&paths) };
            source.put("fieldPath", raw(path));
        }
        if folder.random.percent(20) {
            let mut options = map([("delimiter", raw(folder.random.word(&["':'", "'-'", "/", "e", "\"\""])))]);
            if folder.random.percent(60) {
                options.put("index", raw(folder.random.word(&["0", "1", "0", "7"])));
            }
            source.put("options", options);
        }
        rule.put("source", source);
    }
    let mut targets = Vec::new();
    for _ in 0..folder.random.between(1, 2) {
        targets.push(target(folder)?);
    }
    rule.put("targets", list(targets));
    Some(rule)
}

fn target(folder: &mut Folder<'_>) -> Option<Value> {
    let to = some(folder, &[])?;
    let random = &mut *folder.random;
    let mut select = map([("kind", raw(to.kind))]);
    if random.percent(60) {
        select.put("name", raw(to.name.clone()));
    }
    if random.percent(8) {
        select.put("labelSelector", raw(random.word(&["app", "tier=front", "app!=web"])));
    }
    if random.percent(5) {
        select.put("namespace", raw(to.namespace.clone().unwrap_or_else(|| "default".to_owned())));
    }
    let mut target = map([("select", select)]);
    if random.percent(12) {
        let mut rejected = map([(random.pick(&["name", "name", "kind", "namespace"]), raw(random.word(NAMES)))]);
        if random.percent(20) {
            rejected.put("labelSelector", raw("app=web"));
        }
        target.put("reject", list([rejected]));
    }
    let own: &[&str] = match to.kind {
        "Deployment" | "StatefulSet" | "DaemonSet" => {
            &["spec.template.spec.containers.[name=main].image", "spec.template.metadata.labels.app"]
        }
        "ConfigMap" => &["data.copied", "data.[app.conf]"],
        "Service" => &["spec.ports.0.port", "metadata.labels.app"],
        _ => &["metadata.annotations.copied", "metadata.labels.copied"],
    };
    let mut fields = Vec::new();
    for _ in 0..random.between(1, 2) {
        let path = if random.percent(85) { random.word(own) } else { random.word(TARGETS) };
        fields.push(raw(format!("\"{path}\"")));
    }
    target.put("fieldPaths", list(fields));
    target.put("options", options(random));
    Some(target)
}

fn options(random: &mut Random) -> Value {
    let mut options = map([]);
    if random.percent(92) {
        options.put("create", raw("true"));
    }
    if random.percent(10) {
        options.put("delimiter", raw("':'"));
        options.put("index", raw(random.word(&["0", "1", "-1", "5"])));
    }
    if random.percent(5) {
        options.put("encoding", raw(random.word(&["base64", "base64", "hex", "base32"])));
    }
    options
}
