//! Plain HTTP server-side applies: what the API server can do.

use std::time::Instant;

use futures::StreamExt as _;
use serde_json::Value;
use skerry_tests::controlplane::{ControlPlane, Http};

use crate::objects;

/// Applies all objects and gives the rate in objects per second.
pub(crate) async fn apply_all(
    plane: &ControlPlane,
    namespace: &str,
    objects: &[Value],
    connections: usize,
    http: Http,
) -> f64 {
    plane.kubectl(&["create", "namespace", namespace]).await.expect("a namespace");
    let clients: Vec<_> = (0..connections).map(|_| plane.client(http)).collect();
    let per_client = if http == Http::Two { 32 / connections.min(32) } else { 1 };
    let server = plane.server_url();
    let began = Instant::now();
    let requests = objects.iter().enumerate().map(|(index, object)| {
        let client = clients[index % clients.len()].clone();
        let url = format!("{server}/{}?fieldManager=bench&force=true&fieldValidation=Strict", objects::path(object));
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
