//! What cannot be deployed, because of what Git holds, changes nothing: the last good bundle stays, and
//! the error says which file it is.

use skerry_hub::store::SourceStore as _;
use skerry_hub::store::sources::{ProblemRecord, Subject};
use skerry_tests::wait::eventually;

use crate::stage::{DEADLINE, Stage, logged};

/// A manifest larger than any that is read, in bytes.
const HUGE_BYTES: usize = 100 * 1024 * 1024;

/// Puts something that cannot be deployed into a file.
type Write<'a> = &'a dyn Fn(&str);

/// Waits until the hub tells of a problem that fits.
async fn told(stage: &Stage, what: &str, fits: impl Fn(&ProblemRecord) -> bool) -> ProblemRecord {
    eventually(DEADLINE, what, || async {
        let problems = stage.hub().store.problems().await.map_err(|error| error.to_string())?;
        problems.iter().find(|problem| fits(problem)).cloned().ok_or_else(|| format!("{problems:#?}"))
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn hundred_megabytes_pointers_submodules_and_links_out_of_the_tree_are_refused_by_name() {
    let stage = Stage::build().await;
    let site = stage.settled("one").await;
    let good = site.generation();
    let steps: [(&str, Write<'_>); 4] = [
        ("apps/huge.yaml", &|file| {
            stage.work.write(file, vec![b'#'; HUGE_BYTES]);
        }),
        ("apps/pointer.yaml", &|file| {
            let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 123\n";
            stage.work.write(file, pointer);
        }),
        ("apps/link.yaml", &|file| {
            stage.work.symlink(file, "../../../etc/passwd");
        }),
        ("apps/module", &|file| {
            let head = stage.work.head();
            stage.work.git(&["update-index", "--add", "--cacheinfo", &format!("160000,{head},{file}")]);
        }),
    ];
    for (file, write) in steps {
        write(file);
        // A submodule is in the index alone: committing everything would drop it.
        if file == "apps/module" {
            stage.work.write("apps/kustomization.yaml", "resources: [namespace.yaml, one.yaml, module]\n");
            stage.work.git(&["add", "apps/kustomization.yaml"]);
            stage.work.git(&["commit", "--quiet", "--message", file]);
            stage.work.push();
            stage.hub().poke.send(skerry_hub::api::Poke::default()).await.expect("the hub listens");
        } else {
            stage.push(file).await;
        }
        let problem = told(&stage, file, |problem| {
            problem.problems.iter().any(|found| found.to_string().contains(file))
                && matches!(problem.subject, Subject::Application(_))
        })
        .await;
        assert!(problem.problems.iter().any(|found| found.is_error()), "{problem:#?}");
        assert_eq!(site.generation(), good, "{file}: the last good bundle stays");
        stage.work.git(&["rm", "--quiet", "--cached", "-r", "--ignore-unmatch", file]);
        let _ = std::fs::remove_file(stage.work.path().join(file));
        let _ = std::fs::remove_file(stage.work.path().join("apps/kustomization.yaml"));
    }
    stage.settings("one", "2");
    stage.push_to(&site, "good again").await;
    site.shows("ConfigMap", "one", "/data/value", "2").await;
    let problems = stage.hub().store.problems().await.expect("reads");
    assert!(problems.iter().all(|problem| problem.problems.is_empty()), "{problems:#?}");
}

/// A document whose aliases would expand to a billion scalars.
fn bomb() -> String {
    let mut text =
        "apiVersion: skerry.dev/v1alpha1\nkind: Cluster\nmetadata: {name: bomb}\nspec:\n  a0: &a0 [x]\n".to_owned();
    for level in 1..30 {
        let before = format!("*a{}, ", level - 1).repeat(9);
        text.push_str(&format!("  a{level}: &a{level} [{before}*a{}]\n", level - 1));
    }
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bomb_in_a_fleet_document_and_hostile_characters_are_told_and_change_nothing() {
    let stage = Stage::build().await;
    let site = stage.settled("one").await;
    let of_fleet = |problem: &ProblemRecord| problem.subject == Subject::Fleet && !problem.problems.is_empty();
    stage.work.write("fleet/bomb.yaml", bomb());
    stage.push("a bomb").await;
    let problem = told(&stage, "the bomb is told", of_fleet).await;
    assert!(
        problem.problems.iter().all(|found| found.location.file.as_deref() == Some("fleet/bomb.yaml")),
        "{problem:#?}"
    );
    assert!(problem.problems.iter().any(|found| found.location.line.is_some()), "{problem:#?}");

    let hostile =
        "apiVersion: skerry.dev/v1alpha1\nkind: Cluster\nmetadata: {name: edge}\nspec: {\"\\e[2Jred\\u202e\": 1}\n";
    stage.work.remove("fleet/bomb.yaml");
    stage.work.write("fleet/hostile.yaml", hostile);
    stage.push("\u{1b}[31mhostile").await;
    let told = told(&stage, "the field is told", |problem| {
        of_fleet(problem)
            && problem.problems.iter().any(|found| found.location.file.as_deref() == Some("fleet/hostile.yaml"))
    })
    .await;
    let shown: String = told.problems.iter().map(ToString::to_string).collect();
    assert!(shown.contains("red") && !shown.contains(['\u{1b}', '\u{202e}']), "{shown:?}");
    assert!(!logged().windows(4).any(|window| window == b"\x1b[2J"), "a terminal code is in the log");
    // What is in force stays so: the group is still followed.
    assert_eq!(site.field("ConfigMap", "one", "/data/value"), "1");
    stage.work.remove("fleet/hostile.yaml");
    stage.settings("one", "2");
    stage.push_to(&site, "good again").await;
    site.shows("ConfigMap", "one", "/data/value", "2").await;
}
