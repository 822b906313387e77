//! `skerry why`.

use serde_json::{Value, json};

use crate::hub::{Hub, NOW};

fn revision(commit: &str) -> Value {
    let commit = commit.repeat(40);
    json!({"name": "shop", "url": "https://git.example/shop.git", "ref": "branch main", "commit": commit, "verified": "none"})
}

fn answer(change: impl FnOnce(&mut Value)) -> Value {
    let bundle =
        |generation: u64| json!({"epoch": 1, "generation": generation, "root": format!("sha256:{generation:064x}")});
    let mut value = json!({
        "generatedAt": NOW, "cluster": "edge-01", "application": "web",
        "object": {"group": "apps", "kind": "Deployment", "namespace": "shop", "name": "web"},
        "bundle": bundle(7),
        "since": {
            "bundle": bundle(5), "publishedAt": "2026-01-01T00:00:00Z", "sources": [revision("a")], "orEarlier": false,
        },
        "sync": "rolling", "observedAt": "2026-01-01T00:59:30Z",
        "heldBack": ["generation 7 is not applied yet; the cluster has generation 5"],
        "source": revision("b"),
        "fields": [
            {"field": "/kind", "setBy": {"step": "Resource", "at": {"file": "base/web.yaml", "line": 2}, "value": "Deployment"}, "overrode": []},
            {
                "field": "/spec/replicas",
                "setBy": {"step": "PatchTransformer", "at": {"file": "overlay/patch.yaml", "line": 5}, "value": "3"},
                "overrode": [{"step": "Resource", "at": {"file": "base/web.yaml", "line": 6}, "value": "1"}],
            },
            {"field": "/metadata/namespace", "setBy": {"step": "DefaultNamespace", "value": "shop"}, "overrode": []},
        ],
        "fieldsLeftOut": 0,
    });
    change(&mut value);
    value
}

const PATH: &str = "GET /api/v1/clusters/edge-01/why";

#[tokio::test]
async fn fields_come_with_the_commit_the_bundle_and_what_holds_them_back() {
    let hub = Hub::start().await;
    hub.on(PATH, answer(|_| {}));
    let run = hub.run(&["why", "Deployment.apps/web:/spec", "-c", "edge-01", "-n", "shop"]).await.code(0);
    let expected = "\
Object:             Deployment.apps/web in shop
On:                 cluster edge-01, by application web
From:               https://git.example/shop.git branch main, commit bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb
Since:              generation 5, published 60m ago from shop at aaaaaaaaaa
Newest bundle:      generation 7
Sync:               rolling, observed 30s ago
Held back by:
  generation 7 is not applied yet; the cluster has generation 5

FIELD                 VALUE        SET BY             AT                     OVERRODE
/kind                 Deployment   Resource           base/web.yaml:2        <none>
/spec/replicas        3            PatchTransformer   overlay/patch.yaml:5   Resource base/web.yaml:6
/metadata/namespace   shop         DefaultNamespace   <none>                 <none>
";
    assert_eq!(run.stdout, expected);
    let asked = hub.asked();
    let query = "?kind=Deployment&name=web&group=apps&namespace=shop&field=%2Fspec";
    assert_eq!(asked.last().map(|(what, _)| what.as_str()), Some(format!("{PATH}{query}").as_str()));
    let run = hub.run(&["why", "Deployment/web", "-c", "edge-01", "-o", "json"]).await.code(0);
    assert_eq!(serde_json::from_str::<Value>(&run.stdout).expect("JSON"), answer(|_| {}));
}

#[tokio::test]
async fn secrets_show_places_only_and_what_is_not_explained_says_why() {
    let hub = Hub::start().await;
    let secret = answer(|value| {
        value["object"] = json!({"group": "", "kind": "Secret", "namespace": "shop", "name": "db"});
        value["heldBack"] = json!([]);
        value["fields"] = json!([{
            "field": "/data/password",
            "setBy": {"step": "SecretGenerator", "at": {"file": "base/kustomization.yaml", "line": 2}},
            "overrode": [],
        }]);
    });
    hub.on(PATH, secret);
    let run = hub.run(&["why", "Secret/db", "-c", "edge-01"]).await.code(0);
    let expected = "\
Held back by:       nothing

FIELD            VALUE      SET BY            AT                          OVERRODE
/data/password   (secret)   SecretGenerator   base/kustomization.yaml:2   <none>
";
    assert!(run.stdout.ends_with(expected), "{}", run.stdout);
    let hub = Hub::start().await;
    hub.on(
        PATH,
        answer(|value| {
            value["fields"] = json!([]);
            value["source"] = Value::Null;
            value["notExplained"] = json!("its commit is gone");
        }),
    );
    let run = hub.run(&["why", "Deployment/web", "-c", "edge-01"]).await.code(0);
    assert!(run.stdout.ends_with("Not explained:      its commit is gone\n"), "{}", run.stdout);
}

#[tokio::test]
async fn what_is_not_there_is_an_error() {
    let hub = Hub::start().await;
    hub.refuse(PATH, 404, "SK0603", "there is no object `Deployment/web`");
    hub.run(&["why", "Deployment/web", "-c", "edge-01"]).await.code(2);
    hub.run(&["why", "Deployment/web"]).await.code(2);
    hub.run(&["why", "Deployment", "-c", "edge-01"]).await.code(2);
    let hub = Hub::start().await;
    hub.on(PATH, answer(|value| value["fields"] = json!([])));
    let run = hub.run(&["why", "Deployment/web:/nothing", "-c", "edge-01"]).await.code(2);
    assert!(run.stderr.starts_with("error[SK0907]: `Deployment/web` has no field `/nothing`"), "{}", run.stderr);
}
