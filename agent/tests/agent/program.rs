//! The program `skerry-agent`, as an operator runs it: offline, with files, whether or not it runs.
//!
//! Its Kubernetes API does not answer, so nothing is applied; what is in force does not depend on that.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use skerry_certs::root_key::SigningKey;
use skerry_common::bundle::manifest::Policy;
use skerry_common::join::offline::{JoinReplyFile, JoinRequestFile};

use crate::fleet::Fleet;

/// Wide: starts take a second, but machines may be busy.
const DEADLINE: Duration = Duration::from_secs(60);

/// How long is waited between two looks.
const LOOK: Duration = Duration::from_millis(100);

/// A fleet, and the folder in which one agent of it lives.
struct Site {
    fleet: Fleet,
    folder: tempfile::TempDir,
}

impl Site {
    fn make() -> Self {
        Self { fleet: Fleet::make(), folder: tempfile::tempdir().expect("a folder") }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn agent(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_skerry-agent"));
        command.arg("--state-folder").arg(self.path("state")).args(arguments);
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.agent(arguments).output().expect("runs")
    }

    /// Does what the hub does with a request.
    fn reply(&self, request: &Path, reply: &Path) {
        let request = JoinRequestFile::parse(&std::fs::read(request).expect("reads")).expect("a request");
        let grant = self.fleet.grant(&request.csr);
        std::fs::write(reply, JoinReplyFile::new(grant).to_bytes().expect("bytes")).expect("writes");
    }

    fn join(&self) {
        let (request, reply) = (self.path("request"), self.path("reply"));
        let asked = self.agent(&["join", "--offline", "--request"]).arg(&request).output().expect("runs");
        success(&asked);
        assert_eq!(
            steps(&asked),
            [
                "keys made on this machine".into(),
                format!("request written to `{}`: carry it to the hub and bring back its reply", request.display())
            ]
        );
        self.reply(&request, &reply);
        let joined = self.agent(&["join", "--offline", "--reply"]).arg(&reply).output().expect("runs");
        assert!(success(&joined).contains("cluster reef of fleet f1"), "{joined:?}");
        let [believed, stored] = steps(&joined).try_into().expect("two steps");
        assert!(believed.starts_with("trust root sha256:") && believed.contains("--pin"), "{believed}");
        assert_eq!(stored, "identity stored");
    }

    /// Writes an archive, signed by this key.
    fn archive(&self, generation: u64, key: &SigningKey) -> PathBuf {
        let archive = self.fleet.archive(generation, &Policy::default(), &[], key);
        let path = self.path("bundle.tar");
        std::fs::write(&path, archive.to_bytes().expect("bytes")).expect("writes");
        path
    }

    fn import(&self, archive: &Path) -> Output {
        self.agent(&["import"]).arg(archive).output().expect("runs")
    }

    fn status(&self) -> serde_json::Value {
        let shown = success(&self.run(&["status", "-o", "json"]));
        serde_json::from_str(&shown).expect("JSON")
    }

    /// What the running agent's admin server answers, head and body.
    fn ask(&self, path: &str) -> String {
        let address = std::fs::read_to_string(self.path("state/admin.address")).expect("is noted");
        let mut stream = TcpStream::connect(address).expect("is served");
        stream.set_read_timeout(Some(DEADLINE)).expect("is set");
        write!(stream, "GET {path} HTTP/1.0\r\n\r\n").expect("is sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("is answered");
        answer
    }

    /// Starts the agent on a Kubernetes API that does not answer, and waits until it can be asked.
    fn start(&self) -> Running {
        let kubeconfig = self.path("kubeconfig");
        std::fs::write(&kubeconfig, KUBECONFIG).expect("writes");
        let mut command = self.agent(&["run", "--offline", "--admin", "127.0.0.1:0", "--kubeconfig"]);
        let child = command.arg(&kubeconfig).stderr(Stdio::null()).spawn().expect("runs");
        let mut running = Running(child);
        eventually("the agent can be asked", || {
            assert_eq!(running.0.try_wait().expect("can be asked"), None, "the agent ended");
            let shown = self.run(&["status", "-o", "json"]);
            shown.status.success() && String::from_utf8_lossy(&shown.stdout).contains("\"running\": true")
        });
        running
    }
}

const KUBECONFIG: &str = "\
apiVersion: v1
kind: Config
current-context: nowhere
contexts: [{name: nowhere, context: {cluster: nowhere, user: nobody}}]
clusters: [{name: nowhere, cluster: {server: 'https://127.0.0.1:1'}}]
users: [{name: nobody, user: {token: none}}]
";

/// An agent that runs; killed when the test fails.
struct Running(Child);

impl Running {
    /// Asks it to stop and waits; gives the exit code.
    fn stop(mut self) -> Option<i32> {
        let pid = self.0.id().to_string();
        assert!(Command::new("kill").arg(pid).status().expect("kill runs").success());
        self.0.wait().expect("is waited for").code()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Already gone when the test went well.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < DEADLINE, "not within {DEADLINE:?}: {what}");
        std::thread::park_timeout(LOOK);
    }
}

/// The steps that a join says it passed.
fn steps(output: &Output) -> Vec<String> {
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    told.lines().filter_map(|line| line.strip_prefix("✓ ")).map(str::to_owned).collect()
}

fn success(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout.clone()).expect("text")
}

