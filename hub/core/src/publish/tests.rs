use super::*;
use std::sync::{Arc, LazyLock};

use serde_json::{Value, json};
use skerry_common::bundle::digest::{BlobRef, Digest};
use skerry_common::bundle::manifest::{Encoding, Manifest};
use skerry_common::bundle::root::{BundleRoot, SourceRevision};
use skerry_common::diagnostic::{Code, Location};
use skerry_common::id::{CommitId, Epoch, FleetId, Generation};
use skerry_common::object::ObjectKey;
use skerry_render::{MemoryTree, RenderedObject};

use crate::fleet::{Fleet, load};

const FLEET: &str = r#"
apiVersion: skerry.dev/v1alpha1
kind: Source
metadata: {name: shop}
spec: {git: {url: "https://git.example/shop.git", ref: {branch: main}}}
---
apiVersion: skerry.dev/v1alpha1
kind: Application
metadata: {name: web}
spec:
  sources: [{from: shop, path: "apps/${cluster.labels.env}"}, {from: shop}]
  namespace: "shop-${cluster.labels.env}"
  variables: {NAME: "${cluster.name}", QUOTA: "${cluster.variables.QUOTA}"}
---
apiVersion: skerry.dev/v1alpha1
kind: ClusterGroup
metadata: {name: all}
spec: {selector: {}, applications: [web]}
---
apiVersion: skerry.dev/v1alpha1
kind: ClusterGroup
metadata: {name: production}
spec: {selector: {matchLabels: {env: prod}}, applications: [web]}
---
apiVersion: skerry.dev/v1alpha1
kind: Cluster
metadata: {name: edge-01}
spec: {labels: {env: prod, region: eu}, variables: {QUOTA: "10"}}
"#;

fn fleet() -> Fleet {
    let mut tree = MemoryTree::new();
    tree.insert("fleet.yaml", FLEET.as_bytes());
    load(&tree, "", &Location::default()).expect("valid")
}

fn cluster(name: &str, labels: &[(&str, &str)]) -> RegisteredCluster {
    let labels = labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    RegisteredCluster {
        id: ClusterId::parse(&format!("id-{name}")).unwrap(),
        name: ClusterName::parse(name).unwrap(),
        labels,
    }
}

fn plan(fleet: &Fleet, cluster: RegisteredCluster) -> ClusterPlan {
    let mut assignment = assign(fleet, &[cluster]);
    assignment.plans.pop_first().expect("one cluster").1
}

fn name(text: &str) -> ApplicationName {
    ApplicationName::parse(text).unwrap()
}

fn rendered(value: Value) -> RenderedObject {
    let key = ObjectKey::of(&value).expect("a key");
    RenderedObject { key, value, origin: Location::file("a.yaml", Some(1)) }
}

fn config(text: &str) -> RenderedObject {
    rendered(
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "namespace": "shop"}, "data": {"a": text}}),
    )
}

fn secret(text: &str) -> RenderedObject {
    rendered(
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": "shop"}, "stringData": {"a": text}}),
    )
}

/// What the commit `aaa…` of `shop` renders to.
fn part(objects: &[RenderedObject]) -> Part<'_> {
    static ORIGIN: LazyLock<Location> = LazyLock::new(|| Location {
        repository: Some("shop".into()),
        commit: Some("a".repeat(40)),
        ..Location::default()
    });
    Part { objects, origin: &ORIGIN }
}

fn built(application: &str, policy: &Policy, objects: &[RenderedObject]) -> Arc<BuiltManifest> {
    let prepared = prepare(&[part(objects)]).expect("sound");
    let mut seal = |key: &ObjectKey, clear: &[u8]| {
        let ciphertext: Arc<[u8]> =
            Digest::of(&[key.to_string().as_bytes(), clear].concat()).as_bytes().as_slice().into();
        Ok(SealedObject { ciphertext })
    };
    Arc::new(build_manifest(&name(application), policy, &prepared, &mut seal).expect("built"))
}

fn revisions(digit: &str) -> BTreeMap<SourceName, SourceRevision> {
    let shop = SourceName::parse("shop").unwrap();
    let revision = SourceRevision {
        name: shop.clone(),
        url: "https://git.example/shop.git".into(),
        reference: "branch main".into(),
        commit: CommitId::parse(&digit.repeat(40)).unwrap(),
        verified: "none".into(),
    };
    BTreeMap::from([(shop, revision)])
}

struct Newest {
    root: BundleRoot,
    manifests: BTreeMap<ApplicationName, Arc<Manifest>>,
}

