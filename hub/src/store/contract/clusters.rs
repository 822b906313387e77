//! Registration, joining, certificates, contact.

use skerry_common::bundle::digest::Digest;
use skerry_common::id::{ClusterId, ClusterName, Epoch, Generation, Place};
use skerry_common::report::Facts;
use skerry_common::status::ContactBounds;

use super::{Store, certificate, id, new_cluster, on_both, registered, token};
use crate::store::Position;
use crate::store::clusters::{
    AgentFacts, CONFIRMATIONS_MAX, CertificateStanding, ClusterQuery, Heard, Join, JoinOutcome, Registration, Says,
    Standing,
};

on_both!(
    names_are_unique,
    clusters_are_paged_by_name_and_filtered,
    a_token_is_bound_to_the_first_key,
    a_token_expires_and_is_replaced,
    revocation_ends_every_certificate,
    certificates_are_bounded,
    what_agents_say_is_kept,
    silence_gives_new_positions,
    the_highest_place_only_grows,
    wishes_are_counted_and_bounded,
);

async fn names_are_unique(store: impl Store) {
    let first = registered(&store, "edge-1").await;
    let mut second = new_cluster("edge-1", &[]);
    second.id = id("other");
    assert_eq!(store.register(second, None).await.expect("answers"), Registration::NameTaken(first.clone()));
    let record = store.cluster(&first).await.expect("reads").expect("is there");
    assert_eq!((record.standing, record.variables.len()), (Standing::Pending, 1));
    let name = ClusterName::parse("edge-1").expect("valid");
    assert_eq!(store.cluster_by_name(&name).await.expect("reads"), Some(record));
    assert_eq!(store.cluster(&id("other")).await.expect("reads"), None);
}

async fn clusters_are_paged_by_name_and_filtered(store: impl Store) {
    for (name, env) in [("c", "prod"), ("a", "prod"), ("b", "test"), ("d", "prod")] {
        store.register(new_cluster(name, &[("env", env)]), None).await.expect("registers");
    }
    let names = async |query: ClusterQuery| -> Vec<String> {
        store.clusters(&query).await.expect("lists").into_iter().map(|record| record.name.to_string()).collect()
    };
    let query = ClusterQuery { limit: 2, ..ClusterQuery::default() };
    assert_eq!(names(query.clone()).await, ["a", "b"]);
    let after = Some(ClusterName::parse("b").expect("valid"));
    assert_eq!(names(ClusterQuery { after, ..query }).await, ["c", "d"]);
    let prod = vec![("env".to_owned(), "prod".to_owned())];
    assert_eq!(names(ClusterQuery { labels: prod.clone(), limit: 10, ..Default::default() }).await, ["a", "c", "d"]);
    let joined = ClusterQuery { labels: prod, standing: Some(Standing::Joined), limit: 10, ..Default::default() };
    assert_eq!(names(joined).await, [""; 0]);
}

fn join(secret: &str, key: &str, now_unix_ms: i64) -> Join {
    Join {
        token: Some(Digest::of(secret.as_bytes())),
        cluster: id("id-edge"),
        sealing_key: vec![7; 32],
        certificate: certificate(&format!("{key}-{now_unix_ms}"), key, now_unix_ms),
        now_unix_ms,
    }
}

async fn a_token_is_bound_to_the_first_key(store: impl Store) {
    let edge = registered(&store, "edge").await;
    assert!(store.add_token(token(&edge, "secret")).await.expect("adds"));
    assert_eq!(store.join(join("wrong", "key-a", 1_500)).await.expect("answers"), JoinOutcome::TokenUnknown);
    assert_eq!(store.join(join("secret", "key-a", 1_500)).await.expect("answers"), JoinOutcome::Joined);
    assert_eq!(store.join(join("secret", "key-b", 1_600)).await.expect("answers"), JoinOutcome::TokenTaken);
    assert_eq!(store.join(join("secret", "key-a", 1_700)).await.expect("answers"), JoinOutcome::Joined);
    let late = join("secret", "key-a", 9_000);
    assert_eq!(store.join(late).await.expect("answers"), JoinOutcome::Joined, "its answer may have been lost");
    let used = store.token(&Digest::of(b"secret")).await.expect("reads").expect("is there");
    assert_eq!(used.used_by, Some(Digest::of(b"key-a")));
    let record = store.cluster(&edge).await.expect("reads").expect("is there");
    assert_eq!((record.standing, record.last_contact_unix_ms), (Standing::Joined, Some(9_000)));
    assert_eq!(record.sealing_key, Some(vec![7; 32]));
    assert_eq!(record.certificate.expect("issued").serial, "key-a-9000");
}

