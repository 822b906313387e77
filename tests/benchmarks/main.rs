//! Measures Skerry against what it stands on, on the same server in the same run.
//!
//! Ratios matter: absolute times depend on the machine and on what else it does.

#![expect(clippy::print_stdout, reason = "figures are the output")]
#![expect(clippy::print_stderr, reason = "progress is talk")]

mod objects;
mod raw;
mod relay;
mod stage;

use std::sync::Arc;
use std::time::{Duration, Instant};

use skerry_tests::controlplane::{ControlPlane, ControlPlaneOptions};
use skerry_tests::wait::eventually;

use stage::Stage;

/// Wide: a figure that takes longer is no figure.
const DEADLINE: Duration = Duration::from_secs(300);

/// Objects in the large bundle: 250 each of four kinds.
const OBJECTS: usize = 1_000;

/// One figure.
struct Figure {
    name: &'static str,
    value: f64,
    unit: &'static str,
    against: String,
    ratio: Option<f64>,
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let json = arguments.iter().any(|argument| argument == "--json");
    let only = arguments.iter().find(|argument| !argument.starts_with('-')).cloned();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let mut figures = runtime.block_on(measure());
    figures.retain(|figure| only.as_ref().is_none_or(|name| figure.name.starts_with(name.as_str())));
    if json {
        let list: Vec<_> = figures
            .iter()
            .map(|it| {
                serde_json::json!({
                    "name": it.name, "value": it.value, "unit": it.unit, "against": it.against, "ratio": it.ratio,
                })
            })
            .collect();
        println!("{}", serde_json::Value::from(list));
    } else {
        for Figure { name, value, unit, against, ratio } in &figures {
            let ratio = ratio.map_or("-".to_owned(), |ratio| format!("{ratio:.2}"));
            println!("{name} {value:.1} {unit} {against} {ratio}");
        }
    }
}

/// The fastest of some plain clients, and which.
async fn fastest_raw(plane: &ControlPlane) -> (f64, &'static str) {
    let mut best = (0.0, "-");
    for (name, connections, http2) in
        [("http1-8", 8, false), ("http1-32", 32, false), ("http2-1", 1, true), ("http2-8", 8, true)]
    {
        let namespace = format!("raw-{name}");
        let rate = raw::apply_all(plane, &namespace, &objects::all(OBJECTS, &namespace), connections, http2).await;
        eprintln!("raw {name}: {rate:.0} objects/s");
        if rate > best.0 {
            best = (rate, name);
        }
    }
    best
}

async fn measure() -> Vec<Figure> {
    skerry_certs::tls::install_provider();
    let plane = ControlPlane::start(ControlPlaneOptions::api_only("bench")).await.expect("a control plane");
    let mut figures = Vec::new();
    eprintln!("plain server-side applies of {OBJECTS} objects …");
    let (raw, against) = fastest_raw(&plane).await;

    eprintln!("the agent applies {OBJECTS} objects …");
    let mut stage = Stage::build(&plane, OBJECTS).await;
    let took = stage.first_sync().await;
    let rate = OBJECTS as f64 / took.as_secs_f64();
    figures.push(figure("apply-1000", rate, "objects/s", against, Some(rate / raw)));

    eprintln!("a one-line change …");
    let before = stage.relay.to_agent();
    let began = Instant::now();
    stage.change_one_line().await;
    stage.applied_anew().await;
    let pushed = began.elapsed();
    // What is under way settles: acknowledgements of the report.
    eventually(DEADLINE, "the link is quiet", || async { stage.is_quiet() }).await;
    figures.push(figure("one-line-change", (stage.relay.to_agent() - before) as f64, "B", "-", None));
    figures.push(figure("push-to-applied", pushed.as_secs_f64() * 1000.0, "ms", "-", None));

    eprintln!("a deleted object, with the hub gone …");
    stage.stop_hub().await;
    let took = stage.heal_offline(&plane).await;
    figures.push(figure("first-heal-after-restart-offline", took.as_secs_f64() * 1000.0, "ms", "-", None));
    figures.push(figure("writes-of-a-quiet-restart", stage.quiet_restart(&plane).await as f64, "requests", "-", None));
    if let Some(bytes) = stage.resident(&plane).await {
        figures.push(figure("agent-resident-memory", bytes as f64 / 1048576.0, "MiB", "-", None));
    }
    stage.close().await;
    drop(Arc::new(plane));
    figures
}

fn figure(name: &'static str, value: f64, unit: &'static str, against: &str, ratio: Option<f64>) -> Figure {
    Figure { name, value, unit, against: against.to_owned(), ratio }
}
