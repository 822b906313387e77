//! The three axes on which state is told – contact, sync, health – and drift as counts.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// When the hub last heard of a cluster, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Contact {
    /// Heard of within the first bound.
    Connected,
    /// Silent for longer than the first bound: what is shown may be stale.
    Late,
    /// Silent for longer than the second bound: counted as unknown.
    Offline,
    /// Its certificate no longer counts.
    Revoked,
    /// Registered, never seen.
    Pending,
}

/// How long a silence may last; both bounds are settings.
#[derive(Debug, Clone, Copy)]
pub struct ContactBounds {
    /// Late after this long.
    pub late: Duration,
    /// Offline after this long.
    pub offline: Duration,
}

impl Default for ContactBounds {
    fn default() -> Self {
        Self { late: Duration::from_secs(60), offline: Duration::from_secs(180) }
    }
}

impl ContactBounds {
    /// Judges a silence of `age`.
    pub fn judge(&self, age: Duration) -> Contact {
        if age >= self.offline {
            Contact::Offline
        } else if age >= self.late {
            Contact::Late
        } else {
            Contact::Connected
        }
    }
}

/// Whether a cluster runs what it should.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sync {
    /// The newest generation is applied.
    Current,
    /// A newer generation is on its way or being applied.
    Rolling,
    /// A guard, gate, pause or suspension holds it: not an error.
    Held,
    /// Something was refused or could not be applied.
    Failed,
    /// Nothing is known yet, or what is known is too old.
    Unknown,
}

/// Whether what runs works.
///
/// Ordered from best to worst, so that the worst of several is their maximum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Health {
    /// Works.
    Healthy,
    /// Stopped on purpose.
    Suspended,
    /// On its way.
    Progressing,
    /// Not known.
    Unknown,
    /// Broken.
    Degraded,
}

macro_rules! display_words {
    ($type:ty { $($variant:ident => $word:literal),+ $(,)? }) => {
        impl $type {
            /// The word that tables, filters and metrics use.
            pub fn word(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.word())
            }
        }
    };
}

display_words!(Contact { Connected => "connected", Late => "late", Offline => "offline", Revoked => "revoked", Pending => "pending" });
display_words!(Sync { Current => "current", Rolling => "rolling", Held => "held", Failed => "failed", Unknown => "unknown" });
display_words!(Health { Healthy => "healthy", Progressing => "progressing", Degraded => "degraded", Suspended => "suspended", Unknown => "unknown" });

/// How many objects are in which health.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct HealthCounts {
    /// Objects that work.
    pub healthy: u32,
    /// Objects on their way.
    pub progressing: u32,
    /// Broken objects.
    pub degraded: u32,
    /// Objects stopped on purpose.
    pub suspended: u32,
    /// Objects of which nothing is known.
    pub unknown: u32,
}

impl HealthCounts {
    /// Counts one object.
    pub fn add(&mut self, health: Health) {
        let slot = match health {
            Health::Healthy => &mut self.healthy,
            Health::Progressing => &mut self.progressing,
            Health::Degraded => &mut self.degraded,
            Health::Suspended => &mut self.suspended,
            Health::Unknown => &mut self.unknown,
        };
        *slot = slot.saturating_add(1);
    }

    /// All objects.
    pub fn total(&self) -> u32 {
        [self.healthy, self.progressing, self.degraded, self.suspended, self.unknown]
            .into_iter()
            .fold(0, u32::saturating_add)
    }

    /// The health of the whole: its worst part; healthy when there is nothing.
    pub fn worst(&self) -> Health {
        if self.degraded > 0 {
            Health::Degraded
        } else if self.unknown > 0 {
            Health::Unknown
        } else if self.progressing > 0 {
            Health::Progressing
        } else if self.suspended > 0 {
            Health::Suspended
        } else {
            Health::Healthy
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_is_judged_by_its_length() {
        let bounds = ContactBounds::default();
        let check = |seconds, expected| assert_eq!(bounds.judge(Duration::from_secs(seconds)), expected);
        check(0, Contact::Connected);
        check(59, Contact::Connected);
        check(60, Contact::Late);
        check(179, Contact::Late);
        check(180, Contact::Offline);
    }

    #[test]
    fn the_worst_part_is_the_health_of_the_whole() {
        let mut counts = HealthCounts::default();
        assert_eq!(counts.worst(), Health::Healthy);
        for health in [Health::Healthy, Health::Suspended, Health::Progressing, Health::Unknown, Health::Degraded] {
            counts.add(health);
            assert_eq!(counts.worst(), health);
        }
        assert_eq!(counts.total(), 5);
    }
}