fn assemble_with(
    plan: &ClusterPlan,
    manifests: &[Arc<BuiltManifest>],
    commit: &str,
    previous: Option<&Newest>,
) -> Result<Draft, AssembleError> {
    let fleet = FleetId::parse("harbour").unwrap();
    let manifests = manifests.iter().map(|built| (built.manifest.application.clone(), Arc::clone(built))).collect();
    assemble(&Assembly {
        fleet: &fleet,
        hub: "hub-1",
        renderer: "0.1.0",
        epoch: Epoch(1),
        plan,
        manifests: &manifests,
        revisions: &revisions(commit),
        previous: previous.map(|newest| Previous { root: &newest.root, manifests: &newest.manifests }),
        confirmations: &BTreeSet::new(),
        sync_requests: 0,
    })
}

fn stamp(draft: Draft, manifests: &[Arc<BuiltManifest>]) -> Newest {
    let (issued, expires) = (rfc3339(1_000_000).unwrap(), rfc3339(1_900_000).unwrap());
    let root = draft.stamp(Stamp { generation: Generation(4), parent: None, issued, expires });
    assert!(root.to_bytes().is_ok());
    let manifests =
        manifests.iter().map(|built| (built.manifest.application.clone(), built.manifest.clone())).collect();
    Newest { root, manifests }
}

#[test]
fn groups_labels_and_variables_decide_what_runs() {
    let plan = plan(&fleet(), cluster("edge-01", &[]));
    assert!(plan.is_ready(), "{:?}", plan.diagnostics);
    assert_eq!(plan.groups.len(), 2);
    assert_eq!(plan.labels["region"], "eu");
    let web = &plan.applications[&name("web")];
    let paths: Vec<&str> = web.sources.iter().map(|source| source.path.as_str()).collect();
    assert_eq!(paths, ["apps/prod", ""]);
    assert_eq!(web.policy.namespace.as_deref(), Some("shop-prod"));
    let variables = web.variables.as_ref().expect("variables");
    assert_eq!((variables["NAME"].as_str(), variables["QUOTA"].as_str()), ("edge-01", "10"));
}

#[test]
fn a_label_fixed_at_registration_wins_and_the_clash_is_told() {
    let plan = plan(&fleet(), cluster("edge-01", &[("env", "dev")]));
    assert_eq!(plan.labels["env"], "dev");
    assert!(!plan.is_ready());
    assert_eq!(plan.diagnostics[0].code, Code(301));
    assert!(plan.diagnostics[0].location.line.is_some());
    let refused = assemble_with(&plan, &[], "a", None);
    assert!(matches!(refused, Err(AssembleError::Lint(_))), "{refused:?}");
}

#[test]
fn what_a_cluster_lacks_is_named() {
    let plan = plan(&fleet(), cluster("other", &[("evn", "dev")]));
    let codes: Vec<Code> = plan.diagnostics.iter().map(|found| found.code).collect();
    assert_eq!(codes, [Code(300), Code(300), Code(300)]);
    assert_eq!(plan.diagnostics[0].help.as_deref(), Some("it has `evn`: did you mean that?"));
    assert!(plan.applications.is_empty() && !plan.is_ready());
}

#[test]
fn a_document_of_an_unregistered_cluster_is_a_warning() {
    let assignment = assign(&fleet(), &[cluster("edge-02", &[])]);
    assert_eq!(assignment.warnings.len(), 1);
    assert!(!assignment.warnings[0].is_error());
    assert_eq!(assignment.warnings[0].help.as_deref(), Some("did you mean `edge-02`?"));
}

#[test]
fn nothing_is_news_when_only_place_and_times_differ() {
    let plan = plan(&fleet(), cluster("edge-01", &[]));
    let manifests = [built("web", &Policy::default(), &[config("1")])];
    let newest = stamp(assemble_with(&plan, &manifests, "a", None).expect("a draft"), &manifests);
    let again = assemble_with(&plan, &manifests, "a", Some(&newest)).expect("a draft");
    assert!(!again.is_news(&newest.root));
    let commit = assemble_with(&plan, &manifests, "b", Some(&newest)).expect("a draft");
    assert!(commit.is_news(&newest.root));
    let changed = [built("web", &Policy::default(), &[config("2")])];
    assert!(assemble_with(&plan, &changed, "a", Some(&newest)).expect("a draft").is_news(&newest.root));
}

