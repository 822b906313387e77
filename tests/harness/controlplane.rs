//! Real Kubernetes control planes, by the same `tests/cluster` that people use by hand.
//!
//! Every [`ControlPlane`] is etcd, API server, controller manager, scheduler and kwok nodes of its own on free
//! loopback ports. It is stopped when dropped; when the test process dies first, a watcher of `tests/cluster`
//! stops it.
//!
//! kwok makes every pod ready that is scheduled. A pod that must stay pending asks for a node that is not there, by
//! a `nodeSelector`. Nothing pulls images, runs containers or answers `kubectl logs`.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

/// The script that starts and stops control planes.
const CLUSTER_SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/cluster");

/// Nodes of a full control plane: two, so that spreading and draining can be seen.
const NODES_DEFAULT: u32 = 2;

/// Tells control planes of one process apart.
static STARTED: AtomicU32 = AtomicU32::new(0);

/// Why a control plane could not be started or asked.
#[derive(Debug, thiserror::Error)]
pub enum ControlPlaneError {
    /// A program could not be run at all.
    #[error("cannot run `{program}`")]
    Run {
        /// The program.
        program: String,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A program ran and said no.
    #[error("`{command}` failed with {status}: {stderr}")]
    Failed {
        /// The program and its arguments.
        command: String,
        /// Its exit status.
        status: std::process::ExitStatus,
        /// What it wrote to stderr.
        stderr: String,
    },
    /// `tests/cluster up` ended well, but its last line is no kubeconfig.
    #[error("`{path}` is no kubeconfig of a control plane")]
    Kubeconfig {
        /// What the last line said.
        path: PathBuf,
        /// What reading it said.
        #[source]
        source: std::io::Error,
    },
    /// The files of a service account could not be written.
    #[error("cannot lay out a service account's files in `{folder}`")]
    Mount {
        /// Where they belong.
        folder: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The answer of `kubectl -o json` is no JSON.
    #[error("`kubectl {arguments}` did not answer with JSON")]
    Json {
        /// What was asked.
        arguments: String,
        /// What the parser said.
        #[source]
        source: serde_json::Error,
    },
}

/// Which parts of a control plane a test needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parts {
    /// Everything: controllers run, pods are scheduled and become ready on kwok nodes.
    Full {
        /// How many nodes kwok plays.
        nodes: u32,
    },
    /// etcd and the API server only: quicker, and nobody else writes.
    ApiOnly,
}

/// Which HTTP a client speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Http {
    /// HTTP/1.1: one request at a time.
    One,
    /// HTTP/2: many at once.
    Two,
}

/// How to start a [`ControlPlane`].
#[derive(Clone, Debug)]
pub struct ControlPlaneOptions {
    /// First part of the name under which `tests/cluster list` shows it.
    pub name: String,
    /// Which parts run.
    pub parts: Parts,
}

impl ControlPlaneOptions {
    /// A full control plane with two nodes; `name` says what it is for.
    pub fn new(name: &str) -> Self {
        let parts = Parts::Full { nodes: NODES_DEFAULT };
        Self { name: name.to_owned(), parts }
    }

    /// Etcd and the API server only.
    pub fn api_only(name: &str) -> Self {
        Self { name: name.to_owned(), parts: Parts::ApiOnly }
    }
}

/// A running control plane; dropping it stops its processes and removes its data.
#[derive(Debug)]
pub struct ControlPlane {
    name: String,
    kubeconfig: PathBuf,
    server_url: String,
}

impl ControlPlane {
    /// Builds what is missing (minutes, once), starts a control plane (seconds) and waits until it is ready.
    pub async fn start(options: ControlPlaneOptions) -> Result<Self, ControlPlaneError> {
        let owner = std::process::id();
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let name = format!("{}-{owner}-{number}", options.name);
        let owner = owner.to_string();
        let mut arguments = vec!["up", &name, "--owner", &owner];
        let nodes;
        match options.parts {
            Parts::ApiOnly => arguments.push("--api-only"),
            Parts::Full { nodes: number } => {
                nodes = number.to_string();
                arguments.extend(["--nodes", &nodes]);
            }
        }
        let output = run(CLUSTER_SCRIPT.as_ref(), &arguments, "").await?;
        let kubeconfig = PathBuf::from(output.lines().last().unwrap_or_default());
        let server = kubeconfig.with_file_name("server");
        match tokio::fs::read_to_string(&server).await {
            Ok(url) => Ok(Self { name, kubeconfig, server_url: url.trim().to_owned() }),
            Err(source) => Err(ControlPlaneError::Kubeconfig { path: kubeconfig, source }),
        }
    }

    /// Name under which `tests/cluster list` shows it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Path of the administrator's kubeconfig (client certificate, group `system:masters`).
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// `https://127.0.0.1:PORT`.
    pub fn server_url(&self) -> &str {
        &self.server_url
    }

    /// Path of the API server's audit log: one JSON event a line, level Metadata.
    pub fn audit_log(&self) -> PathBuf {
        self.kubeconfig.with_file_name("audit.log")
    }

    /// Path of the CA that signed the API server's certificate, PEM.
    pub fn ca_certificate(&self) -> PathBuf {
        self.kubeconfig.with_file_name("ca.crt")
    }

    /// Folder with the log of each component, `NAME.log`.
    pub fn logs(&self) -> PathBuf {
        self.kubeconfig.with_file_name("logs")
    }

    /// Runs the matching `kubectl` as administrator and returns its stdout.
    pub async fn kubectl(&self, arguments: &[&str]) -> Result<String, ControlPlaneError> {
        self.kubectl_stdin(arguments, "").await
    }

