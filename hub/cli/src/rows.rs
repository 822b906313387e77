//! Each kind of thing as rows of a table: where the hub lists it, and what its columns are.

use serde::de::DeserializeOwned;
use skerry_common::status::{Contact, Health, Sync};
use skerry_hub_core::filter::Filterable;
use skerry_hub_core::view::Timestamp;

use crate::output::age;
use crate::output::table::{Cell, Column, Tone};

/// The table of a kind, once: each heading with how a row fills the column.
macro_rules! columns {
    ($row:ident, $now:ident; $($column:ident $heading:literal => $cell:expr;)+) => {
        const COLUMNS: &'static [Column] = &[$($column($heading)),+];

        fn cells(&self, $now: Timestamp) -> Vec<Cell> {
            let $row = self;
            vec![$($cell),+]
        }
    };
}

mod counts;
mod fleet;
mod happened;

pub use fleet::object_text;
pub use happened::change;

/// A kind of thing that can be listed.
pub trait Row: DeserializeOwned + Filterable {
    /// The last segment of its address.
    const PATH: &'static str;
    /// Its table.
    const COLUMNS: &'static [Column];
    /// Whether the hub tells of changes.
    const CHANGES: Changes;
    /// In which order the hub lists it.
    const ORDER: Order;

    /// The field of the filter grammar that a NAME on the command line is compared with.
    const NAME_FIELD: &'static str;

    /// Its name, as in `-o name`, after the kind.
    fn name(&self) -> String;

    /// Its cells, one per column; `now` is by the hub's clock.
    fn cells(&self, now: Timestamp) -> Vec<Cell>;
}

/// Whether the hub tells of changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Changes {
    /// It does: `-w` works.
    Told,
    /// It does not.
    Untold,
}

/// In which order the hub lists a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// By name; all of them are shown.
    ByName,
    /// Newest first. Shown the other way round, so that a watch goes on at the end.
    NewestFirst,
}

/// Shows how long ago something was.
fn ago(at: Timestamp, now: Timestamp) -> Cell {
    Cell::new(age::since(at.0, now.0)).ranked(now.0.saturating_sub(at.0))
}

/// Shows how long ago something was, if it ever was.
fn ago_if(at: Option<Timestamp>, now: Timestamp) -> Cell {
    at.map_or_else(|| Cell::new("").tone(Tone::Faint), |at| ago(at, now))
}

/// The colour of a contact.
pub fn contact_tone(contact: Contact) -> Tone {
    match contact {
        Contact::Connected => Tone::Good,
        Contact::Late => Tone::Wary,
        Contact::Offline | Contact::Revoked => Tone::Bad,
        Contact::Pending => Tone::Faint,
    }
}

/// The colour of a sync.
pub fn sync_tone(sync: Sync) -> Tone {
    match sync {
        Sync::Current => Tone::Good,
        Sync::Rolling | Sync::Held => Tone::Wary,
        Sync::Failed => Tone::Bad,
        Sync::Unknown => Tone::Faint,
    }
}

/// The colour of a health.
pub fn health_tone(health: Health) -> Tone {
    match health {
        Health::Healthy => Tone::Good,
        Health::Suspended | Health::Progressing => Tone::Wary,
        Health::Degraded => Tone::Bad,
        Health::Unknown => Tone::Faint,
    }
}

/// True when what is known of a cluster is recent enough to be believed.
fn is_known(contact: Contact) -> bool {
    match contact {
        Contact::Connected | Contact::Late => true,
        Contact::Offline | Contact::Revoked | Contact::Pending => false,
    }
}

/// A state word; in the colour of doubt when nobody knows whether it still holds.
fn state(word: &str, tone: Tone, contact: Contact) -> Cell {
    Cell::new(word).tone(if is_known(contact) { tone } else { Tone::Faint })
}

/// A count that is only coloured when it is not zero.
fn counted(number: impl Into<i64>, tone: Tone) -> Cell {
    let number = number.into();
    Cell::number(number).tone(if number == 0 { Tone::Faint } else { tone })
}

/// A list of words.
fn words<T: ToString>(words: impl IntoIterator<Item = T>) -> String {
    words.into_iter().map(|word| word.to_string()).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests;
