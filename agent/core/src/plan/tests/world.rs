//! A small cluster, an inventory and a bundle, for tables of cases.

use std::collections::BTreeMap;

use skerry_common::bundle::digest::{BlobRef, Digest};
use skerry_common::bundle::manifest::{Encoding, Manifest, ManifestEntry, Order, Policy};
use skerry_common::id::{Epoch, Generation, Place};
use skerry_common::object::{ObjectKey, group_of};

use crate::fixtures::{bundle, name};
use crate::inventory::{Applied, Change, Inventory, Origin, Record, State};
use crate::marks::Ownership;
use crate::plan::*;

pub(super) struct World {
    pub(super) manifests: Vec<Manifest>,
    pub(super) confirmations: Vec<Digest>,
    pub(super) generation: u64,
    pub(super) inventory: Inventory,
    pub(super) live: BTreeMap<ObjectKey, Live>,
    pub(super) discovery: Discovery,
    pub(super) contents: BTreeMap<ObjectKey, Contents>,
    pub(super) protected: Protected,
}

pub(super) fn kind_facts(scope: Scope) -> KindFacts {
    KindFacts { versions: ["v1".to_owned()].into(), scope }
}

impl World {
    pub(super) fn new() -> Self {
        let kinds = [
            ("", "Namespace", Scope::Cluster),
            ("", "ConfigMap", Scope::Namespaced),
            ("apps", "Deployment", Scope::Namespaced),
            ("apiextensions.k8s.io", "CustomResourceDefinition", Scope::Cluster),
        ];
        let kinds = kinds.into_iter().map(|(group, kind, scope)| ((group.into(), kind.into()), kind_facts(scope)));
        Self {
            manifests: Vec::new(),
            confirmations: Vec::new(),
            generation: 5,
            inventory: Inventory::default(),
            live: BTreeMap::new(),
            discovery: Discovery { kinds: kinds.collect(), gaps: Default::default() },
            contents: BTreeMap::new(),
            protected: Protected { namespace: "skerry-system".into() },
        }
    }

    pub(super) fn plan(&self) -> Plan {
        let bundle = bundle(self.generation, &self.manifests, self.confirmations.clone());
        plan(&PlanInputs {
            desired: &DesiredSet::of(&bundle, &self.discovery),
            inventory: &self.inventory,
            live: &self.live,
            discovery: &self.discovery,
            contents: &self.contents,
            protected: &self.protected,
        })
    }

    /// Puts an application with config maps of these names into the bundle.
    pub(super) fn desire(&mut self, application: &str, policy: Policy, names: &[&str]) {
        self.desire_entries(
            application,
            policy,
            names.iter().map(|name| entry("v1", "ConfigMap", Some("shop"), name)).collect(),
        );
    }

    pub(super) fn desire_entries(&mut self, application: &str, policy: Policy, entries: Vec<ManifestEntry>) {
        self.manifests.retain(|manifest| manifest.application != name(application));
        self.manifests.push(Manifest::new(name(application), policy, entries).expect("a manifest"));
        self.manifests.sort_by(|a, b| a.application.cmp(&b.application));
    }

    /// As if the agent had applied it: in the inventory and alive.
    pub(super) fn applied(&mut self, application: &str, key: &ObjectKey) {
        let manifest = self.manifests.iter().find(|manifest| manifest.application == name(application));
        let entry =
            manifest.and_then(|manifest| Some((manifest, manifest.objects.iter().find(|entry| entry.key() == *key)?)));
        let fingerprint = entry.map_or(Digest::of(b"old"), |(manifest, entry)| {
            fingerprint(&manifest.application, &manifest.policy, entry, key)
        });
        let applied =
            Applied { uid: uid(key), resource_version: "7".into(), fingerprint, projection: Digest::of(b"projection") };
        let record = Record {
            api_version: "v1".into(),
            application: name(application),
            first_seen: place(1),
            origin: Origin::Made,
            state: State::Applied(applied),
        };
        self.inventory.apply(Change::Put(key.clone(), record));
        self.inventory.apply(Change::Policy(name(application), Policy::default()));
        self.live.insert(key.clone(), Live::Present(alive(key)));
    }

    pub(super) fn meta(&mut self, key: &ObjectKey) -> &mut LiveMeta {
        match self.live.get_mut(key) {
            Some(Live::Present(meta)) => meta,
            other => panic!("{key} is {other:?}"),
        }
    }
}

pub(super) fn alive(key: &ObjectKey) -> LiveMeta {
    LiveMeta {
        uid: uid(key),
        resource_version: "7".into(),
        ownership: Ownership::Ours,
        protection: Protection::None,
        phase: Phase::Live,
        projection: None,
    }
}

pub(super) fn uid(key: &ObjectKey) -> String {
    format!("uid-{key}")
}

pub(super) fn place(generation: u64) -> Place {
    Place { epoch: Epoch(1), generation: Generation(generation) }
}

pub(super) fn entry(api_version: &str, kind: &str, namespace: Option<&str>, name: &str) -> ManifestEntry {
    ManifestEntry {
        api_version: api_version.into(),
        kind: kind.into(),
        namespace: namespace.map(str::to_owned),
        name: name.into(),
        content: BlobRef::of(name.as_bytes()),
        encoding: Encoding::Plain,
        order: Order::of(group_of(api_version), kind),
    }
}

pub(super) fn config_map(name: &str) -> ObjectKey {
    entry("v1", "ConfigMap", Some("shop"), name).key()
}

pub(super) fn namespace(name: &str) -> ObjectKey {
    entry("v1", "Namespace", None, name).key()
}
