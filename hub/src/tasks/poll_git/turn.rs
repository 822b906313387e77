//! When something is looked at.

use std::time::{Duration, Instant};

use skerry_common::backoff::doubled;

/// How soon a look that failed is repeated: most outages of a Git server are over in seconds.
const RETRY_FIRST: Duration = Duration::from_secs(2);

/// The pause doubles up to this, and never beyond the interval itself.
const RETRY_LONGEST: Duration = Duration::from_secs(300);

/// When something is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// Then.
    At(Instant),
    /// It is being looked at.
    Now,
    /// It is being looked at, perhaps too early: it is due again when that look ends.
    NowAndAgain,
}

impl Turn {
    /// When it is due; `None` while it is being looked at.
    pub(super) fn due(self) -> Option<Instant> {
        match self {
            Self::At(due) => Some(due),
            Self::Now | Self::NowAndAgain => None,
        }
    }

    /// Begins a look if one is due; tells whether.
    pub(super) fn begins(&mut self, now: Instant) -> bool {
        let is_due = self.due().is_some_and(|due| due <= now);
        if is_due {
            *self = Self::Now;
        }
        is_due
    }

    /// Something was pushed.
    pub(super) fn poke(&mut self, now: Instant) {
        *self = match *self {
            Self::At(due) => Self::At(due.min(now)),
            Self::Now | Self::NowAndAgain => Self::NowAndAgain,
        };
    }

    /// A look has ended; the next one is due then, or at once.
    pub(super) fn ended(&mut self, due: Instant) {
        *self = match *self {
            Self::NowAndAgain => Self::At(Instant::now()),
            Self::Now | Self::At(_) => Self::At(due),
        };
    }
}

/// How long to wait after a look: the interval, or less after failures in a row.
pub(super) fn pause(interval: Duration, failures: u32) -> Duration {
    let Some(doublings) = failures.checked_sub(1) else { return interval };
    doubled(RETRY_FIRST, RETRY_LONGEST, doublings).min(interval)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_that_failed_is_repeated_soon_then_less_often_and_never_later_than_the_interval() {
        let check = |interval: u64, failures: u32, expected: u64| {
            let found = pause(Duration::from_secs(interval), failures);
            assert_eq!(found, Duration::from_secs(expected), "{interval} s, {failures} failures");
        };
        for (failures, seconds) in [(0, 3600), (1, 2), (2, 4), (3, 8), (8, 256), (9, 300), (40, 300), (u32::MAX, 300)] {
            check(3600, failures, seconds);
        }
        check(30, 0, 30);
        check(30, 4, 16);
        check(30, 5, 30);
        check(1, 7, 1);
    }

    #[test]
    fn a_push_during_a_look_leads_to_another_right_after_it() {
        let now = Instant::now();
        let later = now + Duration::from_secs(3600);
        let mut turn = Turn::At(later);
        assert!(!turn.begins(now));
        turn.poke(now);
        assert!(turn.begins(now) && turn.due().is_none());
        turn.ended(later);
        assert_eq!(turn, Turn::At(later));

        let mut turn = Turn::Now;
        turn.poke(now);
        turn.poke(now);
        turn.ended(later);
        assert!(turn.due().is_some_and(|due| due < later));
    }
}
