//! `skerry build`: what kustomize prints, and what the hub would make of it.

use crate::process::Home;

const EXPECTED: &str = "apiVersion: v1\ndata:\n  x: \"1\"\nkind: ConfigMap\nmetadata:\n  name: p-a\n---\n\
                        apiVersion: v1\nkind: Service\nmetadata:\n  name: p-b\nstatus: {}\n";

fn home() -> Home {
    let home = Home::new();
    home.write("repo/.git/HEAD", "");
    home.write("repo/base/kustomization.yaml", "resources: [map.yaml, service.yaml]\n");
    home.write("repo/base/map.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {x: \"1\"}\n");
    home.write("repo/base/service.yaml", "apiVersion: v1\nkind: Service\nmetadata: {name: b}\nstatus: {}\n");
    home.write("repo/overlay/kustomization.yaml", "namePrefix: p-\nresources: [../base]\n");
    home.write("repo/plain/map.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n");
    home
}

#[tokio::test]
async fn kustomizations_are_built() {
    let home = home();
    assert_eq!(home.run(&["build", "repo/overlay"]).await.code(0).stdout, EXPECTED);
    let run = home.run(&["build", "repo/overlay", "-o", "name"]).await.code(0);
    assert_eq!(run.stdout, "ConfigMap/p-a\nService/p-b\n");
    let run = home.run(&["build", "repo/overlay", "-o", "json"]).await.code(0);
    assert!(run.stdout.starts_with("[\n  {\n    \"apiVersion\": \"v1\","), "{}", run.stdout);
}

#[tokio::test]
async fn they_are_written_to_a_file_or_one_for_each_object() {
    let home = home();
    let run = home.run(&["build", "repo/overlay", "-o", "all.yaml"]).await.code(0);
    assert_eq!(run.stdout, "");
    assert_eq!(std::fs::read_to_string(home.path("all.yaml")).expect("written"), EXPECTED);
    std::fs::create_dir(home.path("out")).expect("made");
    home.run(&["build", "repo/overlay", "-o", "out"]).await.code(0);
    let mut names: Vec<_> = std::fs::read_dir(home.path("out")).expect("there").collect();
    names.sort_by_key(|entry| entry.as_ref().map(std::fs::DirEntry::file_name).unwrap_or_default());
    let names: Vec<_> = names.into_iter().map(|entry| entry.expect("an entry").file_name()).collect();
    assert_eq!(names, ["v1_configmap_p-a.yaml", "v1_service_p-b.yaml"]);
    home.run(&["build", "repo/overlay", "-o", "out", "-o", "json"]).await.code(2);
}

#[tokio::test]
async fn what_the_hub_would_make_of_it_is_asked_for() {
    let home = home();
    let run = home.run(&["build", "repo/overlay", "-n", "shop", "-o", "name"]).await.code(0);
    assert_eq!(run.stdout, "ConfigMap/shop/p-a\nService/shop/p-b\n");
    let run = home.run(&["build", "repo/plain"]).await.code(2);
    assert!(run.stderr.contains("has no kustomization") && run.stderr.contains("--as-hub"), "{}", run.stderr);
    home.run(&["build", "--as-hub", "repo/plain"]).await.code(0);
}

#[tokio::test]
async fn what_cannot_be_built_says_where() {
    let home = Home::new();
    home.write("repo/kustomization.yaml", "resources: [a.yaml]\n");
    home.write("repo/a.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {}\n");
    let run = home.run(&["build", "repo"]).await.code(2);
    assert!(run.stderr.starts_with("error[SK0412]: ") && run.stderr.contains("--> a.yaml:"), "{}", run.stderr);
    let run = home.run(&["build", "nowhere"]).await.code(2);
    assert!(run.stderr.starts_with("error[SK0910]: "), "{}", run.stderr);
    home.write("repo/kustomization.yaml", "resources: [../outside.yaml]\n");
    home.write("outside.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n");
    let run = home.run(&["build", "repo"]).await.code(2);
    assert!(run.stderr.starts_with("error[SK0401]: "), "{}", run.stderr);
}

