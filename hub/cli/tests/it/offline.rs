//! What needs no hub: explain, schema, build, completion.

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
async fn folders_are_built() {
    let home = Home::new();
    home.write("repo/.git/HEAD", "");
    home.write("repo/base/kustomization.yaml", "resources: [map.yaml]\n");
    home.write("repo/base/map.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {x: \"1\"}\n");
    home.write("repo/overlay/kustomization.yaml", "namePrefix: p-\nresources: [../base]\n");
    let run = home.run(&["build", "repo/overlay", "-n", "shop"]).await.code(0);
    let expected = "apiVersion: v1\ndata:\n  x: \"1\"\nkind: ConfigMap\nmetadata:\n  name: p-a\n  namespace: shop\n";
    assert_eq!(run.stdout, expected);
    let run = home.run(&["build", "repo/overlay", "-o", "name"]).await.code(0);
    assert_eq!(run.stdout, "ConfigMap/p-a\n");
}

#[tokio::test]
async fn what_cannot_be_built_says_where() {
    let home = Home::new();
    home.write("repo/a.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {}\n");
    let run = home.run(&["build", "repo"]).await.code(2);
    assert!(run.stderr.starts_with("error[SK0412]: "), "{}", run.stderr);
    assert!(run.stderr.contains("--> a.yaml:"), "{}", run.stderr);
    let run = home.run(&["build", "nowhere"]).await.code(2);
    assert!(run.stderr.starts_with("error[SK0910]: "), "{}", run.stderr);
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
