//! Who may use the API, and who did what.

use std::future::Future;

use skerry_common::bundle::digest::Digest;

use super::{Position, StoreError};

pub use skerry_hub_core::access::Role;

/// Audit entries kept: years of operators' actions.
pub const AUDIT_MAX: u64 = 100_000;

/// API tokens and the audit trail.
pub trait AccessStore {
    /// Stores an API token. False when the name is taken.
    fn add_api_token(&self, token: ApiToken) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Finds an API token by the hash of its secret.
    fn api_token(&self, hash: &Digest) -> impl Future<Output = Result<Option<ApiToken>, StoreError>> + Send;

    /// All API tokens, by name.
    fn api_tokens(&self) -> impl Future<Output = Result<Vec<ApiToken>, StoreError>> + Send;

    /// Removes an API token. False when there is none of this name.
    fn remove_api_token(&self, name: &str) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Writes down who did what.
    fn audit(&self, entry: AuditEntry) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// The audit trail, newest first, below a position if one is given.
    fn audit_trail(
        &self,
        before: Option<Position>,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<AuditEntry>, StoreError>> + Send;
}

/// An API token; the secret itself is never stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiToken {
    /// Whose.
    pub name: String,
    /// SHA-256 of the secret.
    pub hash: Digest,
    /// What its bearer may do.
    pub role: Role,
    /// When it was made.
    pub created_unix_ms: i64,
    /// Until when it counts; `None` for ever.
    pub expires_unix_ms: Option<i64>,
}

/// Who did what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// In the hub's order; set by the store.
    pub position: Position,
    /// When.
    pub at_unix_ms: i64,
    /// Name of the token, or `local` for commands on the hub's machine.
    pub who: String,
    /// What, as a verb: `register`, `revoke`.
    pub action: String,
    /// To what.
    pub subject: String,
    /// What came of it, in words; redacted.
    pub outcome: String,
}