async fn a_token_expires_and_is_replaced(store: impl Store) {
    let edge = registered(&store, "edge").await;
    assert!(!store.add_token(token(&id("nobody"), "secret")).await.expect("answers"));
    store.add_token(token(&edge, "old")).await.expect("adds");
    assert_eq!(store.join(join("old", "key", 2_000)).await.expect("answers"), JoinOutcome::TokenUnknown);
    store.add_token(token(&edge, "new")).await.expect("adds");
    assert_eq!(store.join(join("old", "key", 1_500)).await.expect("answers"), JoinOutcome::TokenUnknown);
    assert_eq!(store.join(join("new", "key", 1_500)).await.expect("answers"), JoinOutcome::Joined);
    let offline = Join { token: None, ..join("", "other key", 1_600) };
    assert_eq!(store.join(offline.clone()).await.expect("answers"), JoinOutcome::Joined);
    let (_, _, standing) = store.certificate("key-1500").await.expect("reads").expect("is kept");
    assert_eq!(standing, CertificateStanding::Revoked, "there is one agent per cluster");
    let unknown = Join { cluster: id("nobody"), ..offline };
    assert_eq!(store.join(unknown).await.expect("answers"), JoinOutcome::ClusterUnknown);
}

async fn revocation_ends_every_certificate(store: impl Store) {
    let edge = registered(&store, "edge").await;
    store.add_token(token(&edge, "secret")).await.expect("adds");
    store.join(join("secret", "key", 1_500)).await.expect("joins");
    assert!(store.renew(&edge, certificate("second", "key", 1_600)).await.expect("renews"));
    store.add_token(token(&edge, "unused")).await.expect("adds");
    assert!(store.revoke(&edge).await.expect("revokes"));
    assert!(!store.revoke(&id("nobody")).await.expect("answers"));
    for serial in ["key-1500", "second"] {
        let (owner, _, standing) = store.certificate(serial).await.expect("reads").expect("is kept");
        assert_eq!((owner, standing), (edge.clone(), CertificateStanding::Revoked));
    }
    assert!(!store.renew(&edge, certificate("third", "key", 1_700)).await.expect("answers"));
    assert_eq!(store.join(join("unused", "key", 1_700)).await.expect("answers"), JoinOutcome::TokenUnknown);
    store.add_token(token(&edge, "rejoin")).await.expect("adds");
    assert_eq!(store.join(join("rejoin", "fresh", 1_800)).await.expect("answers"), JoinOutcome::Joined);
    let (.., standing) = store.certificate("second").await.expect("reads").expect("is kept");
    assert_eq!(standing, CertificateStanding::Revoked);
    assert_eq!(store.certificate("unheard-of").await.expect("reads"), None);
}

async fn certificates_are_bounded(store: impl Store) {
    let edge = registered(&store, "edge").await;
    for number in 0..20 {
        assert!(store.renew(&edge, certificate(&number.to_string(), "key", number)).await.expect("renews"));
    }
    assert_eq!(store.certificate("3").await.expect("reads"), None);
    assert!(store.certificate("4").await.expect("reads").is_some());
}

async fn what_agents_say_is_kept(store: impl Store) {
    let edge = registered(&store, "edge").await;
    let facts = Facts {
        kubernetes_version: "v1.35.4".into(),
        platform: "linux/arm64".into(),
        api_kinds: vec!["apps/v1/Deployment".into()],
    };
    let said =
        AgentFacts { agent_version: "0.1.0".into(), wire_version: 1, bundle_schemas: vec![1], trust_version: 3, facts };
    store.introduce(&edge, said.clone()).await.expect("stores");
    let record = store.cluster(&edge).await.expect("reads").expect("is there");
    assert_eq!(record.agent, Some(said));
    let listed = store.clusters(&ClusterQuery { limit: 1, ..Default::default() }).await.expect("lists");
    let facts = listed[0].agent.clone().expect("is kept").facts;
    assert_eq!((facts.platform.as_str(), facts.api_kinds.len()), ("linux/arm64", 0));
}

