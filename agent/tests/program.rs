//! The program `skerry-agent`, as an operator runs it: offline, with files, whether or not it runs.
//!
//! Its Kubernetes API does not answer, so nothing is applied; what is in force does not depend on that.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use skerry_certs::authority::Authority;
use skerry_certs::request::SigningRequest;
use skerry_certs::root_key::SigningKey;
use skerry_common::bundle::archive::Archive;
use skerry_common::bundle::digest::BlobRef;
use skerry_common::bundle::manifest::{Manifest, Policy};
use skerry_common::bundle::root::{ApplicationRef, BUNDLE_TYPE, BundleRoot};
use skerry_common::bundle::signature::Envelope;
use skerry_common::bundle::trust::{TRUST_ROOT_TYPE, TrustRoot};
use skerry_common::id::{ApplicationName, ClusterId, ClusterName, Epoch, FleetId, Generation};
use skerry_common::join::offline::{JoinReplyFile, JoinRequestFile};
use skerry_common::wire::v1::Grant;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Wide: starts take a second, but machines may be busy.
const DEADLINE: Duration = Duration::from_secs(60);

/// How long is waited between two looks.
const LOOK: Duration = Duration::from_millis(100);

/// A fleet without a hub.
struct Fleet {
    authority: Authority,
    root_key: SigningKey,
    bundle_key: SigningKey,
    trust: Envelope,
    folder: tempfile::TempDir,
}

fn text(at: OffsetDateTime) -> String {
    at.replace_nanosecond(0).expect("a time").format(&Rfc3339).expect("a time")
}

fn fleet_id() -> FleetId {
    FleetId::parse("f1").expect("an id")
}

fn cluster_id() -> ClusterId {
    ClusterId::parse("c1").expect("an id")
}

impl Fleet {
    fn make() -> Self {
        let now = OffsetDateTime::now_utc();
        let authority = Authority::create(fleet_id(), now).expect("an authority");
        let (root_key, bundle_key) = (SigningKey::generate().expect("a key"), SigningKey::generate().expect("a key"));
        let root = TrustRoot {
            schema: 1,
            fleet: fleet_id(),
            version: 1,
            epoch: Epoch(1),
            threshold: 1,
            root_keys: vec![root_key.public_key()],
            bundle_keys: vec![bundle_key.public_key()],
            authorities: vec![authority.certificate_pem()],
            hubs: vec!["localhost:1".into()],
            issued: text(now),
        };
        let bytes = serde_json::to_vec(&root).expect("bytes");
        let trust = root_key.sign_envelope(TRUST_ROOT_TYPE, bytes).expect("signs");
        Self { authority, root_key, bundle_key, trust, folder: tempfile::tempdir().expect("a folder") }
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
        let csr = SigningRequest::from_der(&request.csr).expect("a signing request");
        let issued = self.authority.issue_agent(&csr, &cluster_id(), OffsetDateTime::now_utc(), 30).expect("issues");
        let grant = Grant {
            fleet: fleet_id(),
            cluster: cluster_id(),
            name: ClusterName::parse("reef").expect("a name"),
            chain: issued.chain,
            trust_root: self.trust.clone(),
        };
        std::fs::write(reply, JoinReplyFile::new(grant).to_bytes().expect("bytes")).expect("writes");
    }

    fn join(&self) {
        let (request, reply) = (self.path("request"), self.path("reply"));
        success(&self.agent(&["join", "--offline", "--request"]).arg(&request).output().expect("runs"));
        self.reply(&request, &reply);
        let joined = self.agent(&["join", "--offline", "--reply"]).arg(&reply).output().expect("runs");
        assert!(success(&joined).contains("cluster reef of fleet f1"), "{joined:?}");
    }

