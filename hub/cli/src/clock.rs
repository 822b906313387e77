//! The one place where this program reads the clock.

use std::time::SystemTime;

/// Now, in Unix milliseconds; 0 on a machine whose clock stands before 1970.
pub fn now_unix_ms() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