async fn silence_gives_new_positions(store: impl Store) {
    let (a, b) = (registered(&store, "a").await, registered(&store, "b").await);
    let seconds = |seconds: i64| seconds * 1_000;
    let heard = |cluster: &ClusterId, at: i64, says| Heard { cluster: cluster.clone(), at_unix_ms: seconds(at), says };
    let first = [heard(&a, 10, Says::Unchanged), heard(&b, 50, Says::Nothing), heard(&id("nobody"), 1, Says::Nothing)];
    store.touch(&first).await.expect("stores");
    store.touch(&[heard(&b, 40, Says::Unchanged)]).await.expect("never goes back");
    let judge = async |now| store.judge_silence(seconds(now), ContactBounds::default()).await.expect("judges");
    assert_eq!(judge(51).await, 2, "both were heard of for the first time");
    assert_eq!(judge(69).await, 0);
    let before = *store.head().borrow();
    assert_eq!(judge(70).await, 1, "a is late after 60 s");
    let changed = store.clusters_changed(before, 10).await.expect("lists");
    assert_eq!(changed.iter().map(|record| record.id.clone()).collect::<Vec<_>>(), std::slice::from_ref(&a));
    assert!(*store.head().borrow() > before);
    assert_eq!(judge(190).await, 2, "a is offline, b late");
    let record = store.cluster(&b).await.expect("reads").expect("is there");
    assert_eq!(record.last_contact_unix_ms, Some(seconds(50)));
    store.touch(&[heard(&a, 191, Says::Nothing)]).await.expect("stores");
    let unchanged = async |cluster| store.cluster(cluster).await.expect("reads").expect("is there").unchanged_unix_ms;
    assert_eq!((unchanged(&a).await, unchanged(&b).await), (Some(seconds(10)), None), "it says nothing since");
    assert_eq!(judge(191).await, 1, "a is back");
    assert_eq!(store.clusters_changed(Position(0), 10).await.expect("lists").len(), 2);
}

async fn the_highest_place_only_grows(store: impl Store) {
    let edge = registered(&store, "edge").await;
    let place = |epoch, generation| Place { epoch: Epoch(epoch), generation: Generation(generation) };
    for (seen, expected) in [(place(1, 5), place(1, 5)), (place(1, 3), place(1, 5)), (place(2, 1), place(2, 1))] {
        store.raise_highest(&edge, seen).await.expect("stores");
        assert_eq!(store.cluster(&edge).await.expect("reads").expect("is there").highest, Some(expected));
    }
    store.raise_highest(&edge, place(2, u64::MAX)).await.expect("a number pushed to its end is no error");
}

async fn wishes_are_counted_and_bounded(store: impl Store) {
    let edge = registered(&store, "edge").await;
    assert_eq!(store.request_sync(&edge).await.expect("counts"), Some(1));
    assert_eq!(store.request_sync(&edge).await.expect("counts"), Some(2));
    assert_eq!(store.request_sync(&id("nobody")).await.expect("answers"), None);
    let lists: Vec<Digest> = (0..CONFIRMATIONS_MAX + 1).map(|n| Digest::of(n.to_string().as_bytes())).collect();
    for list in &lists {
        assert!(store.confirm_prune(&edge, *list).await.expect("confirms"));
    }
    assert!(!store.confirm_prune(&id("nobody"), lists[0]).await.expect("answers"));
    let record = store.cluster(&edge).await.expect("reads").expect("is there");
    assert_eq!(record.sync_requests, 2);
    assert_eq!(record.confirmations.len(), CONFIRMATIONS_MAX);
    assert!(!record.confirmations.contains(&lists[0]), "the oldest falls out");
    assert!(record.confirmations.is_sorted());
}
