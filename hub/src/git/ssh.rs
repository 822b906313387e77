//! The SSH transport: the OpenSSH program, told everything it may use.
//!
//! No configuration, agent, password, known_hosts file or variable of the user or the system counts:
//! one key, one known_hosts file, no questions, no first-sight trust.

use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use gix::protocol::transport::Protocol;
use gix::protocol::transport::client::git::{ConnectMode, blocking_io::Connection};
use skerry_common::limits::clip;
use skerry_common::redact::redact;

use super::credential::{BoundCredential, CredentialKind};
use super::error::GitError;
use super::meter::Meter;
use super::url::SshUrl;

/// Where programs are looked for; the hub's own PATH does not count.
const PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// Most of what OpenSSH and the server say on stderr that is kept: its messages are a few lines.
const STDERR_BYTES_MAX: u64 = 16 * 1024;

/// How often the watchdog looks.
const WATCH_INTERVAL: Duration = Duration::from_millis(500);

/// How long OpenSSH has to end by itself when its pipes are closed.
const END_DEADLINE: Duration = Duration::from_secs(2);

/// One running OpenSSH.
pub(super) struct Session {
    /// Shared with the watchdog, which kills it at a deadline.
    child: Arc<Mutex<Child>>,
    stderr: Receiver<String>,
    _watchdog: Sender<()>,
    host: String,
    known_hosts: PathBuf,
    meter: Arc<Meter>,
}

/// What gix talks through.
pub(super) type SshTransport = Connection<MeteredOutput, ChildStdin>;

/// Starts OpenSSH for a repository.
pub(super) fn connect(
    program: &Path,
    url: &SshUrl,
    credential: &BoundCredential,
    meter: &Arc<Meter>,
) -> Result<(SshTransport, Session), GitError> {
    let CredentialKind::SshKey { key_file, known_hosts } = &credential.credential.kind else {
        let needed = "credentials with an SSH key and a known_hosts file";
        return Err(GitError::CredentialKind { url: meter.url().to_owned(), needed });
    };
    let name = &credential.credential.name;
    for file in [key_file, known_hosts] {
        let failed = |source| GitError::CredentialFile { name: name.clone(), file: file.clone(), source };
        std::fs::File::open(file).map_err(|error| failed(error.into()))?;
        check_option_path(file).map_err(|error| failed(error.into()))?;
    }
    let mut command = command(program, url, key_file, known_hosts, meter.limits().connect);
    let mut child = command.spawn().map_err(|source| GitError::NoSsh { program: program.to_owned(), source })?;
    let closed = || GitError::NoSsh { program: program.to_owned(), source: io::Error::other("its pipes are closed") };
    let output = child.stdout.take().ok_or_else(closed)?;
    let input = child.stdin.take().ok_or_else(closed)?;
    let errors = child.stderr.take().ok_or_else(closed)?;
    let child = Arc::new(Mutex::new(child));
    let watchdog = watch(Arc::clone(&child), Arc::clone(meter));
    let session = Session {
        child,
        stderr: collect(errors),
        _watchdog: watchdog,
        host: url.known_hosts_name(),
        known_hosts: known_hosts.clone(),
        meter: Arc::clone(meter),
    };
    let output = MeteredOutput { output, meter: Arc::clone(meter) };
    let no_host = None::<(String, Option<u16>)>;
    let connection =
        Connection::new(output, input, Protocol::V2, url.path.as_str(), no_host, ConnectMode::Process, false);
    Ok((connection.custom_url(Some(meter.url().into())), session))
}

fn command(program: &Path, url: &SshUrl, key_file: &Path, known_hosts: &Path, connect: Duration) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("PATH", PATH).env("LC_ALL", "C").env("GIT_PROTOCOL", "version=2");
    command.args(["-F", "/dev/null", "-T", "-x", "-a"]);
    let mut options: Vec<String> = [
        "BatchMode=yes",
        "StrictHostKeyChecking=yes",
        "GlobalKnownHostsFile=/dev/null",
        "UpdateHostKeys=no",
        "VerifyHostKeyDNS=no",
        "CheckHostIP=no",
        "IdentitiesOnly=yes",
        "IdentityAgent=none",
        "PreferredAuthentications=publickey",
        "PasswordAuthentication=no",
        "KbdInteractiveAuthentication=no",
        "ClearAllForwardings=yes",
        "PermitLocalCommand=no",
        "ProxyCommand=none",
        "ProxyJump=none",
        "ControlMaster=no",
        "ControlPath=none",
        "ConnectionAttempts=1",
        "ServerAliveInterval=10",
        "ServerAliveCountMax=3",
        "SendEnv=GIT_PROTOCOL",
    ]
    .map(str::to_owned)
    .into();
    options.push(format!("UserKnownHostsFile=\"{}\"", option_path(known_hosts)));
    options.push(format!("IdentityFile=\"{}\"", option_path(key_file)));
    options.push(format!("ConnectTimeout={}", connect.as_secs().max(1)));
    command.args(options.iter().flat_map(|option| ["-o", option]));
    if let Some(user) = &url.user {
        command.args(["-l", user]);
    }
    if let Some(port) = url.port {
        command.args(["-p", &port.to_string()]);
    }
    // After `--` a host cannot be an option; the URL's parser has refused such hosts already.
    command.args(["--", &url.host, &format!("git-upload-pack {}", quote(&url.path))]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Quotes a text for the server's shell as Git does.
fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''").replace('!', r"'\!'"))
}

