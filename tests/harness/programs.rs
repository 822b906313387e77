//! The programs that are shipped, as processes: asked as people ask them, killed as the kernel kills.
//!
//! They lie beside the program that runs the tests; `tests/run e2e` and `tests/bench` build them first.

use std::fs::File;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;

use serde_json::Value;

/// Where a program of ours lies.
///
/// # Panics
///
/// When it was not built.
pub fn program(name: &str) -> PathBuf {
    let own = std::env::current_exe().expect("a running program has a path");
    let beside = own.ancestors().skip(1).take(2).map(|folder| folder.join(name)).find(|path| path.exists());
    beside.unwrap_or_else(|| panic!("`{name}` is not built: run `tests/run e2e`, or `cargo test --workspace --no-run`"))
}

/// A TCP address on loopback that nobody has.
pub fn free_tcp_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr()).expect("a port")
}

/// A program that runs until it is killed; dropping kills it too.
#[derive(Debug)]
pub struct Process {
    child: Child,
}

impl Process {
    /// Starts a program; what it says is added to the file `log`.
    pub fn start(command: &mut Command, log: &Path) -> Self {
        let log = File::options().create(true).append(true).open(log).expect("a log file");
        let also = log.try_clone().expect("a second handle");
        let child = command.stdin(Stdio::null()).stdout(log).stderr(also).spawn();
        Self { child: child.unwrap_or_else(|error| panic!("{command:?}: {error}")) }
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// SIGKILL: no instruction of it runs any more when this returns.
    pub fn kill(mut self) {
        self.end();
    }

    /// SIGTERM, and waits until it has ended.
    pub fn stop(mut self) {
        let asked = Command::new("kill").arg(self.child.id().to_string()).status();
        assert!(asked.is_ok_and(|status| status.success()), "SIGTERM could not be sent");
        self.child.wait().expect("the process is ours");
    }

    /// Resident memory in bytes.
    pub fn resident(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("the process runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("its memory is told");
        let kilobytes: u64 = line.split_whitespace().next().and_then(|it| it.parse().ok()).expect("a number");
        kilobytes * 1024
    }

    fn end(&mut self) {
        // Errors mean that it has ended before.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
    }
}

/// An operator with the command line `skerry`, an admin's token and the API's certificate.
#[derive(Debug, Clone)]
pub struct Operator {
    server: String,
    token: String,
    token_file: PathBuf,
    ca_file: PathBuf,
    webhook_secret: String,
    _folder: Arc<tempfile::TempDir>,
}

impl Operator {
    /// An operator of the hub in `hub_folder` whose API listens at `api`.
    pub fn new(hub_folder: &Path, api: SocketAddr, admin_token: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (token_file, ca_file) = (folder.path().join("token"), folder.path().join("ca.crt"));
        std::fs::write(&token_file, admin_token).expect("a file");
        let keys = hub_folder.join("data/keys");
        let authority = std::fs::read_to_string(keys.join("api-authority.pem")).expect("the API's authority");
        let end = "-----END CERTIFICATE-----\n";
        let certificate = authority.split_inclusive(end).next().expect("a certificate");
        std::fs::write(&ca_file, certificate).expect("a file");
        let webhook_secret = std::fs::read_to_string(keys.join("webhook.secret")).expect("a secret").trim().to_owned();
        let (server, token) = (format!("https://{api}"), admin_token.to_owned());
        Self { server, token, token_file, ca_file, webhook_secret, _folder: Arc::new(folder) }
    }

    /// Runs `skerry` to its end.
    pub fn skerry(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(program("skerry"));
        command.args(["--server", &self.server, "--token-file"]).arg(&self.token_file);
        command.arg("--ca-file").arg(&self.ca_file).args(arguments).env_remove("SKERRY_CONTEXT");
        command.output().unwrap_or_else(|error| panic!("skerry {}: {error}", arguments.join(" ")))
    }

    /// What `skerry` prints when it says yes.
    pub fn prints(&self, arguments: &[&str]) -> Result<String, String> {
        let output = self.skerry(arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        let failed = || format!("skerry {}: {}: {said}", arguments.join(" "), output.status);
        if !output.status.success() {
            return Err(failed());
        }
        String::from_utf8(output.stdout.clone()).map_err(|_| failed())
    }

    /// The list that `skerry get … -o json` prints.
    pub fn list(&self, arguments: &[&str]) -> Result<Vec<Value>, String> {
        let text = self.prints(&[&["get"], arguments, &["-o", "json"]].concat())?;
        let document: Value = serde_json::from_str(&text).map_err(|error| format!("{error}: {text}"))?;
        let items = document.get("items").unwrap_or(&document).as_array().cloned();
        items.ok_or_else(|| format!("no list: {text}"))
    }

    /// Registers a cluster; gives the join token.
    pub fn register(&self, name: &str) -> String {
        let command = self.prints(&["cluster", "register", name, "-l", "env=test"]).expect("registers");
        command.trim().rsplit(' ').next().expect("a token").to_owned()
    }

    /// What the API answers, whatever its status.
    pub async fn get(&self, path: &str) -> Vec<u8> {
        let request = self.client().get(format!("{}{path}", self.server)).bearer_auth(&self.token);
        let answer = request.send().await.unwrap_or_else(|error| panic!("{path}: {error:?}"));
        answer.bytes().await.unwrap_or_else(|error| panic!("{path}: {error:?}")).to_vec()
    }

    /// The Git server tells the hub that something was pushed.
    pub async fn webhook(&self) -> Result<(), String> {
        let url = format!("{}/webhooks/git", self.server);
        let request = self.client().post(url).header("x-gitlab-token", &self.webhook_secret);
        let answer = request.body("{}").send().await.map_err(|error| format!("{error:?}"))?;
        if answer.status().is_success() { Ok(()) } else { Err(answer.status().to_string()) }
    }

    fn client(&self) -> reqwest::Client {
        skerry_certs::tls::install_provider();
        let ca = std::fs::read(&self.ca_file).expect("the certificate");
        let ca = reqwest::Certificate::from_pem(&ca).expect("a certificate");
        reqwest::Client::builder().tls_certs_only([ca]).build().expect("a client")
    }
}

/// Runs `skerry-agent` on a state folder; nothing of this process's settings reaches it.
pub fn agent(state_folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(program("skerry-agent"));
    command.arg("--state-folder").arg(state_folder).args(arguments);
    command
}

/// Runs a command to its end, which must be good.
///
/// # Panics
///
/// With everything that it said when it fails.
pub fn succeeds(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}
