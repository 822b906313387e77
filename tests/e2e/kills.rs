//! SIGKILL of the real programs at any instant: everything that should be there is, nothing that should not go has
//! gone, and nothing is told twice. The judge is the API server's audit log.
//!
//! Ten kills of each kind; by hand as many as wanted: `SKERRY_KILLS=50 tests/run e2e`.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use skerry_common::backoff::splitmix;
use skerry_tests::audit::AuditLog;
use skerry_tests::controlplane::{ControlPlane, ControlPlaneOptions, Http};
use skerry_tests::programs::{Operator, Process, agent, free_tcp_address, succeeds};
use skerry_tests::stage::{DEADLINE, Stage, ensure, free_address};
use skerry_tests::wait::eventually;

/// Settings in Git that stay.
const SETTINGS: usize = 25;

const SETTINGS_PATH: &str = "/api/v1/namespaces/shop/configmaps";

const LEASE_PATH: &str = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/skerry-agent";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Victim {
    Agent,
    Hub,
}

#[tokio::test(flavor = "multi_thread")]
async fn agents_killed_at_any_instant_converge() {
    play(Victim::Agent, "killagent").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hubs_killed_at_any_instant_converge() {
    play(Victim::Hub, "killhub").await;
}

async fn play(victim: Victim, name: &str) {
    let mut play = Play::build(victim, name).await;
    let kills = kills();
    let span = play.first_sync("quiet", None).await;
    for round in 0..kills {
        play.first_sync(&format!("sync-{round}"), Some(span)).await;
    }
    let span = play.update("quiet", None).await;
    for round in 0..kills {
        play.update(&format!("update-{round}"), Some(span)).await;
    }
    play.tells_everything_once().await;
}

fn kills() -> u64 {
    #[expect(clippy::disallowed_methods, reason = "the one setting of this test, for people")]
    std::env::var("SKERRY_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(10)
}

struct Play {
    victim: Victim,
    plane: ControlPlane,
    client: reqwest::Client,
    stage: Stage,
    api: SocketAddr,
    operator: Operator,
    hub: Option<Process>,
    agent: Option<Process>,
    arguments: Vec<String>,
    cluster: String,
    expected: BTreeMap<String, String>,
    random: u64,
    seed: u64,
}

impl Play {
    async fn build(victim: Victim, name: &str) -> Self {
        let seed = splitmix(u64::from(std::process::id()) ^ name.len() as u64);
        writeln!(std::io::stderr(), "{name}: seed {seed}").expect("stderr");
        let plane = ControlPlane::start(ControlPlaneOptions::api_only(name)).await.expect("a control plane");
        for made in [
            &["create", "namespace", "shop"][..],
            &["create", "serviceaccount", "agent"],
            &["create", "clusterrolebinding", "agent", "--clusterrole=cluster-admin", "--serviceaccount=default:agent"],
            &["-n", "shop", "create", "configmap", "theirs"],
        ] {
            plane.kubectl(made).await.expect("made");
        }
        let mount = plane.account_mount("default", "agent").await.expect("a token");
        let (arguments, client) = (plane.account_arguments(&mount), plane.client(Http::Two));
        let (link, api) = (free_address(), free_tcp_address());
        let stage = Stage::bare(link, link).await;
        stage.declare("false", "{}");
        let expected: BTreeMap<_, _> = (0..SETTINGS).map(|index| (format!("item-{index}"), "0".to_owned())).collect();
        expected.iter().for_each(|(name, value)| stage.settings(name, value));
        stage.work.commit_and_push("first");
        let (hub, operator) = (Some(stage.serve(api)), stage.operator(api));
        let play = Self {
            victim,
            plane,
            client,
            stage,
            api,
            operator,
            hub,
            agent: None,
            arguments,
            cluster: String::new(),
            expected,
            random: seed,
            seed,
        };
        play.hub_answers().await;
        play
    }

    async fn hub_answers(&self) {
        eventually(DEADLINE, "the hub answers", || async { self.operator.prints(&["status"]).map(drop) }).await;
    }

    fn start_agent(&mut self) {
        self.agent = Some(self.stage.run_agent(&self.cluster, &self.arguments));
    }

    /// Kills the victim at an instant within `span`, and starts it again.
    async fn strike(&mut self, span: Duration) {
        self.random = splitmix(self.random);
        let instant = span.mul_f64((self.random % 1_000) as f64 / 1_000.0);
        // Not a wait for anything: the instant is what the seed says.
        tokio::time::sleep(instant).await;
        match self.victim {
            Victim::Agent => {
                self.agent.take().expect("it runs").kill();
                self.start_agent();
            }
            Victim::Hub => {
                self.hub.take().expect("it runs").kill();
                self.hub = Some(self.stage.serve(self.api));
            }
        }
    }

    /// A new cluster on an API server that has nothing of ours; gives how long it took.
    async fn first_sync(&mut self, round: &str, kill_within: Option<Duration>) -> Duration {
        self.agent = None;
        let ours = format!("{SETTINGS_PATH}?labelSelector=skerry.dev/fleet");
        // The lease of the agent that was killed in the last round: nobody is to wait for it.
        for path in [ours.as_str(), LEASE_PATH] {
            let cleared = self.client.delete(format!("{}{path}", self.plane.server_url())).send().await;
            let status = cleared.expect("an answer").status();
            assert!(status.is_success() || status.as_u16() == 404, "{path}: {status}");
        }
        self.hub_answers().await;
        self.cluster = round.to_owned();
        let token = self.operator.register(round);
        succeeds(&mut agent(&self.stage.state_folder(round), &["join", "--token", &token]));
        let audit = self.audit();
        let began = Instant::now();
        self.start_agent();
        if let Some(span) = kill_within {
            self.strike(span).await;
        }
        self.converges(round).await;
        assert_eq!(pruned(&audit), BTreeSet::new(), "{round}, seed {}", self.seed);
        began.elapsed()
    }

    /// A commit that changes every setting, adds one and removes one, while a person edits; gives how long it took.
    async fn update(&mut self, round: &str, kill_within: Option<Duration>) -> Duration {
        let audit = self.audit();
        for value in self.expected.values_mut() {
            *value = round.to_owned();
        }
        let gone: BTreeSet<String> = self.expected.keys().filter(|name| name.starts_with("extra")).cloned().collect();
        for name in &gone {
            self.expected.remove(name);
            self.stage.work.remove(&format!("apps/{name}.yaml"));
        }
        self.expected.insert(format!("extra-{round}"), round.to_owned());
        self.expected.iter().for_each(|(name, value)| self.stage.settings(name, value));
        self.stage.work.commit_and_push(round);
        let began = Instant::now();
        self.operator.webhook().await.expect("the hub is told");
        self.edit("item-3").await;
        if let Some(span) = kill_within {
            self.strike(span).await;
        }
        self.converges(round).await;
        // The log is written after the answer.
        eventually(DEADLINE, "what left Git is logged as deleted", || async {
            let pruned = pruned(&audit);
            ensure(pruned.is_superset(&gone), &format!("{pruned:?}"))
        })
        .await;
        assert_eq!(pruned(&audit), gone, "{round}, seed {}", self.seed);
        began.elapsed()
    }

    async fn edit(&self, name: &str) {
        let url = format!("{}{SETTINGS_PATH}/{name}", self.plane.server_url());
        let request = self.client.patch(url).header("content-type", "application/merge-patch+json");
        let answer = request.body(json!({"data": {"value": "by hand"}}).to_string()).send().await.expect("an answer");
        assert!(answer.status().is_success(), "{answer:?}");
    }

    fn audit(&self) -> AuditLog {
        AuditLog::open(self.plane.audit_log()).from_now_on().expect("an audit log")
    }

    /// Waits until the cluster holds what Git says and nothing else of ours.
    async fn converges(&self, round: &str) {
        let what = format!("{:?} killed in {round}, seed {}: it ends as Git says", self.victim, self.seed);
        eventually(DEADLINE, &what, || async {
            let url = format!("{}{SETTINGS_PATH}?labelSelector=skerry.dev/fleet", self.plane.server_url());
            let answer = self.client.get(url).send().await.map_err(|error| error.to_string())?;
            let list: Value = answer.json().await.map_err(|error| error.to_string())?;
            let items = list["items"].as_array().cloned().unwrap_or_default();
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let found = items.iter().map(|item| (text(&item["metadata"]["name"]), text(&item["data"]["value"])));
            let found: BTreeMap<_, _> = found.collect();
            ensure(found == self.expected, &format!("{found:?}"))
        })
        .await;
    }

    /// What happened is listed in order, whole, and once.
    async fn tells_everything_once(&self) {
        // The journal is told in order: when the last drift is here, everything is.
        let url = format!("{}{SETTINGS_PATH}/item-7", self.plane.server_url());
        let deleted: Value = self.client.delete(url).send().await.expect("an answer").json().await.expect("JSON");
        let uid = deleted["details"]["uid"].clone();
        let drifts = eventually(DEADLINE, "the last drift is listed as closed", || async {
            let drifts = self.operator.list(&["drift"])?;
            let told = drifts.iter().any(|drift| drift["uid"] == uid && !drift["closedAt"].is_null());
            ensure(told, &format!("{} drifts, none closed of {uid}", drifts.len())).map(|()| drifts)
        })
        .await;
        let fields = drifts.iter().flat_map(|drift| {
            let fields = drift["fields"].as_array().cloned().unwrap_or_default();
            fields.into_iter().map(|field| format!("{} {} {}", drift["uid"], drift["resourceVersion"], field["path"]))
        });
        all_different(fields);
        let events = self.operator.list(&["events"]).expect("lists");
        all_different(
            events.iter().map(|event| format!("{} {} {}", event["cluster"], event["incarnation"], event["sequence"])),
        );
        let theirs = self.plane.kubectl(&["-n", "shop", "get", "configmap", "theirs"]).await;
        theirs.expect("what is not ours is left alone");
    }
}

/// What the agent deleted since then.
fn pruned(audit: &AuditLog) -> BTreeSet<String> {
    let writes = audit.writes().expect("reads").by_account("default", "agent").succeeded();
    writes.matching(|event| event.verb.starts_with("delete")).0.into_iter().map(|event| event.name).collect()
}

fn all_different(keys: impl Iterator<Item = String>) {
    let mut seen = BTreeSet::new();
    for key in keys {
        assert!(seen.insert(key.clone()), "{key} is listed twice");
    }
    assert!(!seen.is_empty(), "nothing is listed");
}
