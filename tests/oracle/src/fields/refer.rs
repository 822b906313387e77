//! What carries values from one resource to another, and what says where names are.

use crate::folder::Folder;
use crate::objects::Known;
use crate::words::{LABELS, NAMES};
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

fn replacement(folder: &mut Folder<'_>) -> Option<Value> {
    let from = some(folder, &[])?;
    let mut rule = map([]);
    if folder.random.percent(12) {
        rule.put("sourceValue", raw(folder.random.word(&["fixed", "\"7\"", "host:80", "\"\""])));
    } else {
        let mut source = map([("kind", raw(from.kind)), ("name", raw(from.name.clone()))]);
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
            let mut options = map([("delimiter", raw(folder.random.word(&["':'", "'-'", "/"])))]);
            if folder.random.percent(60) {
                options.put("index", raw(folder.random.word(&["0", "1"])));
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
    let mut target = map([("select", select)]);
    if random.percent(12) {
        target.put("reject", list([map([("name", raw(random.word(NAMES)))])]));
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
        options.put("encoding", raw("base64"));
    }
    target.put("options", options);
    Some(target)
}

pub(super) fn vars(folder: &mut Folder<'_>) {
    let Some(known) = some(folder, &["Service", "ConfigMap", "Deployment", "Secret", "StatefulSet"]) else { return };
    if folder.kustomization_is_component() || !folder.wants("vars") {
        return;
    }
    let reference = map([("apiVersion", raw(known.api)), ("kind", raw(known.kind)), ("name", raw(known.name.clone()))]);
    let name = format!("VAR{}", folder.path.len());
    let mut var =
        map([("name", raw(if folder.random.percent(50) { "VAR".to_owned() } else { name })), ("objref", reference)]);
    if folder.random.percent(40) {
        let path = folder.random.word(&["metadata.name", "metadata.name", "kind", "apiVersion", "spec.replicas"]);
        var.put_at(&["fieldref", "fieldPath"], raw(path));
    }
    folder.kustomization.put("vars", list([var]));
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
        let mut spec = map([("path", raw(path)), ("kind", raw(random.word(&["Widget", "Deployment"])))]);
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

pub(super) fn builtin_plugins(folder: &mut Folder<'_>) {
    for (field, file) in
        [("transformers", "transformer.yaml"), ("validators", "validator.yaml"), ("generators", "maker.yaml")]
    {
        let chance = folder.density / 2 + 2;
        if !folder.wants_by(field, chance) {
            continue;
        }
        let config = match field {
            "generators" => generator(folder),
            "validators" if folder.random.percent(90) => harmless(),
            _ => transformer(folder),
        };
        folder.documents(file, &[config]);
        folder.kustomization.put(field, list([raw(file)]));
    }
}

/// What changes nothing, and so may be a validator.
fn harmless() -> Value {
    let mut config = map([("apiVersion", raw("builtin")), ("kind", raw("ImageTagTransformer"))]);
    config.put("metadata", map([("name", raw("quiet"))]));
    config.put("imageTag", map([("name", raw("no-such-image")), ("newTag", raw("never"))]));
    config
}

fn generator(folder: &mut Folder<'_>) -> Value {
    let kind = folder.random.word(&["ConfigMapGenerator", "SecretGenerator"]);
    let name = format!("made-{}", folder.path);
    let mut config = map([("apiVersion", raw("builtin")), ("kind", raw(kind))]);
    config.put("metadata", map([("name", raw("maker"))]));
    config.put("name", raw(name));
    config.put("literals", list([raw("mode=fast")]));
    config
}

fn transformer(folder: &mut Folder<'_>) -> Value {
    let random = &mut *folder.random;
    let kinds = [
        "LabelTransformer",
        "AnnotationsTransformer",
        "PrefixTransformer",
        "SuffixTransformer",
        "NamespaceTransformer",
        "ImageTagTransformer",
        "PatchTransformer",
    ];
    let kind = random.word(&kinds);
    let mut config = map([("apiVersion", raw("builtin")), ("kind", raw(kind.clone()))]);
    config.put("metadata", map([("name", raw("t"))]));
    let field = |path: &str| list([map([("path", raw(path)), ("create", raw("true"))])]);
    match kind.as_str() {
        "LabelTransformer" => {
            config.put("labels", map([(LABELS[random.below(LABELS.len())], raw("plug"))]));
            config.put("fieldSpecs", field("metadata/labels"));
        }
        "AnnotationsTransformer" => {
            config.put("annotations", map([("plug", raw("in"))]));
            config.put("fieldSpecs", field("metadata/annotations"));
        }
        "PrefixTransformer" => {
            config.put("prefix", raw("plug-"));
            config.put("fieldSpecs", field("metadata/name"));
        }
        "SuffixTransformer" => {
            config.put("suffix", raw("-plug"));
            config.put("fieldSpecs", field("metadata/name"));
        }
        "NamespaceTransformer" => {
            config.put_at(&["metadata", "namespace"], raw("plug"));
            config.put("fieldSpecs", field("metadata/namespace"));
            if random.percent(50) {
                config.put("unsetOnly", raw("true"));
            }
            if random.percent(50) {
                config.put("setRoleBindingSubjects", raw(random.word(&["allServiceAccounts", "defaultOnly", "none"])));
            }
        }
        "ImageTagTransformer" => {
            config.put("imageTag", map([("name", raw("nginx")), ("newTag", raw("plug"))]));
            config.put("fieldSpecs", field("spec/template/spec/containers[]/image"));
        }
        _ => {
            let patch = "- {op: add, path: /metadata/annotations, value: {plug: \"yes\"}}";
            config.put("patch", crate::yaml::block(patch));
            config.put("target", map([("kind", raw("ConfigMap|Service"))]));
        }
    }
    config
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
            let first = list([raw("Deployment"), raw("Service"), raw("Namespace")]);
            options.put("legacySortOptions", map([("orderFirst", first), ("orderLast", list([raw("ConfigMap")]))]));
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