    /// Runs `kubectl` with `input` on its stdin, for `apply -f -`.
    pub async fn kubectl_stdin(&self, arguments: &[&str], input: &str) -> Result<String, ControlPlaneError> {
        let mut all = vec!["kubectl", &self.name];
        all.extend(arguments);
        run(CLUSTER_SCRIPT.as_ref(), &all, input).await
    }

    /// Runs `kubectl … -o json` and parses the answer.
    pub async fn kubectl_json(&self, arguments: &[&str]) -> Result<serde_json::Value, ControlPlaneError> {
        let mut all = arguments.to_vec();
        all.extend(["-o", "json"]);
        let text = self.kubectl(&all).await?;
        serde_json::from_str(&text).map_err(|source| ControlPlaneError::Json { arguments: all.join(" "), source })
    }

    /// Writes a kubeconfig that holds a fresh token of a service account, and returns its path.
    pub async fn account_kubeconfig(&self, namespace: &str, account: &str) -> Result<PathBuf, ControlPlaneError> {
        let arguments = ["kubeconfig", &self.name, namespace, account];
        let output = run(CLUSTER_SCRIPT.as_ref(), &arguments, "").await?;
        Ok(PathBuf::from(output.lines().last().unwrap_or_default()))
    }

    /// A fresh token of a service account, as a projected volume would hold it.
    pub async fn account_token(&self, namespace: &str, account: &str) -> Result<String, ControlPlaneError> {
        let arguments = ["-n", namespace, "create", "token", account];
        Ok(self.kubectl(&arguments).await?.trim().to_owned())
    }

    /// Lays out `token`, `ca.crt` and `namespace` as a pod of that service account finds them mounted, and returns
    /// the folder.
    pub async fn account_mount(&self, namespace: &str, account: &str) -> Result<PathBuf, ControlPlaneError> {
        let token = self.account_token(namespace, account).await?;
        let folder = self.kubeconfig.with_file_name("accounts").join(format!("{namespace}.{account}"));
        let lay_out = async {
            tokio::fs::create_dir_all(&folder).await?;
            tokio::fs::write(folder.join("token"), token).await?;
            tokio::fs::write(folder.join("namespace"), namespace).await?;
            tokio::fs::copy(self.ca_certificate(), folder.join("ca.crt")).await
        };
        match lay_out.await {
            Ok(_bytes) => Ok(folder),
            Err(source) => Err(ControlPlaneError::Mount { folder, source }),
        }
    }

    /// A client of one connection, with the administrator's certificate: quicker than `kubectl`.
    pub fn client(&self, http: Http) -> reqwest::Client {
        skerry_certs::tls::install_provider();
        let read = |name: &str| std::fs::read(self.kubeconfig.with_file_name(name)).expect("the control plane's file");
        let identity = [read("tls/admin.crt"), read("tls/admin.key")].concat();
        let builder = reqwest::Client::builder()
            .identity(reqwest::Identity::from_pem(&identity).expect("an identity"))
            .tls_certs_only([reqwest::Certificate::from_pem(&read("ca.crt")).expect("a CA")])
            .pool_max_idle_per_host(1);
        let builder = match http {
            Http::One => builder.http1_only(),
            Http::Two => builder,
        };
        builder.build().expect("a client")
    }

    /// How an agent that runs as a process reaches this as a service account whose files are in `mount`.
    pub fn account_arguments(&self, mount: &Path) -> Vec<String> {
        let port = self.server_url.rsplit(':').next().unwrap_or_default();
        let token = mount.join("token").display().to_string();
        ["--token-file", &token, "--kubernetes-host", "127.0.0.1", "--kubernetes-port", port].map(str::to_owned).into()
    }

    /// Kills the API server and starts it again: watches break, and what was before is no longer told.
    ///
    /// # Panics
    ///
    /// When it does not come back.
    pub fn restart(&self) {
        let output = std::process::Command::new(CLUSTER_SCRIPT).args(["restart", &self.name]).output();
        let output = output.expect("the script runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "the API server does not come back: {said}");
    }

    /// Freezes the API server (SIGSTOP): connections stay open and nobody answers, as in a stalled cluster.
    pub async fn freeze(&self) -> Result<(), ControlPlaneError> {
        run(CLUSTER_SCRIPT.as_ref(), &["freeze", &self.name], "").await?;
        Ok(())
    }

    /// Lets a frozen API server go on.
    pub async fn thaw(&self) -> Result<(), ControlPlaneError> {
        run(CLUSTER_SCRIPT.as_ref(), &["thaw", &self.name], "").await?;
        Ok(())
    }
}

impl Drop for ControlPlane {
    fn drop(&mut self) {
        // The watcher takes over where this fails: it stops the cluster when this process ends.
        let _stopped = std::process::Command::new(CLUSTER_SCRIPT)
            .args(["down", &self.name])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
    }
}

/// Runs a program to its end and returns its stdout; its stderr becomes part of the error.
async fn run(program: &OsStr, arguments: &[&str], input: &str) -> Result<String, ControlPlaneError> {
    let failed_to_run = |source| ControlPlaneError::Run { program: program.to_string_lossy().into_owned(), source };
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(failed_to_run)?;
    let mut stdin = child.stdin.take();
    let feed = async {
        if let Some(stdin) = stdin.as_mut() {
            // A program that does not read its input closes the pipe; its status says what that meant.
            let _closed_early = stdin.write_all(input.as_bytes()).await;
        }
        drop(stdin);
    };
    let ((), output) = tokio::join!(feed, child.wait_with_output());
    let output = output.map_err(failed_to_run)?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(ControlPlaneError::Failed {
        command: format!("{} {}", program.to_string_lossy(), arguments.join(" ")),
        status: output.status,
        stderr: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
    })
}
