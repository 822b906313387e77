//! Helm charts of kustomizations, rendered by Helm itself: `skerry build --enable-helm` prints what
//! `kustomize build --enable-helm` prints, byte for byte, and refuses what it refuses.

mod cases;
mod repository;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use skerry_tests::files::files_below;
use skerry_tests::programs::program;

use cases::{CASES, CHART, Case};
use repository::Repository;

/// The programs, built once.
struct Programs {
    kustomize: PathBuf,
    helm: PathBuf,
}

impl Programs {
    fn built() -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("controlplane/build");
        let output = Command::new(script).args(["kustomize", "helm"]).output().expect("the script runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).expect("UTF-8");
        let folder = Path::new(text.lines().last().expect("a folder"));
        Self { kustomize: folder.join("kustomize"), helm: folder.join("helm") }
    }

    fn kustomize(&self, home: &Path, folder: &Path, options: &[&str]) -> Output {
        let mut command = Command::new(&self.kustomize);
        command.arg("build").arg(folder);
        self.run(command, home, options)
    }

    fn skerry(&self, home: &Path, folder: &Path, options: &[&str]) -> Output {
        let mut command = Command::new(program("skerry"));
        let root = folder.ancestors().nth(1).expect("a folder around");
        command.arg("build").arg(folder).arg("--root").arg(root);
        self.run(command, home, options)
    }

    fn run(&self, mut command: Command, home: &Path, options: &[&str]) -> Output {
        command.arg("--enable-helm").arg("--helm-command").arg(&self.helm).args(options);
        command.env("HOME", home).env_remove("XDG_CACHE_HOME");
        command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"))
    }
}

fn lay(root: &Path, files: &[(&str, &str)]) {
    for (path, content) in files {
        let path = root.join(path);
        fs::create_dir_all(path.parent().expect("a folder around")).expect("made");
        fs::write(path, content).expect("written");
    }
}

/// A folder with the chart and the files of a case, and an empty home.
fn laid(case: &Case) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path().join("tree");
    for place in case.charts {
        let chart: Vec<(String, &str)> = CHART.iter().map(|(path, text)| (format!("{place}/{path}"), *text)).collect();
        lay(&root, &chart.iter().map(|(path, text)| (path.as_str(), *text)).collect::<Vec<_>>());
    }
    lay(&root, case.files);
    fs::create_dir(folder.path().join("home")).expect("made");
    folder
}

/// What is different; nothing when both print the same, or both refuse.
fn difference(programs: &Programs, case: &Case) -> Option<String> {
    let (theirs, ours) = (laid(case), laid(case));
    let place = |folder: &tempfile::TempDir| (folder.path().join("home"), folder.path().join("tree/in"));
    let (home, tree) = place(&theirs);
    let theirs = programs.kustomize(&home, &tree, case.options);
    let before = files_below(&ours.path().join("tree"));
    let (home, tree) = place(&ours);
    let printed = programs.skerry(&home, &tree, case.options);
    assert_eq!(before, files_below(&ours.path().join("tree")), "{}: something was written to the source", case.name);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let is_same = theirs.status.success() == printed.status.success()
        && (!theirs.status.success() || theirs.stdout == printed.stdout);
    let is_expected = theirs.status.success() != case.is_refused;
    (!is_same || !is_expected).then(|| {
        format!(
            "==== {}\n-- kustomize {}\n{}{}\n-- skerry {}\n{}{}\n",
            case.name,
            theirs.status,
            text(&theirs.stdout),
            text(&theirs.stderr),
            printed.status,
            text(&printed.stdout),
            text(&printed.stderr),
        )
    })
}

#[test]
fn charts_give_what_kustomize_gives() {
    let programs = Programs::built();
    let differences: Vec<String> = CASES.iter().filter_map(|case| difference(&programs, case)).collect();
    assert!(differences.is_empty(), "{} of {} differ\n{}", differences.len(), CASES.len(), differences.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn charts_of_a_repository_are_fetched_and_kept_outside_the_source() {
    let programs = Programs::built();
    let repository = Repository::serve(&programs.helm, CHART).await;
    let kustomization = |repo: &str, version: &str| {
        format!(
            "helmCharts:\n- {{name: web, releaseName: rel, {version}repo: \"{repo}\", valuesInline: {{replicas: 7}}}}\n"
        )
    };
    for repo in [&repository.registry, &repository.url] {
        for version in ["version: 1.2.3, ", "version: ^1.1.0, ", ""] {
            let kustomization = kustomization(repo, version);
            let files = [("in/kustomization.yaml", kustomization.as_str())];
            let case = Case { name: "repository", charts: &[], files: &files, ..cases::PLAIN };
            assert_eq!(difference(&programs, &case), None, "{repo} {version}");
        }
    }
    let kustomization = kustomization(&repository.registry, "version: 1.2.3, ");
    let files = [("in/kustomization.yaml", kustomization.as_str())];
    let case = Case { name: "repository", charts: &[], files: &files, ..cases::PLAIN };
    // Once more, with the repository away: what was fetched at an exact version is kept.
    let folder = laid(&case);
    let (home, tree) = (folder.path().join("home"), folder.path().join("tree/in"));
    let first = programs.skerry(&home, &tree, &[]);
    assert!(first.status.success(), "{}", String::from_utf8_lossy(&first.stderr));
    let asked = repository.asked();
    repository.stop();
    let second = programs.skerry(&home, &tree, &[]);
    assert!(second.status.success(), "{}", String::from_utf8_lossy(&second.stderr));
    assert_eq!((asked > 0, &first.stdout), (true, &second.stdout));
    // Nobody else has it.
    let empty = tempfile::tempdir().expect("a folder");
    assert!(!programs.skerry(empty.path(), &tree, &[]).status.success());
}
