//! What makes pods.

use crate::random::Random;
use crate::words::{IMAGES, LABELS, NAMES, pairs, text};
use crate::yaml::{Value, list, map, raw};

pub(super) fn deployment(value: &mut Value, random: &mut Random) {
    if random.percent(60) {
        value.put_at(&["spec", "replicas"], raw(random.word(&["1", "2", "3"])));
    }
    if random.percent(70) {
        value.put_at(&["spec", "selector", "matchLabels"], pairs(random, LABELS, 2));
    }
    if random.percent(20) {
        let strategy = map([("type", raw("RollingUpdate")), ("rollingUpdate", map([("maxSurge", raw("25%"))]))]);
        value.put_at(&["spec", "strategy"], strategy);
    }
    value.put_at(&["spec", "template"], template(random));
}

pub(super) fn stateful_set(value: &mut Value, random: &mut Random) {
    deployment(value, random);
    value.put_at(&["spec", "serviceName"], raw(random.word(NAMES)));
    if random.percent(40) {
        let mut claim = map([("metadata", map([("name", raw("data"))]))]);
        claim.put_at(&["spec", "storageClassName"], raw(random.word(NAMES)));
        claim.put_at(&["spec", "accessModes"], list([raw("ReadWriteOnce")]));
        value.put_at(&["spec", "volumeClaimTemplates"], list([claim]));
    }
}

pub(super) fn daemon_set(value: &mut Value, random: &mut Random) {
    value.put_at(&["spec", "selector", "matchLabels"], pairs(random, LABELS, 2));
    value.put_at(&["spec", "template"], template(random));
}

pub(super) fn replication_controller(value: &mut Value, random: &mut Random) {
    value.put_at(&["spec", "selector"], pairs(random, LABELS, 2));
    value.put_at(&["spec", "template"], template(random));
}

pub(super) fn job(value: &mut Value, random: &mut Random) {
    if random.percent(30) {
        value.put_at(&["spec", "selector", "matchLabels"], pairs(random, LABELS, 1));
    }
    value.put_at(&["spec", "template"], template(random));
}

pub(super) fn cron_job(value: &mut Value, random: &mut Random) {
    value.put_at(&["spec", "schedule"], raw(random.word(&["\"*/5 * * * *\"", "'@daily'", "0 3 * * *"])));
    if random.percent(20) {
        value.put_at(&["spec", "jobTemplate", "metadata", "labels"], pairs(random, LABELS, 1));
    }
    value.put_at(&["spec", "jobTemplate", "spec", "template"], template(random));
}

pub(super) fn pod(value: &mut Value, random: &mut Random) {
    value.put("spec", pod_spec(random));
}

pub(super) fn pod_template(value: &mut Value, random: &mut Random) {
    value.put("template", template(random));
}

fn template(random: &mut Random) -> Value {
    let mut template = map([]);
    if random.percent(75) {
        template.put_at(&["metadata", "labels"], pairs(random, LABELS, 2));
    }
    if random.percent(15) {
        template.put_at(&["metadata", "annotations"], pairs(random, &["note", "prometheus.io/scrape"], 2));
    }
    template.put("spec", pod_spec(random));
    template
}

fn pod_spec(random: &mut Random) -> Value {
    let mut spec = map([]);
    let mut containers = vec![container("main", random)];
    if random.percent(30) {
        containers.push(container("sidecar", random));
    }
    spec.put("containers", list(containers));
    if random.percent(20) {
        spec.put("initContainers", list([container("init", random)]));
    }
    if random.percent(30) {
        spec.put("serviceAccountName", raw(random.word(NAMES)));
    }
    if random.percent(45) {
        let names = ["config", "secret", "data", "tmp"];
        let count = random.between(1, 4);
        spec.put("volumes", list(names.iter().take(count).map(|name| volume(name, random))));
    }
    if random.percent(15) {
        spec.put("imagePullSecrets", list([map([("name", raw(random.word(NAMES)))])]));
    }
    if random.percent(10) {
        let toleration = map([("key", raw("a")), ("operator", raw("Exists"))]);
        spec.put("tolerations", list([toleration, map([("key", raw("b")), ("value", raw("\"1\""))])]));
    }
    if random.percent(10) {
        spec.put("affinity", affinity(random));
    }
    if random.percent(8) {
        let mut spread =
            map([("maxSkew", raw("1")), ("topologyKey", raw("zone")), ("whenUnsatisfiable", raw("DoNotSchedule"))]);
        spread.put_at(&["labelSelector", "matchLabels"], pairs(random, LABELS, 1));
        spec.put("topologySpreadConstraints", list([spread]));
    }
    if random.percent(8) {
        spec.put("nodeSelector", pairs(random, LABELS, 2));
    }
    if random.percent(6) {
        spec.put("priorityClassName", raw(random.word(NAMES)));
    }
    if random.percent(5) {
        spec.put("hostAliases", list([map([("ip", raw("10.0.0.1")), ("hostnames", list([raw("a"), raw("b")]))])]));
    }
    if random.percent(5) {
        spec.put("securityContext", map([("runAsUser", raw("1000")), ("fsGroup", raw("0"))]));
    }
    spec
}