#[tokio::test]
async fn whole_trees_are_built() {
    let home = home();
    home.write("repo/broken/kustomization.yaml", "resources: [missing.yaml]\n");
    home.write("repo/part/kustomization.yaml", "kind: Component\nnamePrefix: c-\n");
    let run = home.run(&["build", "--all", "repo", "-o", "out"]).await.code(2);
    let line = "error[SK0400]: broken: `missing.yaml` does not exist --> broken/kustomization.yaml:1 (resources[0])\n";
    assert!(run.stderr.starts_with(line), "{}", run.stderr);
    assert!(run.stderr.contains("2 built, 1 failed: 4 objects"), "{}", run.stderr);
    assert_eq!(std::fs::read_to_string(home.path("out/overlay.yaml")).expect("written"), EXPECTED);
    assert!(home.path("out/base.yaml").exists() && !home.path("out/broken.yaml").exists());
    let run = home.run(&["build", "--all", "repo/overlay"]).await.code(0);
    assert_eq!(run.stdout, EXPECTED);
    let run = home.run(&["build", "--all", "repo", "-o", "json"]).await.code(2);
    let outcomes: serde_json::Value = serde_json::from_str(&run.stdout).expect("JSON");
    let paths: Vec<_> = outcomes.as_array().expect("a list").iter().map(|outcome| outcome["path"].as_str()).collect();
    assert_eq!(paths, [Some("base"), Some("broken"), Some("overlay")]);
    assert_eq!(outcomes[1]["problems"][0]["code"], 400);
}

#[tokio::test]
async fn only_what_a_change_can_touch_is_built() {
    let home = home();
    std::fs::remove_dir_all(home.path("repo/.git")).expect("removed");
    home.write("repo/other/kustomization.yaml", "configMapGenerator: [{name: a, literals: [x=y]}]\n");
    let git = |arguments: &[&str]| {
        let mut git = std::process::Command::new("git");
        git.arg("-C")
            .arg(home.path("repo"))
            .args(["-c", "user.name=a", "-c", "user.email=a@b.example"])
            .args(arguments);
        assert!(
            git.env("GIT_CONFIG_GLOBAL", "/dev/null").output().expect("git runs").status.success(),
            "{arguments:?}"
        );
    };
    git(&["init", "-q"]);
    git(&["add", "."]);
    git(&["commit", "-q", "-m", "x"]);
    let path = std::env::var_os("PATH").and_then(|path| path.into_string().ok()).expect("a path");
    let environment = [("PATH", path.as_str())];
    let touched = async |expected: &str| {
        let arguments = ["build", "--all", "repo", "--changed-since", "HEAD", "-o", "name"];
        assert_eq!(home.run_with(&arguments, &environment).await.code(0).stdout, expected);
    };
    touched("").await;
    home.write("repo/plain/map.yaml", "a: 1\n");
    touched("").await;
    home.write("repo/base/service.yaml", "apiVersion: v1\nkind: Service\nmetadata: {name: c}\n");
    touched("base\noverlay\n").await;
    home.write("repo/other/extra/kustomization.yaml", "configMapGenerator: [{name: b, literals: [x=y]}]\n");
    touched("base\nother/extra\noverlay\n").await;
    let arguments = ["build", "--all", "repo", "--changed-since", "nothing"];
    let run = home.run_with(&arguments, &environment).await.code(2);
    assert!(run.stderr.starts_with("error[SK0905]: Git cannot tell"), "{}", run.stderr);
}

#[tokio::test]
async fn fields_are_explained() {
    let home = home();
    let run = home.run(&["build", "repo/overlay", "--why", "configmap/p-a:/metadata/name"]).await.code(0);
    let row = "/metadata/name   p-a     PrefixTransformer   overlay/kustomization.yaml:1 (namePrefix)   \
               Resource base/map.yaml:3\n";
    assert!(run.stdout.ends_with(row), "{}", run.stdout);
    let run = home.run(&["build", "repo/overlay", "--why", "ConfigMap/p-a", "-o", "json"]).await.code(0);
    let explained: serde_json::Value = serde_json::from_str(&run.stdout).expect("JSON");
    assert_eq!(explained[0]["fields"][0]["setBy"]["at"]["file"], "base/map.yaml");
    let run = home.run(&["build", "repo/overlay", "--why", "ConfigMap/a"]).await.code(2);
    assert!(run.stderr.starts_with("error[SK0491]: ") && run.stderr.contains("`ConfigMap/p-a`"), "{}", run.stderr);
    home.run(&["build", "repo/overlay", "--why", "ConfigMap/p-a:/nothing"]).await.code(2);
    home.run(&["build", "repo/overlay", "--why", "nonsense"]).await.code(2);
}
