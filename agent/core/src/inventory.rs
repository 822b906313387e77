//! The inventory: what this agent has applied, and therefore may prune.
//!
//! It is one of the files that must survive (DESIGN §4.7). The order that keeps it true:
//!
//! 1. a plan's [`Plan::changes`](crate::plan::Plan::changes) are persisted *before* anything is
//!    written to the cluster: every object to be created is in it as [`State::Intended`], so one that
//!    was created by a process that died right after is known all the same;
//! 2. after each answer of the API server the record becomes [`State::Applied`];
//! 3. a record goes only after its object was deleted, released or looked up and found gone.
//!
//! All of it happens through [`Change`], a value that a store can append to a file.

mod file;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use skerry_common::bundle::digest::Digest;
use skerry_common::bundle::manifest::Policy;
use skerry_common::id::{ApplicationName, Place};
use skerry_common::object::ObjectKey;

pub use file::{INVENTORY_SCHEMA, InventoryError};

/// What this agent has applied.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Inventory {
    records: BTreeMap<ObjectKey, Record>,
    policies: BTreeMap<ApplicationName, Policy>,
    prune_lists: BTreeMap<Digest, PruneList>,
}

/// One object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// Group and version that it was applied as.
    pub api_version: String,
    /// Whose object it is.
    pub application: ApplicationName,
    /// The first bundle that had it.
    pub first_seen: Place,
    /// How it became ours.
    pub origin: Origin,
    /// How far we are with it.
    pub state: State,
}

/// How an object became ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Origin {
    /// We created it.
    Made,
    /// It was there before: what people added stays until the second bundle.
    Adopted {
        /// The bundle that adopted it.
        in_bundle: Place,
    },
}

/// How far we are with an object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum State {
    /// About to be applied for the first time: it may exist or not.
    Intended,
    /// Applied; the API server's last answer.
    Applied(Applied),
}

/// What is known since the last apply.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Applied {
    /// Uid of the live object.
    pub uid: String,
    /// The last resource version of which we know that our fields are right.
    pub resource_version: String,
    /// [`crate::plan::fingerprint`] of what was applied.
    pub fingerprint: Digest,
    /// Digest of our fields as the API server returned them.
    pub projection: Digest,
}

/// A list of objects whose deletion was held for a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PruneList {
    /// The objects, sorted.
    pub keys: BTreeSet<ObjectKey>,
    /// Whether a bundle carried the confirmation: then these, and no others, may be deleted by any
    /// later generation.
    pub confirmed: bool,
}

/// One change of the inventory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Change {
    /// Sets an object's record.
    Put(ObjectKey, Record),
    /// Forgets an object.
    Remove(ObjectKey),
    /// Sets what is known of an application's policy, for the day that it has left the bundle.
    Policy(ApplicationName, Policy),
    /// Forgets an application.
    RemovePolicy(ApplicationName),
    /// Sets a held or confirmed list.
    PruneList(Digest, PruneList),
    /// Forgets a list.
    RemovePruneList(Digest),
}

impl Record {
    /// The last answer of the API server, if there was one.
    pub fn applied(&self) -> Option<&Applied> {
        match &self.state {
            State::Intended => None,
            State::Applied(applied) => Some(applied),
        }
    }

    /// Whether what people added may be removed: an adopted object is left as it is until the second
    /// bundle.
    pub fn is_settled(&self, target: Place) -> bool {
        match self.origin {
            Origin::Made => true,
            Origin::Adopted { in_bundle } => target > in_bundle,
        }
    }

    /// Its origin once `target` is in force: an adopted object that settled is like any other.
    fn origin_at(&self, target: Place) -> Origin {
        if self.is_settled(target) { Origin::Made } else { self.origin }
    }
}

impl Inventory {
    /// Makes one change; making it twice changes nothing more.
    pub fn apply(&mut self, change: Change) {
        match change {
            Change::Put(key, record) => drop(self.records.insert(key, record)),
            Change::Remove(key) => drop(self.records.remove(&key)),
            Change::Policy(application, policy) => drop(self.policies.insert(application, policy)),
            Change::RemovePolicy(application) => drop(self.policies.remove(&application)),
            Change::PruneList(digest, list) => drop(self.prune_lists.insert(digest, list)),
            Change::RemovePruneList(digest) => drop(self.prune_lists.remove(&digest)),
        }
    }

    /// The record of an object.
    pub fn record(&self, key: &ObjectKey) -> Option<&Record> {
        self.records.get(key)
    }

    /// All records, sorted by key.
    pub fn records(&self) -> impl Iterator<Item = (&ObjectKey, &Record)> {
        self.records.iter()
    }

    /// How many objects are in it.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// How many objects one application has.
    pub fn count(&self, application: &ApplicationName) -> usize {
        self.records.values().filter(|record| record.application == *application).count()
    }

    /// What is known of an application's policy.
    pub fn policy(&self, application: &ApplicationName) -> Option<&Policy> {
        self.policies.get(application)
    }

    /// All applications whose policy is known.
    pub fn policies(&self) -> impl Iterator<Item = (&ApplicationName, &Policy)> {
        self.policies.iter()
    }

    /// Lists that were held or confirmed.
    pub fn prune_lists(&self) -> impl Iterator<Item = (&Digest, &PruneList)> {
        self.prune_lists.iter()
    }

    /// The change after the API server answered an apply of `target`.
    ///
    /// `record` says what was applied; when and how the object became ours stays as it was known.
    pub fn applied(&self, key: &ObjectKey, record: Record, applied: Applied, target: Place) -> Change {
        let known = self.record(key).unwrap_or(&record);
        let origin = known.origin_at(target);
        let first_seen = known.first_seen;
        Change::Put(key.clone(), Record { first_seen, origin, state: State::Applied(applied), ..record })
    }

    /// The change after a look showed that only the resource version moved.
    pub fn seen(&self, key: &ObjectKey, resource_version: &str, projection: Digest, target: Place) -> Option<Change> {
        let record = self.record(key)?;
        let applied = record.applied()?.clone();
        let applied = Applied { resource_version: resource_version.to_owned(), projection, ..applied };
        let origin = record.origin_at(target);
        Some(Change::Put(key.clone(), Record { origin, state: State::Applied(applied), ..record.clone() }))
    }
}
