//! What is judged by the clock, played once with the real programs on two real API servers.
//!
//! `tests/run e2e` shows that all of it happens, with wide deadlines; `tests/bench` publishes how long it took.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::controlplane::{ControlPlane, ControlPlaneOptions, Http};
use crate::programs::{Operator, Process, agent, free_tcp_address};
use crate::stage::{DEADLINE, Stage, ensure, free_address};
use crate::wait::eventually;

/// The names of the figures, in the order in which they come.
pub const NAMES: [&str; 6] = [
    "push-to-applied-in-two-clusters",
    "deleted-object-healed",
    "edited-object-healed",
    "first-heal-after-sigkill-offline",
    "drifts-listed-after-hub-returns",
    "broken-commit-told-with-line",
];

/// One API server and the agent on it.
struct Site {
    name: &'static str,
    plane: ControlPlane,
    client: reqwest::Client,
    agent: Option<Process>,
}

struct Play {
    stage: Stage,
    api: SocketAddr,
    operator: Operator,
    hub: Option<Process>,
    sites: [Site; 2],
}

/// Plays everything and gives how long each took.
///
/// # Panics
///
/// When something does not happen.
pub async fn play() -> Vec<(&'static str, Duration)> {
    let mut play = Play::build().await;
    let mut figures = vec![(NAMES[0], play.pushes().await)];
    let site = &play.sites[0];
    figures.push((NAMES[1], site.deletes("one").await));
    figures.push((NAMES[2], site.edits("one").await));
    figures.push((NAMES[3], play.heals_alone().await));
    figures.push((NAMES[4], play.tells_of_both().await));
    figures.push((NAMES[5], play.breaks().await));
    figures
}

/// The agent of a cluster joins, and says each step that it passed.
fn joins(stage: &Stage, name: &str, token: &str) {
    let joined = agent(&stage.state_folder(name), &["join", "--token", token]).output().expect("runs");
    let told = String::from_utf8_lossy(&joined.stderr).into_owned();
    let mut steps = told.lines().filter_map(|line| line.strip_prefix("✓ "));
    for step in ["keys made", "hub reached at ", "certificate granted", "trust root is the pinned", "identity stored"] {
        assert!(steps.next().is_some_and(|it| it.starts_with(step)), "`{step}` is missing: {told}");
    }
    assert!(joined.status.success(), "{told}");
}

impl Play {
    async fn build() -> Self {
        let (first, second) = tokio::join!(Site::start("north"), Site::start("south"));
        let (link, api) = (free_address(), free_tcp_address());
        let stage = Stage::bare(link, link).await;
        stage.declare("false", "{}");
        stage.namespace("shop");
        stage.settings("one", "1");
        stage.settings("two", "2");
        stage.work.commit_and_push("first");
        let (hub, operator) = (Some(stage.serve(api)), stage.operator(api));
        let mut play = Self { stage, api, operator, hub, sites: [first, second] };
        play.hub_answers().await;
        for site in &mut play.sites {
            let token = play.operator.register(site.name);
            joins(&play.stage, site.name, &token);
            site.run(&play.stage);
        }
        for site in &play.sites {
            site.shows("two", "2").await;
        }
        play
    }

    async fn hub_answers(&self) {
        eventually(DEADLINE, "the hub answers", || async { self.operator.prints(&["status"]).map(drop) }).await;
    }

    /// From the end of `git push` and the webhook after it to the change in both clusters.
    async fn pushes(&self) -> Duration {
        self.stage.settings("one", "pushed");
        self.stage.work.commit_and_push("a change");
        let began = Instant::now();
        self.operator.webhook().await.expect("the hub is told");
        tokio::join!(self.sites[0].shows("one", "pushed"), self.sites[1].shows("one", "pushed"));
        began.elapsed()
    }

