//! A password in the address of a repository is refused without being repeated, and tokens are known to those alone
//! who were given them.

use skerry_hub::store::SourceStore as _;
use skerry_tests::files::files_below;
use skerry_tests::wait::eventually;

use crate::stage::{DEADLINE, Site, Stage, enrol, logged};

const PASSWORD: &str = "password-c4e1-in-clear";

#[tokio::test(flavor = "multi_thread")]
async fn they_are_in_no_file_answer_or_log() {
    let mut stage = Stage::build().await;
    let token = stage.register("one").await;
    let state_folder = stage.state_folder("one");
    enrol(&state_folder, &token).await.expect("joins");
    let mut site = Site::new("one", state_folder);
    site.start().await;
    site.applies(&stage.work.head()).await;
    let fleet = std::fs::read_to_string(stage.work.path().join("fleet/fleet.yaml")).expect("reads");
    let far = format!(
        "---\napiVersion: skerry.dev/v1alpha1\nkind: Source\nmetadata: {{name: far}}\nspec:\n  \
         git: {{url: \"https://robot:{PASSWORD}@git.example/far.git\", ref: {{branch: main}}}}\n"
    );
    stage.work.write("fleet/fleet.yaml", fleet + &far);
    stage.push("a password in an address").await;
    let problems = eventually(DEADLINE, "the hub tells of it", || async {
        let problems = stage.hub().store.problems().await.map_err(|error| error.to_string())?;
        let text = format!("{problems:?}");
        if text.contains("fleet/fleet.yaml") { Ok(text) } else { Err(text) }
    })
    .await;

    let mut places = vec![("the problems".to_owned(), problems.into_bytes())];
    let admin = stage.admin();
    for list in ["fleet", "clusters", "clusters/one", "applications", "events", "sources", "revisions"] {
        places.push((list.to_owned(), admin.get(&format!("/api/v1/{list}")).await));
    }
    site.stop().await;
    stage.stop_hub().await;
    places.push(("the log".to_owned(), logged()));
    let git = stage.hub_folder().join("data/git");
    for file in files_below(stage.folder.path()).into_iter().filter(|file| !file.starts_with(&git)) {
        places.push((file.display().to_string(), std::fs::read(&file).unwrap_or_default()));
    }
    let secrets = [PASSWORD.to_owned(), stage.admin_token.clone(), token.secret.expose()];
    for (place, bytes) in places {
        for secret in &secrets {
            let at = bytes.windows(secret.len()).position(|window| window == secret.as_bytes());
            let around = at.map(|at| String::from_utf8_lossy(&bytes[at.saturating_sub(200)..at]));
            assert_eq!(around, None, "a secret is in {place}");
        }
    }
}
