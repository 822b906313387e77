//! A bundle neither prunes nor weakens what the agent lives on, as `deploy/` makes it.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use skerry_agent_core::plan::Protected;
use skerry_common::object::{ObjectKey, group_of};

use crate::site::{Site, ensure, map, shop};

/// The agent's namespace in `deploy/`.
const OWN: &str = "skerry-system";

/// What of `deploy/agent` is not an object of a running agent.
const OTHERS: [&str; 4] = ["kustomization.yaml", "arguments.yaml", "pod.yaml", "token.yaml"];

fn yaml_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("reads") {
        let path = entry.expect("reads").path();
        let other = path.file_name().is_some_and(|name| OTHERS.iter().any(|other| name == *other));
        if path.is_dir() {
            found.extend(yaml_files(&path))
        } else if !other {
            found.push(path)
        }
    }
    found
}

/// The keys of a file's documents: of each, the first `apiVersion`, `kind` and `name` count.
fn keys(text: &str) -> Vec<ObjectKey> {
    let parts = text.split("\n---\n").filter_map(|document| {
        let field = |name: &str| document.lines().find_map(|line| line.trim_start().strip_prefix(name)).map(str::trim);
        let (api_version, kind, name) = (field("apiVersion:")?, field("kind:")?, field("name:")?);
        let whole_cluster = kind == "Namespace" || kind.starts_with("Cluster") || kind.starts_with("Validating");
        let namespace = (!whole_cluster).then(|| OWN.to_owned());
        Some(ObjectKey { group: group_of(api_version).into(), kind: kind.into(), namespace, name: name.into() })
    });
    parts.collect()
}

#[test]
fn everything_that_deploy_makes_for_the_agent_is_protected() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/agent");
    let own = Protected { namespace: OWN.into() };
    let mut kinds = std::collections::BTreeSet::new();
    for file in yaml_files(&folder) {
        for mut key in keys(&std::fs::read_to_string(&file).expect("reads")) {
            assert!(own.covers(&key), "{key} of {} can be changed by a bundle", file.display());
            kinds.insert(key.kind.clone());
            if key.kind.starts_with("Role") {
                // Roles stand in the namespaces that are listed, too.
                key.namespace = Some("shop".into());
                assert!(own.covers(&key), "{key} can be changed by a bundle");
            }
        }
    }
    let wanted = [
        "ClusterRole",
        "ClusterRoleBinding",
        "Deployment",
        "Namespace",
        "NetworkPolicy",
        "PersistentVolumeClaim",
        "Role",
        "RoleBinding",
        "ServiceAccount",
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
    ];
    assert!(wanted.iter().all(|kind| kinds.contains(*kind)), "not all of deploy/ was read: {kinds:?}");
}

fn role(name: &str, verbs: &[&str]) -> Value {
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": name},
        "rules": [{"apiGroups": ["*"], "resources": ["*"], "verbs": verbs}],
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_neither_weakens_nor_prunes_the_agents_rights() {
    let mut site = Site::joined();
    site.options.own_namespace = OWN.into();
    let admin = site.cluster.as_person("kubectl");
    let theirs = admin.create(role("skerry-agent", &["get", "list", "watch"])).expect("creates");
    let target = admin.target("ClusterRole", None, "skerry-agent").expect("a kind");
    site.start().await;
    let own_map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x", "namespace": OWN}});
    let objects = [shop(), map("one", "1"), role("skerry-agent", &[]), role("others", &["get"]), own_map];
    site.takes(&objects).await.expect("is taken");
    site.shows("one", "1").await;
    site.until("the refusals are told", |site| {
        let tally = site.agent().snapshot.borrow().tally;
        ensure(tally.refused == 2 && tally.keep + tally.create == 3, &tally)
    })
    .await;
    site.until("the other role is made", |_| ensure(admin.read(&others(&admin)).is_some(), &"no role")).await;
    assert_eq!(admin.read(&target), Some(theirs.clone()));

    // Even if an earlier version had applied it: what left the bundle is not deleted.
    site.takes(&[shop(), map("one", "2")]).await.expect("is taken");
    site.shows("one", "2").await;
    site.until("the other role is pruned", |_| ensure(admin.read(&others(&admin)).is_none(), &"a role")).await;
    assert_eq!(admin.read(&target), Some(theirs));
}

fn others(admin: &skerry_agent::cluster::memory::Person) -> skerry_agent::cluster::Target {
    admin.target("ClusterRole", None, "others").expect("a kind")
}
