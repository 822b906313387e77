//! What the twin remembers.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Value, json};
use skerry_common::backoff::splitmix;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::faults::Faults;
use super::history::{Change, History};
use super::kinds::{self, Kind};
use crate::cluster::{ApiKind, ClusterError, Discovery, DiscoveryGap, Target};

/// Namespaces that every cluster has.
const NAMESPACES: [&str; 4] = ["default", "kube-node-lease", "kube-public", "kube-system"];

/// Which kind, whatever its version: (group, kind).
pub(super) type KindId = (String, String);

/// Which object of a kind: (namespace or empty, name).
pub(super) type ObjectId = (String, String);

/// Everything that the twin remembers.
#[derive(Debug)]
pub(super) struct State {
    revision: u64,
    seed: u64,
    /// Kinds that are served.
    pub(super) kinds: Vec<Kind>,
    /// Objects by kind and name.
    pub(super) objects: BTreeMap<KindId, BTreeMap<ObjectId, Arc<Value>>>,
    /// What changed lately.
    pub(super) history: History,
    /// How requests fail.
    pub(super) faults: Faults,
    /// Objects that controllers leave alone: kind, namespace, name.
    pub(super) stalled: BTreeSet<(String, String, String)>,
}

impl State {
    pub(super) fn new(seed: u64, now: OffsetDateTime) -> Self {
        let mut state = Self {
            revision: 0,
            seed,
            kinds: kinds::built_in(),
            objects: BTreeMap::new(),
            history: History::default(),
            faults: Faults::default(),
            stalled: BTreeSet::new(),
        };
        for name in NAMESPACES {
            let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
            let created = state.put_as_controller(namespace, "kube-apiserver", now);
            debug_assert!(created.is_ok(), "the namespaces of an empty cluster are valid");
        }
        state
    }

    pub(super) fn revision(&self) -> u64 {
        self.revision
    }

    pub(super) fn next_revision(&mut self) -> u64 {
        self.revision += 1;
        self.revision
    }

    pub(super) fn next_uid(&mut self) -> String {
        self.seed = splitmix(self.seed);
        let (high, low) = (self.seed, splitmix(self.seed));
        format!(
            "{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}",
            high >> 32,
            (high >> 16) & 0xffff,
            high & 0xfff,
            low >> 52,
            low & 0xffff_ffff_ffff
        )
    }

    /// The kind as it is served, or the server's word for one that is not.
    pub(super) fn kind(&self, api: &ApiKind) -> Result<Kind, ClusterError> {
        let same = |kind: &&Kind| {
            kind.api.group == api.group && kind.api.version == api.version && kind.api.plural == api.plural
        };
        let found = self.kinds.iter().find(same).cloned();
        found.ok_or_else(|| ClusterError::NotFound {
            message: "the server could not find the requested resource".into(),
        })
    }

    /// The kind of a document.
    pub(super) fn kind_named(&self, api_version: &str, kind: &str) -> Option<Kind> {
        self.kinds.iter().find(|served| served.api.kind == kind && served.api.api_version() == api_version).cloned()
    }

    pub(super) fn live(&self, target: &Target) -> Option<Arc<Value>> {
        self.objects.get(&kind_id(&target.kind))?.get(&object_id(target)).cloned()
    }

    /// Stores the next state of an object (`None`: it is gone) and tells the watches.
    pub(super) fn store(&mut self, target: &Target, next: Option<Arc<Value>>) {
        let objects = self.objects.entry(kind_id(&target.kind)).or_default();
        let before = match &next {
            Some(next) => objects.insert(object_id(target), next.clone()),
            None => objects.remove(&object_id(target)),
        };
        self.history.push(Change { revision: self.revision, kind: kind_id(&target.kind), before, after: next });
    }

    pub(super) fn snapshot(&self) -> BTreeMap<String, Value> {
        let mut out = BTreeMap::new();
        for ((group, kind), objects) in &self.objects {
            for ((namespace, name), object) in objects {
                let key = skerry_common::object::ObjectKey {
                    group: group.clone(),
                    kind: kind.clone(),
                    namespace: Some(namespace.clone()).filter(|namespace| !namespace.is_empty()),
                    name: name.clone(),
                };
                out.insert(key.to_string(), Value::clone(object));
            }
        }
        out
    }

    pub(super) fn discovery(&self) -> Discovery {
        let missing = |kind: &Kind| {
            self.faults.gaps.iter().any(|(group, version)| *group == kind.api.group && *version == kind.api.version)
        };
        let mut served = Vec::new();
        for kind in self.kinds.iter().filter(|kind| !missing(kind)) {
            let first =
                self.kinds.iter().find(|other| other.api.group == kind.api.group && other.api.kind == kind.api.kind);
            served.push(kinds::served(kind, first.is_some_and(|first| first.api.version == kind.api.version)));
        }
        served.sort();
        let gaps = self.faults.gaps.iter().map(|(group, version)| DiscoveryGap {
            group: group.clone(),
            version: version.clone(),
            reason: "the API server of this group does not answer".into(),
        });
        Discovery { kinds: served, gaps: gaps.collect() }
    }
}

/// Which kind this is, whatever the version.
pub(super) fn kind_id(kind: &ApiKind) -> KindId {
    (kind.group.clone(), kind.kind.clone())
}

/// Which object of its kind this is.
pub(super) fn object_id(target: &Target) -> ObjectId {
    (target.namespace.clone().unwrap_or_default(), target.name.clone())
}

/// A time as Kubernetes writes it: to the second, UTC.
pub(super) fn stamp(now: OffsetDateTime) -> String {
    now.replace_nanosecond(0).unwrap_or(now).format(&Rfc3339).unwrap_or_default()
}
