//! Bearer tokens: who calls, and whether they may.

use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::middleware::Next;
use axum::response::Response;
use skerry_common::bundle::digest::Digest;
use skerry_hub_core::access::Action;

use super::error::Problem;
use super::routes::Route;
use super::{Api, ApiStore, HubControl};
use crate::metrics;
use crate::store::access::ApiToken;

/// Longest `Authorization` header that is looked at.
const HEADER_BYTES_MAX: usize = 512;

/// Who calls; handlers of writes put it into the audit trail.
#[derive(Debug, Clone)]
pub(super) struct Caller(pub(super) String);

/// What the check of one route needs.
pub(super) struct Gate<S, C> {
    pub(super) api: Api<S, C>,
    pub(super) route: &'static Route,
}

impl<S, C> Clone for Gate<S, C> {
    fn clone(&self) -> Self {
        Self { api: self.api.clone(), route: self.route }
    }
}

/// Lets a request through to its handler, or not, and counts it.
pub(super) async fn check<S: ApiStore, C: HubControl>(
    State(gate): State<Gate<S, C>>,
    mut request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let answer = match gate.route.needs {
        None => Ok(next.run(request).await),
        Some(action) => match authorize(&gate.api, request.headers(), action).await {
            Ok(token) => {
                request.extensions_mut().insert(Caller(token.name));
                Ok(next.run(request).await)
            }
            Err(problem) => Err(problem),
        },
    };
    let status = match &answer {
        Ok(response) => response.status().as_str().to_owned(),
        Err(problem) => problem.code().to_string(),
    };
    let labels = [("operation", gate.route.operation.name()), ("status", status.as_str())];
    gate.api.inner.metrics.add(&metrics::API_REQUESTS, &labels, 1);
    answer
}

/// Tokens are 256 random bits and are looked up by their SHA-256, so how long the look-up takes says
/// nothing about any token.
async fn authorize<S: ApiStore, C: HubControl>(
    api: &Api<S, C>,
    headers: &HeaderMap,
    action: Action,
) -> Result<ApiToken, Problem> {
    let unauthenticated = || Problem::unauthenticated("no valid API token was given");
    let presented = bearer(headers).ok_or_else(unauthenticated)?;
    let token = api.inner.store.api_token(&Digest::of(presented.as_bytes())).await?.ok_or_else(unauthenticated)?;
    if token.expires_unix_ms.is_some_and(|expires| (api.inner.clock)() >= expires) {
        return Err(unauthenticated());
    }
    if !token.role.allows(action) {
        let detail = format!("`{}` is a {}: this needs the role {}", token.name, token.role, action.needs());
        return Err(Problem::forbidden(detail));
    }
    Ok(token)
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(AUTHORIZATION).filter(|value| value.len() <= HEADER_BYTES_MAX)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}