fn refused(output: &Output, code: i32, start: &str) {
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{output:?}");
    assert!(told.starts_with(start) || told.contains(&format!("\n{start}")), "{told}");
    assert!(told.contains("help: "), "{told}");
}

#[test]
fn an_agent_that_has_not_joined_says_what_to_do() {
    let site = Site::make();
    refused(&site.run(&["status"]), 2, "error[SK0920]: ");
    refused(&site.run(&["run", "--admin", "off", "--kubeconfig", "none"]), 2, "error[SK0920]: ");
    refused(&site.run(&["drift"]), 2, "error[SK0920]: ");
    refused(&site.run(&["diff"]), 3, "error[SK0925]: ");
    assert_eq!(site.run(&["diff", "--nonsense"]).status.code(), Some(2));
    refused(&site.import(&site.archive(1, &site.fleet.bundle_key)), 2, "error[SK0920]: ");
}

#[test]
fn joining_by_files_twice_is_joining_once() {
    let site = Site::make();
    site.join();
    let again = site.agent(&["join", "--offline", "--reply"]).arg(site.path("reply")).output().expect("runs");
    success(&again);
    assert_eq!(steps(&again), ["already joined"]);
}

#[test]
fn an_archive_is_taken_when_no_agent_runs_and_when_one_does() {
    let site = Site::make();
    site.join();
    assert_eq!(success(&site.import(&site.archive(1, &site.fleet.bundle_key))), "generation 1\n");
    let stored = site.status();
    assert_eq!((&stored["running"], &stored["current"]["place"]["generation"]), (&false.into(), &1.into()));

    let running = site.start();
    assert_eq!(site.status()["current"]["place"]["generation"], 1, "what was stored is in force");
    let handed = site.import(&site.archive(2, &site.fleet.bundle_key));
    assert_eq!(success(&handed), "generation 2\n");
    assert!(String::from_utf8_lossy(&handed.stderr).contains("taken by the agent"), "{handed:?}");
    assert_eq!(site.status()["current"]["place"]["generation"], 2);
    refused(&site.import(&site.archive(3, &site.fleet.root_key)), 2, "error[SK0918]: ");
    refused(&site.run(&["run", "--admin", "off", "--kubeconfig", "none"]), 3, "error[SK0922]: ");
    assert_eq!(running.stop(), Some(0));

    assert_eq!(site.status()["current"]["place"]["generation"], 2, "and it stays");
    refused(&site.import(&site.archive(1, &site.fleet.bundle_key)), 2, "error[SK0");
    refused(&site.import(&site.archive(3, &site.fleet.root_key)), 2, "error[SK0501]: ");
}

#[test]
fn the_admin_server_tells_health_and_numbers() {
    let site = Site::make();
    site.join();
    let running = site.start();
    assert!(site.ask("/healthz").starts_with("HTTP/1.0 200"));
    assert!(site.ask("/readyz").starts_with("HTTP/1.0 200"), "without a bundle there is nothing to wait for");
    assert_eq!(success(&site.import(&site.archive(7, &site.fleet.bundle_key))), "generation 7\n");
    assert!(site.ask("/readyz").starts_with("HTTP/1.0 503"), "nothing can be planned without a Kubernetes API");
    let metrics = site.ask("/metrics");
    for line in [
        "skerry_agent_generation_current 7",
        "skerry_agent_generation_applied 0",
        "skerry_agent_connected 0",
        "skerry_agent_drifts_open 0",
        "skerry_agent_prunes_held 0",
        "skerry_agent_objects{health=\"degraded\"} 0",
    ] {
        assert!(metrics.lines().any(|it| it == line), "`{line}` is missing: {metrics}");
    }
    assert!(site.ask("/nothing").starts_with("HTTP/1.0 404"));
    assert!(site.ask("/diff").starts_with("HTTP/1.0 503"), "nothing is planned");
    refused(&site.run(&["diff"]), 3, "error[SK0925]: ");
    assert_eq!(success(&site.run(&["drift"])), "", "nothing has drifted");
    assert_eq!(success(&site.run(&["drift", "-o", "json"])), "[]\n");
    assert_eq!(running.stop(), Some(0));
}

#[test]
fn what_is_wrong_with_the_arguments_is_told_like_any_error() {
    let site = Site::make();
    for (arguments, says) in [(&["chek"][..], "chek"), (&["--log", "skerry_agent=loud", "version"], "--log")] {
        let refused = site.run(arguments);
        let said = String::from_utf8_lossy(&refused.stderr);
        assert_eq!(refused.status.code(), Some(2), "{said}");
        assert!(said.starts_with("error[SK0905]: ") && said.contains(says), "{said}");
    }
}
