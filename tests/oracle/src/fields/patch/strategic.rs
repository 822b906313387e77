//! Strategic merge patches, with every directive.

use crate::folder::Folder;
use crate::objects::{Known, container, variable, volume};
use crate::random::Random;
use crate::words::{LABELS, NAMES, anything, odd, pairs, text};
use crate::yaml::{Value, list, map, raw};

/// A patch for an object.
pub(in crate::fields) fn object(folder: &mut Folder<'_>, known: &Known) -> Value {
    let random = &mut *folder.random;
    let mut patch = map([("apiVersion", raw(known.api)), ("kind", raw(known.kind))]);
    patch.put("metadata", map([("name", raw(known.name.clone()))]));
    if let Some(namespace) = &known.namespace {
        patch.put_at(&["metadata", "namespace"], raw(namespace.clone()));
    }
    if random.percent(4) {
        patch.put("$patch", raw(random.word(&["delete", "replace", "merge"])));
        if random.percent(50) {
            return patch;
        }
    }
    if random.percent(25) {
        let mut labels = pairs(random, LABELS, 2);
        if random.percent(30) {
            labels.put(random.word(LABELS), raw("null"));
        }
        if random.percent(20) {
            labels.put(random.word(LABELS), odd(random));
        }
        patch.put_at(&["metadata", random.pick(&["labels", "annotations"])], labels);
    }
    if random.percent(5) {
        let finalizers = list([raw("example.com/b"), raw("example.com/c")]);
        patch.put_at(&["metadata", "finalizers"], finalizers);
        if random.percent(30) {
            let deleted = list([raw("example.com/a")]);
            patch.put_at(&["metadata", "$deleteFromPrimitiveList/finalizers"], deleted);
        }
    }
    content(&mut patch, known, random);
    patch
}

fn content(patch: &mut Value, known: &Known, random: &mut Random) {
    match known.kind {
        "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet" | "Job" | "ReplicationController" => {
            workload(patch, random);
            let pod = pod_spec(random);
            patch.put_at(&["spec", "template", "spec"], pod);
        }
        "CronJob" => {
            let pod = pod_spec(random);
            patch.put_at(&["spec", "jobTemplate", "spec", "template", "spec"], pod);
        }
        "Pod" => {
            let pod = pod_spec(random);
            patch.put("spec", pod);
        }
        "Service" => service(patch, random),
        "ConfigMap" => {
            let mut data = map([("mode", text(random))]);
            if random.percent(40) {
                data.put("level", raw(random.word(&["null", "\"5\"", "5", "true", "", "~", "\"null\""])));
            }
            patch.put("data", if random.percent(10) { raw("null") } else { data });
        }
        "Secret" => patch.put_at(&["stringData", "user"], text(random)),
        "RoleBinding" | "ClusterRoleBinding" => {
            let subject = map([("kind", raw("User")), ("name", raw(random.word(NAMES)))]);
            patch.put("subjects", list([subject]));
        }
        "ServiceAccount" => {
            patch.put("imagePullSecrets", list([map([("name", raw(random.word(NAMES)))])]));
        }
        "ValidatingWebhookConfiguration" | "MutatingWebhookConfiguration" => {
            let hook = map([("name", raw("a.example.com")), ("failurePolicy", raw("Ignore"))]);
            patch.put("webhooks", list([hook]));
        }
        "Ingress" => patch.put_at(&["spec", "ingressClassName"], raw("fast")),
        "CustomResourceDefinition" => {
            let version = map([("name", raw("v2")), ("served", raw("false"))]);
            patch.put_at(&["spec", "versions"], list([version]));
        }
        _ => patch.put_at(&["spec", random.pick(&["size", "items", "nested", "template"])], anything(random, 3)),
    }
}

fn workload(patch: &mut Value, random: &mut Random) {
    if random.percent(20) {
        patch.put_at(
            &["spec", "replicas"],
            raw(random.word(&["5", "null", "\"5\"", "0x5", "5.0", "!!int \"5\"", "\"\""])),
        );
    }
    if random.percent(8) {
        let strategy = map([("$retainKeys", list([raw("type")])), ("type", raw("Recreate"))]);
        patch.put_at(&["spec", "strategy"], strategy);
    }
    if random.percent(8) {
        let mut selector = pairs(random, LABELS, 1);
        selector.put("$patch", raw("replace"));
        patch.put_at(&["spec", "selector", "matchLabels"], selector);
    }
}

