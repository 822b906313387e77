//! Configuration, storage, and kinds that Kubernetes does not have.

use crate::random::Random;
use crate::words::{NAMES, NAMESPACES, anything, text};
use crate::yaml::{Value, list, map, raw};

const KEYS: &[&str] = &["mode", "app.conf", "level", "HOST"];

pub(super) fn config_map(value: &mut Value, random: &mut Random) {
    let mut data = map([]);
    for _ in 0..random.between(0, 3) {
        data.put(random.word(KEYS), text(random));
    }
    if random.percent(5) {
        data.put(random.word(&["\"1\"", "on", "'a: b'", "\"\"", "~", "1.5", "x y"]), text(random));
    }
    if random.percent(90) {
        value.put("data", data);
    }
    if random.percent(8) {
        value.put("immutable", raw("true"));
    }
    if random.percent(8) {
        value.put("binaryData", map([("bytes", raw("AAEC"))]));
    }
}

pub(super) fn secret(value: &mut Value, random: &mut Random) {
    if random.percent(70) {
        value.put("type", raw(random.word(&["Opaque", "kubernetes.io/tls"])));
    }
    if random.percent(70) {
        value.put("data", map([("password", raw("c2VjcmV0"))]));
    }
    if random.percent(40) {
        value.put("stringData", map([("user", text(random)), ("mode", text(random))]));
    }
}

pub(super) fn claim(value: &mut Value, random: &mut Random) {
    value.put_at(&["spec", "accessModes"], list([raw("ReadWriteOnce")]));
    value.put_at(&["spec", "storageClassName"], raw(random.word(NAMES)));
    value.put_at(&["spec", "resources", "requests", "storage"], raw(random.word(&["1Gi", "\"10Gi\""])));
    if random.percent(30) {
        value.put_at(&["spec", "volumeName"], raw(random.word(NAMES)));
    }
}

pub(super) fn volume(value: &mut Value, random: &mut Random) {
    value.put_at(&["spec", "storageClassName"], raw(random.word(NAMES)));
    value.put_at(&["spec", "capacity", "storage"], raw("1Gi"));
    if random.percent(40) {
        let claim = map([("name", raw(random.word(NAMES))), ("namespace", raw(random.word(NAMESPACES)))]);
        value.put_at(&["spec", "claimRef"], claim);
    }
}

pub(super) fn storage_class(value: &mut Value, random: &mut Random) {
    value.put("provisioner", raw("example.com/disk"));
    if random.percent(30) {
        value.put("parameters", map([("type", text(random))]));
    }
}

pub(super) fn quota(value: &mut Value, _: &mut Random) {
    value.put_at(&["spec", "hard", "pods"], raw("\"10\""));
}

pub(super) fn limits(value: &mut Value, _: &mut Random) {
    let limit = map([("type", raw("Container")), ("default", map([("cpu", raw("500m"))]))]);
    value.put_at(&["spec", "limits"], list([limit]));
}

pub(super) fn priority(value: &mut Value, _: &mut Random) {
    value.put("value", raw("1000"));
}

pub(super) fn definition(value: &mut Value, random: &mut Random) {
    value.put_at(&["spec", "group"], raw("example.com"));
    value.put_at(&["spec", "names"], map([("kind", raw("Widget")), ("plural", raw("widgets"))]));
    value.put_at(&["spec", "scope"], raw("Namespaced"));
    let mut version = map([("name", raw("v1")), ("served", raw("true")), ("storage", raw("true"))]);
    version.put_at(&["schema", "openAPIV3Schema", "type"], raw("object"));
    value.put_at(&["spec", "versions"], list([version]));
    if random.percent(40) {
        let service = map([("name", raw(random.word(NAMES))), ("namespace", raw(random.word(NAMESPACES)))]);
        value.put_at(&["spec", "conversion", "webhook", "clientConfig", "service"], service);
        value.put_at(&["spec", "conversion", "strategy"], raw("Webhook"));
    }
}

pub(super) fn widget(value: &mut Value, random: &mut Random) {
    let mut spec = map([]);
    for _ in 0..random.between(1, 4) {
        let key =
            random.word(&["size", "items", "template", "secretName", "configMapRef", "containers", "nested", "on"]);
        spec.put(key, anything(random, 3));
    }
    if random.percent(25) {
        spec.put("containers", list([super::workloads::container("main", random)]));
    }
    value.put("spec", spec);
}
