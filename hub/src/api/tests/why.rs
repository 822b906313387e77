//! Why an object is as it is: which one is meant, and since when.

use serde_json::{Value, json};
use skerry_common::bundle::digest::{BlobRef, Digest};
use skerry_common::bundle::manifest::{Encoding, Manifest, ManifestEntry, Order, Policy};
use skerry_common::bundle::signature::{KeyId, Signature};
use skerry_common::id::{ApplicationName, ClusterId, Epoch, Generation, Place};
use skerry_common::report::BundleMark;

use super::{NOW, Rig};
use crate::store::BlobStore as _;
use crate::store::bundles::{BundleStore as _, Reservation, Reserve};

fn entry(kind: &str, namespace: &str, name: &str, content: &str) -> ManifestEntry {
    ManifestEntry {
        api_version: "v1".into(),
        kind: kind.into(),
        namespace: Some(namespace.into()),
        name: name.into(),
        content: BlobRef::of(content.as_bytes()),
        encoding: Encoding::Plain,
        order: Order::Rest,
    }
}

/// Publishes a bundle of one application at a commit.
async fn publish(
    rig: &Rig,
    cluster: &ClusterId,
    parent: Option<BundleMark>,
    commit: char,
    content: &str,
) -> BundleMark {
    let objects = vec![
        entry("ConfigMap", "a", "twice", "x"),
        entry("ConfigMap", "b", "twice", "x"),
        entry("Service", "a", "web", content),
    ];
    let name = ApplicationName::parse("web").expect("valid");
    let manifest = Manifest::new(name, Policy { suspend: true, ..Policy::default() }, objects).expect("valid");
    let manifest = manifest.to_bytes().expect("bytes");
    let reference = BlobRef::of(&manifest);
    rig.store.put_many(vec![manifest], NOW).await.expect("stores");
    let generation = parent.map_or(1, |parent| parent.place.generation.0 + 1);
    let mut root = json!({
        "schema": 1, "fleet": "test", "cluster": cluster.as_str(), "epoch": 1, "generation": generation,
        "issued": "2026-01-01T00:00:00Z", "expires": "2027-01-01T00:00:00Z", "hub": "hub", "renderer": "r",
        "sources": [{
            "name": "shop", "url": "https://h/shop", "ref": "branch main", "commit": commit.to_string().repeat(40),
            "verified": "none",
        }],
        "applications": [{"name": "web", "digest": reference.digest, "size": reference.size, "sources": ["shop"]}],
    });
    if let Some(parent) = parent {
        root["parent"] = json!(parent.root);
    }
    let payload = serde_json::to_vec(&root).expect("JSON");
    let place = Place { epoch: Epoch(1), generation: Generation(generation) };
    let mark = BundleMark { place, root: Digest::of(&payload) };
    let parent = parent.map(|parent| parent.root);
    let wanted =
        Reservation { cluster: cluster.clone(), parent, place, payload, now_unix_ms: NOW, sweeps: 0, roots_kept: 20 };
    assert_eq!(rig.store.reserve(wanted).await.expect("answers"), Reserve::Reserved);
    let signature = Signature { keyid: KeyId("k".into()), sig: vec![0; 64] };
    assert!(rig.store.attach_signature(cluster, mark, signature, NOW).await.expect("signs"));
    mark
}

async fn asked(rig: &Rig, query: &str) -> Value {
    let answer = rig.get(&format!("/api/v1/clusters/edge/why?{query}")).await;
    assert_eq!(answer.status, 200, "{query}: {}", answer.body);
    answer.body
}

#[tokio::test]
async fn the_bundle_that_brought_it_is_the_oldest_with_the_same_bytes() {
    let rig = Rig::start().await;
    let edge = rig.register("edge", &[]).await;
    let one = publish(&rig, &edge, None, 'a', "first").await;
    let two = publish(&rig, &edge, Some(one), 'b', "second").await;
    let three = publish(&rig, &edge, Some(two), 'c', "second").await;
    let web = asked(&rig, "kind=service&name=web").await;
    let generations = (&web["bundle"]["generation"], &web["since"]["bundle"]["generation"]);
    assert_eq!(generations, (&json!(3), &json!(2)), "{web}");
    assert_eq!(web["since"]["sources"][0]["commit"], "b".repeat(40));
    assert_eq!((&web["since"]["orEarlier"], &web["source"]["commit"]), (&json!(false), &json!("c".repeat(40))));
    assert_eq!(web["fields"][0]["setBy"]["at"], json!({"file": "apps/web.yaml", "line": 3}));
    assert_eq!(web["heldBack"][0], "application web is suspended: it keeps what it had");
    publish(&rig, &edge, Some(three), 'd', "first").await;
    assert_eq!(asked(&rig, "kind=Service&name=web").await["since"]["bundle"]["generation"], 4);
    // What was there from the first on is that of the first.
    let twice = asked(&rig, "kind=ConfigMap&name=twice&namespace=b").await;
    assert_eq!((&twice["since"]["bundle"]["generation"], &twice["since"]["orEarlier"]), (&json!(1), &json!(false)));
}

#[tokio::test]
async fn one_object_must_be_meant() {
    let rig = Rig::start().await;
    let edge = rig.register("edge", &[]).await;
    let check = async |query: &str, status: u16, code: &str, detail: &str| {
        let answer = rig.get(&format!("/api/v1/clusters/edge/why?{query}")).await;
        assert_eq!(answer.problem(), (status, code), "{query}: {}", answer.body);
        assert_eq!(answer.body["detail"], detail, "{query}");
    };
    check("kind=Service&name=web", 503, "SK0607", "nothing was published for cluster `edge` yet").await;
    publish(&rig, &edge, None, 'a', "first").await;
    let several = "`configmap/twice` names several objects: `ConfigMap/a/twice`, `ConfigMap/b/twice`";
    check("kind=configmap&name=twice", 400, "SK0600", several).await;
    check("kind=Service&name=twice", 404, "SK0603", "there is no object `Service/twice`").await;
    check("kind=Service&name=web&group=apps", 404, "SK0603", "there is no object `Service/web`").await;
    check("kind=Service&name=web&application=other", 404, "SK0603", "there is no object `Service/web`").await;
    let unknown = rig.get("/api/v1/clusters/far/why?kind=Service&name=web").await;
    assert_eq!(unknown.problem(), (404, "SK0603"));
    for query in ["", "kind=Service", "name=web", "kind=Service&name=web&colour=red", "kind=a&name=b&application=%20"] {
        assert_eq!(rig.get(&format!("/api/v1/clusters/edge/why?{query}")).await.problem(), (400, "SK0600"), "{query}");
    }
}
