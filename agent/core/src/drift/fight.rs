//! Fights: two managers who keep setting the same field.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use skerry_common::journal::{Event, FieldDrift};
use skerry_common::object::ObjectKey;

/// How often a field is retaken within [`FIGHT_WINDOW`] before it is a fight (DESIGN §4.12).
pub const FIGHT_RETAKES: usize = 5;

/// The time in which retakes are counted.
pub const FIGHT_WINDOW: Duration = Duration::from_secs(600);

/// The first pause of a fight: long enough for a person to see who the other is.
const PAUSE_FIRST: Duration = Duration::from_secs(60);

/// The longest pause: a field is never given up.
const PAUSE_LONGEST: Duration = Duration::from_secs(1800);

/// Most fields that are watched for fights: past that, the oldest object's are forgotten.
const FIELDS_MAX: usize = 10_000;

/// What retaking a field means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Retaken {
    /// Nothing special.
    Quietly,
    /// It is a fight: journal this, and pause.
    Fight(Event),
}

#[derive(Debug, Clone, Default)]
struct Round {
    times: VecDeque<Instant>,
    pauses: u32,
    until: Option<Instant>,
}

/// Counts how often fields are retaken.
#[derive(Debug, Clone, Default)]
pub struct Fights {
    rounds: BTreeMap<(ObjectKey, String), Round>,
}

impl Fights {
    /// Notes that a field of ours was taken back from somebody.
    pub fn retaken(&mut self, now: Instant, key: &ObjectKey, field: &FieldDrift) -> Retaken {
        self.forget_quiet(now);
        let round = self.rounds.entry((key.clone(), field.path.clone())).or_default();
        round.times.push_back(now);
        while round.times.len() > FIGHT_RETAKES {
            round.times.pop_front();
        }
        let first = round.times.front().copied().unwrap_or(now);
        if round.times.len() < FIGHT_RETAKES || now.saturating_duration_since(first) > FIGHT_WINDOW {
            return Retaken::Quietly;
        }
        let pause = PAUSE_FIRST.saturating_mul(1 << round.pauses.min(16)).min(PAUSE_LONGEST);
        round.pauses = round.pauses.saturating_add(1);
        round.until = Some(now + pause);
        round.times.clear();
        let (object, field, manager) = (key.clone(), field.path.clone(), field.manager.clone());
        Retaken::Fight(Event::Fight { object, field, manager })
    }

    /// Until when healing of an object pauses because of a fight; `None` when it does not.
    pub fn paused_until(&self, now: Instant, key: &ObjectKey) -> Option<Instant> {
        let rounds = self.rounds.range((key.clone(), String::new())..).take_while(|((object, _), _)| object == key);
        rounds.filter_map(|(_, round)| round.until).filter(|until| *until > now).max()
    }

    /// When the next pause ends.
    pub fn next_deadline(&self, now: Instant) -> Option<Instant> {
        self.rounds.values().filter_map(|round| round.until).filter(|until| *until > now).min()
    }

    fn forget_quiet(&mut self, now: Instant) {
        let quiet = |last: Instant| now.saturating_duration_since(last) > FIGHT_WINDOW;
        self.rounds.retain(|_, round| {
            let last = round.times.back().copied().max(round.until);
            !last.is_none_or(quiet)
        });
        while self.rounds.len() >= FIELDS_MAX {
            self.rounds.pop_first();
        }
    }
}
