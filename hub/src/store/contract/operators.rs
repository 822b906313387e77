//! API tokens and the audit trail.

use skerry_common::bundle::digest::Digest;

use super::{Store, on_both};
use crate::store::Position;
use crate::store::access::{ApiToken, AuditEntry, Role};

on_both!(api_tokens_have_one_name_each, the_audit_trail_is_listed_newest_first);

async fn api_tokens_have_one_name_each(store: impl Store) {
    let token = |name: &str, secret: &str, role| ApiToken {
        name: name.to_owned(),
        hash: Digest::of(secret.as_bytes()),
        role,
        created_unix_ms: 1,
        expires_unix_ms: Some(9),
    };
    assert!(store.add_api_token(token("ops", "s1", Role::Admin)).await.expect("adds"));
    assert!(!store.add_api_token(token("ops", "s2", Role::Viewer)).await.expect("answers"));
    assert!(store.add_api_token(token("eyes", "s3", Role::Viewer)).await.expect("adds"));
    let found = store.api_token(&Digest::of(b"s1")).await.expect("reads");
    assert_eq!(found, Some(token("ops", "s1", Role::Admin)));
    assert_eq!(store.api_token(&Digest::of(b"s2")).await.expect("reads"), None);
    let names: Vec<_> = store.api_tokens().await.expect("lists").into_iter().map(|token| token.name).collect();
    assert_eq!(names, ["eyes", "ops"]);
    assert!(store.remove_api_token("ops").await.expect("removes"));
    assert!(!store.remove_api_token("ops").await.expect("answers"));
}

async fn the_audit_trail_is_listed_newest_first(store: impl Store) {
    for number in 0..3 {
        let entry = AuditEntry {
            position: Position(0),
            at_unix_ms: number,
            who: "ops".into(),
            action: "register".into(),
            subject: format!("cluster/{number}"),
            outcome: "done".into(),
        };
        store.audit(entry).await.expect("writes");
    }
    let listed = store.audit_trail(None, 2).await.expect("lists");
    assert_eq!(listed.iter().map(|entry| entry.at_unix_ms).collect::<Vec<_>>(), [2, 1]);
    let older = store.audit_trail(Some(listed[1].position), 2).await.expect("lists");
    assert_eq!(older.iter().map(|entry| entry.subject.as_str()).collect::<Vec<_>>(), ["cluster/0"]);
}
