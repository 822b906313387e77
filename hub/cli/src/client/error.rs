//! What can go wrong between this program and the hub, and what to do about it.

use std::error::Error;

use reqwest::{StatusCode, Url};
use serde::Deserialize;
use skerry_common::diagnostic::{Code, ErrorClass};
use skerry_common::error_chain::Chain;
use thiserror::Error;

use super::is_passing;
use crate::errors::{Failure, REPORT, Stop, codes};

/// Why the hub gave no answer.
#[derive(Debug, Error)]
pub enum ClientError {
    /// The CA certificate cannot be used.
    #[error("the CA certificate cannot be used")]
    Authority(#[source] skerry_certs::tls::TlsError),
    /// The HTTP client was not built.
    #[error("the HTTP client cannot be set up")]
    Settings(#[source] reqwest::Error),
    /// Not an address.
    #[error("`{0}` is not an address of a hub")]
    Address(String),
    /// A token with characters that no header may hold.
    #[error("the token holds characters that no token has")]
    TokenForm,
    /// No connection.
    #[error("the hub `{server}` cannot be reached")]
    Unreachable {
        /// Which.
        server: String,
        /// Where the address was found.
        origin: String,
        /// Why.
        #[source]
        source: reqwest::Error,
    },
    /// No answer in time.
    #[error("the hub `{server}` does not answer in time")]
    Silent {
        /// Which.
        server: String,
        /// Where the address was found.
        origin: String,
    },
    /// Another certificate than expected.
    #[error("the certificate of `{server}` is not trusted")]
    Untrusted {
        /// Which.
        server: String,
        /// Where the address was found.
        origin: String,
        /// Why.
        #[source]
        source: rustls::Error,
    },
    /// The hub answered with an error.
    #[error("{}", .0.message)]
    Refused(Refusal),
    /// Not the JSON that was expected.
    #[error("the hub's answer cannot be read")]
    Answer(#[source] serde_json::Error),
    /// More than is read.
    #[error("the hub's answer has more than {bytes_max} bytes")]
    TooLarge {
        /// The bound.
        bytes_max: u64,
    },
    /// A watch ended.
    #[error("the watch was ended by the hub")]
    Ended,
}

/// An error that the hub told, as an RFC 9457 problem document; or what stands for one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// HTTP status.
    pub status: StatusCode,
    /// The hub's code, if it told one.
    pub code: Option<Code>,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
}

/// The fields of a problem document that are shown.
#[derive(Debug, Default, Deserialize)]
struct Document {
    #[serde(default)]
    title: Option<String>,
    #[serde(default)]
    detail: Option<String>,
    #[serde(default)]
    code: Option<String>,
    #[serde(default)]
    help: Option<String>,
}

impl Refusal {
    pub(super) fn read(status: StatusCode, body: &[u8]) -> Self {
        let document: Document = serde_json::from_slice(body).unwrap_or_default();
        let code = document.code.as_deref().and_then(|code| code.strip_prefix("SK")).and_then(|code| code.parse().ok());
        let message = document.detail.or(document.title).unwrap_or_else(|| format!("the hub answered {status}"));
        Self { status, code: code.map(Code), message, help: document.help }
    }

    /// Decides the exit code.
    pub fn class(&self) -> ErrorClass {
        if is_passing(self.status) {
            ErrorClass::Retry
        } else if self.status.is_server_error() {
            ErrorClass::Bug
        } else {
            ErrorClass::NeedsUser
        }
    }

    fn next_step(&self) -> Option<&'static str> {
        match self.status {
            StatusCode::UNAUTHORIZED => Some("ask an administrator of the hub for a token, then `skerry context add`"),
            StatusCode::NOT_FOUND => Some("`skerry get` lists what there is, such as `skerry get clusters`"),
            StatusCode::FORBIDDEN => Some("use a context with an admin token: `--context NAME`"),
            _ if is_passing(self.status) => Some("try again in a moment"),
            _ if self.status.is_server_error() => Some("look at the hub's log, and please report it"),
            _ => None,
        }
    }
}

impl ClientError {
    pub(super) fn of(error: reqwest::Error, base: &Url, origin: &str) -> Self {
        let (server, origin) = (base.to_string(), origin.to_owned());
        if let Some(source) = tls_error(&error) {
            return Self::Untrusted { server, origin, source };
        }
        if error.is_timeout() {
            return Self::Silent { server, origin };
        }
        Self::Unreachable { server, origin, source: error.without_url() }
    }

