//! The book of drifts: each is told once, stays open until it is over, and is closed once.
//!
//! It is rebuilt from the journal after a restart, so that a drift journalled by a process that was
//! killed before it healed is closed by the next one and not opened again.

use std::collections::{BTreeMap, BTreeSet};

use skerry_common::id::{ApplicationName, Sequence};
use skerry_common::journal::{Drift, DriftOutcome, Event, FieldDrift, JournalEntry};
use skerry_common::object::ObjectKey;

/// What is known of the drifts of one object.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Page {
    open: Vec<Open>,
    /// The last uid and version under which fields were told, and which.
    told: Option<Told>,
}

/// A drift that is not over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Open {
    /// Its entry in the journal.
    pub sequence: Sequence,
    /// What was told.
    pub drift: Drift,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Told {
    uid: String,
    resource_version: String,
    paths: BTreeSet<String>,
    /// Those that were only reported: the difference is still there and needs no second telling.
    standing: BTreeSet<String>,
}

/// What to do about fields that were seen to differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sighting {
    /// Journal these fields, call [`Book::opened`], then heal.
    Tell(Vec<FieldDrift>),
    /// All of it is open already: heal, then close.
    StillOpen,
    /// All of it was told before and only reported: nothing to journal.
    Told,
}

/// All drifts that are open, and the last told of each object.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Book {
    pages: BTreeMap<ObjectKey, Page>,
}

impl Book {
    /// Takes up one entry of the journal, oldest first, after a restart.
    pub fn replay(&mut self, entry: &JournalEntry) {
        match &entry.event {
            Event::Drift(drift) => self.opened(entry.sequence, drift.clone()),
            Event::DriftClosed { drift, outcome } => self.closed(*drift, *outcome),
            Event::Started { .. }
            | Event::Accepted { .. }
            | Event::Refused { .. }
            | Event::Applied { .. }
            | Event::ApplyFailed { .. }
            | Event::Pruned { .. }
            | Event::PruneHeld { .. }
            | Event::Fight { .. }
            | Event::Adopted { .. }
            | Event::StoreRepaired { .. }
            | Event::Overflow { .. } => {}
        }
    }

    /// Judges a sighting; no (uid, resource version, field) is ever told twice.
    pub fn sight(&self, key: &ObjectKey, uid: &str, resource_version: &str, fields: &[FieldDrift]) -> Sighting {
        let Some(page) = self.pages.get(key) else { return Sighting::Tell(fields.to_vec()) };
        let is_open = |field: &FieldDrift| {
            let mut same = page.open.iter().filter(|open| open.drift.uid == uid);
            same.any(|open| open.drift.fields.iter().any(|told| told.path == field.path))
        };
        let was_told = |field: &FieldDrift| {
            page.told.as_ref().is_some_and(|told| {
                let in_this_version = told.resource_version == resource_version && told.paths.contains(&field.path);
                told.uid == uid && (in_this_version || told.standing.contains(&field.path))
            })
        };
        let news: Vec<FieldDrift> =
            fields.iter().filter(|field| !is_open(field) && !was_told(field)).cloned().collect();
        if !news.is_empty() {
            Sighting::Tell(news)
        } else if page.open.is_empty() {
            Sighting::Told
        } else {
            Sighting::StillOpen
        }
    }

    /// Notes a drift that was journalled.
    pub fn opened(&mut self, sequence: Sequence, drift: Drift) {
        let page = self.pages.entry(drift.object.clone()).or_default();
        let mut paths: BTreeSet<String> = drift.fields.iter().map(|field| field.path.clone()).collect();
        let mut standing = BTreeSet::new();
        if let Some(told) = page.told.take().filter(|told| told.uid == drift.uid) {
            if told.resource_version == drift.resource_version {
                paths.extend(told.paths);
            }
            standing = told.standing;
        }
        let (uid, resource_version) = (drift.uid.clone(), drift.resource_version.clone());
        page.told = Some(Told { uid, resource_version, paths, standing });
        page.open.push(Open { sequence, drift });
    }

    /// Notes that a drift's end was journalled.
    pub fn closed(&mut self, sequence: Sequence, outcome: DriftOutcome) {
        let has = |page: &Page| page.open.iter().any(|open| open.sequence == sequence);
        let Some(page) = self.pages.values_mut().find(|page| has(page)) else { return };
        let (ended, open) = std::mem::take(&mut page.open).into_iter().partition(|open| open.sequence == sequence);
        page.open = open;
        let Some(told) = &mut page.told else { return };
        let ended: Vec<Open> = ended;
        for path in ended.into_iter().flat_map(|open| open.drift.fields).map(|field| field.path) {
            match outcome {
                DriftOutcome::Reported => drop(told.standing.insert(path)),
                DriftOutcome::Healed | DriftOutcome::Gone => drop(told.standing.remove(&path)),
            }
        }
    }

    /// The event that closes each open drift of which `outcome` knows the end; journal them, then call
    /// [`Book::closed`].
    pub fn close(&self, outcome: impl Fn(&ObjectKey, &Drift) -> Option<DriftOutcome>) -> Vec<Event> {
        let ended = self.all_open().filter_map(|(key, open)| Some((open.sequence, outcome(key, &open.drift)?)));
        ended.map(|(drift, outcome)| Event::DriftClosed { drift, outcome }).collect()
    }

    /// Notes that an object was seen to be as it should: what stood is over and counts anew.
    pub fn clean(&mut self, key: &ObjectKey) {
        if let Some(told) = self.pages.get_mut(key).and_then(|page| page.told.as_mut()) {
            told.standing.clear();
        }
    }

    /// Forgets an object that is no longer ours.
    pub fn forget(&mut self, key: &ObjectKey) {
        self.pages.remove(key);
    }

    /// The open drifts of an object.
    pub fn open(&self, key: &ObjectKey) -> &[Open] {
        self.pages.get(key).map_or(&[], |page| &page.open)
    }

    /// All objects with open drifts.
    pub fn all_open(&self) -> impl Iterator<Item = (&ObjectKey, &Open)> {
        self.pages.iter().flat_map(|(key, page)| page.open.iter().map(move |open| (key, open)))
    }

    /// Whether an object differs as far as we know: open, or reported and still standing.
    pub fn differs(&self, key: &ObjectKey) -> bool {
        let stands =
            |page: &Page| !page.open.is_empty() || page.told.as_ref().is_some_and(|told| !told.standing.is_empty());
        self.pages.get(key).is_some_and(stands)
    }

    /// How many drifts of an application are open.
    pub fn count(&self, application: &ApplicationName) -> usize {
        self.all_open().filter(|(_, open)| open.drift.application == *application).count()
    }
}
