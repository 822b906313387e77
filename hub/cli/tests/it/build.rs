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
