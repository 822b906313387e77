//! When a certificate is renewed, and by which door.
//!
//! ```text
//! issued ────────────── fresh ──────────────┬── due ── (retries) ──┬── expired ──▶
//!                                    2/3 of its life,          not_after
//!                                    up to 1/20 earlier
//!        renew never                  on either protocol      on skerry-enroll/1 only
//! ```
//! A renewal that fails is tried again with growing pauses, for ever: what runs in the cluster does
//! not depend on it.

use std::time::Duration as StdDuration;

use skerry_common::backoff::{doubled, splitmix, upper_half};
use thiserror::Error;
use time::{Duration, OffsetDateTime};

use crate::issue::{BACKDATE, Window};
use crate::tls::LinkProtocol;

/// First pause after a failed renewal: long enough for a hub that restarts.
pub const RETRY_FIRST: StdDuration = StdDuration::from_secs(30);

/// Longest pause: of a week-long certificate's last third, it leaves more than fifty attempts.
pub const RETRY_LONGEST: StdDuration = StdDuration::from_secs(3600);

/// By what part of its life a renewal may come early, so that agents that joined together do not
/// renew together.
const JITTER_DIVISOR: i32 = 20;

/// The certificate's dates make no sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the certificate ends at {not_after}, before it begins at {not_before}")]
pub struct WindowInverted {
    /// Its beginning.
    pub not_before: OffsetDateTime,
    /// Its end.
    pub not_after: OffsetDateTime,
}

/// Where a certificate stands in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Nothing to do before that time.
    Fresh {
        /// When it becomes due.
        due: OffsetDateTime,
    },
    /// To be renewed; good until its end.
    Due,
    /// Good for nothing but its own renewal.
    Expired,
}

/// The plan for one certificate; a pure value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RenewalPlan {
    due: OffsetDateTime,
    not_after: OffsetDateTime,
    seed: u64,
}

impl RenewalPlan {
    /// Plans by a certificate's dates; `seed` should differ from agent to agent and stay the same
    /// over restarts (bytes of the key's fingerprint).
    pub fn new(window: Window, seed: u64) -> Result<Self, WindowInverted> {
        let Window { not_before, not_after } = window;
        if not_after <= not_before {
            return Err(WindowInverted { not_before, not_after });
        }
        // Its life begins when it was issued, not at the back-dated beginning.
        let whole = not_after - not_before;
        let life = if whole > BACKDATE { whole - BACKDATE } else { whole };
        let spread = u32::try_from(splitmix(seed) >> 32).unwrap_or(u32::MAX);
        let early = (life / JITTER_DIVISOR) * (f64::from(spread) / f64::from(u32::MAX));
        Ok(Self { due: not_after - life / 3 - early, not_after, seed })
    }

    /// When the first attempt is due.
    pub fn due(&self) -> OffsetDateTime {
        self.due
    }

    /// Where the certificate stands.
    pub fn standing(&self, now: OffsetDateTime) -> Standing {
        // The end itself is still valid, in whole seconds, as X.509 and TLS count.
        if now.unix_timestamp() > self.not_after.unix_timestamp() {
            Standing::Expired
        } else if now >= self.due {
            Standing::Due
        } else {
            Standing::Fresh { due: self.due }
        }
    }

    /// The protocol on which a renewal asked for now can succeed: a session that is up may carry
    /// it, an expired certificate opens no session.
    pub fn protocol(&self, now: OffsetDateTime) -> LinkProtocol {
        match self.standing(now) {
            Standing::Fresh { .. } | Standing::Due => LinkProtocol::Session,
            Standing::Expired => LinkProtocol::Enroll,
        }
    }

    /// When to try next, after `failures` attempts in a row have failed, the last one at
    /// `last_attempt`: the pause doubles up to [`RETRY_LONGEST`], its upper half drawn by the seed.
    pub fn next_attempt(&self, failures: u32, last_attempt: OffsetDateTime) -> OffsetDateTime {
        if failures == 0 {
            return self.due;
        }
        let ceiling = doubled(RETRY_FIRST, RETRY_LONGEST, failures - 1);
        let pause = upper_half(ceiling, splitmix(self.seed ^ u64::from(failures)));
        let retry = last_attempt.saturating_add(Duration::try_from(pause).unwrap_or(Duration::HOUR));
        retry.max(self.due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ISSUED: OffsetDateTime = OffsetDateTime::UNIX_EPOCH.saturating_add(Duration::days(20_000));

    fn plan(days: u32, seed: u64) -> RenewalPlan {
        RenewalPlan::new(Window::starting(ISSUED, days).unwrap(), seed).unwrap()
    }

    #[test]
    fn renewal_is_due_at_two_thirds_of_life_or_a_little_earlier() {
        for (days, seed) in [(1, 0), (3, 1), (7, 2), (90, u64::MAX), (3650, 4)] {
            let life = Duration::days(i64::from(days));
            let share = (plan(days, seed).due() - ISSUED) / life;
            assert!((2.0 / 3.0 - 0.05..=2.0 / 3.0).contains(&share), "{days} days, seed {seed}: {share}");
        }
        assert_eq!(plan(7, 9), plan(7, 9));
        assert_ne!(plan(7, 9).due(), plan(7, 10).due());
    }

    #[test]
    fn a_window_without_backdating_counts_from_its_beginning() {
        let window = Window { not_before: ISSUED, not_after: ISSUED + Duration::minutes(60) };
        let after = RenewalPlan::new(window, 1).unwrap().due() - ISSUED;
        assert!((Duration::minutes(37)..=Duration::minutes(40)).contains(&after), "{after}");
        let inverted = Window { not_before: window.not_after, not_after: window.not_before };
        assert!(RenewalPlan::new(inverted, 1).is_err());
    }

    #[test]
    fn standing_changes_at_the_boundaries() {
        let plan = plan(7, 3);
        let end = ISSUED + Duration::days(7);
        let second = Duration::SECOND;
        let check = |now, standing, protocol| {
            assert_eq!((plan.standing(now), plan.protocol(now)), (standing, protocol), "{now}");
        };
        check(ISSUED, Standing::Fresh { due: plan.due() }, LinkProtocol::Session);
        check(plan.due() - second, Standing::Fresh { due: plan.due() }, LinkProtocol::Session);
        check(plan.due(), Standing::Due, LinkProtocol::Session);
        check(end, Standing::Due, LinkProtocol::Session);
        check(end + second, Standing::Expired, LinkProtocol::Enroll);
        check(end + Duration::days(4000), Standing::Expired, LinkProtocol::Enroll);
    }

    #[test]
    fn attempts_back_off_to_a_ceiling() {
        let plan = plan(7, 11);
        assert_eq!(plan.next_attempt(0, ISSUED), plan.due());
        let last = plan.due() + Duration::HOUR;
        let mut ceiling = RETRY_FIRST;
        for failures in 1..=40 {
            let pause = (plan.next_attempt(failures, last) - last).unsigned_abs();
            assert!(pause >= ceiling / 2 && pause <= ceiling, "{failures}: {pause:?} of {ceiling:?}");
            ceiling = (ceiling * 2).min(RETRY_LONGEST);
        }
        assert_eq!(plan.next_attempt(u32::MAX, ISSUED), plan.due(), "never before it is due");
    }
}
