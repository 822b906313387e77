//! The Git servers of the tests behave as real ones do: what they hand out, whom they let in.

use skerry_tests::git::{BareRepository, HttpsAuth, HttpsServer, SshServer, isolated_git};

/// Lists the branches at `url` as a client that has no configuration but `settings`.
fn listed(url: &str, settings: &[(&str, String)]) -> Result<String, String> {
    let mut command = isolated_git();
    for (key, value) in settings {
        if key.starts_with("GIT_") {
            command.env(key, value);
        } else {
            command.args(["-c", &format!("{key}={value}")]);
        }
    }
    let output = command.args(["ls-remote", "--heads", url]).output().expect("git can be run");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
}

fn repository() -> (BareRepository, String) {
    let repository = BareRepository::create("fleet");
    let id = repository.work_tree().write("fleet.yaml", "kind: Fleet\n").commit_and_push("first");
    (repository, id)
}

#[test]
fn https_asks_for_ca_and_password() {
    let (repository, id) = repository();
    let auth = HttpsAuth::Basic { user: "robot".to_owned(), password: "s3cret".to_owned() };
    let server = HttpsServer::start(repository.root(), auth);
    let url = server.url(&repository);
    let trust = ("http.sslCAInfo", server.ca_certificate().display().to_string());
    let with_password = url.replace("https://", "https://robot:s3cret@");

    let found = listed(&with_password, std::slice::from_ref(&trust)).unwrap();
    assert!(found.starts_with(&id), "{found}");
    let refused = listed(&url, &[trust]).unwrap_err();
    assert!(refused.contains("could not read Username"), "{refused}");
    let untrusted = listed(&with_password, &[]).unwrap_err();
    assert!(untrusted.contains("certificate"), "{untrusted}");
}

#[test]
fn https_takes_a_bearer_token_and_a_push_and_counts_bytes() {
    let (repository, _) = repository();
    let auth = HttpsAuth::Bearer { token: "t0ken".to_owned() };
    let server = HttpsServer::start(repository.root(), auth);
    let url = server.url(&repository);
    let settings = [
        ("http.sslCAInfo", server.ca_certificate().display().to_string()),
        ("http.extraHeader", "Authorization: Bearer t0ken".to_owned()),
    ];
    listed(&url, &settings).unwrap();
    assert!(server.bytes_sent() > 0);
    assert!(server.requests().iter().any(|request| request.status == 200));

    let tree = repository.work_tree();
    let pushed = tree.write("more.yaml", "x".repeat(100_000)).commit("second");
    for (key, value) in &settings {
        tree.git(&["config", key, value]);
    }
    tree.git(&["push", "--quiet", &url, "HEAD:main"]);
    assert_eq!(repository.commit_id("main"), pushed);
}

#[tokio::test]
async fn ssh_checks_host_and_client_keys() {
    let (repository, id) = repository();
    let server = SshServer::start().await;
    let url = server.url(&repository);
    let ssh = |key: std::path::PathBuf, hosts: std::path::PathBuf| {
        let command = format!(
            "ssh -F none -i {} -o IdentitiesOnly=yes -o BatchMode=yes -o UserKnownHostsFile={} -o StrictHostKeyChecking=yes",
            key.display(),
            hosts.display()
        );
        [("GIT_SSH_COMMAND", command)]
    };
    let found = listed(&url, &ssh(server.client_key(), server.known_hosts()));
    let found = found.unwrap_or_else(|error| panic!("{error}\n{}", server.log()));
    assert!(found.starts_with(&id), "{found}");
    listed(&url, &ssh(server.stranger_key(), server.known_hosts())).unwrap_err();
    let changed = listed(&url, &ssh(server.client_key(), server.wrong_known_hosts())).unwrap_err();
    assert!(changed.contains("HOST IDENTIFICATION HAS CHANGED") || changed.contains("Host key"), "{changed}");
}
