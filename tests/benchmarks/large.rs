//! One thousand objects on one real API server: plain clients, `kubectl` and the agent beside each other.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use futures::StreamExt as _;
use serde_json::json;
use skerry_agent::cluster::kube::Access;
use skerry_common::report::BundleMark;
use skerry_tests::audit::{AuditEvent, AuditLog};
use skerry_tests::controlplane::{ControlPlane, ControlPlaneOptions, Http};
use skerry_tests::programs::Process;
use skerry_tests::relay::Relay;
use skerry_tests::stage::{Site, Stage, ensure, free_address};
use skerry_tests::wait::eventually;

use crate::{DEADLINE, Figure, IDLE, objects, raw};

/// Objects in the bundle: 250 each of four kinds.
const OBJECTS: usize = 1_000;

/// Objects of others that appear.
const FOREIGN: usize = 20_000;

/// Requests under way at once while they are made.
const FOREIGN_AT_ONCE: usize = 32;

pub(crate) const NAMES: [&str; 11] = [
    "apply-1000",
    "kubectl-apply-1000",
    "one-line-change",
    "push-to-applied-1000",
    "agent-memory",
    "agent-memory-growth-20000-foreign",
    "first-heal-after-sigkill-offline-1000",
    "quiet-restart-writes",
    "quiet-restart-requests",
    "quiet-restart-read",
    "quiet-restart",
];

/// A plain client: name, connections, protocol.
const PLAIN: [(&str, usize, Http); 6] = [
    ("http1-1", 1, Http::One),
    ("http1-8", 8, Http::One),
    ("http1-32", 32, Http::One),
    ("http2-1", 1, Http::Two),
    ("http2-8", 8, Http::Two),
    ("http2-32", 32, Http::Two),
];

pub(crate) async fn measure() -> Vec<Figure> {
    let plane = ControlPlane::start(ControlPlaneOptions::api_only("bench")).await.expect("a control plane");
    let mut play = Play::build(&plane).await;
    let mut figures = play.applies().await;
    figures.extend(play.changes_one_line().await);
    figures.extend(play.idles().await);
    figures.extend(play.restarts().await);
    play.stage.stop_hub().await;
    figures
}

/// The rate of one plain client, in a namespace of its own.
async fn plain(plane: &ControlPlane, (name, connections, http): (&str, usize, Http), round: usize) -> f64 {
    let namespace = format!("plain-{name}-{round}");
    let rate = raw::apply_all(plane, &namespace, &objects::all(OBJECTS, &namespace), connections, http).await;
    eprintln!("plain {name}: {rate:.0} objects/s");
    rate
}

struct Play<'a> {
    plane: &'a ControlPlane,
    stage: Stage,
    relay: Relay,
    site: Site<Access>,
    applied: Option<BundleMark>,
}

impl<'a> Play<'a> {
    async fn build(plane: &'a ControlPlane) -> Self {
        let link = free_address();
        let relay = Relay::start(link).await;
        let mut stage = Stage::bare(link, relay.address).await;
        stage.declare("false", "{}");
        stage.namespace("shop");
        for object in objects::all(OBJECTS, "shop") {
            let kind = object["kind"].as_str().unwrap_or_default().to_lowercase();
            let name = object["metadata"]["name"].as_str().unwrap_or_default();
            stage.work.write(&format!("apps/{kind}-{name}.json"), object.to_string());
        }
        stage.work.commit_and_push("first");
        stage.start_hub().await;
        let access = Access::Kubeconfig { path: plane.kubeconfig().to_owned(), context: None };
        let site = stage.joined_on("bench", access).await;
        // The bundle is there before the agent is, so that only the agent is measured.
        stage.newest(&site).await;
        Self { plane, stage, relay, site, applied: None }
    }