/// OpenSSH expands variables, tildes and percent signs in paths; a quote ends the option.
fn check_option_path(path: &Path) -> io::Result<()> {
    let text = path.to_str().filter(|text| path.is_absolute() && !text.contains(['"', '$', '\\', '\n', '\r']));
    text.map(drop).ok_or_else(|| io::Error::other("an absolute path without quotes, `$` and `\\` is needed"))
}

fn option_path(path: &Path) -> String {
    path.display().to_string().replace('%', "%%")
}

/// What the program writes, metered.
pub(super) struct MeteredOutput {
    output: ChildStdout,
    meter: Arc<Meter>,
}

impl Read for MeteredOutput {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.meter.read(&mut self.output, buffer)
    }
}

/// Kills the program at a deadline: a read from a pipe has none of its own. Ends with the session.
fn watch(child: Arc<Mutex<Child>>, meter: Arc<Meter>) -> Sender<()> {
    let (stop, stopped) = mpsc::channel();
    std::thread::spawn(move || {
        while stopped.recv_timeout(WATCH_INTERVAL) == Err(RecvTimeoutError::Timeout) {
            if meter.check().is_err() {
                kill(&child);
                return;
            }
        }
    });
    stop
}

/// Collects what the program says on stderr, up to a bound; the rest is read and dropped, so that it
/// does not block.
fn collect(mut errors: impl Read + Send + 'static) -> Receiver<String> {
    let (done, text) = mpsc::channel();
    std::thread::spawn(move || {
        let mut kept = Vec::new();
        let read = errors.by_ref().take(STDERR_BYTES_MAX).read_to_end(&mut kept);
        if read.is_ok() {
            // What fails here fails for the reader of the other pipe too.
            let _drained = io::copy(&mut errors, &mut io::sink());
        }
        let _nobody_asks = done.send(String::from_utf8_lossy(&kept).into_owned());
    });
    text
}

fn kill(child: &Mutex<Child>) {
    let mut child = child.lock().unwrap_or_else(PoisonError::into_inner);
    // It may have ended already; then there is nothing to kill.
    let _ended = child.kill();
    let _reaped = child.wait();
}

impl Session {
    /// Why the exchange broke, from what was said on stderr.
    pub(super) fn explain(&self) -> Option<GitError> {
        let said = self.stderr.recv_timeout(END_DEADLINE).ok()?;
        classify(&said, self)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        kill(&self.child);
    }
}

fn classify(said: &str, session: &Session) -> Option<GitError> {
    let url = session.meter.url().to_owned();
    let (host, known_hosts) = (session.host.clone(), session.known_hosts.clone());
    let has = |texts: &[&str]| texts.iter().any(|text| said.contains(text));
    // The last line is the one that ended it; servers may greet with banners before.
    let last = said.lines().rev().map(str::trim).find(|line| !line.is_empty())?;
    let reason = clip(&redact(last));
    Some(if has(&["REMOTE HOST IDENTIFICATION HAS CHANGED"]) {
        GitError::HostKeyChanged { url, host, known_hosts }
    } else if has(&["host key is known for", "Host key verification failed"]) {
        GitError::HostKeyUnknown { url, host, known_hosts }
    } else if has(&["Permission denied", "UNPROTECTED PRIVATE KEY", "error in libcrypto", "Too many authentication"]) {
        GitError::LoginRefused { url, reason }
    } else if has(&["does not appear to be a git repository", "epository not found", "No such file or directory"]) {
        GitError::NoRepository { url, reason }
    } else if has(&["Could not resolve", "Connection refused", "timed out", "No route to host", "unreachable"]) {
        GitError::Unreachable { url, source: reason.into() }
    } else {
        GitError::Server { url, reason }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_url_becomes_an_option_or_a_command() {
        assert_eq!(quote("/a b"), "'/a b'");
        assert_eq!(quote("/a'; rm -rf /; '"), r"'/a'\''; rm -rf /; '\'''");
        let path = "/x/y.git".to_owned();
        let url = SshUrl { user: Some("git".into()), host: "h".into(), port: Some(22), path };
        let command = command(Path::new("ssh"), &url, Path::new("/k%d"), Path::new("/h"), Duration::from_secs(7));
        let arguments: Vec<_> = command.get_args().map(|argument| argument.to_string_lossy().into_owned()).collect();
        let shown = arguments.join(" ");
        for part in ["-F /dev/null", "BatchMode=yes", "StrictHostKeyChecking=yes", "IdentitiesOnly=yes"] {
            assert!(shown.contains(part), "{shown}");
        }
        assert!(shown.contains("IdentityFile=\"/k%%d\""), "{shown}");
        assert!(shown.ends_with("ConnectTimeout=7 -l git -p 22 -- h git-upload-pack '/x/y.git'"), "{shown}");
        assert!(check_option_path(Path::new("/a b/k")).is_ok());
        for path in ["relative", "/a\"b", "/a$b", "/a\\b"] {
            assert!(check_option_path(Path::new(path)).is_err(), "{path}");
        }
    }
}
