//! `POST /webhooks/git`: a Git server says that something was pushed.
//!
//! Nothing in the body is believed beyond the addresses that it names, and those only choose which
//! sources are looked at now rather than a little later: all of them, when none that is followed is named.

use std::collections::BTreeSet;

use aws_lc_rs::hmac;
use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, StatusCode};
use serde_json::{Value, json};
use skerry_common::bundle::digest::{Digest, unhex};
use subtle::ConstantTimeEq as _;
use tokio::sync::mpsc::error::TrySendError;

use super::error::Problem;
use super::{Api, ApiStore, HubControl};
use crate::metrics;

/// GitHub, and Gitea beside its own: `sha256=` and the HMAC in hexadecimal digits.
const GITHUB_SIGNATURE: &str = "x-hub-signature-256";

/// Gitea and Forgejo: the HMAC in hexadecimal digits.
const GITEA_SIGNATURE: &str = "x-gitea-signature";

/// GitLab: the secret itself.
const GITLAB_TOKEN: &str = "x-gitlab-token";

/// Where bodies name the repository.
const ADDRESSES: [&str; 7] = [
    "/repository/clone_url",
    "/repository/ssh_url",
    "/repository/html_url",
    "/repository/git_http_url",
    "/repository/git_ssh_url",
    "/project/git_http_url",
    "/project/git_ssh_url",
];

/// Longest address that is passed on.
const ADDRESS_BYTES_MAX: usize = 2048;

/// Look at these repositories now; at all of them when none is named.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Poke {
    /// Addresses as the Git server wrote them.
    pub addresses: BTreeSet<String>,
}

pub(super) async fn receive<S: ApiStore, C: HubControl>(
    State(api): State<Api<S, C>>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let count = |result| api.inner.metrics.add(&metrics::WEBHOOKS, &[("result", result)], 1);
    let body = body.map_err(|_| {
        count("too large");
        Problem::too_large("the body is larger than the API reads")
    })?;
    let Some(secret) = &api.inner.settings.webhook_secret else {
        count("refused");
        return Err(Problem::webhook("this hub has no webhook secret"));
    };
    if !is_genuine(&headers, &body, secret.expose().as_bytes()) {
        count("refused");
        return Err(Problem::webhook("the signature or token of the webhook is missing or wrong"));
    }
    let poke = Poke { addresses: addresses(&body) };
    match api.inner.poke.try_send(poke) {
        Ok(()) => count("accepted"),
        // A look that waits already will see this push too.
        Err(TrySendError::Full(_)) => count("coalesced"),
        Err(TrySendError::Closed(_)) => return Err(Problem::busy("the hub is stopping")),
    }
    Ok((StatusCode::ACCEPTED, Json(json!({"done": true}))))
}

/// Any one of the known proofs counts; one that is there and wrong is not made good by another.
fn is_genuine(headers: &HeaderMap, body: &[u8], secret: &[u8]) -> bool {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    let signed = |hex: &str| unhex::<32>(hex).is_some_and(|tag| hmac::verify(&key, body, &tag).is_ok());
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    let github = text(GITHUB_SIGNATURE).map(|value| value.strip_prefix("sha256=").is_some_and(signed));
    let gitea = text(GITEA_SIGNATURE).map(signed);
    let gitlab = text(GITLAB_TOKEN).map(|token| {
        // Hashes of both are compared, so that not even the length shows.
        let (theirs, ours) = (Digest::of(token.as_bytes()), Digest::of(secret));
        bool::from(theirs.as_bytes().ct_eq(ours.as_bytes()))
    });
    let proofs: Vec<bool> = [github, gitea, gitlab].into_iter().flatten().collect();
    !secret.is_empty() && !proofs.is_empty() && proofs.into_iter().all(|genuine| genuine)
}

fn addresses(body: &[u8]) -> BTreeSet<String> {
    let Ok(body) = serde_json::from_slice::<Value>(body) else { return BTreeSet::new() };
    let named = ADDRESSES.iter().filter_map(|pointer| body.pointer(pointer).and_then(Value::as_str));
    named.filter(|address| address.len() <= ADDRESS_BYTES_MAX).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use skerry_common::bundle::digest::hex;

    #[test]
    fn proofs_are_checked() {
        let secret = b"s3cret";
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), b"body");
        let good = hex(tag.as_ref());
        let check = |pairs: &[(&'static str, String)], expected: bool| {
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                headers.insert(*name, value.parse().expect("a header value"));
            }
            assert_eq!(is_genuine(&headers, b"body", secret), expected, "{pairs:?}");
        };
        check(&[(GITHUB_SIGNATURE, format!("sha256={good}"))], true);
        check(&[(GITHUB_SIGNATURE, good.clone())], false);
        check(&[(GITEA_SIGNATURE, good.clone())], true);
        check(&[(GITEA_SIGNATURE, "00".repeat(32))], false);
        check(&[(GITLAB_TOKEN, "s3cret".into())], true);
        check(&[(GITLAB_TOKEN, "s3cre".into())], false);
        check(&[(GITLAB_TOKEN, "s3cret".into()), (GITEA_SIGNATURE, "x".into())], false);
        check(&[], false);
        assert!(!is_genuine(&HeaderMap::new(), b"", b""));
    }

    #[test]
    fn addresses_are_found() {
        let check = |body: &str, expected: &[&str]| {
            assert_eq!(addresses(body.as_bytes()).iter().map(String::as_str).collect::<Vec<_>>(), expected);
        };
        check(
            r#"{"repository": {"clone_url": "https://h/a.git", "ssh_url": "git@h:a.git"}}"#,
            &["git@h:a.git", "https://h/a.git"],
        );
        check(r#"{"project": {"git_http_url": "https://h/b.git"}}"#, &["https://h/b.git"]);
        check("not json", &[]);
        check(r#"{"repository": 1}"#, &[]);
    }
}
