//! The facts that a planner is given. Missing knowledge is a variant, never an empty list.

use std::collections::{BTreeMap, BTreeSet};

use skerry_common::bundle::digest::Digest;
use skerry_common::object::ObjectKey;

use super::desired::DesiredSet;
use super::protected::Protected;
use crate::accept::AcceptedBundle;
use crate::inventory::Inventory;
use crate::marks::Ownership;

/// Everything that a plan is made from; all of it was read before.
#[derive(Debug, Clone, Copy)]
pub struct PlanInputs<'a> {
    /// The target.
    pub desired: &'a DesiredSet<'a>,
    /// What we applied so far.
    pub inventory: &'a Inventory,
    /// What lives in the cluster; an object that is not listed counts as unknown.
    pub live: &'a BTreeMap<ObjectKey, Live>,
    /// Which kinds the cluster serves.
    pub discovery: &'a Discovery,
    /// What is in namespaces and definitions that may have to go; one that is not listed counts as
    /// unknown.
    pub contents: &'a BTreeMap<ObjectKey, Contents>,
    /// What the agent itself lives on.
    pub protected: &'a Protected,
}

impl<'a> PlanInputs<'a> {
    pub(super) fn bundle(&self) -> &'a AcceptedBundle {
        self.desired.bundle
    }
}

/// What is known of one live object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Live {
    /// It exists.
    Present(LiveMeta),
    /// It was looked up and does not exist.
    Absent,
    /// It could not be read.
    Unknown {
        /// Why not.
        reason: String,
    },
}

/// What a plan needs of a live object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveMeta {
    /// Its uid.
    pub uid: String,
    /// Its resource version.
    pub resource_version: String,
    /// What its marks say.
    pub ownership: Ownership,
    /// Whether somebody forbade to delete it.
    pub protection: Protection,
    /// Whether it is on its way out.
    pub phase: Phase,
    /// Digest of our fields, when its body was read.
    pub projection: Option<Digest>,
}

/// Whether `skerry.dev/prune: disabled` stands on an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protection {
    /// It does not.
    None,
    /// It does.
    PruneDisabled,
}

/// Whether an object is being deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// It is there to stay.
    Live,
    /// It has a deletion timestamp and waits for its finalizers.
    Deleting,
}

/// Which kinds the API serves.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Discovery {
    /// By group and kind.
    pub kinds: BTreeMap<(String, String), KindFacts>,
    /// Groups that could not be read, in part or at all.
    pub gaps: BTreeSet<String>,
}

/// How one kind is served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KindFacts {
    /// The versions served.
    pub versions: BTreeSet<String>,
    /// Where its objects live.
    pub scope: Scope,
}

/// Where objects of a kind live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// In namespaces.
    Namespaced,
    /// In the cluster as a whole.
    Cluster,
}

/// What discovery says of a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Served {
    /// It is served.
    Yes(Scope),
    /// Its group was read, and it is not there.
    No,
    /// Its group could not be read.
    Gap,
}

impl Discovery {
    /// Looks a kind up; any version will do when `version` is `None`.
    pub fn find(&self, group: &str, kind: &str, version: Option<&str>) -> Served {
        let facts = self.kinds.get(&(group.to_owned(), kind.to_owned()));
        match facts {
            Some(facts) if version.is_none_or(|version| facts.versions.contains(version)) => Served::Yes(facts.scope),
            Some(_) | None if self.gaps.contains(group) => Served::Gap,
            Some(_) | None => Served::No,
        }
    }

    /// Whether every group was read.
    pub fn is_complete(&self) -> bool {
        self.gaps.is_empty()
    }
}

/// What is in a namespace, or which objects a definition has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Contents {
    /// Everything, of every kind that can be listed.
    Complete(Vec<Inhabitant>),
    /// Not everything could be read.
    Unknown {
        /// Why not.
        reason: String,
    },
}

/// One object in a namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inhabitant {
    /// Which.
    pub key: ObjectKey,
    /// Its uid.
    pub uid: String,
    /// Uids of its owners (`ownerReferences`).
    pub owners: Vec<String>,
}
