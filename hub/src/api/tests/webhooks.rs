//! Webhooks over the wire.

use aws_lc_rs::hmac;
use skerry_common::bundle::digest::hex;

use super::{Rig, WEBHOOK_SECRET};

const BODY: &str = r#"{"repository": {"clone_url": "https://git.example/shop.git"}}"#;

async fn send(rig: &Rig, header: (&str, &str), body: String) -> u16 {
    let request = rig.client.post(format!("{}/webhooks/git", rig.base)).header(header.0, header.1).body(body);
    request.send().await.expect("an answer").status().as_u16()
}

#[tokio::test]
async fn a_proved_webhook_pokes() {
    let mut rig = Rig::start().await;
    let key = hmac::Key::new(hmac::HMAC_SHA256, WEBHOOK_SECRET.as_bytes());
    let tag = hex(hmac::sign(&key, BODY.as_bytes()).as_ref());
    let github = format!("sha256={tag}");
    for header in
        [("X-Hub-Signature-256", github.as_str()), ("X-Gitea-Signature", &tag), ("X-Gitlab-Token", WEBHOOK_SECRET)]
    {
        assert_eq!(send(&rig, header, BODY.to_owned()).await, 202, "{header:?}");
        let poke = rig.pokes.try_recv().expect("a poke");
        assert!(poke.addresses.contains("https://git.example/shop.git"));
    }
    for _ in 0..3 {
        assert_eq!(
            send(&rig, ("X-Gitlab-Token", WEBHOOK_SECRET), BODY.to_owned()).await,
            202,
            "a full queue is no error"
        );
    }
}

#[tokio::test]
async fn an_unproved_webhook_is_refused() {
    let mut rig = Rig::start().await;
    for header in [("X-Hub-Signature-256", "sha256=00"), ("X-Gitlab-Token", "wrong"), ("X-Other", "")] {
        assert_eq!(send(&rig, header, BODY.to_owned()).await, 401, "{header:?}");
    }
    let huge = "x".repeat(2 * 1024 * 1024);
    assert_eq!(send(&rig, ("X-Gitlab-Token", WEBHOOK_SECRET), huge).await, 413);
    assert!(rig.pokes.try_recv().is_err());
}
