//! Errors as RFC 9457 problem documents, each with a stable code.

use axum::Json;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use skerry_common::diagnostic::{Code, Diagnostic, ErrorClass};
use skerry_common::error_chain::Chain;
use skerry_common::redact::redact;

use crate::store::StoreError;

/// What a problem's `type` begins with; the code follows.
pub const TYPE_PREFIX: &str = "https://skerry.dev/errors/";

/// How long a turned-away client should wait, in seconds.
const RETRY_AFTER_SECONDS: u32 = 2;

pub use skerry_hub_core::shell_codes::API_CODES as CODES;

/// An error as it is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    status: StatusCode,
    code: Code,
    detail: String,
    help: Option<String>,
}

/// The document's fields.
#[derive(Serialize)]
struct Document<'a> {
    r#type: String,
    title: &'a str,
    status: u16,
    detail: &'a str,
    code: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<&'a str>,
}

impl Problem {
    fn new(status: StatusCode, code: u16, detail: impl AsRef<str>) -> Self {
        Self { status, code: Code(code), detail: redact(detail.as_ref()), help: None }
    }

    /// The request is not understood.
    pub fn bad_request(detail: impl AsRef<str>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, 600, detail)
    }

    /// No token, or none that counts.
    pub fn unauthenticated(detail: impl AsRef<str>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, 601, detail)
    }

    /// A token that may not do this.
    pub fn forbidden(detail: impl AsRef<str>) -> Self {
        Self::new(StatusCode::FORBIDDEN, 602, detail)
    }

    /// There is nothing of this name.
    pub fn not_found(what: &str, name: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, 603, format!("there is no {what} `{name}`"))
    }

    /// Something contradicts what is there.
    pub fn conflict(detail: impl AsRef<str>) -> Self {
        Self::new(StatusCode::CONFLICT, 604, detail)
    }

    /// Understood, and refused.
    pub fn refused(detail: impl AsRef<str>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, 605, detail)
    }

    /// The body is too large.
    pub fn too_large(detail: impl AsRef<str>) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, 606, detail)
    }

    /// Not now.
    pub fn busy(detail: impl AsRef<str>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, 607, detail)
    }

    /// A bug, or a store that fails.
    pub fn internal(detail: impl AsRef<str>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, 608, detail)
    }

    /// A webhook that nobody vouches for.
    pub fn webhook(detail: impl AsRef<str>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, 609, detail)
    }

    /// The address exists, but not for this method.
    pub fn method_not_allowed() -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, 610, "this address does not know the method")
    }

    /// A diagnostic of a pure core, as an error of the caller.
    pub fn diagnostic(status: StatusCode, diagnostic: &Diagnostic) -> Self {
        let problem = Self::new(status, diagnostic.code.0, &diagnostic.message);
        Self { help: diagnostic.help.as_deref().map(redact), ..problem }
    }

    /// Says what to change.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Its stable code.
    pub fn code(&self) -> Code {
        self.code
    }

    /// Its class, for clients' exit codes.
    pub fn class(&self) -> ErrorClass {
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            ErrorClass::Retry
        } else if self.status.is_server_error() {
            ErrorClass::Bug
        } else {
            ErrorClass::NeedsUser
        }
    }

    fn title(&self) -> &'static str {
        let own = CODES.iter().find(|(code, ..)| *code == self.code.0).map(|(_, title, _)| *title);
        own.or(self.status.canonical_reason()).unwrap_or("error")
    }
}

impl From<StoreError> for Problem {
    /// What the database said is for the log, not for the caller.
    fn from(error: StoreError) -> Self {
        tracing::error!(error = %Chain(&error), "the store failed a request");
        Self::internal("the store failed; the hub's log says why")
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let document = Document {
            r#type: format!("{TYPE_PREFIX}{}", self.code),
            title: self.title(),
            status: self.status.as_u16(),
            detail: &self.detail,
            code: self.code.to_string(),
            help: self.help.as_deref(),
        };
        let mut response = (self.status, Json(document)).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(RETRY_AFTER, HeaderValue::from(RETRY_AFTER_SECONDS));
        }
        response
    }
}
