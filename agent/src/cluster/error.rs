//! Why the API server did not do what it was asked, sorted by what the agent does next.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use skerry_common::diagnostic::ErrorClass;
use thiserror::Error as ThisError;

/// The cause below an error; kept for the chain of causes only.
pub type Cause = Box<dyn Error + Send + Sync + 'static>;

/// Why a request failed.
#[derive(Debug, ThisError)]
pub enum ClusterError {
    /// The configuration of the client is unusable.
    #[error("cannot use the Kubernetes client configuration `{subject}`")]
    Configuration {
        /// Which file or setting.
        subject: String,
        /// What was wrong.
        #[source]
        source: Cause,
    },
    /// No answer: no route, refused, TLS, cut.
    #[error("the Kubernetes API is unreachable")]
    Unreachable {
        /// What the connection said.
        #[source]
        source: Cause,
    },
    /// No answer in time.
    #[error("the Kubernetes API did not answer `{request}` within {} s", .after.as_secs())]
    Timeout {
        /// Which request.
        request: String,
        /// The bound.
        after: Duration,
    },
    /// The server does not know who we are.
    #[error("the Kubernetes API does not accept our credentials: {message}")]
    Unauthorized {
        /// What the server said.
        message: String,
    },
    /// The server knows us and says no.
    #[error("not allowed: {message}")]
    Forbidden {
        /// What the server said; it names verb, resource and namespace.
        message: String,
    },
    /// The kind is not served, or the namespace does not exist, or the object to patch is gone.
    #[error("not found: {message}")]
    NotFound {
        /// What the server said.
        message: String,
    },
    /// The object is not as the request expects it.
    #[error("{0}")]
    Conflict(Conflict),
    /// The object is wrong.
    #[error("refused as invalid: {message}")]
    Invalid {
        /// What the server said; cut for Secrets.
        message: String,
        /// Which fields.
        fields: Vec<InvalidField>,
    },
    /// The resource version is older than the server remembers: list again.
    #[error("the resource version has expired")]
    Expired,
    /// Too many requests.
    #[error("the Kubernetes API is throttling us")]
    TooManyRequests {
        /// When to come again, if it said so.
        retry_after: Option<Duration>,
    },
    /// The server failed.
    #[error("the Kubernetes API failed with {status}: {message}")]
    Server {
        /// HTTP status.
        status: u16,
        /// What the server said.
        message: String,
    },
    /// An answer that cannot be read.
    #[error("the answer to `{request}` cannot be read")]
    Malformed {
        /// Which request.
        request: String,
        /// What was wrong.
        #[source]
        source: Cause,
    },
    /// An answer beyond our bounds.
    #[error("the answer to `{request}` is larger than {limit} {unit}")]
    TooLarge {
        /// Which request.
        request: String,
        /// The bound.
        limit: usize,
        /// Of what.
        unit: &'static str,
    },
}

impl ClusterError {
    /// What kind of failure this is.
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Unreachable { .. } | Self::Timeout { .. } | Self::Expired | Self::TooManyRequests { .. } => {
                ErrorClass::Retry
            }
            Self::Server { .. } => ErrorClass::Retry,
            Self::Conflict(conflict) => match conflict {
                Conflict::Fields(_) => ErrorClass::NeedsUser,
                Conflict::Changed(_) | Conflict::Test(_) => ErrorClass::Retry,
            },
            Self::Configuration { .. }
            | Self::Unauthorized { .. }
            | Self::Forbidden { .. }
            | Self::NotFound { .. }
            | Self::Invalid { .. }
            | Self::TooLarge { .. } => ErrorClass::NeedsUser,
            Self::Malformed { .. } => ErrorClass::Bug,
        }
    }

    /// True when nothing is wrong with the request and the same one may work soon.
    pub fn is_transient(&self) -> bool {
        self.class() == ErrorClass::Retry
    }
}

/// In what way an object is not as a request expects it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Conflict {
    /// Other managers own fields with other values.
    Fields(Vec<FieldConflict>),
    /// It has changed, or is another object under the same name; what the server said.
    Changed(String),
    /// A `test` operation of a JSON patch failed; what the server said.
    Test(String),
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fields(fields) => {
                f.write_str("others own fields of the object:")?;
                for field in fields {
                    write!(f, " `{}` (`{}`)", field.field, field.manager)?;
                }
                Ok(())
            }
            Self::Changed(message) => write!(f, "the object has changed meanwhile: {message}"),
            Self::Test(message) => write!(f, "a test of the patch failed: {message}"),
        }
    }
}

/// A field that another manager owns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldConflict {
    /// The field, as the server writes it: `.spec.replicas`.
    pub field: String,
    /// Its manager.
    pub manager: String,
}

/// A field that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidField {
    /// The field, as the server writes it: `spec.replicas`.
    pub field: String,
    /// `FieldValueRequired`, `FieldValueInvalid` …
    pub reason: String,
    /// What is wrong; cut for Secrets.
    pub message: String,
}
