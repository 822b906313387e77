//! A join token works once: again with the same keys it resumes, with other keys it is refused.

use skerry_agent::agent::identity_folder;
use skerry_agent::join::JoinError;

use crate::stage::{Stage, enrol};

#[tokio::test(flavor = "multi_thread")]
async fn a_used_token_is_refused_to_other_keys_and_resumes_with_the_same() {
    let stage = Stage::build().await;
    let token = stage.register("one").await;
    let (ours, theirs) = (stage.state_folder("ours"), stage.state_folder("theirs"));
    enrol(&ours, &token).await.expect("joins");
    let refused = enrol(&theirs, &token).await.expect_err("the token is used");
    assert!(matches!(refused, JoinError::Refused { .. }), "{refused:?}");
    assert!(!identity_folder(&theirs).join("enrolled.json").exists());

    // «Already joined», and then: the grant was lost on its way, the keys were not.
    enrol(&ours, &token).await.expect("it has joined already");
    std::fs::remove_file(identity_folder(&ours).join("enrolled.json")).expect("removes");
    enrol(&ours, &token).await.expect("resumes");
    assert!(identity_folder(&ours).join("enrolled.json").exists());
    enrol(&theirs, &token).await.expect_err("the token is used still");
}