    /// The same objects by plain clients, by `kubectl`, and by the agent: from accept to last answer.
    async fn applies(&mut self) -> Vec<Figure> {
        eprintln!("{OBJECTS} objects by plain server-side applies …");
        let mut fastest = (PLAIN[0], 0.0);
        for client in PLAIN {
            let rate = plain(self.plane, client, 0).await;
            if rate > fastest.1 {
                fastest = (client, rate);
            }
        }
        eprintln!("{OBJECTS} objects by the agent …");
        self.site.start().await;
        let mut target = self.site.agent().targets.subscribe();
        let accepted = target.wait_for(Option::is_some);
        tokio::time::timeout(DEADLINE, accepted).await.expect("accepts").expect("lives");
        let began = Instant::now();
        self.applied_anew().await;
        let agent = OBJECTS as f64 / began.elapsed().as_secs_f64();
        // The fastest again: a machine's mood changes, and what the agent is held against must share it.
        let ((name, ..), before) = fastest;
        let rate = f64::midpoint(before, plain(self.plane, fastest.0, 1).await);
        eprintln!("{OBJECTS} objects by kubectl …");
        let kubectl = self.kubectl().await;
        let against = format!("plain-{name}");
        vec![
            Figure::new("apply-1000", agent, "objects/s").against(&against, rate),
            Figure::new("kubectl-apply-1000", kubectl, "objects/s").against(&against, rate),
        ]
    }

    async fn kubectl(&self) -> f64 {
        self.plane.kubectl(&["create", "namespace", "kubectl"]).await.expect("a namespace");
        let list = json!({"apiVersion": "v1", "kind": "List", "items": objects::all(OBJECTS, "kubectl")}).to_string();
        let began = Instant::now();
        let arguments = ["apply", "--server-side", "-f", "-"];
        self.plane.kubectl_stdin(&arguments, &list).await.expect("applied");
        OBJECTS as f64 / began.elapsed().as_secs_f64()
    }

    /// Waits until another bundle is applied whole.
    async fn applied_anew(&mut self) {
        let before = self.applied;
        let mut snapshot = self.site.agent().snapshot.clone();
        let applied = snapshot.wait_for(|snapshot| snapshot.applied.is_some() && snapshot.applied != before);
        self.applied = tokio::time::timeout(DEADLINE, applied).await.expect("applies").expect("lives").applied;
    }

    /// UDP payload to the agent, acknowledgements and all, and the way from push to applied.
    async fn changes_one_line(&mut self) -> Vec<Figure> {
        eprintln!("a one-line change …");
        self.is_quiet().await;
        let before = self.relay.to_agent();
        let object = objects::all(1, "shop")[0].to_string().replace("\"value\":\"1\"", "\"value\":\"2\"");
        self.stage.work.write("apps/deployment-web-0.json", &object);
        self.stage.work.commit_and_push("one line");
        let began = Instant::now();
        self.stage.hub().poke.send(skerry_hub::api::Poke::default()).await.expect("the hub listens");
        self.applied_anew().await;
        let took = began.elapsed();
        self.is_quiet().await;
        let bytes = (self.relay.to_agent() - before) as f64;
        vec![Figure::new("one-line-change", bytes, "B"), Figure::milliseconds("push-to-applied-1000", took)]
    }

    /// Waits until nothing has passed to the agent for a second.
    async fn is_quiet(&self) {
        let since = Mutex::new((0, Instant::now()));
        eventually(DEADLINE, "the link is quiet", || async {
            let now = self.relay.to_agent();
            let mut since = since.lock().map_err(|error| error.to_string())?;
            if since.0 != now {
                *since = (now, Instant::now());
            }
            ensure(since.1.elapsed() > Duration::from_secs(1), &now)
        })
        .await;
    }

    fn run_agent(&self) -> Process {
        let kubeconfig = self.plane.kubeconfig().display().to_string();
        self.stage.run_agent("bench", &["--kubeconfig".to_owned(), kubeconfig])
    }

    /// Memory of the program, idle, connected; before and after others made many objects. Then the hub goes, the
    /// program is killed, an object is deleted, the program starts: until the object is back.
    async fn idles(&mut self) -> Vec<Figure> {
        self.site.stop().await;
        let agent = self.run_agent();
        eprintln!("the agent idles …");
        tokio::time::sleep(IDLE).await;
        let before = agent.resident();
        eprintln!("{FOREIGN} objects of others …");
        self.foreign().await;
        tokio::time::sleep(IDLE).await;
        let growth = agent.resident().saturating_sub(before);
        self.stage.stop_hub().await;
        agent.kill();
        self.plane.kubectl(&["-n", "shop", "delete", "service", "web-7"]).await.expect("deletes");
        let audit = self.audit();
        let began = Instant::now();
        let _agent = self.run_agent();
        eventually(DEADLINE, "the service is back", || async {
            let writes = audit.writes().map_err(|error| error.to_string())?.resource("services").named("web-7");
            ensure(writes.count() > 0, &"not yet")
        })
        .await;
        vec![
            Figure::mebibytes("agent-memory", before),
            Figure::mebibytes("agent-memory-growth-20000-foreign", growth),
            Figure::milliseconds("first-heal-after-sigkill-offline-1000", began.elapsed()),
        ]
    }

