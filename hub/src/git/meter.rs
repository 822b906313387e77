//! Bounds what one exchange with a server may take, in bytes and in time, and keeps why it failed.

use std::io::{self, Read};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::error::GitError;

/// Bounds of one fetch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FetchLimits {
    /// Most bytes taken from the server: the history of a repository for deployments is far below.
    pub bytes_max: u64,
    /// Time to connect: beyond, nobody is there.
    pub connect: Duration,
    /// Longest silence: servers send keep-alives every five seconds while they pack.
    pub idle: Duration,
    /// Longest fetch in all.
    pub total: Duration,
    /// Time in which at least [`FetchLimits::window_bytes_min`] must arrive while we wait.
    pub window: Duration,
    /// Least bytes per window: a server that drips one byte at a time holds a thread for nothing.
    /// Keep-alives of Git alone are 5 bytes every five seconds, so this counts only waiting time.
    pub window_bytes_min: u64,
}

impl Default for FetchLimits {
    fn default() -> Self {
        Self {
            bytes_max: 2 * 1024 * 1024 * 1024,
            connect: Duration::from_secs(10),
            idle: Duration::from_secs(30),
            total: Duration::from_secs(10 * 60),
            window: Duration::from_secs(120),
            window_bytes_min: 100,
        }
    }
}

/// Counts and bounds one exchange. Shared by its reader, its writer and its watchdog, which may be on
/// two threads: hence the lock.
#[derive(Debug)]
pub(super) struct Meter {
    url: String,
    limits: FetchLimits,
    started: Instant,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    received: u64,
    waiting_since: Option<Instant>,
    waited: Duration,
    window_bytes: u64,
    failure: Option<GitError>,
}

impl Meter {
    pub(super) fn new(url: String, limits: FetchLimits) -> Arc<Self> {
        Arc::new(Self { url, limits, started: Instant::now(), state: Mutex::default() })
    }

    /// URL of the repository, for messages.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    pub(super) fn limits(&self) -> FetchLimits {
        self.limits
    }

    /// Bytes received so far.
    pub(super) fn received(&self) -> u64 {
        self.state().received
    }

    /// Keeps the first failure, and gives an error for whoever only knows IO.
    pub(super) fn fail(&self, error: GitError) -> io::Error {
        let text = error.to_string();
        self.state().failure.get_or_insert(error);
        io::Error::other(text)
    }

    /// The failure that was kept.
    pub(super) fn take_failure(&self) -> Option<GitError> {
        self.state().failure.take()
    }

    /// Fails when a deadline has passed; called by readers, and by the watchdog while they block.
    pub(super) fn check(&self) -> io::Result<()> {
        let waiting = self.state().waiting_since.map_or(Duration::ZERO, |since| since.elapsed());
        let what = if self.started.elapsed() > self.limits.total {
            format!("not done after {} s", self.limits.total.as_secs())
        } else if waiting > self.limits.idle {
            format!("silent for {} s", self.limits.idle.as_secs())
        } else {
            return Ok(());
        };
        Err(self.fail(GitError::TooSlow { url: self.url.clone(), what }))
    }

    /// Reads once, within the bounds.
    pub(super) fn read(&self, inner: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
        self.check()?;
        self.state().waiting_since = Some(Instant::now());
        let result = inner.read(buffer);
        let mut state = self.state();
        let waited = state.waiting_since.take().map_or(Duration::ZERO, |since| since.elapsed());
        let count = result?;
        state.received = state.received.saturating_add(count as u64);
        state.window_bytes = state.window_bytes.saturating_add(count as u64);
        state.waited += waited;
        let dripped = state.waited > self.limits.window && state.window_bytes < self.limits.window_bytes_min;
        if state.waited > self.limits.window {
            (state.waited, state.window_bytes) = (Duration::ZERO, 0);
        }
        let received = state.received;
        drop(state);
        if received > self.limits.bytes_max {
            return Err(self.fail(GitError::TooManyBytes { url: self.url.clone(), max: self.limits.bytes_max }));
        }
        if dripped {
            let what =
                format!("less than {} bytes in {} s", self.limits.window_bytes_min, self.limits.window.as_secs());
            return Err(self.fail(GitError::TooSlow { url: self.url.clone(), what }));
        }
        Ok(count)
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        // Counters and an error are never half written.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meter(limits: FetchLimits) -> Arc<Meter> {
        Meter::new("https://h/x".to_owned(), limits)
    }

    fn failure(meter: &Meter) -> Option<u16> {
        meter.take_failure().map(|error| error.code().0)
    }

    #[test]
    fn bytes_are_counted_and_bounded() {
        let meter = meter(FetchLimits { bytes_max: 10, ..FetchLimits::default() });
        let mut buffer = [0; 8];
        assert_eq!(meter.read(&mut &b"12345678"[..], &mut buffer).expect("within"), 8);
        assert!(meter.read(&mut &b"12345678"[..], &mut buffer).is_err());
        assert_eq!((meter.received(), failure(&meter)), (16, Some(719)));
    }

    #[test]
    fn time_is_bounded_in_all_and_per_window() {
        let late = meter(FetchLimits { total: Duration::ZERO, ..FetchLimits::default() });
        assert!(late.check().is_err());
        assert_eq!(failure(&late), Some(711));
        let dripping = meter(FetchLimits { window: Duration::ZERO, ..FetchLimits::default() });
        assert!(dripping.read(&mut &b"1"[..], &mut [0; 1]).is_err());
        assert_eq!(failure(&dripping), Some(711));
    }
}
