//! What is in namespaces and definitions that may have to go: a complete read, or «unknown».

use std::collections::BTreeMap;

use futures::FutureExt as _;
use serde_json::Value;
use skerry_agent_core::plan::{Contents, DesiredSet, Inhabitant};
use skerry_common::error_chain::Chain;
use skerry_common::object::ObjectKey;

use super::Reconciler;
use crate::cluster::{ApiKind, Cluster, Detail, Scope};

/// Most objects read in one namespace before it counts as unknown: then it is not ours to empty.
const INHABITANTS_MAX: usize = 20_000;

/// Kinds that come and go with a namespace by themselves.
const EPHEMERAL: [(&str, &str); 2] = [("", "Event"), ("events.k8s.io", "Event")];

impl<C: Cluster> Reconciler<C> {
    /// Reads the contents of every namespace and definition of the inventory that the bundle has not.
    pub(super) async fn contents(&self, desired: &DesiredSet<'_>) -> BTreeMap<ObjectKey, Contents> {
        let departed = self.world.inventory.records().map(|(key, _)| key).filter(|key| !desired.has(key));
        let mut contents = BTreeMap::new();
        for key in departed {
            let found = match key.kind.as_str() {
                "Namespace" if key.group.is_empty() => self.namespace(&key.name).await,
                "CustomResourceDefinition" => self.definition(&key.name).await,
                _ => continue,
            };
            contents.insert(key.clone(), found);
        }
        contents
    }

    async fn namespace(&self, name: &str) -> Contents {
        if !self.world.facts.is_complete() {
            return Contents::Unknown { reason: "not every API group could be read".to_owned() };
        }
        let scope = Scope::Namespace(name.to_owned());
        let mut inhabitants = Vec::new();
        let listable = |verbs: &[String]| verbs.iter().any(|verb| verb == "list");
        for served in &self.world.discovery.kinds {
            let kind = &served.kind;
            let ephemeral = EPHEMERAL.contains(&(kind.group.as_str(), kind.kind.as_str()));
            if !kind.namespaced || !served.preferred || !listable(&served.verbs) || ephemeral {
                continue;
            }
            if let Err(reason) = self.read_into(kind, &scope, &mut inhabitants).await {
                return Contents::Unknown { reason };
            }
        }
        Contents::Complete(inhabitants)
    }

    async fn definition(&self, name: &str) -> Contents {
        let Some((plural, group)) = name.split_once('.') else {
            return Contents::Unknown { reason: "its name is not `plural.group`".to_owned() };
        };
        let mut kinds =
            self.world.discovery.kinds.iter().filter(|it| it.kind.group == group && it.kind.plural == plural);
        let Some(served) = kinds.next() else {
            // Not served: nothing can exist, unless the group could not be read.
            return if self.world.facts.gaps.contains(group) {
                Contents::Unknown { reason: format!("API group `{group}` could not be read") }
            } else {
                Contents::Complete(Vec::new())
            };
        };
        let mut inhabitants = Vec::new();
        match self.read_into(&served.kind, &Scope::All, &mut inhabitants).await {
            Ok(()) => Contents::Complete(inhabitants),
            Err(reason) => Contents::Unknown { reason },
        }
    }

    async fn read_into(&self, kind: &ApiKind, scope: &Scope, into: &mut Vec<Inhabitant>) -> Result<(), String> {
        let mut keep = |item: Value| {
            into.extend(inhabitant(kind, &item));
            std::future::ready(()).boxed()
        };
        let visited = self.parts.cluster.visit(kind, scope, None, Detail::Metadata, &mut keep).await;
        visited.map_err(|error| Chain(&error).to_string())?;
        if into.len() > INHABITANTS_MAX { Err(format!("more than {INHABITANTS_MAX} objects")) } else { Ok(()) }
    }
}

fn inhabitant(kind: &ApiKind, item: &Value) -> Option<Inhabitant> {
    let text = |pointer: &str| item.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    let key = ObjectKey {
        group: kind.group.clone(),
        kind: kind.kind.clone(),
        namespace: text("/metadata/namespace").filter(|_| kind.namespaced),
        name: text("/metadata/name")?,
    };
    let owners = item.pointer("/metadata/ownerReferences").and_then(Value::as_array);
    let owners = owners.into_iter().flatten().filter_map(|owner| owner.get("uid")?.as_str().map(str::to_owned));
    Some(Inhabitant { key, uid: text("/metadata/uid")?, owners: owners.collect() })
}
