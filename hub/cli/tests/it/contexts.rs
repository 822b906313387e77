//! `skerry context`.

use crate::hub::{Hub, TOKEN};

#[tokio::test]
async fn contexts_are_added_used_and_removed() {
    let hub = Hub::start().await;
    hub.add_context("other").await;
    let server = format!("https://{}", hub.address);
    let run = hub.run(&["context", "list"]).await.code(0);
    let expected = format!("CURRENT   NAME    SERVER\n*         other   {server}\n          test    {server}\n");
    assert_eq!(run.stdout, expected);
    hub.run(&["context", "use", "test"]).await.code(0);
    let run = hub.run(&["context", "use", "tset"]).await.code(2);
    assert!(run.stderr.contains("did you mean `test`?"), "{}", run.stderr);
    hub.run(&["context", "remove", "test"]).await.code(0);
    let run = hub.run(&["context", "list", "-o", "json"]).await.code(0);
    assert!(!run.stdout.contains(TOKEN), "{}", run.stdout);
    assert!(run.stdout.contains("\"current\": false"), "{}", run.stdout);
}

#[tokio::test]
async fn the_file_is_its_owners_alone() {
    let hub = Hub::start().await;
    let file = hub.home.path(".config/skerry/config.yaml");
    let mode = |path: &std::path::Path| {
        std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(path).expect("there").permissions())
    };
    assert_eq!(mode(&file) & 0o777, 0o600);
    std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o640)).expect("changed");
    let run = hub.run(&["get", "clusters"]).await.code(2);
    assert!(run.stderr.starts_with("error[SK0902]"), "{}", run.stderr);
    assert!(run.stderr.contains("chmod 600"), "{}", run.stderr);
}
