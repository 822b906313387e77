//! The program `skerry-hub` as people call it: what it makes, what it refuses, how it ends.

use std::path::Path;
use std::process::{Command, Output};

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
    let passphrase = folder.join("passphrase");
    std::fs::write(&passphrase, "only for this test").expect("written");
    let text = |path: &Path| path.to_str().expect("temporary folders have plain names").to_owned();
    let (target, passphrase) = (text(&folder.join("hub")), text(&passphrase));
    let url = "https://git.example/fleet.git";
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
    for line in ["fleet: ", "config: ", "admin token: ", "root key: "] {
        assert!(told.contains(line), "{told}");
    }
    assert!(folder.path().join("hub/hub.toml").exists());
    let again = init(folder.path());
    assert_eq!(again.status.code(), NEEDS_USER, "{}", said(&again));
    assert!(said(&again).contains("exists already"), "{}", said(&again));
}

#[test]
fn a_configuration_that_is_not_there_is_named() {
    let served = hub(&["serve", "--config", "/nonexistent/hub.toml"]);
    assert_eq!(served.status.code(), NEEDS_USER, "{}", said(&served));
    assert!(said(&served).contains("/nonexistent/hub.toml"), "{}", said(&served));
}
