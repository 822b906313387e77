//! The time at which certificates are judged.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::UnixTime;
use rustls::time_provider::TimeProvider;
use time::OffsetDateTime;

/// Tells the time by a function of the caller's: this crate reads no clock.
#[derive(Clone)]
pub struct WallClock(Arc<dyn Fn() -> OffsetDateTime + Send + Sync>);

impl WallClock {
    /// Asks the function at each handshake.
    pub fn new(now: impl Fn() -> OffsetDateTime + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// Always tells the same time.
    pub fn fixed(at: OffsetDateTime) -> Self {
        Self::new(move || at)
    }

    /// The time now in Unix milliseconds, as journals and stores keep it.
    pub fn unix_ms(&self) -> i64 {
        i64::try_from(self.now().unix_timestamp_nanos() / 1_000_000).unwrap_or(i64::MAX)
    }

    /// The time now, as the function says.
    pub fn now(&self) -> OffsetDateTime {
        (self.0)()
    }
}

impl fmt::Debug for WallClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WallClock")
    }
}

impl TimeProvider for WallClock {
    fn current_time(&self) -> Option<UnixTime> {
        Some(unix_time(self.now()))
    }
}

/// Converts to what rustls takes; a time before 1970 is 1970, when nothing of ours is valid.
pub(crate) fn unix_time(at: OffsetDateTime) -> UnixTime {
    let seconds = u64::try_from(at.unix_timestamp()).unwrap_or(0);
    UnixTime::since_unix_epoch(Duration::from_secs(seconds))
}
