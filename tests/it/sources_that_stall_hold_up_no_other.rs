//! A Git server that takes connections and never answers costs its own source, and nobody else a second.

use skerry_tests::wait::eventually;
use tokio::net::TcpListener;

use crate::stage::{DEADLINE, Stage, ensure};

/// One after the other they would stall for longer than the deadline.
const STALLED: usize = 12;

#[tokio::test(flavor = "multi_thread")]
async fn a_push_is_applied_while_other_sources_stall() {
    let stage = Stage::build().await;
    let site = stage.settled("one").await;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound");
    let documents = (0..STALLED).map(|number| {
        format!(
            "---\napiVersion: skerry.dev/v1alpha1\nkind: Source\nmetadata: {{name: a{number}}}\nspec:\n  \
             git: {{url: \"https://{address}/a{number}.git\", ref: {{branch: main}}, interval: 1h}}\n"
        )
    });
    stage.work.write("fleet/stalled.yaml", documents.collect::<String>());
    stage.push("sources that stall").await;
    // All of them are being asked at once, and are never answered.
    let mut held = Vec::new();
    let asked = async {
        while held.len() < STALLED {
            held.push(listener.accept().await.expect("a connection"));
        }
    };
    tokio::time::timeout(DEADLINE, asked).await.expect("every source is asked while the others stall");

    stage.settings("one", "pushed meanwhile");
    stage.push_to(&site, "a change").await;
    site.shows("ConfigMap", "one", "/data/value", "pushed meanwhile").await;
    drop((held, listener));
    eventually(DEADLINE, "what stalled is told once it broke", || async {
        use skerry_hub::store::SourceStore as _;
        let sources = stage.hub().store.sources().await.map_err(|error| error.to_string())?;
        let failed = sources.iter().filter(|source| source.error.is_some() && source.checked_unix_ms.is_none()).count();
        ensure(failed == STALLED, &format!("{sources:#?}"))
    })
    .await;
}