fn pod_spec(random: &mut Random) -> Value {
    let mut spec = map([]);
    if random.percent(70) {
        let mut containers = vec![main_container(random)];
        if random.percent(25) {
            containers.push(container("added", random));
        }
        if random.percent(12) {
            containers.push(map([("$patch", raw("delete")), ("name", raw("sidecar"))]));
        }
        if random.percent(4) {
            containers.insert(0, map([("$patch", raw("replace"))]));
        }
        random.shuffle(&mut containers);
        spec.put("containers", list(containers));
        if random.percent(15) {
            let order = list([map([("name", raw("sidecar"))]), map([("name", raw("main"))])]);
            spec.put("$setElementOrder/containers", order);
        }
    }
    if random.percent(30) {
        let name = random.word(&["config", "extra"]);
        let mut changed = volume(&name, random);
        if random.percent(15) {
            changed.put("$patch", raw(random.word(&["replace", "delete"])));
        }
        if random.percent(10) {
            changed.put("$retainKeys", list([raw("name"), raw("configMap")]));
        }
        spec.put("volumes", list([changed]));
    }
    if random.percent(10) {
        spec.put("tolerations", list([map([("key", raw("z")), ("operator", raw("Exists"))])]));
    }
    if random.percent(10) {
        spec.put("imagePullSecrets", list([map([("name", raw(random.word(NAMES)))])]));
    }
    if random.percent(10) {
        spec.put("serviceAccountName", raw(random.word(NAMES)));
    }
    if random.percent(6) {
        spec.put("hostAliases", list([map([("ip", raw("10.0.0.2")), ("hostnames", list([raw("c")]))])]));
    }
    if random.percent(6) {
        spec.put("securityContext", if random.percent(50) { map([]) } else { map([("$patch", raw("delete"))]) });
    }
    if random.percent(6) {
        let spread =
            map([("topologyKey", raw("zone")), ("whenUnsatisfiable", raw("DoNotSchedule")), ("maxSkew", raw("2"))]);
        spec.put("topologySpreadConstraints", list([spread]));
    }
    spec
}

fn main_container(random: &mut Random) -> Value {
    let mut value = if random.percent(60) { map([("name", raw("main"))]) } else { container("main", random) };
    if random.percent(30) {
        let mut ports = vec![map([("containerPort", raw("80")), ("name", raw("web"))])];
        if random.percent(40) {
            ports.push(map([("containerPort", raw("80")), ("protocol", raw("UDP")), ("name", raw("udp"))]));
        }
        if random.percent(30) {
            ports.push(map([("containerPort", raw("9090"))]));
        }
        value.put("ports", list(ports));
    }
    if random.percent(30) {
        let name = random.word(&["MODE", "HOST", "NEW"]);
        let mut changed = variable(&name, random);
        if random.percent(15) {
            changed.put("$patch", raw("delete"));
        }
        if random.percent(15) {
            changed.put("valueFrom", raw("null"));
        }
        value.put("env", list([changed]));
    }
    if random.percent(15) {
        value.put("image", raw("patched:1"));
    }
    if random.percent(10) {
        value.put("args", if random.percent(50) { list([]) } else { list([text(random)]) });
    }
    if random.percent(10) {
        value.put(
            "resources",
            if random.percent(50) { raw("null") } else { map([("limits", map([("cpu", raw("2"))]))]) },
        );
    }
    if random.percent(10) {
        let mount = map([("mountPath", raw("/etc/app")), ("name", raw("extra")), ("readOnly", raw("true"))]);
        value.put("volumeMounts", list([mount]));
    }
    value
}

fn service(patch: &mut Value, random: &mut Random) {
    let mut ports = vec![map([("port", raw("80")), ("targetPort", raw("8080"))])];
    if random.percent(40) {
        ports.push(map([("port", raw("80")), ("protocol", raw("UDP")), ("targetPort", raw("53"))]));
    }
    if random.percent(30) {
        ports.push(map([("port", raw("443")), ("name", raw("https"))]));
    }
    if random.percent(15) {
        ports.push(map([("$patch", raw("delete")), ("port", raw("80"))]));
    }
    patch.put_at(&["spec", "ports"], list(ports));
    if random.percent(30) {
        let mut selector = pairs(random, LABELS, 1);
        if random.percent(30) {
            selector.put("app", raw("null"));
        }
        patch.put_at(&["spec", "selector"], selector);
    }
}
