//! Services, and what stands around them.

use crate::random::Random;
use crate::words::{LABELS, NAMES, pairs};
use crate::yaml::{Value, list, map, raw};

pub(super) fn service(value: &mut Value, random: &mut Random) {
    if random.percent(75) {
        value.put_at(&["spec", "selector"], pairs(random, LABELS, 2));
    }
    let mut ports = vec![map([("port", raw("80")), ("name", raw("http"))])];
    if random.percent(30) {
        ports.push(map([("port", raw("80")), ("protocol", raw("UDP")), ("name", raw("dns"))]));
    }
    value.put_at(&["spec", "ports"], list(ports));
    if random.percent(10) {
        value.put_at(&["spec", "clusterIP"], raw("None"));
    }
}

pub(super) fn ingress(value: &mut Value, random: &mut Random) {
    let backend = |random: &mut Random| {
        let mut backend = map([]);
        backend.put_at(&["service", "name"], raw(random.word(NAMES)));
        backend.put_at(&["service", "port", "number"], raw("80"));
        backend
    };
    let path = map([("path", raw("/")), ("pathType", raw("Prefix")), ("backend", backend(random))]);
    let rule = map([("host", raw("shop.example")), ("http", map([("paths", list([path]))]))]);
    value.put_at(&["spec", "rules"], list([rule]));
    if random.percent(30) {
        value.put_at(&["spec", "defaultBackend"], backend(random));
    }
    if random.percent(40) {
        let tls = map([("hosts", list([raw("shop.example")])), ("secretName", raw(random.word(NAMES)))]);
        value.put_at(&["spec", "tls"], list([tls]));
    }
    if random.percent(20) {
        value.put_at(&["spec", "ingressClassName"], raw(random.word(NAMES)));
    }
    if random.percent(15) {
        let secret = raw(random.word(NAMES));
        value.put_at(&["metadata", "annotations"], map([("nginx.ingress.kubernetes.io/auth-secret", secret)]));
    }
}

pub(super) fn old_ingress(value: &mut Value, random: &mut Random) {
    let backend = map([("serviceName", raw(random.word(NAMES))), ("servicePort", raw("80"))]);
    let rule = map([("http", map([("paths", list([map([("backend", backend)])]))]))]);
    value.put_at(&["spec", "rules"], list([rule]));
}

pub(super) fn policy(value: &mut Value, random: &mut Random) {
    value.put_at(&["spec", "podSelector"], map([]));
    if random.percent(60) {
        value.put_at(&["spec", "podSelector", "matchLabels"], pairs(random, LABELS, 1));
    }
    if random.percent(60) {
        let mut from = map([]);
        from.put_at(&["podSelector", "matchLabels"], pairs(random, LABELS, 1));
        value.put_at(&["spec", "ingress"], list([map([("from", list([from]))])]));
    }
}

pub(super) fn budget(value: &mut Value, random: &mut Random) {
    value.put_at(&["spec", "minAvailable"], raw(random.word(&["1", "50%"])));
    if random.percent(70) {
        value.put_at(&["spec", "selector", "matchLabels"], pairs(random, LABELS, 1));
    }
}

pub(super) fn autoscaler(value: &mut Value, random: &mut Random) {
    let kind = random.word(&["Deployment", "StatefulSet", "ReplicaSet"]);
    let target = map([("apiVersion", raw("apps/v1")), ("kind", raw(kind)), ("name", raw(random.word(NAMES)))]);
    value.put_at(&["spec", "scaleTargetRef"], target);
    value.put_at(&["spec", "maxReplicas"], raw("5"));
}