    async fn foreign(&self) {
        self.plane.kubectl(&["create", "namespace", "foreign"]).await.expect("a namespace");
        let client = self.plane.client(Http::Two);
        let url = format!("{}/api/v1/namespaces/foreign/configmaps", self.plane.server_url());
        let made = (0..FOREIGN).map(|index| {
            let object = json!({
                "apiVersion": "v1", "kind": "ConfigMap",
                "metadata": {"name": format!("foreign-{index}")}, "data": {"value": "x".repeat(200)},
            });
            let asked = client.post(&url).header("content-type", "application/json").body(object.to_string()).send();
            // Read to its end: an answer that is dropped resets its stream, and servers count those.
            async move { asked.await?.error_for_status()?.bytes().await }
        });
        let answers = futures::stream::iter(made).buffer_unordered(FOREIGN_AT_ONCE);
        answers.for_each(|answer| async { drop(answer.expect("made")) }).await;
    }

    fn audit(&self) -> AuditLog {
        AuditLog::open(self.plane.audit_log()).from_now_on().expect("an audit log")
    }

    /// What an agent asks of the API server that starts and finds nothing changed, and how long it takes to plan:
    /// with what it remembered of live objects, and without. A controller wrote to every fourth object meanwhile, so
    /// that their versions are not the ones applied.
    async fn restarts(&mut self) -> Vec<Figure> {
        eprintln!("restarts with nothing changed …");
        let touch = ["-n", "shop", "label", "services", "--all", "seen=yes"];
        let controller = ["--field-manager", "kube-controller-manager"];
        self.plane.kubectl(&[touch.as_slice(), &controller].concat()).await.expect("labels");
        // One that writes what it knows, then one that reads it, then one that cannot.
        self.restart().await;
        let with = self.restart().await;
        std::fs::remove_dir_all(self.site.options.state_folder.join("ledger")).expect("there is a ledger");
        let without = self.restart().await;
        let against = "without-ledger";
        let milliseconds = |restart: &Restart| restart.took.as_secs_f64() * 1000.0;
        vec![
            Figure::new("quiet-restart-writes", with.writes as f64, "requests"),
            Figure::new("quiet-restart-requests", with.requests as f64, "requests")
                .against(against, without.requests as f64),
            Figure::new("quiet-restart-read", with.read / 1024.0, "KiB").against(against, without.read / 1024.0),
            Figure::milliseconds("quiet-restart", with.took).against(against, milliseconds(&without)),
        ]
    }

    /// Starts the agent and waits until everything is planned and applied.
    async fn restart(&mut self) -> Restart {
        let audit = self.audit();
        let read = self.read().await;
        let began = Instant::now();
        self.site.start().await;
        let mut snapshot = self.site.agent().snapshot.clone();
        let planned = snapshot.wait_for(|snapshot| {
            let tally = snapshot.tally;
            (tally.keep + tally.inspect) as usize >= OBJECTS && tally.inspect == 0
        });
        tokio::time::timeout(DEADLINE, planned).await.expect("plans").expect("lives");
        let took = began.elapsed();
        self.site.stop().await;
        let read = self.read().await - read;
        let events = audit.events().expect("reads").by_user("kubernetes-admin").without_resource("leases");
        let requests = events.count();
        Restart { writes: events.matching(AuditEvent::is_write).count(), requests, read, took }
    }

    /// Bytes that the API server gave to readers since it started, by its own count.
    async fn read(&self) -> f64 {
        let metrics = self.plane.kubectl(&["get", "--raw", "/metrics"]).await.expect("metrics");
        let sums = metrics.lines().filter(|line| line.starts_with("apiserver_response_sizes_sum"));
        sums.filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok()).sum()
    }
}

/// What one start of the agent cost.
struct Restart {
    writes: usize,
    requests: usize,
    /// Bytes of the API server's answers to reads.
    read: f64,
    took: Duration,
}