fn affinity(random: &mut Random) -> Value {
    let mut term = map([("topologyKey", raw("zone"))]);
    term.put_at(&["labelSelector", "matchLabels"], pairs(random, LABELS, 1));
    let mut value = map([]);
    let side = random.word(&["podAffinity", "podAntiAffinity"]);
    if random.percent(50) {
        value.put_at(&[&side, "requiredDuringSchedulingIgnoredDuringExecution"], list([term]));
    } else {
        let weighted = map([("weight", raw("1")), ("podAffinityTerm", term)]);
        value.put_at(&[&side, "preferredDuringSchedulingIgnoredDuringExecution"], list([weighted]));
    }
    value
}

/// A container of this name.
pub(crate) fn container(name: &str, random: &mut Random) -> Value {
    let mut value = map([("name", raw(name)), ("image", raw(random.word(IMAGES)))]);
    if random.percent(30) {
        let mut ports = vec![map([("containerPort", raw("80"))])];
        if random.percent(40) {
            ports.push(map([("containerPort", raw("80")), ("protocol", raw("UDP"))]));
        }
        if random.percent(40) {
            ports.push(map([("containerPort", raw("8080")), ("name", raw("http"))]));
        }
        value.put("ports", list(ports));
    }
    if random.percent(35) {
        let count = random.between(1, 3);
        let names = ["MODE", "HOST", "PASSWORD"];
        value.put("env", list(names.iter().take(count).map(|name| variable(name, random))));
    }
    if random.percent(20) {
        let from = random.word(&["configMapRef", "secretRef"]);
        let mut reference = map([]);
        reference.put_at(&[&from, "name"], raw(random.word(NAMES)));
        value.put("envFrom", list([reference]));
    }
    if random.percent(15) {
        value.put("command", list([raw("sh"), raw("-c")]));
        value.put("args", list((0..random.between(1, 2)).map(|_| text(random)).collect::<Vec<_>>()));
    }
    if random.percent(15) {
        let mount = map([("name", raw("config")), ("mountPath", raw("/etc/app"))]);
        value.put("volumeMounts", list([mount, map([("name", raw("tmp")), ("mountPath", raw("/tmp"))])]));
    }
    if random.percent(15) {
        value.put_at(&["resources", "limits", "memory"], raw(random.word(&["64Mi", "\"1\"", "1Gi"])));
        value.put_at(&["resources", "limits", "cpu"], raw(random.word(&["1", "0.5", "\"500m\"", "250m"])));
    }
    value
}

/// A variable of this name.
pub(crate) fn variable(name: &str, random: &mut Random) -> Value {
    let mut value = map([("name", raw(name))]);
    match random.below(4) {
        0 => value.put_at(&["valueFrom", "configMapKeyRef"], key_of(random)),
        1 => value.put_at(&["valueFrom", "secretKeyRef"], key_of(random)),
        _ => value.put("value", text(random)),
    }
    value
}

fn key_of(random: &mut Random) -> Value {
    map([("name", raw(random.word(NAMES))), ("key", raw("mode"))])
}

/// A volume of this name.
pub(crate) fn volume(name: &str, random: &mut Random) -> Value {
    let mut value = map([("name", raw(name))]);
    match random.below(6) {
        0 | 1 => value.put_at(&["configMap", "name"], raw(random.word(NAMES))),
        2 => value.put_at(&["secret", "secretName"], raw(random.word(NAMES))),
        3 => value.put_at(&["persistentVolumeClaim", "claimName"], raw(random.word(NAMES))),
        4 => {
            let mut first = map([]);
            first.put_at(&["configMap", "name"], raw(random.word(NAMES)));
            let mut second = map([]);
            second.put_at(&["secret", "name"], raw(random.word(NAMES)));
            value.put_at(&["projected", "sources"], list([first, second]));
        }
        _ => value.put("emptyDir", map([])),
    }
    if random.percent(4) {
        value.put_at(&["image", "reference"], raw(random.word(IMAGES)));
    }
    value
}
