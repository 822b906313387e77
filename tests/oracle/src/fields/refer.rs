//! What carries values from one resource to another, and what says where names are.

use crate::folder::Folder;
use crate::objects::Known;
use crate::words::NAMES;
use crate::yaml::{Value, list, map, raw};

fn some(folder: &mut Folder<'_>, kinds: &[&str]) -> Option<Known> {
    let fitting: Vec<Known> =
        folder.known.iter().filter(|known| kinds.is_empty() || kinds.contains(&known.kind)).cloned().collect();
    (!fitting.is_empty()).then(|| fitting[folder.random.below(fitting.len())].clone())
}

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
    let paths = [
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
        let path = if random.percent(85) { random.word(own) } else { random.word(&paths) };
        fields.push(raw(format!("\"{path}\"")));
    }
    target.put("fieldPaths", list(fields));
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
    target.put("options", options);
    Some(target)
}

pub(super) fn vars(folder: &mut Folder<'_>) {
    if folder.kustomization_is_component() || folder.known.is_empty() || !folder.wants("vars") {
        return;
    }
    let mut vars = Vec::new();
    for index in 0..folder.random.between(1, 2) {
        vars.extend(var(folder, index));
    }
    folder.kustomization.put("vars", list(vars));
}

fn var(folder: &mut Folder<'_>, index: usize) -> Option<Value> {
    let known = some(folder, &["Service", "ConfigMap", "Deployment", "Secret", "StatefulSet", "Widget"])?;
    let reference = map([("apiVersion", raw(known.api)), ("kind", raw(known.kind)), ("name", raw(known.name.clone()))]);
    let name = format!("VAR{}{index}", folder.path.len());
    let is_usual = index == 0 && folder.path == "in" && folder.random.percent(70);
    let mut var = map([("name", raw(if is_usual { "VAR".to_owned() } else { name })), ("objref", reference)]);
    if let Some(namespace) = known.namespace.as_ref().filter(|_| folder.random.percent(40)) {
        var.put_at(&["objref", "namespace"], raw(namespace.clone()));
    }
    if folder.random.percent(50) {
        let fits = match known.kind {
            "Service" => "spec.ports[0].port",
            "ConfigMap" => "data.mode",
            "Deployment" | "StatefulSet" => "spec.template.spec.containers[0].image",
            "Widget" => "spec.size",
            _ => "kind",
        };
        let path = folder.random.word(&["metadata.name", "metadata.name", "kind", "apiVersion", "spec.replicas", fits, fits]);
        var.put_at(&["fieldref", "fieldPath"], raw(path));
    }
    Some(var)
}

pub(super) fn configurations(folder: &mut Folder<'_>) {
    if !folder.wants("configurations") {
        return;
    }
    let mut config = map([]);
    let random = &mut *folder.random;
    let sets = [
        "namePrefix",
        "nameSuffix",
        "namespace",
        "commonLabels",
        "commonAnnotations",
        "images",
        "replicas",
        "varReference",
        "labels",
    ];
    for _ in 0..random.between(1, 2) {
        let set = random.pick(&sets);
        let path = match set {
            "images" => random.pick(&["spec/image", "spec/containers[]/image"]),
            "replicas" => random.pick(&["spec/size", "spec/nested/replicas"]),
            "commonLabels" | "labels" | "commonAnnotations" => random.pick(&["spec/nested/labels", "spec/meta"]),
            _ => random.pick(&["spec/secretName", "spec/configMapRef", "spec/nested/name"]),
        };
        let path = if random.percent(15) {
            random.pick(&["spec/template/spec/serviceAccountName", "metadata/labels", "data/mode", "spec/items", "spec/on"])
        } else {
            path
        };
        let mut spec = map([("path", raw(path)), ("kind", raw(random.word(&["Widget", "Deployment", "ConfigMap"])))]);
        if random.percent(10) {
            spec.put("group", raw(random.word(&["apps", "example.com"])));
        }
        if random.percent(50) {
            spec.put("create", raw("true"));
        }
        config.put(set, list([spec]));
    }
    if random.percent(60) {
        let fields = list([
            map([("kind", raw("Widget")), ("path", raw("spec/secretName"))]),
            map([("kind", raw("Widget")), ("path", raw("spec/configMapRef"))]),
        ]);
        let reference = map([("kind", raw(random.word(&["Secret", "ConfigMap", "Widget"]))), ("fieldSpecs", fields)]);
        config.put("nameReference", list([reference]));
    }
    folder.documents("config.yaml", &[config]);
    folder.kustomization.put("configurations", list([raw("config.yaml")]));
}

pub(super) fn output(folder: &mut Folder<'_>) {
    if folder.wants("buildMetadata") {
        let mut notes = vec![raw("managedByLabel"), raw("originAnnotations"), raw("transformerAnnotations")];
        folder.random.shuffle(&mut notes);
        notes.truncate(folder.random.between(1, 3));
        folder.kustomization.put("buildMetadata", list(notes));
    }
    if folder.wants("sortOptions") {
        let order = folder.random.word(&["legacy", "fifo", "legacy"]);
        let mut options = map([("order", raw(order.clone()))]);
        if order == "legacy" && folder.random.percent(40) {
            let mut kinds = ["Deployment", "Service", "Namespace", "ConfigMap", "Secret", "Widget", "ClusterRole"];
            folder.random.shuffle(&mut kinds);
            let (first, last) = (folder.random.below(4), folder.random.below(3));
            let named = |kinds: &[&str]| list(kinds.iter().map(|kind| raw(*kind)).collect::<Vec<_>>());
            let orders = map([("orderFirst", named(&kinds[..first])), ("orderLast", named(&kinds[4..4 + last]))]);
            options.put("legacySortOptions", orders);
        }
        folder.kustomization.put("sortOptions", options);
    }
}

pub(super) fn definitions(folder: &mut Folder<'_>) {
    if folder.wants("crds") {
        let content = r##"{"example.com/v1.Widget": {"Schema": {"properties": {"spec": {"$ref": "example.com/v1.Spec"}}},
 "Dependencies": []},
"example.com/v1.Spec": {"Schema": {"properties": {
 "secretName": {"x-kubernetes-object-ref-api-version": "v1", "x-kubernetes-object-ref-kind": "Secret",
 "x-kubernetes-object-ref-name-key": "name"}}}}}"##;
        let content = content.replace("example.com/v1.Widget", "Widget").replace("example.com/v1.Spec", "WidgetSpec");
        folder.file("crd.json", content);
        folder.kustomization.put("crds", list([raw("crd.json")]));
    }
    if folder.wants_by("openapi", 6) {
        let content = r##"{"definitions": {"v1.Widget": {"properties": {"spec": {"$ref": "#/definitions/Spec"}},
 "x-kubernetes-group-version-kind": [{"group": "example.com", "kind": "Widget", "version": "v1"}], "type": "object"},
 "Spec": {"type": "object", "properties": {"containers": {"type": "array", "items": {"type": "object"},
 "x-kubernetes-patch-merge-key": "name", "x-kubernetes-patch-strategy": "merge"}}}}}"##;
        folder.file("schema.json", content);
        folder.kustomization.put("openapi", map([("path", raw("schema.json"))]));
    }
}
