//! Each exit code, shown by one story.

use serde_json::json;
use tokio::io::AsyncReadExt as _;

use crate::hub::{Hub, cluster};
use crate::process::Home;

#[tokio::test]
async fn zero_it_is_done() {
    Home::new().run(&["version", "--client"]).await.code(0);
}

#[tokio::test]
async fn one_the_answer_is_no() {
    let hub = Hub::start().await;
    let revoked = cluster("edge-01", |cluster| cluster["contact"] = json!("revoked"));
    hub.on("GET /api/v1/clusters/edge-01", revoked);
    let run = hub.run(&["wait", "cluster", "edge-01", "--for=sync=current"]).await.code(1);
    let expected = "error[SK0911]: cluster `edge-01` will not reach sync=current: the cluster is revoked\n  \
                    help: skerry describe cluster edge-01\n";
    assert_eq!(run.stderr, expected);
}

#[tokio::test]
async fn two_the_caller_must_change_something() {
    let home = Home::new();
    let run = home.run(&["get", "clusers"]).await.code(2);
    assert!(run.stderr.starts_with("error[SK0905]: invalid value 'clusers'"), "{}", run.stderr);
    let run = home.run(&["get", "clusters"]).await.code(2);
    assert!(
        run.stderr.starts_with("error[SK0901]: no hub is configured\n  help: run `skerry context add"),
        "{}",
        run.stderr
    );
    let hub = Hub::start().await;
    hub.refuse("POST /api/v1/clusters/a/revoke", 403, "SK0602", "`eyes` is a viewer");
    let run = hub.run(&["cluster", "revoke", "a"]).await.code(2);
    assert!(
        run.stderr.starts_with("error[SK0602]: `eyes` is a viewer\n  help: use a context with an admin token"),
        "{}",
        run.stderr
    );
    let run = hub.home.run_with(&["get", "clusters"], &[("SKERRY_TOKEN", "wrong")]).await.code(2);
    assert!(run.stderr.starts_with("error[SK0601]: no valid API token was given"), "{}", run.stderr);
}

#[tokio::test]
async fn three_not_possible_now() {
    let hub = Hub::start().await;
    hub.refuse("GET /api/v1/fleet", 503, "SK0607", "too many requests at once");
    let run = hub.run(&["status"]).await.code(3);
    assert_eq!(run.stderr, "error[SK0607]: too many requests at once\n  help: try again in a moment\n");
    hub.stop();
    let run = hub.run(&["get", "clusters", "--request-timeout", "5s"]).await.code(3);
    assert!(run.stderr.starts_with("error[SK0903]: the hub `https://127.0.0.1:"), "{}", run.stderr);
    assert!(run.stderr.contains("\n  --> context `test` in `"), "{}", run.stderr);
}

#[tokio::test]
async fn four_a_bug() {
    let hub = Hub::start().await;
    hub.refuse("GET /api/v1/fleet", 500, "SK0608", "the hub failed; its log says why");
    let run = hub.run(&["status"]).await.code(4);
    assert!(run.stderr.starts_with("error[SK0608]: the hub failed"), "{}", run.stderr);
}

#[tokio::test]
async fn another_certificate_is_not_trusted() {
    let (hub, other) = (Hub::start().await, Hub::start().await);
    let server = format!("https://{}", other.address);
    let arguments = ["get", "clusters", "--server", &server, "--ca-file", "ca.pem", "--token-file", "token"];
    let run = hub.run(&arguments).await.code(2);
    assert!(run.stderr.starts_with("error[SK0904]: the certificate of `https://127.0.0.1:"), "{}", run.stderr);
    assert!(other.asked().is_empty(), "no token was sent");
}

#[tokio::test]
async fn a_reader_that_goes_away_is_no_failure() {
    let home = Home::new();
    let mut child = home.spawn(&["explain", "--all"]);
    // Nobody reads: the pipe is closed before anything is written, or while it is.
    drop(child.stdout.take());
    let mut told = String::new();
    child.stderr.take().expect("a pipe").read_to_string(&mut told).await.expect("read");
    let status = child.wait().await.expect("it ends");
    assert_eq!((status.code(), told.as_str()), (Some(0), ""));
}
