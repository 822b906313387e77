//! What the watches saw, taken up into the world.

use serde_json::Value;
use skerry_agent_core::plan::Live;
use skerry_common::error_chain::Chain;
use skerry_common::object::ObjectKey;

use super::Reconciler;
use super::world::{Asks, live_meta};
use crate::cluster::{Cluster, Detail, Target};
use crate::tasks::watch::{Seen, Subject};

impl<C: Cluster> Reconciler<C> {
    /// Takes up what a watch saw; says what it asks for.
    pub(super) async fn take(&mut self, seen: Seen) -> Asks {
        match seen {
            Seen::Failed { subject, reason } => {
                self.world.unreadable(&subject, &reason);
                Asks::Nothing
            }
            Seen::Changed { subject, object } => {
                let asks = self.changed(&subject, &object);
                // Part of a first listing: what asks for a plan is its end.
                if self.world.known.contains_key(&*subject) { asks } else { Asks::Nothing }
            }
            Seen::Vanished { subject, object } => match subject.key(&object) {
                Some(key) => self.vanished(&subject, &key).await,
                None => Asks::Nothing,
            },
            Seen::Unchanged { key, .. } => {
                self.world.unchanged(&key);
                Asks::Nothing
            }
            Seen::Listed { subject, keys, version } => {
                self.world.listed(&subject, &keys, &version);
                Asks::Plan
            }
        }
    }

    fn changed(&mut self, subject: &Subject, object: &Value) -> Asks {
        let Some(key) = subject.key(object) else { return Asks::Nothing };
        let bundle = self.bundle.clone();
        let asks = self.world.observe(&self.parts.me.fleet, subject, &key, object, bundle.as_deref());
        if asks == Asks::Remember
            && let Some(bundle) = &bundle
        {
            let version = object.pointer("/metadata/resourceVersion").and_then(|version| version.as_str());
            let record = self.world.inventory.record(&key).and_then(|record| record.applied());
            if let (Some(version), Some(applied)) = (version, record) {
                let change = self.world.inventory.seen(&key, version, applied.projection, bundle.mark().place);
                change.into_iter().for_each(|change| self.world.inventory.apply(change));
            }
        }
        asks
    }

    /// An object that vanished from a watch is looked up before it is believed gone.
    async fn vanished(&mut self, subject: &Subject, key: &ObjectKey) -> Asks {
        let target = Target { kind: subject.kind.clone(), namespace: key.namespace.clone(), name: key.name.clone() };
        match self.parts.cluster.get(&target, Detail::Metadata).await {
            Ok(None) => self.world.absent(key),
            Ok(Some(object)) => {
                let meta = live_meta(&self.parts.me.fleet, key, &object, false);
                self.world.saw(key, Live::Present(meta), None);
            }
            Err(error) => {
                let reason = Chain(&error).to_string();
                self.world.saw(key, Live::Unknown { reason }, None);
            }
        }
        Asks::Plan
    }
}
