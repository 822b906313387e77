//! One thousand agents connected to one hub.

use skerry_tests::programs::free_tcp_address;
use skerry_tests::stage::{Site, Stage, ensure, free_address};
use skerry_tests::wait::eventually;

use crate::{DEADLINE, Figure, IDLE};

const AGENTS: usize = 1_000;

pub(crate) const NAMES: [&str; 2] = ["hub-memory-per-agent", "hub-memory-1000-agents"];

pub(crate) async fn measure() -> Vec<Figure> {
    eprintln!("{AGENTS} agents join …");
    let link = free_address();
    let mut stage = Stage::bare(link, link).await;
    stage.declare("false", "{}");
    stage.namespace("shop");
    stage.settings("one", "1");
    stage.work.commit_and_push("first");
    stage.start_hub().await;
    let mut sites = Vec::with_capacity(AGENTS);
    for number in 0..AGENTS {
        sites.push(stage.joined(&format!("edge-{number:04}")).await);
    }
    let newest: &Site = &sites[AGENTS - 1];
    stage.newest(newest).await;
    stage.stop_hub().await;

    let hub = stage.serve(free_tcp_address());
    tokio::time::sleep(IDLE).await;
    let before = hub.resident();
    eprintln!("{AGENTS} agents connect …");
    for site in &mut sites {
        site.start().await;
    }
    eventually(DEADLINE, "all have applied", || async {
        let behind =
            sites.iter().filter(|site| site.is_applied().is_err() || !*site.agent().connected.borrow()).count();
        ensure(behind == 0, &behind)
    })
    .await;
    tokio::time::sleep(IDLE).await;
    let after = hub.resident();
    for site in &mut sites {
        site.stop().await;
    }
    let each = after.saturating_sub(before) as f64 / AGENTS as f64 / 1024.0;
    vec![Figure::new(NAMES[0], each, "KiB"), Figure::mebibytes(NAMES[1], after)]
}