    /// Writes an archive, signed by this key.
    fn archive(&self, generation: u64, key: &SigningKey) -> PathBuf {
        let application = ApplicationName::parse("web").expect("a name");
        let manifest =
            Manifest { schema: 1, application: application.clone(), policy: Policy::default(), objects: Vec::new() };
        let bytes = manifest.to_bytes().expect("bytes");
        let (now, blob) = (OffsetDateTime::now_utc(), BlobRef::of(&bytes));
        let root = BundleRoot {
            schema: 1,
            fleet: fleet_id(),
            cluster: cluster_id(),
            epoch: Epoch(1),
            generation: Generation(generation),
            parent: None,
            issued: text(now),
            expires: text(now + Duration::from_secs(86_400)),
            hub: "hub".into(),
            renderer: "0".into(),
            sources: Vec::new(),
            applications: vec![ApplicationRef { name: application, manifest: blob, sources: Vec::new() }],
            key_blob: None,
            confirmations: Vec::new(),
            sync_requests: 0,
        };
        let root = key.sign_envelope(BUNDLE_TYPE, root.to_bytes().expect("bytes")).expect("signs");
        let archive = Archive { trust_root: self.trust.clone(), root, blobs: [(blob.digest, bytes)].into() };
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
    let fleet = Fleet::make();
    refused(&fleet.run(&["status"]), 2, "error[SK0920]: ");
    refused(&fleet.run(&["run", "--admin", "off", "--kubeconfig", "none"]), 2, "error[SK0920]: ");
    refused(&fleet.import(&fleet.archive(1, &fleet.bundle_key)), 2, "error[SK0920]: ");
}

#[test]
fn joining_by_files_twice_is_joining_once() {
    let fleet = Fleet::make();
    fleet.join();
    let again = fleet.agent(&["join", "--offline", "--reply"]).arg(fleet.path("reply")).output().expect("runs");
    success(&again);
    assert!(String::from_utf8_lossy(&again.stderr).contains("✓ already joined"), "{again:?}");
}

#[test]
fn an_archive_is_taken_when_no_agent_runs_and_when_one_does() {
    let fleet = Fleet::make();
    fleet.join();
    assert_eq!(success(&fleet.import(&fleet.archive(1, &fleet.bundle_key))), "generation 1\n");
    let stored = fleet.status();
    assert_eq!((&stored["running"], &stored["current"]["place"]["generation"]), (&false.into(), &1.into()));

    let running = fleet.start();
    assert_eq!(fleet.status()["current"]["place"]["generation"], 1, "what was stored is in force");
    let handed = fleet.import(&fleet.archive(2, &fleet.bundle_key));
    assert_eq!(success(&handed), "generation 2\n");
    assert!(String::from_utf8_lossy(&handed.stderr).contains("taken by the agent"), "{handed:?}");
    assert_eq!(fleet.status()["current"]["place"]["generation"], 2);
    refused(&fleet.import(&fleet.archive(3, &fleet.root_key)), 2, "error[SK0918]: ");
    refused(&fleet.run(&["run", "--admin", "off", "--kubeconfig", "none"]), 3, "error[SK0922]: ");
    assert_eq!(running.stop(), Some(0));

    assert_eq!(fleet.status()["current"]["place"]["generation"], 2, "and it stays");
    refused(&fleet.import(&fleet.archive(1, &fleet.bundle_key)), 2, "error[SK0");
    refused(&fleet.import(&fleet.archive(3, &fleet.root_key)), 2, "error[SK0501]: ");
}

#[test]
fn the_admin_server_tells_health_and_numbers() {
    let fleet = Fleet::make();
    fleet.join();
    let running = fleet.start();
    assert!(fleet.ask("/healthz").starts_with("HTTP/1.0 200"));
    assert!(fleet.ask("/readyz").starts_with("HTTP/1.0 200"), "without a bundle there is nothing to wait for");
    assert_eq!(success(&fleet.import(&fleet.archive(7, &fleet.bundle_key))), "generation 7\n");
    assert!(fleet.ask("/readyz").starts_with("HTTP/1.0 503"), "nothing can be planned without a Kubernetes API");
    let metrics = fleet.ask("/metrics");
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
    assert!(fleet.ask("/nothing").starts_with("HTTP/1.0 404"));
    assert_eq!(running.stop(), Some(0));
}
