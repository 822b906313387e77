//! From manifests to desired objects: scope, namespace, and who has an object that two want.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use skerry_common::bundle::digest::{BlobRef, Digest};
use skerry_common::bundle::manifest::{Encoding, IgnoreRule, Manifest, ManifestEntry, Policy};
use skerry_common::canonical;
use skerry_common::id::ApplicationName;
use skerry_common::object::{ObjectKey, group_of, version_of};

use super::facts::{Discovery, Scope, Served};
use crate::accept::AcceptedBundle;

/// The namespace of a namespaced object for which neither it nor its application names one, as
/// `kubectl` and Kustomize have it.
pub const DEFAULT_NAMESPACE: &str = "default";

/// One object of the bundle, resolved against this cluster.
#[derive(Debug)]
pub(super) struct Desired<'a> {
    pub(super) key: ObjectKey,
    pub(super) application: &'a ApplicationName,
    pub(super) policy: &'a Policy,
    pub(super) entry: &'a ManifestEntry,
    pub(super) served: Served,
    pub(super) fingerprint: Digest,
}

/// All of a bundle's objects, resolved against this cluster; each key once, and those that lost theirs
/// to an earlier application.
///
/// It tells a shell what to read before it can plan, and is what the plan is made from: every object
/// costs a digest, so it is resolved once a pass.
#[derive(Debug)]
pub struct DesiredSet<'a> {
    pub(super) bundle: &'a AcceptedBundle,
    pub(super) objects: BTreeMap<ObjectKey, Desired<'a>>,
    pub(super) twice: Vec<(Desired<'a>, ApplicationName)>,
    /// Group, kind and name of objects whose scope is not known, so that none is taken for departed.
    unresolved: BTreeSet<(String, String, String)>,
    /// Groups for which a definition is in the bundle.
    defined: BTreeSet<String>,
}

impl<'a> DesiredSet<'a> {
    /// Resolves a bundle against what the cluster serves.
    pub fn of(bundle: &'a AcceptedBundle, discovery: &Discovery) -> Self {
        let mut set = Self {
            bundle,
            objects: BTreeMap::new(),
            twice: Vec::new(),
            unresolved: BTreeSet::new(),
            defined: BTreeSet::new(),
        };
        for manifest in bundle.manifests() {
            for entry in &manifest.objects {
                set.add(resolve(manifest, entry, discovery));
            }
        }
        set
    }

    fn add(&mut self, desired: Desired<'a>) {
        if desired.key.kind == "CustomResourceDefinition" {
            self.defined.extend(desired.key.name.split_once('.').map(|(_, group)| group.to_owned()));
        }
        if !matches!(desired.served, Served::Yes(_)) {
            self.unresolved.insert(loose(&desired.key));
        }
        match self.objects.get(&desired.key) {
            Some(first) => self.twice.push((desired, first.application.clone())),
            None => drop(self.objects.insert(desired.key.clone(), desired)),
        }
    }

    /// The bundle.
    pub fn bundle(&self) -> &'a AcceptedBundle {
        self.bundle
    }

    /// Every object, with the group and version in which it is desired.
    pub fn objects(&self) -> impl Iterator<Item = (&ObjectKey, &'a str)> {
        self.objects.iter().map(|(key, desired)| (key, desired.entry.api_version.as_str()))
    }

    /// Whether an object is in the bundle.
    pub fn has(&self, key: &ObjectKey) -> bool {
        self.objects.contains_key(key)
    }

    /// Whether an object of the inventory is still wanted, or might be.
    pub(super) fn wants(&self, key: &ObjectKey) -> bool {
        self.objects.contains_key(key) || self.unresolved.contains(&loose(key))
    }

    /// Whether a definition in the bundle makes a group's kinds known.
    pub(super) fn defines(&self, group: &str) -> bool {
        self.defined.contains(group)
    }
}

fn loose(key: &ObjectKey) -> (String, String, String) {
    (key.group.clone(), key.kind.clone(), key.name.clone())
}

fn resolve<'a>(manifest: &'a Manifest, entry: &'a ManifestEntry, discovery: &Discovery) -> Desired<'a> {
    let mut key = entry.key();
    let served = discovery.find(group_of(&entry.api_version), &entry.kind, Some(version_of(&entry.api_version)));
    key.namespace = match served {
        Served::Yes(Scope::Cluster) => None,
        Served::Yes(Scope::Namespaced) => {
            let default = || manifest.policy.namespace.clone().unwrap_or_else(|| DEFAULT_NAMESPACE.to_owned());
            Some(key.namespace.unwrap_or_else(default))
        }
        Served::No | Served::Gap => key.namespace,
    };
    let fingerprint = fingerprint(&manifest.application, &manifest.policy, entry, &key);
    Desired { key, application: &manifest.application, policy: &manifest.policy, entry, served, fingerprint }
}

#[derive(Serialize)]
struct Fingerprint<'a> {
    key: &'a ObjectKey,
    api_version: &'a str,
    content: BlobRef,
    encoding: Encoding,
    application: &'a ApplicationName,
    ignored: Vec<&'a [String]>,
}

/// A digest of all that decides what is sent to the API server for one object: its content, its
/// marks, and which of its fields are ignored.
pub fn fingerprint(application: &ApplicationName, policy: &Policy, entry: &ManifestEntry, key: &ObjectKey) -> Digest {
    let ignored = policy.ignore.iter().filter(|rule| rule.matches(key)).map(|rule: &IgnoreRule| rule.fields.as_slice());
    let facts = Fingerprint {
        key,
        api_version: &entry.api_version,
        content: entry.content,
        encoding: entry.encoding,
        application,
        ignored: ignored.collect(),
    };
    // Only texts, numbers and lists: serialising them cannot fail; an empty form would merely make
    // every object look changed.
    Digest::of(&canonical::of(&facts).unwrap_or_default())
}