    /// True when the hub knows nothing of this name.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Refused(refusal) if refusal.status == StatusCode::NOT_FOUND)
    }

    /// True when another try may help.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Silent { .. } | Self::Ended => true,
            Self::Refused(refusal) => refusal.class() == ErrorClass::Retry,
            Self::Authority(_)
            | Self::Settings(_)
            | Self::Address(_)
            | Self::TokenForm
            | Self::Untrusted { .. }
            | Self::Answer(_)
            | Self::TooLarge { .. } => false,
        }
    }
}

/// A certificate that rustls refused, wherever in the chain of causes.
fn tls_error(error: &reqwest::Error) -> Option<rustls::Error> {
    let mut cause: Option<&(dyn Error + 'static)> = error.source();
    while let Some(error) = cause {
        if let Some(found @ rustls::Error::InvalidCertificate(_)) = error.downcast_ref::<rustls::Error>() {
            return Some(found.clone());
        }
        // An I/O error's source is not what it wraps, but what that one wraps.
        let wrapped = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        cause = match wrapped {
            Some(wrapped) => Some(wrapped),
            None => error.source(),
        };
    }
    None
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        let text = Chain(&error).to_string();
        let of = |class, code| Self::new(class, code, text.clone());
        match &error {
            ClientError::Authority(_) => {
                of(ErrorClass::NeedsUser, codes::FILE).help("give the hub's CA certificate, as PEM, with `--ca-file`")
            }
            ClientError::Settings(_) => of(ErrorClass::Bug, codes::BUG).help(REPORT),
            ClientError::Address(_) => {
                of(ErrorClass::NeedsUser, codes::ADDRESS).help("write for example `https://hub.example:8443`")
            }
            ClientError::TokenForm => {
                of(ErrorClass::NeedsUser, codes::FILE).help("check what `--token-file` or SKERRY_TOKEN holds")
            }
            ClientError::Unreachable { origin, .. } | ClientError::Silent { origin, .. } => {
                let help = "check the address with `skerry context list`, and that the hub runs; then try again";
                of(ErrorClass::Retry, codes::UNREACHABLE).at(origin).help(help)
            }
            ClientError::Untrusted { origin, .. } => {
                let help = "take the CA certificate from the hub itself, then `skerry context add` with `--ca-file`";
                of(ErrorClass::NeedsUser, codes::UNTRUSTED).at(origin).help(help)
            }
            ClientError::Refused(refusal) => {
                let fallback = if refusal.class() == ErrorClass::Retry { codes::BUSY } else { codes::REFUSED };
                let mut failure = of(refusal.class(), refusal.code.unwrap_or(fallback));
                failure.help = refusal.help.clone().or(refusal.next_step().map(str::to_owned)).into_iter().collect();
                failure
            }
            ClientError::Answer(_) | ClientError::TooLarge { .. } => {
                of(ErrorClass::NeedsUser, codes::ANSWER).help("compare the versions: `skerry version`")
            }
            ClientError::Ended => of(ErrorClass::Retry, codes::UNREACHABLE).help("run the command again to go on"),
        }
    }
}

impl From<ClientError> for Stop {
    fn from(error: ClientError) -> Self {
        Failure::from(error).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(status: u16, body: &str) -> (String, u8) {
        let refusal = Refusal::read(StatusCode::from_u16(status).expect("a status"), body.as_bytes());
        let failure = Failure::from(ClientError::Refused(refusal));
        (failure.to_string(), failure.class.exit_code())
    }

    #[test]
    fn what_the_hub_says_is_passed_on() {
        let body =
            r#"{"type":"x","title":"not found","status":404,"detail":"there is no cluster `a`","code":"SK0603"}"#;
        let (text, code) = shown(404, body);
        assert!(text.starts_with("error[SK0603]: there is no cluster `a`\n  help: `skerry get` lists"), "{text}");
        assert_eq!(code, 2);
        let body = r#"{"detail":"no","code":"SK0370","help":"write `a=b`"}"#;
        assert_eq!(shown(400, body), ("error[SK0370]: no\n  help: write `a=b`".to_owned(), 2));
    }

    #[test]
    fn what_is_not_the_hub_is_told_by_its_status() {
        let (text, code) = shown(502, "<html>");
        assert_eq!((text.lines().next(), code), (Some("error[SK0908]: the hub answered 502 Bad Gateway"), 3));
        let (text, code) = shown(500, "");
        assert_eq!((text.lines().next(), code), (Some("error[SK0914]: the hub answered 500 Internal Server Error"), 4));
        assert_eq!(shown(301, "").1, 2);
    }
}
