//! Waiting for a condition with a deadline.
//!
//! Tests never sleep for a fixed time: they probe until the state is there, and say what was seen last when it
//! does not come.

use std::fmt::Display;
use std::future::Future;
use std::panic::Location;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout_at};

/// Time between two probes: short against every deadline used, long enough not to load two cores.
const PROBE_INTERVAL: Duration = Duration::from_millis(20);

/// Probes until `probe` answers `Ok`, and returns what it found.
///
/// # Panics
///
/// When `deadline` has passed: the message names `what`, the number of probes and the last answer.
#[track_caller]
pub fn eventually<T, E, Probe, Answer>(deadline: Duration, what: &str, mut probe: Probe) -> impl Future<Output = T>
where
    E: Display,
    Probe: FnMut() -> Answer,
    Answer: Future<Output = Result<T, E>>,
{
    let caller = Location::caller();
    async move {
        let end = Instant::now() + deadline;
        let mut probes = 0_u32;
        let mut last = String::from("none: the first probe did not answer");
        loop {
            match timeout_at(end, probe()).await {
                Ok(Ok(found)) => return found,
                Ok(Err(error)) => last = error.to_string(),
                Err(_elapsed) => {}
            }
            probes += 1;
            assert!(Instant::now() < end, "{caller}: not within {deadline:?}: {what}\nlast answer of {probes}: {last}");
            sleep(PROBE_INTERVAL).await;
        }
    }
}

/// Probes for the whole of `period` and expects `Ok` each time: for what must *not* happen.
///
/// # Panics
///
/// At the first probe that answers `Err`.
#[track_caller]
pub fn stays<E, Probe, Answer>(period: Duration, what: &str, mut probe: Probe) -> impl Future<Output = ()>
where
    E: Display,
    Probe: FnMut() -> Answer,
    Answer: Future<Output = Result<(), E>>,
{
    let caller = Location::caller();
    async move {
        let start = Instant::now();
        loop {
            if let Err(error) = probe().await {
                let after = start.elapsed();
                panic!("{caller}: held for only {after:?} of {period:?}: {what}\n{error}");
            }
            if start.elapsed() >= period {
                return;
            }
            sleep(PROBE_INTERVAL).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn returns_the_first_success() {
        let mut left = 3;
        let found = eventually(Duration::from_secs(5), "a countdown", || {
            left -= 1;
            let answer = if left == 0 { Ok("lift-off") } else { Err(left) };
            async move { answer }
        })
        .await;
        assert_eq!(found, "lift-off");
    }

    #[tokio::test]
    #[should_panic(expected = "last answer of")]
    async fn names_the_last_answer() {
        let () = eventually(Duration::from_millis(60), "the impossible", || async { Err("still impossible") }).await;
    }

    #[tokio::test]
    #[should_panic(expected = "not within")]
    async fn a_probe_that_hangs_is_cut_off() {
        let () = eventually(Duration::from_millis(60), "an answer", std::future::pending::<Result<(), String>>).await;
    }

    #[tokio::test]
    #[should_panic(expected = "held for only")]
    async fn stays_ends_at_the_first_failure() {
        stays(Duration::from_secs(5), "silence", || async { Err("noise") }).await;
    }
}
