//! Deletes of the twin: preconditions, finalizers, dependants, and what lives in a namespace.

use serde_json::{Value, json};
use time::OffsetDateTime;

use super::defaults::CLAIM_PROTECTION;
use super::state::{State, stamp};
use crate::cluster::{ApiKind, ClusterError, Conflict, Deleted, Preconditions, Target};

impl State {
    pub(super) fn delete(
        &mut self,
        target: &Target,
        only: Option<&Preconditions>,
        now: OffsetDateTime,
    ) -> Result<Deleted, ClusterError> {
        self.kind(&target.kind)?;
        let Some(live) = self.live(target) else { return Ok(Deleted::AlreadyGone) };
        if let Some(only) = only {
            let is = |name: &str| live["metadata"][name].as_str().unwrap_or_default();
            let other = is("uid") != only.uid
                || only.resource_version.as_deref().is_some_and(|wanted| wanted != is("resourceVersion"));
            if other {
                let message = "the uid or resourceVersion in the precondition does not match".to_owned();
                return Err(ClusterError::Conflict(Conflict::Changed(message)));
            }
        }
        if live.pointer("/metadata/deletionTimestamp").is_none() {
            let mut dying = Value::clone(&live);
            dying["metadata"]["deletionTimestamp"] = json!(stamp(now));
            if target.kind.kind == "Namespace" && target.kind.group.is_empty() {
                dying["status"]["phase"] = json!("Terminating");
            }
            // No pod of the twin uses a claim: its controller lets it go at once.
            if let Some(finalizers) = dying.pointer_mut("/metadata/finalizers").and_then(Value::as_array_mut) {
                finalizers.retain(|finalizer| finalizer != CLAIM_PROTECTION);
            }
            // What goes at once is seen once, as gone.
            if blocked(&dying) || target.kind.kind == "Namespace" || target.kind.kind == "CustomResourceDefinition" {
                let revision = self.next_revision();
                dying["metadata"]["resourceVersion"] = json!(revision.to_string());
                self.store(target, Some(dying.into()));
            } else {
                self.vanish(target, now);
                return Ok(Deleted::Started);
            }
        }
        self.finish_deletion(target, now);
        Ok(Deleted::Started)
    }

    /// Removes an object that is being deleted once nothing holds it.
    pub(super) fn finish_deletion(&mut self, target: &Target, now: OffsetDateTime) {
        let Some(live) = self.live(target) else { return };
        if blocked(&live) {
            return;
        }
        let inside = self.inside(target, &live);
        for inner in &inside {
            // What a finalizer holds stays, and so does what holds it.
            let _started = self.delete(inner, None, now);
        }
        if inside.iter().any(|inner| self.live(inner).is_some()) {
            return;
        }
        self.vanish(target, now);
    }

    /// Takes an object out of the store, and lets go what hangs on it.
    fn vanish(&mut self, target: &Target, now: OffsetDateTime) {
        let Some(live) = self.live(target) else { return };
        self.next_revision();
        self.store(target, None);
        if target.kind.kind == "CustomResourceDefinition" {
            self.forget_kinds(&live);
        }
        let uid = live["metadata"]["uid"].clone();
        for dependant in self.owned_by(&uid) {
            let _started = self.delete(&dependant, None, now);
        }
        self.finish_holders(target, now);
    }

    /// A namespace or a definition may have waited for this object.
    fn finish_holders(&mut self, target: &Target, now: OffsetDateTime) {
        let dying = |state: &Self, holder: &Target| {
            state.live(holder).is_some_and(|live| live.pointer("/metadata/deletionTimestamp").is_some())
        };
        let holder =
            |kind: &str, name: &str| Some(Target { kind: self.kind_of(kind)?, namespace: None, name: name.to_owned() });
        let definition = format!("{}.{}", target.kind.plural, target.kind.group);
        let holders = [
            target.namespace.as_deref().and_then(|namespace| holder("Namespace", namespace)),
            holder("CustomResourceDefinition", &definition),
        ];
        for holder in holders.into_iter().flatten() {
            if dying(self, &holder) {
                self.finish_deletion(&holder, now);
            }
        }
    }

    fn kind_of(&self, kind: &str) -> Option<ApiKind> {
        self.kinds.iter().find(|served| served.api.kind == kind).map(|served| served.api.clone())
    }

    /// What has to go before this object: the contents of a namespace, the resources of a definition.
    fn inside(&self, target: &Target, live: &Value) -> Vec<Target> {
        let text = |pointer: &str| live.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        match (target.kind.group.as_str(), target.kind.kind.as_str()) {
            ("", "Namespace") => self.targets(|_, (namespace, _), _| *namespace == target.name),
            ("apiextensions.k8s.io", "CustomResourceDefinition") => {
                self.targets(|(group, kind), _, _| group == text("/spec/group") && kind == text("/spec/names/kind"))
            }
            _ => Vec::new(),
        }
    }

    fn owned_by(&self, uid: &Value) -> Vec<Target> {
        self.targets(|_, _, object| {
            let owners = object.pointer("/metadata/ownerReferences").and_then(Value::as_array);
            owners.is_some_and(|owners| !owners.is_empty() && owners.iter().all(|owner| owner["uid"] == *uid))
        })
    }

    fn targets(&self, wanted: impl Fn(&(String, String), &(String, String), &Value) -> bool) -> Vec<Target> {
        let mut out = Vec::new();
        for (kind, objects) in &self.objects {
            let Some(served) = self.kinds.iter().find(|served| served.api.group == kind.0 && served.api.kind == kind.1)
            else {
                continue;
            };
            for (id, _) in objects.iter().filter(|(id, object)| wanted(kind, id, object)) {
                let namespace = Some(id.0.clone()).filter(|namespace| !namespace.is_empty());
                out.push(Target { kind: served.api.clone(), namespace, name: id.1.clone() });
            }
        }
        out
    }

    fn forget_kinds(&mut self, definition: &Value) {
        let text = |pointer: &str| definition.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let (group, kind) = (text("/spec/group"), text("/spec/names/kind"));
        self.kinds.retain(|served| served.api.group != group || served.api.kind != kind);
    }
}

fn blocked(object: &Value) -> bool {
    object.pointer("/metadata/finalizers").and_then(Value::as_array).is_some_and(|finalizers| !finalizers.is_empty())
}
