//! Writes: asked of the hub, and written down in the audit trail whatever comes of them.

use axum::Json;
use axum::body::Body;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Extension, Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use futures::stream::unfold;
use serde_json::json;
use skerry_common::error_chain::Chain;
use skerry_common::id::ClusterName;
use skerry_common::redact::redact;
use skerry_hub_core::fleet::selector::{check_key, check_value};
use skerry_hub_core::view::{
    ConfirmRequest, Confirmed, JoinCommand, OfflineReply, OfflineRequest, RegisterRequest, SyncRequested,
};

use super::auth::Caller;
use super::control::ControlError;
use super::error::Problem;
use super::{Api, ApiStore, HubControl};
use crate::store::Position;
use crate::store::access::AuditEntry;

/// A body, or why it is not understood.
type Json_<T> = Result<Json<T>, JsonRejection>;

fn body<T>(body: Json_<T>) -> Result<T, Problem> {
    match body {
        Ok(Json(value)) => Ok(value),
        Err(rejection) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => {
            Err(Problem::too_large("the body is larger than the API reads"))
        }
        Err(rejection) => Err(Problem::bad_request(rejection.body_text())),
    }
}

fn cluster_name(text: &str) -> Result<ClusterName, Problem> {
    ClusterName::parse(text).map_err(|_| Problem::not_found("cluster", text))
}

fn check_labels(labels: &std::collections::BTreeMap<String, String>) -> Result<(), Problem> {
    labels
        .iter()
        .try_for_each(|(key, value)| check_key(key).and_then(|()| check_value(value)))
        .map_err(Problem::bad_request)
}

impl<S: ApiStore, C: HubControl> Api<S, C> {
    /// Writes down what was done, and answers.
    async fn audited<T>(
        &self,
        caller: Caller,
        action: &str,
        subject: &str,
        done: Result<T, ControlError>,
    ) -> Result<T, Problem> {
        let outcome = match &done {
            Ok(_) => "done".to_owned(),
            Err(error) => redact(&error.to_string()),
        };
        tracing::info!(caller = caller.0, action, subject, outcome, "API write");
        let entry = AuditEntry {
            position: Position(0),
            at_unix_ms: (self.inner.clock)(),
            who: caller.0,
            action: action.to_owned(),
            subject: subject.to_owned(),
            outcome,
        };
        // What was done stays done: a trail that cannot be written is an operator's problem.
        if let Err(error) = self.inner.store.audit(entry).await {
            tracing::error!(error = %Chain(&error), action, subject, "the audit trail cannot be written");
        }
        done.map_err(Problem::from)
    }
}

pub(super) async fn register<S: ApiStore, C: HubControl>(
    State(api): State<Api<S, C>>,
    Extension(caller): Extension<Caller>,
    request: Json_<RegisterRequest>,
) -> Result<(StatusCode, Json<JoinCommand>), Problem> {
    let request = body(request)?;
    check_labels(&request.labels)?;
    let subject = format!("cluster/{}", request.name);
    let done = api.inner.control.register(request).await;
    let command = api.audited(caller, "register", &subject, done).await?;
    Ok((StatusCode::CREATED, Json(command)))
}

pub(super) async fn rejoin<S: ApiStore, C: HubControl>(
    State(api): State<Api<S, C>>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
) -> Result<Json<JoinCommand>, Problem> {
    let name = cluster_name(&name)?;
    let done = api.inner.control.rejoin(&name).await;
    api.audited(caller, "rejoin", &format!("cluster/{name}"), done).await.map(Json)
}

pub(super) async fn revoke<S: ApiStore, C: HubControl>(
    State(api): State<Api<S, C>>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
) -> Result<Json<serde_json::Value>, Problem> {
    let name = cluster_name(&name)?;
    let done = api.inner.control.revoke(&name).await;
    api.audited(caller, "revoke", &format!("cluster/{name}"), done).await?;
    Ok(Json(json!({"done": true})))
}

pub(super) async fn confirm_prune<S: ApiStore, C: HubControl>(
    State(api): State<Api<S, C>>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
    request: Json_<ConfirmRequest>,
) -> Result<Json<Confirmed>, Problem> {
    let (name, request) = (cluster_name(&name)?, body(request)?);
    let done = api.inner.control.confirm_prune(&name, request.list).await;
    let lists = api.audited(caller, "confirm-prune", &format!("cluster/{name}"), done).await?;
    Ok(Json(Confirmed { lists }))
}

pub(super) async fn sync<S: ApiStore, C: HubControl>(
    State(api): State<Api<S, C>>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
) -> Result<Json<SyncRequested>, Problem> {
    let name = cluster_name(&name)?;
    let done = api.inner.control.sync(&name).await;
    let requests = api.audited(caller, "sync", &format!("cluster/{name}"), done).await?;
    Ok(Json(SyncRequested { requests }))
}

pub(super) async fn enroll_offline<S: ApiStore, C: HubControl>(
    State(api): State<Api<S, C>>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
    request: Json_<OfflineRequest>,
) -> Result<Json<OfflineReply>, Problem> {
    let request = body(request)?;
    let name = ClusterName::parse(&name).map_err(|error| Problem::bad_request(error.to_string()))?;
    check_labels(&request.labels)?;
    let done = api.inner.control.enroll_offline(&name, request.labels, request.request).await;
    let reply = api.audited(caller, "enroll-offline", &format!("cluster/{name}"), done).await?;
    Ok(Json(OfflineReply { reply }))
}

pub(super) async fn export<S: ApiStore, C: HubControl>(
    State(api): State<Api<S, C>>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
) -> Result<Response, Problem> {
    let name = cluster_name(&name)?;
    let done = api.inner.control.export(&name).await;
    let export = api.audited(caller, "export", &format!("cluster/{name}"), done).await?;
    let pieces = unfold(export.pieces, async |mut pieces| pieces.recv().await.map(|piece| (piece, pieces)));
    let mut response = Body::from_stream(pieces).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-tar"));
    let disposition = HeaderValue::from_str(&format!("attachment; filename=\"{name}.tar\""));
    headers.extend(disposition.ok().map(|value| (header::CONTENT_DISPOSITION, value)));
    Ok(response)
}
