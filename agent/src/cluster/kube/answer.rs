//! Answers: JSON, or a `Status` that becomes an error.

use std::time::Duration;

use http::StatusCode;
use http::response::Parts;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use skerry_common::limits::clip;
use skerry_common::redact::{MASK, redact};

use crate::cluster::{ClusterError, Conflict, FieldConflict, InvalidField};

/// Longest wait that a server may ask for: beyond, our own backoff knows better.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(60);

/// A whole answer.
#[derive(Debug)]
pub(super) struct Answer {
    request: String,
    secret: bool,
    status: StatusCode,
    retry_after: Option<Duration>,
    body: Vec<u8>,
}

/// What the server says when it does not do what it was asked.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Status {
    message: String,
    reason: String,
    code: u16,
    details: Details,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Details {
    name: String,
    causes: Vec<StatusCause>,
    retry_after_seconds: u64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct StatusCause {
    reason: String,
    message: String,
    field: String,
}

impl Answer {
    pub(super) fn new(request: String, secret: bool, head: &Parts, body: impl Into<Vec<u8>>) -> Self {
        let seconds = head.headers.get(http::header::RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
        let retry_after = seconds.map(Duration::from_secs);
        Self { request, secret, status: head.status, retry_after, body: body.into() }
    }

    /// The HTTP status.
    pub(super) fn status(&self) -> StatusCode {
        self.status
    }

    /// The server serves the kind, but has no object of this name.
    pub(super) fn is_absent(&self, name: &str) -> bool {
        self.status == StatusCode::NOT_FOUND && self.said().details.name == name
    }

    /// Reads a successful answer.
    pub(super) fn read<T: DeserializeOwned>(self) -> Result<T, ClusterError> {
        let answer = self.ok()?;
        serde_json::from_slice(&answer.body)
            .map_err(|source| ClusterError::Malformed { request: answer.request, source: source.into() })
    }

    /// The answer, if it is a successful one.
    pub(super) fn ok(self) -> Result<Self, ClusterError> {
        if self.status.is_success() {
            return Ok(self);
        }
        let mut said = self.said();
        said.code = self.status.as_u16();
        if said.message.is_empty() {
            // Not a `Status`: a proxy in between, or a path that nothing serves.
            said.message = String::from_utf8_lossy(&self.body).into_owned();
        }
        Err(said.into_error(self.secret, self.retry_after))
    }

    fn said(&self) -> Status {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

impl Status {
    /// What a failure means for the agent; `secret`: the server's words may hold a Secret's values.
    pub(super) fn into_error(self, secret: bool, retry_after: Option<Duration>) -> ClusterError {
        let shown = |text: &str| if secret { MASK.to_owned() } else { clip(&redact(text)) };
        let message = if secret { format!("{} {MASK}", clip(&redact(&self.reason))) } else { shown(&self.message) };
        match self.code {
            401 => ClusterError::Unauthorized { message: clip(&redact(&self.message)) },
            403 => ClusterError::Forbidden { message },
            404 => ClusterError::NotFound { message: clip(&redact(&self.message)) },
            409 => ClusterError::Conflict(self.conflict(message)),
            410 => ClusterError::Expired,
            429 => {
                let said = Some(self.details.retry_after_seconds).filter(|seconds| *seconds > 0);
                let wait = retry_after.or(said.map(Duration::from_secs));
                ClusterError::TooManyRequests { retry_after: wait.map(|wait| wait.min(RETRY_AFTER_MAX)) }
            }
            400 | 413 | 415 | 422 => {
                let field = |cause: StatusCause| InvalidField {
                    field: clip(&redact(&cause.field)),
                    reason: clip(&redact(&cause.reason)),
                    message: shown(&cause.message),
                };
                ClusterError::Invalid { message, fields: self.details.causes.into_iter().map(field).collect() }
            }
            // What does not fit the schema comes back as an internal error of the field manager.
            500 if self.message.contains("failed to create typed patch object") => {
                let fields = unfit(&self.message, secret);
                ClusterError::Invalid { message, fields }
            }
            status => ClusterError::Server { status, message },
        }
    }

    fn conflict(&self, message: String) -> Conflict {
        let by_manager = |cause: &&StatusCause| cause.reason == "FieldManagerConflict";
        let fields: Vec<_> = self.details.causes.iter().filter(by_manager).map(owner).collect();
        if fields.is_empty() { Conflict::Changed(message) } else { Conflict::Fields(fields) }
    }
}

/// The cause says `conflict with "NAME" using apps/v1` or `conflict with "NAME" with subresource …`.
fn owner(cause: &StatusCause) -> FieldConflict {
    let manager = cause.message.split('"').nth(1).unwrap_or(&cause.message);
    FieldConflict { field: clip(&redact(&cause.field)), manager: clip(&redact(manager)) }
}

/// The message ends in `…: .spec.colour: field not declared in schema`.
fn unfit(message: &str, secret: bool) -> Vec<InvalidField> {
    let parts: Vec<&str> = message.split(": ").collect();
    let Some(at) = parts.iter().position(|part| part.starts_with('.')) else { return Vec::new() };
    let rest = parts.get(at + 1..).unwrap_or_default().join(": ");
    let said = if secret { MASK.to_owned() } else { clip(&redact(&rest)) };
    let field = parts.get(at).map_or("", |part| part.trim_start_matches('.'));
    vec![InvalidField { field: clip(&redact(field)), reason: "FieldValueInvalid".into(), message: said }]
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn error(status: serde_json::Value, secret: bool) -> ClusterError {
        serde_json::from_value::<Status>(status).expect("a status").into_error(secret, None)
    }

    #[test]
    fn conflicts_name_field_and_manager() {
        let status = json!({"code": 409, "reason": "Conflict", "details": {"causes": [{
            "reason": "FieldManagerConflict", "field": ".spec.replicas", "message": "conflict with \"kubectl-edit\" using apps/v1",
        }]}});
        let expected = vec![FieldConflict { field: ".spec.replicas".into(), manager: "kubectl-edit".into() }];
        let ClusterError::Conflict(Conflict::Fields(fields)) = error(status, false) else { panic!("a conflict") };
        assert_eq!(fields, expected);
    }

    #[test]
    fn a_secret_is_not_echoed() {
        let status = json!({"code": 422, "reason": "Invalid", "message": "Secret is invalid: data[a]: Invalid value: \"hunter2\"",
            "details": {"causes": [{"reason": "FieldValueInvalid", "field": "data[a]", "message": "Invalid value: \"hunter2\""}]}});
        let error = error(status, true);
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
    }

    #[test]
    fn unknown_fields_are_named() {
        let message = "failed to create typed patch object (default/web; apps/v1, Kind=Deployment): .spec.colour: field not declared in schema";
        let ClusterError::Invalid { fields, .. } = error(json!({"code": 500, "message": message}), false) else {
            panic!("invalid")
        };
        assert_eq!(fields[0].field, "spec.colour");
        assert_eq!(fields[0].message, "field not declared in schema");
    }

    #[test]
    fn statuses_say_what_to_do() {
        assert!(matches!(error(json!({"code": 410}), false), ClusterError::Expired));
        assert!(matches!(error(json!({"code": 503}), false), ClusterError::Server { status: 503, .. }));
        let throttled = error(json!({"code": 429, "details": {"retryAfterSeconds": 3600}}), false);
        assert!(matches!(throttled, ClusterError::TooManyRequests { retry_after: Some(RETRY_AFTER_MAX) }));
    }
}
