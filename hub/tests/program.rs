//! The program `skerry-hub` as people call it: what it makes, what it refuses, how it ends.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// «You must change something.»
const NEEDS_USER: Option<i32> = Some(2);

fn hub(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_skerry-hub"));
    command.args(arguments).env_remove("SKERRY_LOG").env_remove("SKERRY_PASSPHRASE_FILE");
    command.output().expect("the program runs")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn init(folder: &Path) -> Output {
    init_from(folder, "https://git.example/fleet.git")
}

fn init_from(folder: &Path, url: &str) -> Output {
    let passphrase = folder.join("passphrase");
    std::fs::write(&passphrase, "only for this test").expect("written");
    let text = |path: &Path| path.to_str().expect("temporary folders have plain names").to_owned();
    let (target, passphrase) = (text(&folder.join("hub")), text(&passphrase));
    hub(&[
        "init",
        "--folder",
        &target,
        "--advertise",
        "hub.example:7443",
        "--url",
        url,
        "--passphrase-file",
        &passphrase,
    ])
}

#[test]
fn a_fleet_is_made_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let made = init(folder.path());
    assert!(made.status.success(), "{}", said(&made));
    let told = String::from_utf8_lossy(&made.stdout).into_owned();
    for line in ["fleet: ", "config: ", "admin token: ", "API CA: ", "root key: "] {
        assert!(told.contains(line), "{told}");
    }
    assert!(said(&made).contains("Move the root key away"), "{}", said(&made));
    let config = folder.path().join("hub/hub.toml");
    let settings = std::fs::read_to_string(&config).expect("is written");
    assert!(settings.contains("\"hub.example\""), "the API is known by the advertised name: {settings}");
    // The root key is encrypted; the API's certificate is for everybody, now and later, and its key is not with it.
    let root_key = std::fs::read(folder.path().join("hub/root.key")).expect("is written");
    assert!(!root_key.windows(11).any(|window| window == b"PRIVATE KEY"));
    let authority = std::fs::read_to_string(folder.path().join("hub/api-ca.pem")).expect("is written");
    assert!(authority.contains("BEGIN CERTIFICATE") && !authority.contains("PRIVATE KEY"), "{authority}");
    let printed = hub(&["ca", "--config", config.to_str().expect("plain")]);
    assert_eq!(String::from_utf8_lossy(&printed.stdout), authority);
    let again = init(folder.path());
    assert_eq!(again.status.code(), NEEDS_USER, "{}", said(&again));
    assert!(said(&again).contains("exists already"), "{}", said(&again));
}

#[test]
fn a_fleet_repository_on_this_machine_may_be_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let made = init_from(folder.path(), "file:///srv/git/fleet.git");
    assert!(made.status.success(), "{}", said(&made));
    let settings = std::fs::read_to_string(folder.path().join("hub/hub.toml")).expect("is written");
    assert!(settings.contains("file_roots = [\"/srv/git/fleet.git\"]"), "{settings}");
}

/// Reads a log until a line that fits; every line must be one JSON object.
fn json_lines(log: impl BufRead, mut fits: impl FnMut(&serde_json::Value) -> bool) -> serde_json::Value {
    for line in log.lines() {
        let line = line.expect("text");
        let event: serde_json::Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert!(event["level"].is_string() && event["timestamp"].is_string(), "{line}");
        if fits(&event) {
            return event;
        }
    }
    panic!("the log ended");
}

/// Serves a fleet repository that is not there and whose name would clear a screen.
fn serve_hostile(folder: &Path, log_format: &str) -> Child {
    let [listen, url] = ["127.0.0.1:0", "file:///srv/\u{1b}[2Jfleet"];
    Command::new(env!("CARGO_BIN_EXE_skerry-hub"))
        .args(["serve", "--log-format", log_format, "--listen", listen, "--api-listen", listen, "--url", url])
        .arg("--config")
        .arg(folder.join("hub/hub.toml"))
        .env_remove("SKERRY_LOG")
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program runs")
}

fn stop(served: &Child) {
    let told = Command::new("kill").arg(served.id().to_string()).status().expect("kill runs");
    assert!(told.success());
}

#[test]
fn it_logs_json_serves_without_its_root_key_and_ends_when_told() {
    let folder = tempfile::tempdir().expect("a folder");
    assert!(init(folder.path()).status.success());
    std::fs::remove_file(folder.path().join("hub/root.key")).expect("is moved away");
    let mut served = serve_hostile(folder.path(), "json");
    let mut log = BufReader::new(served.stderr.take().expect("piped"));
    let (mut runs, mut warned) = (false, false);
    json_lines(&mut log, |event| {
        runs |= event["fields"]["message"] == "the hub runs";
        warned |= event["level"] == "WARN";
        assert!(!event.to_string().contains('\u{1b}'), "{event}");
        runs && warned
    });
    stop(&served);
    json_lines(&mut log, |event| event["fields"]["message"] == "stopping");
    assert_eq!(served.wait().expect("ends").code(), Some(0));
}

/// Less than any answer of a Git server is waited for, and many times what stopping takes.
const AT_ONCE: Duration = Duration::from_secs(6);

#[test]
fn a_git_server_that_stalls_does_not_hold_up_the_end() {
    let folder = tempfile::tempdir().expect("a folder");
    assert!(init(folder.path()).status.success());
    let server = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("https://{}/fleet.git", server.local_addr().expect("an address"));
    let mut served = Command::new(env!("CARGO_BIN_EXE_skerry-hub"))
        .args(["serve", "--listen", "127.0.0.1:0", "--api-listen", "127.0.0.1:0", "--url", &url, "--config"])
        .arg(folder.path().join("hub/hub.toml"))
        .stderr(Stdio::null())
        .spawn()
        .expect("the program runs");
    let _asked = server.accept().expect("the hub asks, and waits");
    let began = Instant::now();
    assert!(Command::new("kill").arg(served.id().to_string()).status().expect("kill runs").success());
    assert_eq!(served.wait().expect("ends").code(), Some(0));
    assert!(began.elapsed() < AT_ONCE, "{:?}", began.elapsed());
}

#[test]
fn a_log_that_goes_to_a_file_has_no_colours() {
    let folder = tempfile::tempdir().expect("a folder");
    assert!(init(folder.path()).status.success());
    let mut served = serve_hostile(folder.path(), "human");
    let mut log = BufReader::new(served.stderr.take().expect("piped"));
    let mut warned = String::new();
    while !warned.contains(" WARN ") {
        warned.clear();
        assert_ne!(log.read_line(&mut warned).expect("text"), 0, "the log ended");
        assert!(!warned.contains('\u{1b}'), "{warned:?}");
    }
    stop(&served);
    assert_eq!(served.wait().expect("ends").code(), Some(0));
}

#[test]
fn a_log_filter_that_means_nothing_is_refused() {
    let refused = hub(&["--log", "skerry_hub=loud", "serve"]);
    assert_eq!(refused.status.code(), NEEDS_USER, "{}", said(&refused));
    assert!(said(&refused).starts_with("error[SK0905]: `--log`"), "{}", said(&refused));
}

#[test]
fn a_configuration_that_is_not_there_is_named() {
    let served = hub(&["serve", "--config", "/nonexistent/hub.toml"]);
    assert_eq!(served.status.code(), NEEDS_USER, "{}", said(&served));
    assert!(said(&served).contains("/nonexistent/hub.toml"), "{}", said(&served));
}
