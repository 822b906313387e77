//! A source that cannot be read is looked at again long before its interval is over.

use skerry_hub::store::SourceStore as _;
use skerry_tests::git::BareRepository;
use skerry_tests::wait::eventually;

use crate::stage::{DEADLINE, Stage, ensure};

#[tokio::test(flavor = "multi_thread")]
async fn a_repository_that_appears_is_read_within_the_first_retries() {
    let stage = Stage::build().await;
    let late = stage.repository.root().join("late.git");
    let document = format!(
        "apiVersion: skerry.dev/v1alpha1\nkind: Source\nmetadata: {{name: late}}\nspec:\n  git: {{url: \"file://{}\", \
         ref: {{branch: main}}, interval: 1h}}\n",
        late.display()
    );
    stage.work.write("fleet/late.yaml", document);
    stage.push("another source").await;
    let seen = |wanted: fn(&skerry_hub::store::sources::SourceRecord) -> bool, what: &'static str| {
        let stage = &stage;
        eventually(DEADLINE, what, move || async move {
            let sources = stage.hub().store.sources().await.map_err(|error| error.to_string())?;
            let late = sources.iter().find(|source| source.name.as_str() == "late").ok_or("not followed yet")?;
            ensure(wanted(late), &format!("{late:?}"))
        })
    };
    seen(|source| source.failures > 0, "it is missing").await;

    let other = BareRepository::create("late");
    let work = other.work_tree();
    work.write("apps/x.yaml", "apiVersion: v1\nkind: Namespace\nmetadata: {name: x}\n");
    work.commit_and_push("first");
    std::fs::rename(other.path(), &late).expect("moves");
    seen(|source| source.commit.is_some() && source.error.is_none() && source.failures == 0, "it is read").await;
}
