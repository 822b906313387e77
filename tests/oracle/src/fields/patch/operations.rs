//! JSON 6902 operations that often fit.

use crate::folder::Folder;
use crate::random::Random;
use crate::words::{IMAGES, NAMES, anything, text};
use crate::yaml::{Value, list, map, raw};

/// Some operations for a kind.
pub(in crate::fields) fn list_of(folder: &mut Folder<'_>, kind: &str) -> Value {
    let count = folder.random.between(1, 3);
    let operations: Vec<Value> = (0..count).map(|_| operation(folder.random, kind)).collect();
    list(operations)
}

fn operation(random: &mut Random, kind: &str) -> Value {
    if random.percent(50) {
        return general(random, kind);
    }
    match kind {
        "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet" | "Job" => of_workload(random, "/spec/template"),
        "CronJob" => of_workload(random, "/spec/jobTemplate/spec/template"),
        "Service" => of_service(random),
        "ConfigMap" if random.percent(20) => change("add", "/data/added", text(random)),
        "ConfigMap" => change("add", "/data", map([("added", text(random))])),
        "Widget" => change("add", random.pick(&["/spec/added", "/spec/items", "/spec/nested"]), anything(random, 2)),
        "ClusterRole" | "Role" => {
            change("add", random.pick(&["/rules/0/verbs/-", "/rules/0/verbs/0", "/rules/0/verbs/1"]), raw("list"))
        }
        _ => general(random, kind),
    }
}

fn change(verb: &str, path: &str, value: Value) -> Value {
    map([("op", raw(verb)), ("path", raw(path)), ("value", value)])
}

fn two(verb: &str, from: &str, path: &str) -> Value {
    map([("op", raw(verb)), ("from", raw(from)), ("path", raw(path))])
}

fn general(random: &mut Random, kind: &str) -> Value {
    match random.below(9) {
        0 | 1 => change("add", "/metadata/labels", map([("made", text(random)), ("app", raw("web"))])),
        2 => change("add", "/metadata/annotations", map([("example.com/made", text(random))])),
        3 => change("replace", "/metadata/name", raw(random.word(NAMES))),
        4 if matches!(kind, "Deployment" | "Service" | "CronJob" | "Widget" | "Job") => {
            change("add", "/spec/extra", anything(random, 2))
        }
        5 => two("copy", "/metadata/name", "/metadata/generateName"),
        6 => change("test", "/kind", raw(if random.percent(90) { kind } else { "Deployment" })),
        7 => change("replace", "/metadata/namespace", raw("other")),
        _ => change("add", "/metadata/uid", anything(random, 1)),
    }
}

fn of_workload(random: &mut Random, template: &str) -> Value {
    let pod = format!("{template}/spec");
    match random.below(9) {
        0 => change("replace", &format!("{pod}/containers/0/image"), raw(random.word(IMAGES))),
        1 => change("add", &format!("{pod}/containers/-"), map([("name", raw("added")), ("image", raw("nginx"))])),
        2 => change(
            "add",
            &format!("{pod}/containers/0/env"),
            list([map([("name", raw("X")), ("value", text(random))])]),
        ),
        3 => map([("op", raw("remove")), ("path", raw(format!("{pod}/containers/0/image")))]),
        4 => change("add", "/spec/replicas", raw(random.word(&["0", "7", "\"3\""]))),
        5 => change("add", &format!("{template}/metadata"), map([("annotations", map([("a/b", raw("x"))]))])),
        6 => two("copy", &format!("{pod}/containers/0"), &format!("{pod}/containers/-")),
        7 => two("move", &format!("{pod}/containers/0/image"), &format!("{pod}/containers/0/args")),
        _ => change("add", &format!("{pod}/serviceAccountName"), raw(random.word(NAMES))),
    }
}

fn of_service(random: &mut Random) -> Value {
    match random.below(5) {
        0 => change("replace", "/spec/ports/0/port", raw("81")),
        1 => change("add", "/spec/ports/-", map([("port", raw("9090"))])),
        2 => map([("op", raw("remove")), ("path", raw("/spec/ports/0"))]),
        3 => change("add", "/spec/selector", map([("example.com~1x", raw("y"))])),
        _ => change("add", "/spec/ports/-1/targetPort", raw("http")),
    }
}
