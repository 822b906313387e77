//! Who may act on a cluster: one agent at a time, by a Lease (DESIGN §5, at rest on the agent).
//!
//! ```text
//!          ┌─ nobody's, or ours ─────────────────────▶ Take ─ written ─▶ held for HOLD
//! look ────┤                                                              └─ renewed every RENEW_INTERVAL
//!          └─ another's ─ unchanged for its duration ─▶ Take
//!                       └ else ───────────────────────▶ Wait
//! ```
//! No clocks are compared: another's lease has run out when *we* saw it unchanged for as long as it lasts, and ours is
//! held from when we *asked*, for less than others wait. So two agents never act at once, unless a request takes longer
//! than the difference; that one is stopped by the preconditions of prunes and patches.

use std::time::{Duration, Instant};

/// How long a lease lasts for those who wait for it.
pub const DURATION: Duration = Duration::from_secs(30);

/// How long its holder acts after it asked for it the last time: ten seconds less, for requests under way.
pub const HOLD: Duration = Duration::from_secs(20);

/// How often its holder renews it: one lost renewal costs nothing.
pub const RENEW_INTERVAL: Duration = Duration::from_secs(8);

/// The longest that another's lease is believed to last, whatever it says.
const DURATION_MAX: Duration = Duration::from_secs(120);

/// A lease as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Who holds it; empty when it was given back.
    pub holder: String,
    /// Its resource version: it changes with every renewal.
    pub version: String,
    /// How long it lasts.
    pub duration: Duration,
}

/// What is next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// There is none: make it.
    Create,
    /// Write it, if it still has this version.
    Take {
        /// The version.
        version: String,
    },
    /// Look again later.
    Wait {
        /// Who holds it.
        holder: String,
    },
}

/// One agent's view of the lease.
#[derive(Debug, Clone)]
pub struct Tenure {
    me: String,
    /// Another's lease, and since when it is unchanged.
    theirs: Option<(Record, Instant)>,
}

impl Tenure {
    /// Of an agent that calls itself so; the same after a restart, and no other's name.
    pub fn new(me: String) -> Self {
        Self { me, theirs: None }
    }

    /// Who we are.
    pub fn me(&self) -> &str {
        &self.me
    }

    /// Judges the lease as it was just read.
    pub fn look(&mut self, now: Instant, found: Option<Record>) -> Next {
        let Some(found) = found else {
            self.theirs = None;
            return Next::Create;
        };
        if found.holder.is_empty() || found.holder == self.me {
            self.theirs = None;
            return Next::Take { version: found.version };
        }
        let since = match self.theirs.take() {
            Some((known, since)) if known == found => since,
            Some(_) | None => now,
        };
        let ends = since + found.duration.min(DURATION_MAX);
        let (holder, version) = (found.holder.clone(), found.version.clone());
        self.theirs = Some((found, since));
        if now >= ends { Next::Take { version } } else { Next::Wait { holder } }
    }
}

const _: () = assert!(HOLD.as_secs() < DURATION.as_secs() && RENEW_INTERVAL.as_secs() * 2 < HOLD.as_secs());

#[cfg(test)]
mod tests {
    use super::*;

    fn record(holder: &str, version: &str) -> Option<Record> {
        Some(Record { holder: holder.into(), version: version.into(), duration: DURATION })
    }

    fn take(version: &str) -> Next {
        Next::Take { version: version.into() }
    }

    #[test]
    fn what_is_nobodys_or_ours_is_taken_at_once() {
        let (mut tenure, now) = (Tenure::new("a".into()), Instant::now());
        assert_eq!(tenure.look(now, None), Next::Create);
        assert_eq!(tenure.look(now, record("", "3")), take("3"));
        assert_eq!(tenure.look(now, record("a", "4")), take("4"), "a restart goes on where it was");
    }

    #[test]
    fn anothers_is_waited_for_until_it_was_silent_for_as_long_as_it_lasts() {
        let (mut tenure, begun) = (Tenure::new("a".into()), Instant::now());
        let wait = Next::Wait { holder: "b".into() };
        assert_eq!(tenure.look(begun, record("b", "3")), wait);
        assert_eq!(tenure.look(begun + DURATION / 2, record("b", "4")), wait);
        assert_eq!(tenure.look(begun + DURATION, record("b", "4")), wait, "it was renewed in between");
        assert_eq!(tenure.look(begun + DURATION + DURATION / 2, record("b", "4")), take("4"));
        let endless = Some(Record { holder: "b".into(), version: "9".into(), duration: Duration::MAX });
        assert_eq!(tenure.look(begun, endless.clone()), wait);
        assert_eq!(tenure.look(begun + DURATION_MAX, endless), take("9"));
    }
}
