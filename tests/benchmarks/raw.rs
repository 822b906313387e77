//! Plain HTTP server-side applies: what the API server can do.

use std::time::Instant;

use futures::StreamExt as _;
use serde_json::Value;
use skerry_tests::controlplane::ControlPlane;

use crate::objects;

/// Applies all objects and gives the rate in objects per second.
pub(crate) async fn apply_all(
    plane: &ControlPlane,
    namespace: &str,
    objects: &[Value],
    connections: usize,
    http2: bool,
) -> f64 {
    plane.kubectl(&["create", "namespace", namespace]).await.expect("a namespace");
    let clients: Vec<_> = (0..connections).map(|_| client(plane, http2)).collect();
    let per_client = if http2 { 32 / connections.min(32) } else { 1 };
    let server = plane.server_url();
    let began = Instant::now();
    let requests = objects.iter().enumerate().map(|(index, object)| {
        let client = clients[index % clients.len()].clone();
        let url = format!("{server}/{}?fieldManager=bench&force=true&fieldValidation=Ignore", objects::path(object));
        let body = serde_json::to_vec(object).expect("JSON");
        async move {
            let answer = client
                .patch(url)
                .header("content-type", "application/apply-patch+yaml")
                .body(body)
                .send()
                .await
                .expect("an answer");
            assert!(answer.status().is_success(), "{}", answer.status());
            answer.bytes().await.expect("a body").len()
        }
    });
    let requests: Vec<_> = requests.collect();
    let answers: Vec<usize> =
        futures::stream::iter(requests).buffer_unordered(connections * per_client).collect().await;
    answers.len() as f64 / began.elapsed().as_secs_f64()
}

/// A client of one connection, with the admin's certificate.
fn client(plane: &ControlPlane, http2: bool) -> reqwest::Client {
    let read =
        |name: &str| std::fs::read(plane.kubeconfig().with_file_name(name)).expect("a file of the control plane");
    let identity = [read("tls/admin.crt"), read("tls/admin.key")].concat();
    let builder = reqwest::Client::builder()
        .identity(reqwest::Identity::from_pem(&identity).expect("an identity"))
        .tls_certs_only([reqwest::Certificate::from_pem(&read("ca.crt")).expect("a CA")])
        .pool_max_idle_per_host(1);
    let builder = if http2 { builder } else { builder.http1_only() };
    builder.build().expect("a client")
}
