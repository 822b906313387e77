use super::*;
use crate::output::ColorChoice;
use std::time::Duration;

fn global(config: &Path) -> Global {
    Global {
        server: None,
        token_file: None,
        token: None,
        ca_file: None,
        context: None,
        config: Some(config.to_owned()),
        request_timeout: Duration::from_secs(1),
        color: ColorChoice::Never,
    }
}

fn two_contexts() -> ConfigFile {
    let context = |name: &str| Context {
        name: name.into(),
        server: format!("https://{name}.example:8443"),
        authority: "PEM\nPEM\n".into(),
        token: format!("token-of-{name}"),
    };
    let contexts = vec![context("lab"), context("production")];
    ConfigFile { current_context: Some("lab".into()), contexts, ..ConfigFile::default() }
}

#[test]
fn a_file_is_private_and_reads_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("deep").join("config.yaml");
    assert_eq!(ConfigFile::read(&path).expect("empty"), ConfigFile::default());
    two_contexts().write(&path).expect("written");
    assert_eq!(ConfigFile::read(&path).expect("read"), two_contexts());
    two_contexts().write(&path).expect("written again");
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&path).expect("there").permissions());
    assert_eq!(mode & 0o777, 0o600);
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o644)).expect("changed");
    assert!(matches!(ConfigFile::read(&path), Err(ConfigError::Exposed { mode: 0o644, .. })));
}

#[test]
fn what_is_not_of_the_form_is_refused_without_repeating_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let check = |text: &str, expected: &str| {
        let path = folder.path().join("config.yaml");
        let _ = std::fs::remove_file(&path);
        file::write_private(&path, text.as_bytes()).expect("written");
        let error = ConfigFile::read(&path).expect_err("refused").to_string();
        assert!(error.contains(expected), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    };
    check("version: 2\n", "version 2");
    check("contexts: []\n", "`version: 1` is missing");
    check("version: 1\ncontexts: [{name: a, token: [hunter2]}]\n", "a context needs");
    check("version: 1\nsecret: hunter2\n", "a context needs");
    check("a: b: c\n", "not of the known form");
}

#[test]
fn flags_replace_what_a_context_says() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("config.yaml");
    two_contexts().write(&path).expect("written");
    let found = endpoint(&global(&path)).expect("found");
    assert_eq!((found.server.as_str(), found.token.expose().as_str()), ("https://lab.example:8443", "token-of-lab"));
    let other = Global { context: Some("production".into()), token: Some(" t\n".into()), ..global(&path) };
    let found = endpoint(&other).expect("found");
    assert_eq!((found.server.as_str(), found.token.expose().as_str()), ("https://production.example:8443", "t"));
    let same = Global { server: Some("https://lab.example:8443/".into()), ..global(&path) };
    assert_eq!(endpoint(&same).expect("found").token.expose(), "token-of-lab");
}

#[test]
fn a_token_goes_to_its_own_server_only() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("config.yaml");
    two_contexts().write(&path).expect("written");
    let elsewhere = Global { server: Some("https://elsewhere.example".into()), ..global(&path) };
    assert!(matches!(endpoint(&elsewhere), Err(EndpointError::NoToken { .. })));
    let with_token = Global { token: Some("t".into()), ..elsewhere };
    assert!(matches!(endpoint(&with_token), Err(EndpointError::NoAuthority { .. })));
}

#[test]
fn without_a_hub_the_next_step_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("config.yaml");
    let failure = Failure::from(endpoint(&global(&path)).expect_err("none"));
    assert!(failure.to_string().starts_with("error[SK0901]: no hub is configured\n  help: run `skerry context add"));
    two_contexts().write(&path).expect("written");
    let wrong = Global { context: Some("producton".into()), ..global(&path) };
    let failure = Failure::from(endpoint(&wrong).expect_err("unknown")).to_string();
    assert!(failure.ends_with("help: did you mean `production`?"), "{failure}");
}

#[test]
fn only_https_is_spoken() {
    let check = |text: &str, fine: bool| assert_eq!(address(text).is_ok(), fine, "{text}");
    check("https://hub.example:8443", true);
    check("https://hub.example/", true);
    check("https://[::1]:8443", true);
    check("http://hub.example", false);
    check("hub.example:8443", false);
    check("https://ana:pw@hub.example", false);
    check("https://hub.example?x=1", false);
    check("", false);
}
