//! How long a bundle may be accepted, and when the same content is issued anew.

use skerry_common::bundle::root::BundleRoot;
use thiserror::Error;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// How long a bundle may be accepted when nothing else is configured: a site that is fed by hand is
/// visited more often than quarterly, and a stolen old bundle is worth little after it.
pub const LIFE_SECONDS_DEFAULT: i64 = 90 * 24 * 3600;

/// A time that cannot be read or written.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{0}` is not a time in RFC 3339")]
pub struct LifetimeError(String);

/// Unix seconds of a time in RFC 3339.
pub fn unix_seconds(text: &str) -> Result<i64, LifetimeError> {
    let parsed = OffsetDateTime::parse(text, &Rfc3339);
    parsed.map(OffsetDateTime::unix_timestamp).map_err(|_| LifetimeError(text.chars().take(80).collect()))
}

/// The time in RFC 3339: UTC, whole seconds.
pub fn rfc3339(unix_seconds: i64) -> Result<String, LifetimeError> {
    let failed = || LifetimeError(unix_seconds.to_string());
    let time = OffsetDateTime::from_unix_timestamp(unix_seconds).map_err(|_| failed())?;
    time.format(&Rfc3339).map_err(|_| failed())
}

/// When two thirds of a root's life are over, Unix seconds: the same content is to be issued as the next
/// generation then, so that an agent that comes late still finds something that it may accept.
pub fn due_at(root: &BundleRoot) -> Result<i64, LifetimeError> {
    let (issued, expires) = (unix_seconds(&root.issued)?, unix_seconds(&root.expires)?);
    let life = expires.saturating_sub(issued).max(0);
    Ok(issued.saturating_add(life / 3 * 2))
}
