//! The guard against deleting most of an application at once.
//!
//! What counts is what would go, whatever the cause and whether or not it can be read right now, so
//! that the list – and the digest by which it is confirmed – does not change with every hiccup of
//! the API server. A confirmed list is remembered: if only part of it could be deleted, the rest may
//! go later, and nothing else.

use std::collections::{BTreeMap, BTreeSet};

use skerry_common::bundle::digest::Digest;
use skerry_common::canonical;
use skerry_common::id::ApplicationName;
use skerry_common::object::ObjectKey;
use skerry_common::report::HeldPrune;

use super::{Candidate, Intent};
use crate::inventory::{Change, PruneList};
use crate::plan::decision::{Decision, Guard};
use crate::plan::facts::PlanInputs;

/// The guard lets fewer deletions than this pass: small applications are rebuilt all the time.
pub const MOST_OBJECTS_MIN: usize = 10;

/// How many objects of a held list are named in a report; the digest stands for all.
pub const HELD_EXAMPLES_MAX: usize = 10;

/// Unconfirmed lists that are remembered: a person confirms what was shown lately, not the history.
const UNCONFIRMED_LISTS_MAX: usize = 32;

/// What the guard found.
pub(super) struct Guarded {
    pub(super) held: BTreeMap<ObjectKey, Decision>,
    pub(super) reports: Vec<HeldPrune>,
    pub(super) changes: Vec<Change>,
}

pub(super) fn guard(inputs: &PlanInputs, candidates: &[Candidate]) -> Guarded {
    let confirmations: BTreeSet<Digest> = inputs.bundle().root().root().confirmations.iter().copied().collect();
    let mut lists = known_lists(inputs, &confirmations);
    let confirmed: BTreeSet<ObjectKey> =
        lists.values().filter(|list| list.confirmed).flat_map(|list| list.keys.iter().cloned()).collect();
    if lists.values().filter(|list| !list.confirmed).count() > UNCONFIRMED_LISTS_MAX {
        lists.retain(|_, list| list.confirmed);
    }

    let mut guarded = Guarded { held: BTreeMap::new(), reports: Vec::new(), changes: Vec::new() };
    for (application, keys) in unconfirmed(candidates, &confirmed) {
        if !is_most(keys.len(), inputs.inventory.count(application)) {
            continue;
        }
        let digest = list_digest(&keys);
        let is_confirmed = confirmations.contains(&digest);
        lists.insert(digest, PruneList { keys: keys.clone(), confirmed: is_confirmed });
        if !is_confirmed {
            guarded.hold(application, digest, keys);
        }
    }
    guarded.changes = list_changes(inputs, lists);
    guarded
}

impl Guarded {
    fn hold(&mut self, application: &ApplicationName, list: Digest, keys: BTreeSet<ObjectKey>) {
        let guard = Guard::MostOfTheApplication;
        self.reports.push(HeldPrune {
            application: application.clone(),
            list,
            objects: u32::try_from(keys.len()).unwrap_or(u32::MAX),
            examples: keys.iter().take(HELD_EXAMPLES_MAX).cloned().collect(),
            reason: guard.to_string(),
        });
        self.held.extend(keys.into_iter().map(|key| (key, Decision::Held { guard, list })));
    }
}

/// Lists remembered that still matter. A confirmed one loses what is gone and what is wanted again:
/// a confirmation does not outlive the wish to have the object. An unconfirmed one is what a person
/// was shown, so it stays whole, and may still be confirmed when the list has grown since.
fn known_lists(inputs: &PlanInputs, confirmations: &BTreeSet<Digest>) -> BTreeMap<Digest, PruneList> {
    let is_current = |key: &ObjectKey| inputs.inventory.record(key).is_some() && !inputs.desired.wants(key);
    let lists = inputs.inventory.prune_lists().map(|(digest, list)| {
        let confirmed = list.confirmed || confirmations.contains(digest);
        let keys = list.keys.iter().filter(|key| !confirmed || is_current(key)).cloned().collect();
        (*digest, PruneList { keys, confirmed })
    });
    lists.filter(|(_, list)| list.keys.iter().any(is_current)).collect()
}

fn unconfirmed<'a>(
    candidates: &[Candidate<'a>],
    confirmed: &BTreeSet<ObjectKey>,
) -> BTreeMap<&'a ApplicationName, BTreeSet<ObjectKey>> {
    let mut by_application: BTreeMap<&ApplicationName, BTreeSet<ObjectKey>> = BTreeMap::new();
    for candidate in candidates {
        if candidate.intent == Intent::Delete && !confirmed.contains(candidate.key) {
            by_application.entry(&candidate.record.application).or_default().insert(candidate.key.clone());
        }
    }
    by_application
}

fn is_most(deletions: usize, objects: usize) -> bool {
    deletions >= MOST_OBJECTS_MIN && deletions.saturating_mul(2) > objects
}

/// The digest of the canonical JSON of the sorted list.
fn list_digest(keys: &BTreeSet<ObjectKey>) -> Digest {
    let sorted: Vec<&ObjectKey> = keys.iter().collect();
    // Only texts and lists: serialising them cannot fail.
    Digest::of(&canonical::of(&sorted).unwrap_or_default())
}

fn list_changes(inputs: &PlanInputs, lists: BTreeMap<Digest, PruneList>) -> Vec<Change> {
    let known: BTreeMap<&Digest, &PruneList> = inputs.inventory.prune_lists().collect();
    let dropped = known.keys().filter(|digest| !lists.contains_key(digest));
    let mut changes: Vec<Change> = dropped.map(|digest| Change::RemovePruneList(**digest)).collect();
    let set = lists.into_iter().filter(|(digest, list)| known.get(digest) != Some(&list));
    changes.extend(set.map(|(digest, list)| Change::PruneList(digest, list)));
    changes
}
