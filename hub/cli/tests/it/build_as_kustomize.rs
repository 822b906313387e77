//! Options that `kustomize build` has too: what they allow, and which are refused.

use std::path::Path;
use std::process::Command;

use crate::process::Home;

const MAP: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n";

fn search_path() -> String {
    std::env::var_os("PATH").and_then(|path| path.into_string().ok()).expect("a path")
}

#[tokio::test]
async fn those_that_ask_for_what_is_never_done_say_what_to_do() {
    let home = Home::new();
    home.write("repo/kustomization.yaml", "resources: [a.yaml]\n");
    home.write("repo/a.yaml", MAP);
    let functions = "functions in containers and programs are never run";
    let check = async |options: &[&str], name: &str, help: &str| {
        let run = home.run(&[&["build", "repo"], options].concat()).await.code(2);
        let expected = format!("error[SK0905]: `--{name}` of kustomize is refused\n  help: {help}");
        assert!(run.stderr.starts_with(&expected) && run.stdout.is_empty(), "{options:?}: {}", run.stderr);
    };
    check(&["--enable-exec"], "enable-exec", functions).await;
    check(&["--enable-alpha-plugins", "--enable-exec"], "enable-alpha-plugins", "plugins are never run").await;
    check(&["--network", "--network-name", "bridge"], "network", functions).await;
    check(&["--network-name=bridge"], "network-name", functions).await;
    check(&["--mount", "type=bind,src=a,dst=b", "--mount", "x"], "mount", functions).await;
    check(&["-e", "A=B", "-e", "C"], "env", functions).await;
    check(&["--env=A=B"], "env", functions).await;
    check(&["--as-current-user"], "as-current-user", functions).await;
    check(&["--reorder", "none"], "reorder", "the order belongs to the kustomization: write `sortOptions").await;
    check(&["--enable-managedby-label"], "enable-managedby-label", "the label belongs to the kustomization").await;
}

#[tokio::test]
async fn files_outside_the_folder_are_loaded_when_that_is_asked_for() {
    let home = Home::new();
    home.write("repo/.git/HEAD", "");
    home.write("repo/shared.yaml", MAP);
    home.write("repo/app/kustomization.yaml", "resources: [../shared.yaml]\n");
    home.write("repo/far/kustomization.yaml", "resources: [../../outside.yaml]\n");
    home.write("outside.yaml", MAP);
    let none = ["--load-restrictor", "LoadRestrictionsNone"];
    let run = home.run(&["build", "repo/app"]).await.code(2);
    assert!(run.stderr.starts_with("error[SK0446]: "), "{}", run.stderr);
    let run = home.run(&["build", "repo/app", "--load-restrictor=LoadRestrictionsRootOnly"]).await.code(2);
    assert!(run.stderr.starts_with("error[SK0446]: "), "{}", run.stderr);
    let run = home.run(&[&["build", "repo/app", "-o", "name"], &none[..]].concat()).await.code(0);
    assert_eq!(run.stdout, "ConfigMap/a\n");
    // Never out of the root.
    let run = home.run(&[&["build", "repo/far"], &none[..]].concat()).await.code(2);
    assert!(run.stderr.starts_with("error[SK0401]: "), "{}", run.stderr);
    home.write("free/far/kustomization.yaml", "resources: [../../outside.yaml]\n");
    home.run(&[&["build", "free/far", "--root", "."], &none[..]].concat()).await.code(0);
    home.run(&["build", "repo/app", "--load-restrictor", "none"]).await.code(2);
    home.run(&[&["build", "repo/app", "--as-hub"], &none[..]].concat()).await.code(2);
}

