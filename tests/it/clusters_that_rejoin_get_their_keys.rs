//! A cluster whose agent lost everything joins anew: what is sealed is sealed to the keys of the new agent.

use skerry_common::join::JoinToken;
use skerry_hub::api::HubControl as _;

use crate::stage::{Site, Stage, enrol};

#[tokio::test(flavor = "multi_thread")]
async fn a_new_agent_opens_secrets_of_a_commit_that_did_not_change() {
    let stage = Stage::build().await;
    let secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: door}\nstringData: {code: \"1234\"}\n";
    stage.work.write("apps/door.yaml", secret);
    stage.push("a secret").await;
    let mut lost = stage.settled("edge").await;
    lost.stop().await;

    let command = stage.hub().control.rejoin(&lost.name).await.expect("a token").command;
    let token = JoinToken::parse(command.rsplit(' ').next().expect("a token")).expect("a token");
    let folder = stage.state_folder("edge-again");
    enrol(&folder, &token).await.expect("joins");
    lost.person().delete(&lost.target("Secret", "door")).expect("deletes");
    let mut site = Site::on("edge", folder, lost.cluster.clone());
    site.start().await;
    site.applies(&stage.work.head()).await;
    assert_eq!(site.field("Secret", "door", "/data/code"), "MTIzNA==");
    site.stop().await;
}