    /// The hub is gone, the agent is killed, an object is deleted, the agent is started: until it is back.
    async fn heals_alone(&mut self) -> Duration {
        self.hub.take().expect("it runs").kill();
        let site = &mut self.sites[0];
        site.deletes("one").await;
        site.agent.take().expect("it runs").kill();
        let uid = site.delete("two").await;
        let began = Instant::now();
        site.run(&self.stage);
        site.replaced("two", &uid).await;
        began.elapsed()
    }

    /// From the start of the hub until `skerry get drift` lists what happened without it.
    async fn tells_of_both(&mut self) -> Duration {
        let began = Instant::now();
        self.hub = Some(self.stage.serve(self.api));
        eventually(DEADLINE, "`skerry get drift` lists both", || async {
            let drifts = self.operator.list(&["drift", "-c", self.sites[0].name])?;
            let names = |name: &str| {
                let of = |drift: &&Value| drift["object"]["name"] == name && !drift["closedAt"].is_null();
                drifts.iter().filter(of).count()
            };
            // `one` was deleted and edited before, and deleted again without the hub.
            ensure(names("one") == 3 && names("two") == 1, &json!(drifts))
        })
        .await;
        began.elapsed()
    }

    /// From a push that cannot be read until the command line shows file and line; nothing changes in the clusters.
    async fn breaks(&self) -> Duration {
        self.stage.work.write("apps/two.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: two\n");
        self.stage.work.commit_and_push("broken");
        let began = Instant::now();
        self.operator.webhook().await.expect("the hub is told");
        eventually(DEADLINE, "file and line are shown", || async {
            let text = self.operator.prints(&["describe", "cluster", self.sites[0].name])?;
            ensure(text.contains("apps/two.yaml:"), &text)
        })
        .await;
        let took = began.elapsed();
        for site in &self.sites {
            site.shows("two", "2").await;
        }
        took
    }
}

impl Site {
    async fn start(name: &'static str) -> Self {
        let plane = ControlPlane::start(ControlPlaneOptions::api_only(name)).await.expect("a control plane");
        let client = plane.client(Http::Two);
        Self { name, plane, client, agent: None }
    }

    fn run(&mut self, stage: &Stage) {
        let kubeconfig = self.plane.kubeconfig().display().to_string();
        self.agent = Some(stage.run_agent(self.name, &["--kubeconfig".to_owned(), kubeconfig]));
    }

    fn url(&self, name: &str) -> String {
        format!("{}/api/v1/namespaces/shop/configmaps/{name}", self.plane.server_url())
    }

    async fn read(&self, name: &str) -> Result<Value, String> {
        let answer = self.client.get(self.url(name)).send().await.map_err(|error| error.to_string())?;
        answer.json().await.map_err(|error| error.to_string())
    }

    async fn shows(&self, name: &str, wanted: &str) {
        eventually(DEADLINE, &format!("{name} is `{wanted}`"), || async {
            let found = self.read(name).await?;
            ensure(found["data"]["value"] == wanted, &found)
        })
        .await;
    }

    /// A person deletes; gives the uid of what is gone.
    async fn delete(&self, name: &str) -> Value {
        let answer = self.client.delete(self.url(name)).send().await.expect("an answer");
        answer.json::<Value>().await.expect("JSON")["details"]["uid"].clone()
    }

    async fn replaced(&self, name: &str, uid: &Value) {
        eventually(DEADLINE, &format!("{name} is there again"), || async {
            let found = self.read(name).await?;
            ensure(found["metadata"]["uid"].is_string() && found["metadata"]["uid"] != *uid, &found)
        })
        .await;
    }

    async fn deletes(&self, name: &str) -> Duration {
        let began = Instant::now();
        let uid = self.delete(name).await;
        self.replaced(name, &uid).await;
        began.elapsed()
    }

    async fn edits(&self, name: &str) -> Duration {
        let began = Instant::now();
        let request = self.client.patch(self.url(name)).header("content-type", "application/merge-patch+json");
        let answer = request.body(json!({"data": {"value": "by hand"}}).to_string()).send().await.expect("an answer");
        assert!(answer.status().is_success(), "{answer:?}");
        self.shows(name, "pushed").await;
        began.elapsed()
    }
}