#[tokio::test]
async fn charts_are_rendered_when_helm_is_enabled() {
    let home = Home::new();
    home.write("repo/kustomization.yaml", "helmCharts:\n- {name: web, releaseName: rel, apiVersions: [own/v1]}\n");
    home.write("repo/charts/web/values.yaml", "a: 1\n");
    home.write("repo/charts/web/templates/out.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: made}\n");
    let run = home.run(&["build", "repo"]).await.code(2);
    assert!(run.stderr.starts_with("error[SK0474]: ") && run.stderr.contains("`--enable-helm`"), "{}", run.stderr);
    // Not Helm: a script that shows its arguments. With Helm itself: `tests/e2e/charts.rs`.
    let stand_in = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../common/render/testcharts/helm");
    let stand_in = stand_in.canonicalize().expect("the stand-in");
    let path = format!("{}:{}", stand_in.parent().expect("a folder").display(), search_path());
    let build = async |options: &[&str]| {
        home.run_with(&[&["build", "repo", "--enable-helm"], options].concat(), &[("PATH", &path)]).await
    };
    let run = build(&[]).await.code(0);
    assert!(run.stdout.contains("  words: template rel CHART -f FILE --api-versions own/v1\n"), "{}", run.stdout);
    assert!(run.stdout.contains("name: made\n"), "{}", run.stdout);
    let options = ["--helm-kube-version", "1.30", "--helm-api-versions", "a/v1", "--helm-debug"];
    let run = build(&options).await.code(0);
    assert!(run.stdout.contains("--api-versions own/v1 --kube-version 1.30 --debug\n"), "{}", run.stdout);
    let all = home.run_with(&["build", "--all", "repo", "--enable-helm"], &[("PATH", &path)]).await.code(0);
    assert_eq!(all.stdout, build(&[]).await.stdout);
    let why = build(&["--why", "ConfigMap/made"]).await.code(0);
    assert!(why.stdout.contains("HelmChartInflationGenerator"), "{}", why.stdout);
    // A path counts from here, wherever helm runs.
    std::os::unix::fs::symlink(&stand_in, home.path("here")).expect("linked");
    build(&["--helm-command", "./here"]).await.code(0);
    let run = build(&["--helm-command", "./missing"]).await.code(2);
    assert!(run.stderr.starts_with("error[SK0475]: ") && run.stderr.contains("helm cannot be run"), "{}", run.stderr);
}

#[tokio::test]
async fn bases_in_other_repositories_are_fetched_when_that_is_allowed() {
    let home = Home::new();
    home.write("far/base/kustomization.yaml", "resources: [a.yaml]\nnamePrefix: far-\n");
    home.write("far/base/a.yaml", MAP);
    let git = |arguments: &[&str]| {
        let mut git = Command::new("git");
        git.arg("-C").arg(home.path("far")).args(["-c", "user.name=a", "-c", "user.email=a@b.example"]).args(arguments);
        let output = git.env("GIT_CONFIG_GLOBAL", "/dev/null").output().expect("git runs");
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).expect("text").trim().to_owned()
    };
    git(&["init", "-q", "-b", "main"]);
    git(&["config", "uploadpack.allowAnySHA1InWant", "true"]);
    git(&["add", "."]);
    git(&["commit", "-q", "-m", "x"]);
    let commit = git(&["rev-parse", "HEAD"]);
    let address = format!("file://{}//base", home.path("far").canonicalize().expect("a path").display());
    home.write("pinned/kustomization.yaml", format!("resources: [\"{address}?ref={commit}\"]\n"));
    home.write("moving/kustomization.yaml", format!("resources: [\"{address}?ref=main\"]\n"));
    let path = search_path();
    let build = async |folder: &str| {
        home.run_with(&["build", folder, "--enable-remote", "-o", "name"], &[("PATH", path.as_str())]).await
    };
    let run = home.run(&["build", "pinned"]).await.code(2);
    assert!(run.stderr.starts_with("error[SK0449]: ") && run.stderr.contains("`--enable-remote`"), "{}", run.stderr);
    assert_eq!(build("pinned").await.code(0).stdout, "ConfigMap/far-a\n");
    assert_eq!(build("moving").await.code(0).stdout, "ConfigMap/far-a\n");
    let kept: Vec<_> = std::fs::read_dir(home.path(".cache/skerry/bases")).expect("a cache").collect();
    assert_eq!(kept.len(), 1, "only what is named by its commit: {kept:?}");
    // The commit is kept; what the branch means now cannot be told.
    std::fs::rename(home.path("far"), home.path("gone")).expect("moved");
    assert_eq!(build("pinned").await.code(0).stdout, "ConfigMap/far-a\n");
    let run = build("moving").await.code(2);
    assert!(run.stderr.starts_with("error[SK0476]: ") && run.stderr.contains("git refuses"), "{}", run.stderr);
    let run = home.run(&["build", "https://git.example/team/shop//base?ref=main"]).await.code(2);
    assert!(run.stderr.contains("is a repository; a folder is built"), "{}", run.stderr);
}
