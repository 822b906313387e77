//! What needs no hub: explain, schema, completion.

use crate::process::Home;

#[tokio::test]
async fn codes_are_explained() {
    let home = Home::new();
    let run = home.run(&["explain", "SK0412"]).await.code(0);
    assert!(run.stdout.starts_with("SK0412: field missing\n\nEvery Kubernetes object needs"), "{}", run.stdout);
    let run = home.run(&["explain", "SK4121"]).await.code(2);
    assert!(run.stderr.starts_with("error[SK0916]: there is no error `SK4121`\n  help: "), "{}", run.stderr);
    let run = home.run(&["explain", "SK0421"]).await.code(0);
    assert!(run.stdout.starts_with("SK0421: malformed variable"), "{}", run.stdout);
}

#[tokio::test]
async fn schemas_are_printed() {
    let run = Home::new().run(&["schema", "application"]).await.code(0);
    assert!(run.stdout.contains("\"title\": \"Application\""), "{}", run.stdout);
}

#[tokio::test]
async fn shells_get_their_completions() {
    let home = Home::new();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let run = home.run(&["completion", shell]).await.code(0);
        assert!(run.stdout.contains("skerry"), "{shell}");
    }
}

#[tokio::test]
async fn help_is_data_and_its_absence_is_talk() {
    let home = Home::new();
    let run = home.run(&["--help"]).await.code(0);
    assert!(run.stdout.contains("Usage: skerry") && run.stderr.is_empty());
    let run = home.run(&[]).await.code(2);
    assert!(run.stdout.is_empty() && run.stderr.contains("Usage: skerry"));
}
