//! Accounts, roles and webhooks.

use crate::random::Random;
use crate::words::{NAMES, NAMESPACES};
use crate::yaml::{Value, list, map, raw};

pub(super) fn service_account(value: &mut Value, random: &mut Random) {
    if random.percent(30) {
        value.put("imagePullSecrets", list([map([("name", raw(random.word(NAMES)))])]));
    }
    if random.percent(20) {
        value.put("secrets", list([map([("name", raw(random.word(NAMES)))])]));
    }
}

pub(super) fn role(value: &mut Value, random: &mut Random) {
    let mut rule = map([("apiGroups", list([raw("\"\"")])), ("resources", list([raw("secrets")]))]);
    rule.put("verbs", list([raw("get"), raw("'*'")]));
    if random.percent(40) {
        rule.put("resourceNames", list([raw(random.word(NAMES)), raw(random.word(NAMES))]));
    }
    value.put("rules", list([rule]));
}

pub(super) fn cluster_role(value: &mut Value, random: &mut Random) {
    role(value, random);
    if random.percent(20) {
        let selector = map([("matchLabels", map([("app", raw("a"))]))]);
        value.put_at(&["aggregationRule", "clusterRoleSelectors"], list([selector]));
    }
}

pub(super) fn binding(value: &mut Value, random: &mut Random) {
    let kind = random.word(&["Role", "ClusterRole"]);
    bind(value, &kind, random);
}

pub(super) fn cluster_binding(value: &mut Value, random: &mut Random) {
    bind(value, "ClusterRole", random);
}

fn bind(value: &mut Value, kind: &str, random: &mut Random) {
    let role =
        map([("apiGroup", raw("rbac.authorization.k8s.io")), ("kind", raw(kind)), ("name", raw(random.word(NAMES)))]);
    value.put("roleRef", role);
    let mut subjects = Vec::new();
    for _ in 0..random.between(1, 2) {
        let mut subject = map([("kind", raw("ServiceAccount"))]);
        let name = if random.percent(25) { "default".to_owned() } else { random.word(NAMES) };
        subject.put("name", raw(name));
        if random.percent(60) {
            subject.put("namespace", raw(random.word(NAMESPACES)));
        }
        subjects.push(subject);
    }
    if random.percent(20) {
        subjects.push(map([("kind", raw("Group")), ("name", raw(random.word(NAMES)))]));
    }
    value.put("subjects", list(subjects));
}

pub(super) fn webhooks(value: &mut Value, random: &mut Random) {
    let mut hooks = Vec::new();
    for name in ["a.example.com", "b.example.com"].iter().take(random.between(1, 2)) {
        let mut hook = map([("name", raw(*name))]);
        let mut service = map([("name", raw(random.word(NAMES)))]);
        service.put("namespace", raw(random.word(NAMESPACES)));
        hook.put_at(&["clientConfig", "service"], service);
        hooks.push(hook);
    }
    value.put("webhooks", list(hooks));
}

pub(super) fn api_service(value: &mut Value, random: &mut Random) {
    let service = map([("name", raw(random.word(NAMES))), ("namespace", raw(random.word(NAMESPACES)))]);
    value.put_at(&["spec", "service"], service);
    value.put_at(&["spec", "group"], raw("example.com"));
}
