//! What carries values from one resource to another, and what says where names are.

use crate::folder::Folder;
use crate::objects::Known;
use crate::yaml::{Value, list, map, raw};

/// Any of the objects of some kinds; of all when none is named.
pub(super) fn some(folder: &mut Folder<'_>, kinds: &[&str]) -> Option<Known> {
    let fitting: Vec<Known> =
        folder.known.iter().filter(|known| kinds.is_empty() || kinds.contains(&known.kind)).cloned().collect();
    (!fitting.is_empty()).then(|| fitting[folder.random.below(fitting.len())].clone())
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
        let path =
            folder.random.word(&["metadata.name", "metadata.name", "kind", "apiVersion", "spec.replicas", fits, fits]);
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
            random.pick(&[
                "spec/template/spec/serviceAccountName",
                "metadata/labels",
                "data/mode",
                "spec/items",
                "spec/on",
            ])
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