#[test]
fn secrets_are_sealed_and_their_keys_kept_while_they_do_not_change() {
    let plan = plan(&fleet(), cluster("edge-01", &[]));
    let manifests = [built("web", &Policy::default(), &[config("1"), secret("hunter2")])];
    let entries = &manifests[0].manifest.objects;
    assert_eq!(entries.iter().map(|entry| entry.encoding).collect::<Vec<_>>(), [Encoding::Plain, Encoding::Sealed]);
    let leaked = manifests[0].blobs.values().any(|bytes| bytes.windows(7).any(|part| part == b"hunter2"));
    assert!(!leaked && !format!("{:?}", prepare(&[part(&[secret("hunter2")])])).contains("hunter2"));

    let mut draft = assemble_with(&plan, &manifests, "a", None).expect("a draft");
    assert!(draft.needs_key_blob());
    assert_eq!(draft.sealed, manifests[0].sealed());
    draft.set_key_blob(BlobRef::of(b"keys"));
    let newest = stamp(draft, &manifests);
    let again = assemble_with(&plan, &manifests, "a", Some(&newest)).expect("a draft");
    assert!(!again.needs_key_blob() && !again.is_news(&newest.root));
    let changed = [built("web", &Policy::default(), &[config("1"), secret("hunter3")])];
    assert!(assemble_with(&plan, &changed, "a", Some(&newest)).expect("a draft").needs_key_blob());
}

#[test]
fn a_suspended_application_keeps_its_objects_and_revision() {
    let fleet = fleet();
    let mut plan = plan(&fleet, cluster("edge-01", &[]));
    let manifests = [built("web", &Policy::default(), &[config("1")])];
    let newest = stamp(assemble_with(&plan, &manifests, "a", None).expect("a draft"), &manifests);
    let policy = Policy { suspend: true, prune: false, ..Policy::default() };
    plan.applications.get_mut(&name("web")).expect("planned").policy = policy.clone();
    let kept = suspended(&name("web"), &policy, newest.manifests.get(&name("web")).map(|manifest| &**manifest))
        .expect("a manifest");
    assert!(kept.manifest.policy.suspend && kept.manifest.policy.prune);
    assert_eq!(kept.manifest.objects, manifests[0].manifest.objects);
    let draft = assemble_with(&plan, &[Arc::new(kept)], "b", Some(&newest)).expect("a draft");
    let root = stamp(draft, &[]).root;
    assert_eq!(root.sources, newest.root.sources);
    assert!(suspended(&name("new"), &policy, None).expect("a manifest").manifest.objects.is_empty());
}

#[test]
fn clusters_with_the_same_content_share_it() {
    let one = built("web", &Policy::default(), &[config("1")]);
    assert_eq!(one.reference, built("web", &Policy::default(), &[config("1")]).reference);
    assert!(prepare(&[part(&[config("1")])]).expect("sound").is_shared());
    assert!(!prepare(&[part(&[secret("x")])]).expect("sound").is_shared());
}

#[test]
fn the_same_object_twice_is_refused() {
    let other = Location { repository: Some("other".into()), commit: Some("b".repeat(40)), ..Location::default() };
    let second = [config("2")];
    let within = prepare(&[part(&[config("1")]), Part { objects: &second, origin: &other }]).expect_err("refused");
    assert_eq!(within[0].code, Code(320));
    assert_eq!(within[0].location, Location::file("a.yaml", Some(1)).in_commit_of(&other));
    assert!(within[0].message.ends_with("also at shop@aaaaaaaaaa a.yaml:1"), "{within:?}");
    let mut plan = plan(&fleet(), cluster("edge-01", &[]));
    let web = plan.applications[&name("web")].clone();
    plan.applications.insert(name("api"), web);
    let manifests =
        [built("web", &Policy::default(), &[config("1")]), built("api", &Policy::default(), &[config("1")])];
    let Err(AssembleError::Lint(found)) = assemble_with(&plan, &manifests, "a", None) else { panic!("accepted") };
    assert_eq!(found[0].code, Code(320));
    assert!(found[0].message.contains("`ConfigMap/shop/c` is in the applications `api` and `web`"), "{found:?}");
}

#[test]
fn a_missing_part_is_an_error_and_never_an_empty_bundle() {
    let plan = plan(&fleet(), cluster("edge-01", &[]));
    assert_eq!(assemble_with(&plan, &[], "a", None).err(), Some(AssembleError::NoManifest(name("web"))));
}

#[test]
fn a_bundle_is_issued_anew_at_two_thirds_of_its_life() {
    let plan = plan(&fleet(), cluster("edge-01", &[]));
    let manifests = [built("web", &Policy::default(), &[config("1")])];
    let root = stamp(assemble_with(&plan, &manifests, "a", None).expect("a draft"), &manifests).root;
    assert_eq!(due_at(&root), Ok(1_600_000));
    assert!(due_at(&BundleRoot { issued: "yesterday".into(), ..root.clone() }).is_err());
    assert_eq!(root.issued, "1970-01-12T13:46:40Z");
}
