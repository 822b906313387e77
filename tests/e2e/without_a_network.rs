//! A site without a network, by the real programs: joined with two files, fed from archives, on a real API server.

use std::path::Path;
use std::process::Command;

use serde_json::Value;
use skerry_tests::controlplane::{ControlPlane, ControlPlaneOptions};
use skerry_tests::programs::{Operator, agent, free_tcp_address, succeeds};
use skerry_tests::stage::{DEADLINE, Stage, ensure, free_address};
use skerry_tests::wait::eventually;

/// «You must change something.»
const NEEDS_USER: i32 = 2;

fn text(path: &Path) -> &str {
    path.to_str().expect("temporary folders have plain names")
}

async fn shows(plane: &ControlPlane, name: &str, wanted: &str) {
    eventually(DEADLINE, &format!("{name} is `{wanted}`"), || async {
        let arguments = ["-n", "shop", "get", "configmap", name, "-o", "jsonpath={.data.value}"];
        let found = plane.kubectl(&arguments).await.map_err(|error| error.to_string())?;
        ensure(found == wanted, &found)
    })
    .await;
}

/// Registers a site by its request and gives it the reply.
fn admit(stage: &Stage, operator: &Operator, name: &str) {
    let state = stage.state_folder(name);
    let file = |kind: &str| stage.folder.path().join(format!("{name}.{kind}.json"));
    let (request, reply) = (file("request"), file("reply"));
    succeeds(&mut agent(&state, &["join", "--offline", "--request", text(&request)]));
    let arguments =
        ["cluster", "register", name, "-l", "env=test", "--request", text(&request), "--reply", text(&reply)];
    operator.prints(&arguments).expect("is admitted");
    succeeds(&mut agent(&state, &["join", "--offline", "--reply", text(&reply)]));
}

/// The bundle of a cluster as a file, once there is this generation.
async fn export(operator: &Operator, name: &str, generation: u64, file: &Path) {
    eventually(DEADLINE, "the generation is published", || async {
        let clusters = operator.list(&["clusters"])?;
        let found = clusters.iter().find(|cluster| cluster["name"] == name).map(|it| &it["target"]["generation"]);
        ensure(found.and_then(Value::as_u64) == Some(generation), &format!("{found:?}"))
    })
    .await;
    operator.prints(&["bundle", "export", name, text(file)]).expect("exports");
}

fn refused(command: &mut Command, what: &str) {
    let output = command.output().expect("runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(NEEDS_USER), "{what}: {said}");
    assert!(said.contains("error["), "{what}: {said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_without_a_network_is_joined_by_files_and_fed_by_archives() {
    let plane = ControlPlane::start(ControlPlaneOptions::api_only("stick")).await.expect("a control plane");
    let (link, api) = (free_address(), free_tcp_address());
    let stage = Stage::bare(link, link).await;
    stage.declare("false", "{}");
    stage.namespace("shop");
    stage.settings("one", "1");
    stage.work.commit_and_push("first");
    let (_hub, operator) = (stage.serve(api), stage.operator(api));
    eventually(DEADLINE, "the hub answers", || async { operator.prints(&["status"]).map(drop) }).await;
    admit(&stage, &operator, "island");
    admit(&stage, &operator, "other");

    let file = |name: &str| stage.folder.path().join(format!("{name}.tar"));
    let (first, second, others) = (file("first"), file("second"), file("others"));
    export(&operator, "island", 1, &first).await;
    let state = stage.state_folder("island");
    // Before the agent runs, and while it runs.
    succeeds(&mut agent(&state, &["import", text(&first)]));
    let kubeconfig = plane.kubeconfig().display().to_string();
    let running = stage.run_agent("island", &["--offline".to_owned(), "--kubeconfig".to_owned(), kubeconfig]);
    shows(&plane, "one", "1").await;
    stage.settings("one", "2");
    stage.work.commit_and_push("second");
    operator.webhook().await.expect("the hub is told");
    export(&operator, "island", 2, &second).await;
    succeeds(&mut agent(&state, &["import", text(&second)]));
    shows(&plane, "one", "2").await;
    plane.kubectl(&["-n", "shop", "delete", "configmap", "one"]).await.expect("deletes");
    shows(&plane, "one", "2").await;

    // An older one, another cluster's, and something else altogether: refused, and nothing changes.
    export(&operator, "other", 2, &others).await;
    refused(&mut agent(&state, &["import", text(&first)]), "an older one");
    refused(&mut agent(&state, &["import", text(&others)]), "another cluster's");
    std::fs::write(file("nonsense"), "no archive").expect("written");
    refused(&mut agent(&state, &["import", text(&file("nonsense"))]), "no archive");
    let status = succeeds(&mut agent(&state, &["status", "-o", "json"]));
    let status: Value = serde_json::from_str(&status).expect("JSON");
    assert!(status.to_string().contains("island"), "{status}");
    shows(&plane, "one", "2").await;
    running.stop();
}
