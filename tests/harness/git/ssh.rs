//! A Git server over SSH: a real `sshd` on a loopback port with keys of its own.

use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::BareRepository;
use crate::wait::eventually;

/// Where Debian and others install it: `/usr/sbin` is often not on a user's PATH.
const SSHD_PATHS: [&str; 3] = ["/usr/sbin/sshd", "/usr/local/sbin/sshd", "/usr/bin/sshd"];

/// Folder that sshd demands when root starts it.
const PRIVILEGE_SEPARATION_FOLDER: &str = "/run/sshd";

/// Time for sshd to listen; it takes some 20 ms on an idle machine.
const START_DEADLINE: Duration = Duration::from_secs(20);

/// Starts tried before giving up: another process may take a free port before sshd binds it.
const ATTEMPTS_MAX: u32 = 5;

/// A running server; it stops when dropped.
#[derive(Debug)]
pub struct SshServer {
    folder: tempfile::TempDir,
    address: SocketAddr,
    user: String,
    child: Child,
}

impl SshServer {
    /// Starts it; clients may run Git commands only, with the key of [`SshServer::client_key`].
    ///
    /// # Panics
    ///
    /// When `sshd` is missing or does not listen in time: the message says what to install, or its log.
    pub async fn start() -> Self {
        let sshd = SSHD_PATHS.iter().find(|path| Path::new(path).exists());
        let sshd = sshd.expect("sshd is missing: install it (Debian: apt-get install openssh-server)");
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let user = output_of(Command::new("id").arg("-un"));
        if user == "root" {
            std::fs::create_dir_all(PRIVILEGE_SEPARATION_FOLDER).expect("root can make /run/sshd");
        }
        for name in ["host_key", "client_key", "stranger_key"] {
            let path = folder.path().join(name);
            let arguments = ["-q", "-t", "ed25519", "-N", "", "-C", name, "-f"];
            output_of(Command::new("ssh-keygen").args(arguments).arg(path));
        }
        authorize(folder.path());
        let mut attempt = 1;
        loop {
            let address = free_address();
            write_known_hosts(folder.path(), address);
            let mut child = spawn(sshd, folder.path(), address);
            if listens(&mut child, address).await {
                return Self { folder, address, user, child };
            }
            let log = std::fs::read_to_string(folder.path().join("sshd.log")).unwrap_or_default();
            assert!(attempt < ATTEMPTS_MAX, "sshd does not start:\n{log}");
            attempt += 1;
        }
    }

    /// `ssh://USER@127.0.0.1:PORT/…/NAME.git`.
    pub fn url(&self, repository: &BareRepository) -> String {
        format!("ssh://{}@{}{}", self.user, self.address, repository.path().display())
    }

    /// Path of the private key that is let in.
    pub fn client_key(&self) -> PathBuf {
        self.folder.path().join("client_key")
    }

    /// Path of a private key that is not let in.
    pub fn stranger_key(&self) -> PathBuf {
        self.folder.path().join("stranger_key")
    }

    /// Path of a `known_hosts` file that names this server's key.
    pub fn known_hosts(&self) -> PathBuf {
        self.folder.path().join("known_hosts")
    }

    /// Path of a `known_hosts` file that names another key for this server's address.
    pub fn wrong_known_hosts(&self) -> PathBuf {
        self.folder.path().join("wrong_known_hosts")
    }

    /// What `sshd` logged so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("sshd.log")).unwrap_or_default()
    }
}

impl Drop for SshServer {
    fn drop(&mut self) {
        // Without a listener nothing is left to break; a child that has ended already needs no killing.
        let _ended_already = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// Lets the client key run what its Git client asks for, through `git-shell`, which runs nothing else.
fn authorize(folder: &Path) {
    let git_shell = output_of(Command::new("git").arg("--exec-path"));
    let public = std::fs::read_to_string(folder.join("client_key.pub")).expect("ssh-keygen wrote the key");
    let command =
        format!(r#"GIT_CONFIG_GLOBAL=/dev/null PATH={git_shell}:$PATH git shell -c \"$SSH_ORIGINAL_COMMAND\""#);
    let line = format!("restrict,command=\"{command}\" {public}");
    let file = folder.join("authorized_keys");
    std::fs::write(&file, line).expect("a temporary folder can be written");
    let private = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(&file, private).expect("an own file can be made private");
}

fn write_known_hosts(folder: &Path, address: SocketAddr) {
    for (file, key) in [("known_hosts", "host_key"), ("wrong_known_hosts", "stranger_key")] {
        let public = std::fs::read_to_string(folder.join(format!("{key}.pub"))).expect("ssh-keygen wrote the key");
        let line = format!("[{}]:{} {public}", address.ip(), address.port());
        std::fs::write(folder.join(file), line).expect("a temporary folder can be written");
    }
}

fn spawn(sshd: &str, folder: &Path, address: SocketAddr) -> Child {
    let file = |name: &str| folder.join(name).display().to_string();
    let settings = [
        format!("ListenAddress={address}"),
        format!("HostKey={}", file("host_key")),
        format!("AuthorizedKeysFile={}", file("authorized_keys")),
        "PidFile=none".to_owned(),
        "UsePAM=no".to_owned(),
        "StrictModes=no".to_owned(),
        "PasswordAuthentication=no".to_owned(),
        "KbdInteractiveAuthentication=no".to_owned(),
        "PermitRootLogin=prohibit-password".to_owned(),
        "AcceptEnv=GIT_PROTOCOL".to_owned(),
    ];
    let options = settings.iter().flat_map(|setting| ["-o", setting]);
    Command::new(sshd)
        .args(["-D", "-f", "/dev/null", "-E", &file("sshd.log")])
        .args(options)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap_or_else(|error| panic!("cannot run {sshd}: {error}"))
}

/// Waits until the server listens; `false` when it ended instead.
async fn listens(child: &mut Child, address: SocketAddr) -> bool {
    eventually(START_DEADLINE, "sshd listens", || {
        let ended = child.try_wait().is_ok_and(|status| status.is_some());
        async move {
            if ended {
                return Ok(false);
            }
            tokio::net::TcpStream::connect(address).await.map(|_stream| true)
        }
    })
    .await
}

/// A loopback address that was free a moment ago.
fn free_address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port is free");
    listener.local_addr().expect("a bound listener has an address")
}

fn output_of(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("cannot run {command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}
