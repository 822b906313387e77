//! Ignored fields: set at creation, then left to whoever wants them (DESIGN §4.12).
//!
//! ```text
//! no live object   ─▶ apply everything as `skerry`, which creates it whole; look again
//! we manage some   ─▶ apply them at their *live* values as `skerry-initial`, not forced; then
//! always           ─▶ apply the object without them as `skerry`, forced
//! ```
//! Because `skerry-initial` has a field before `skerry` lets go of it, its value stays, whether the
//! rule was there from the beginning or came later, and wherever the agent was killed in between.
//!
//! A pointer's indices count in the object as it is in Git. Which live item is meant is told by the
//! merge keys that `managedFields` shows; a list without any (an atomic one) cannot be shared, so a
//! pointer into it is refused.

mod body;
#[cfg(test)]
mod tests;

use serde_json::Value;
use thiserror::Error;

use crate::managed_fields::{FieldSet, FieldsError, ManagedFields};
use crate::marks::{MANAGER, MANAGER_INITIAL};

/// Why a rule cannot be obeyed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum IgnoreError {
    /// Not RFC 6901, or the whole object.
    #[error("`{0}` is no pointer to a field: it must begin with `/`")]
    Pointer(String),
    /// Identity and marks cannot be left to others.
    #[error("`{0}` cannot be ignored: it says which object this is and whose")]
    Identity(String),
    /// A list whose items have no merge keys.
    #[error("`{0}` leads into a list whose items have no keys: ignore the whole list")]
    AtomicList(String),
    /// The live object's managers cannot be read.
    #[error("the managers of the live object cannot be read")]
    Fields(#[source] FieldsError),
}

/// One server-side apply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Under which field manager.
    pub manager: &'static str,
    /// Whether fields are taken from others.
    pub conflicts: Conflicts,
    /// What to send.
    pub body: Value,
}

/// What happens when another manager has a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conflicts {
    /// It is taken.
    Force,
    /// The request fails.
    Respect,
}

/// What to send for one object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requests {
    /// In this order.
    pub requests: Vec<Request>,
    /// Whether to ask again with the API server's last answer as the live object.
    pub then: Then,
}

/// What follows the requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// The object is as it should be.
    Done,
    /// Ask again with the answer.
    AskAgain,
}

/// Decides what to send for a marked object; `live` is `None` when it does not exist.
pub fn requests(object: &Value, pointers: &[String], live: Option<&Value>) -> Result<Requests, IgnoreError> {
    let paths = pointers.iter().map(|pointer| body::parse(pointer)).collect::<Result<Vec<_>, _>>()?;
    let ours = |body| Request { manager: MANAGER, conflicts: Conflicts::Force, body };
    if paths.is_empty() {
        return Ok(Requests { requests: vec![ours(object.clone())], then: Then::Done });
    }
    let Some(live) = live else {
        return Ok(Requests { requests: vec![ours(object.clone())], then: Then::AskAgain });
    };
    let managers = ManagedFields::of(live).map_err(IgnoreError::Fields)?;
    let everyone = managers.union_of(|_| true);
    let ignored = body::resolve(object, &paths, &everyone)?;
    let mut requests = Vec::new();
    if !managers.ours().intersection(&ignored).is_empty() {
        let kept = managers.initial();
        let body = body::initial(object, live, &ignored, &kept);
        requests.push(Request { manager: MANAGER_INITIAL, conflicts: Conflicts::Respect, body });
    }
    requests.push(ours(body::without(object, &ignored)));
    Ok(Requests { requests, then: Then::Done })
}

/// The ignored fields as a set of paths of `object` (desired or live), for
/// [`Treatment::ignored`](crate::drift::Treatment::ignored).
pub fn ignored_set(object: &Value, pointers: &[String], live: &Value) -> Result<FieldSet, IgnoreError> {
    let paths = pointers.iter().map(|pointer| body::parse(pointer)).collect::<Result<Vec<_>, _>>()?;
    let everyone = ManagedFields::of(live).map_err(IgnoreError::Fields)?.union_of(|_| true);
    body::resolve(object, &paths, &everyone)
}
