//! API tokens and the audit trail in memory.

use skerry_common::bundle::digest::Digest;

use super::{MemoryStore, page};
use crate::store::access::{AUDIT_MAX, AccessStore, ApiToken, AuditEntry};
use crate::store::{Position, StoreError};

impl AccessStore for MemoryStore {
    async fn add_api_token(&self, token: ApiToken) -> Result<bool, StoreError> {
        self.with(|state| {
            let taken = state.api_tokens.values().any(|known| known.name == token.name || known.hash == token.hash);
            if !taken {
                state.api_tokens.insert(token.name.clone(), token);
            }
            !taken
        })
    }

    async fn api_token(&self, hash: &Digest) -> Result<Option<ApiToken>, StoreError> {
        self.with(|state| state.api_tokens.values().find(|token| token.hash == *hash).cloned())
    }

    async fn api_tokens(&self) -> Result<Vec<ApiToken>, StoreError> {
        self.with(|state| state.api_tokens.values().cloned().collect())
    }

    async fn remove_api_token(&self, name: &str) -> Result<bool, StoreError> {
        self.with(|state| state.api_tokens.remove(name).is_some())
    }

    async fn audit(&self, mut entry: AuditEntry) -> Result<(), StoreError> {
        self.with(|state| {
            entry.position = state.next();
            state.audit.insert(entry.position, entry);
            while state.audit.len() as u64 > AUDIT_MAX {
                state.audit.pop_first();
            }
        })
    }

    async fn audit_trail(&self, before: Option<Position>, limit: usize) -> Result<Vec<AuditEntry>, StoreError> {
        self.with(|state| {
            let older = state.audit.values().rev().filter(|e| before.is_none_or(|before| e.position < before));
            older.take(page(limit)).cloned().collect()
        })
    }
}
