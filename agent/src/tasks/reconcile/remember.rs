//! What the world tells its ledger, and what it takes from it after a restart.

use std::sync::Arc;

use skerry_agent_core::health::needs_body;
use skerry_agent_core::inventory::Record;
use skerry_agent_core::marks::Ownership;
use skerry_agent_core::plan::{Live, LiveMeta, Phase, Protection};
use skerry_common::object::ObjectKey;

use super::world::{World, is_later};
use crate::ledger::{Fields, Note, Pruning, Recalled, Remembered};

impl World {
    /// Takes up what was remembered, to be compared with what is alive. Only which versions were found right is
    /// believed at once: of those that are alive under another one, nothing follows.
    pub(super) fn recall(&mut self, recalled: Recalled) {
        for (key, entry) in recalled.iter().filter(|(_, entry)| entry.fields == Fields::Right) {
            let Some(record) = self.inventory.record(key) else { continue };
            let Some(applied) = record.applied().filter(|applied| applied.uid == entry.uid) else { continue };
            if is_later(&entry.resource_version, &applied.resource_version) {
                let projection = entry.projection.unwrap_or(applied.projection);
                let seen = self.inventory.seen(key, &entry.resource_version, projection, record.first_seen);
                seen.into_iter().for_each(|change| self.inventory.apply(change));
            }
        }
        self.recalled = Arc::new(recalled);
    }

    /// Takes up that an object is alive as it is remembered.
    pub(super) fn unchanged(&mut self, key: &ObjectKey) {
        let Some(entry) = self.recalled.get(key) else { return };
        let protection = match entry.pruning {
            Pruning::Allowed => Protection::None,
            Pruning::Disabled => Protection::PruneDisabled,
        };
        let meta = LiveMeta {
            uid: entry.uid.clone(),
            resource_version: entry.resource_version.clone(),
            ownership: Ownership::Ours,
            protection,
            phase: Phase::Live,
            projection: entry.projection,
        };
        self.health.insert(key.clone(), entry.judgement());
        self.live.insert(key.clone(), Live::Present(meta));
    }

    /// Whether the ledger knows an object in this version.
    pub(super) fn is_recalled(&self, key: &ObjectKey, live: &Live) -> bool {
        let Live::Present(meta) = live else { return false };
        self.recalled
            .get(key)
            .is_some_and(|entry| entry.uid == meta.uid && entry.resource_version == meta.resource_version)
    }

    /// Everything was listed: what is remembered and not alive is forgotten.
    pub(super) fn forget_recalled(&mut self) {
        let recalled = std::mem::take(&mut self.recalled);
        self.unnoted.extend(recalled.keys().filter(|key| !self.live.contains_key(*key)).cloned());
    }

    /// What the ledger does not know yet.
    pub(super) fn notes(&mut self) -> Vec<Note> {
        let unnoted = std::mem::take(&mut self.unnoted);
        let note = |key: ObjectKey| {
            let entry = self.remembered(&key);
            (key, entry)
        };
        unnoted.into_iter().map(note).collect()
    }

    /// What is worth remembering of an object: of ours alone, and only what was read as far as it is judged by.
    fn remembered(&self, key: &ObjectKey) -> Option<Remembered> {
        let applied = self.inventory.record(key).and_then(Record::applied)?;
        let Some(Live::Present(meta)) = self.live.get(key) else { return None };
        let judgement = self.health.get(key)?;
        let unread = meta.projection.is_none() && needs_body(&key.group, &key.kind);
        if meta.ownership != Ownership::Ours || meta.phase == Phase::Deleting || unread {
            return None;
        }
        let right = applied.uid == meta.uid && applied.resource_version == meta.resource_version;
        Some(Remembered {
            uid: meta.uid.clone(),
            resource_version: meta.resource_version.clone(),
            projection: meta.projection,
            pruning: match meta.protection {
                Protection::None => Pruning::Allowed,
                Protection::PruneDisabled => Pruning::Disabled,
            },
            fields: if right { Fields::Right } else { Fields::Unknown },
            health: judgement.view,
            gate: judgement.gate.into(),
            reason: judgement.reason.clone(),
        })
    }
}
