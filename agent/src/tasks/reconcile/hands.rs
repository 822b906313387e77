//! What is done to one object: read what is desired, look, apply, delete, release.
//!
//! No choice is made here; the plan and the drift rules of the core made them all.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;
use skerry_agent_core::drift::{
    Addition, AdditionPolicy, Finding, Treatment, Verdict, additions, find, judge_live, our_projection,
    remove_additions,
};
use skerry_agent_core::ignore::{self, Conflicts, IgnoreError, Then};
use skerry_agent_core::inventory::Applied;
use skerry_agent_core::managed_fields::{FieldSet, FieldsError};
use skerry_agent_core::marks::{self, MANAGER, MarkError};
use skerry_agent_core::plan::{Content, Planned};
use skerry_certs::seal::{DataKey, OpenError, open};
use skerry_common::bundle::digest::Digest;
use skerry_common::bundle::manifest::{Encoding, Policy};
use skerry_common::diagnostic::ErrorClass;
use skerry_common::id::FleetId;
use skerry_common::object::{ObjectKey, group_of, version_of};
use thiserror::Error;

use super::string_data;
use crate::cluster::{
    Apply, ApplyMode, Cluster, ClusterError, Conflict, Deleted, Detail, Discovery, Force, Preconditions, Target,
};
use crate::tasks::keeper::{Keeper, KeeperError};

/// How often an object with ignored fields is asked about again: once creates, once hands over.
const ROUNDS_MAX: usize = 3;

/// One object could not be handled.
#[derive(Debug, Error)]
pub(super) enum ObjectError {
    /// The API server.
    #[error("the API server refused or failed")]
    Cluster(#[from] ClusterError),
    /// Our store.
    #[error("what is desired cannot be read")]
    Store(#[from] KeeperError),
    /// Content that should be here is not.
    #[error("what is desired is not in the store")]
    Missing,
    /// Content that is no JSON object.
    #[error("what is desired is no object: {0}")]
    Malformed(String),
    /// A sealed object without a key, or altered.
    #[error("the sealed object cannot be opened: its key is missing")]
    NoKey,
    /// A sealed object that does not open.
    #[error("the sealed object cannot be opened")]
    Sealed(#[source] OpenError),
    /// Its metadata cannot carry our marks.
    #[error("the object cannot be marked")]
    Mark(#[source] MarkError),
    /// Its ignore rules.
    #[error("its ignore rules cannot be obeyed")]
    Ignore(#[source] IgnoreError),
    /// Its managers.
    #[error("its managed fields cannot be read")]
    Fields(#[source] FieldsError),
    /// The kind is not served (any more).
    #[error("the cluster does not serve its kind and version")]
    NotServed,
}

impl ObjectError {
    /// Whether trying again may help.
    pub(super) fn class(&self) -> ErrorClass {
        match self {
            Self::Cluster(error) => error.class(),
            Self::Store(_) | Self::NotServed => ErrorClass::Retry,
            Self::Missing
            | Self::Malformed(_)
            | Self::NoKey
            | Self::Sealed(_)
            | Self::Mark(_)
            | Self::Ignore(_)
            | Self::Fields(_) => ErrorClass::NeedsUser,
        }
    }

    /// Whether somebody else's object stands in the way of a create.
    pub(super) fn is_taken(&self) -> bool {
        matches!(self, Self::Cluster(ClusterError::Conflict(Conflict::Fields(_))))
    }
}

/// What a look at a live object showed.
#[derive(Debug)]
pub(super) enum Look {
    /// As we left it; only its version moved.
    Same {
        /// The object.
        live: Value,
    },
    /// It does not exist.
    Gone,
    /// It differs, or may.
    Differs {
        /// The object.
        live: Value,
        /// In what.
        finding: Finding,
    },
}

/// Everything that the hands need; shared by all objects of a pass.
pub(super) struct Hands<C: Cluster> {
    /// The API server.
    pub(super) cluster: Arc<C>,
    /// The store.
    pub(super) keeper: Keeper,
    /// Whose marks are written.
    pub(super) fleet: FleetId,
    /// Which kinds there are.
    pub(super) discovery: Discovery,
    /// Opens sealed objects, by the digest of the ciphertext.
    pub(super) keys: BTreeMap<Digest, DataKey>,
}

impl<C: Cluster> Hands<C> {
    /// Where an object is, if its kind is served.
    pub(super) fn target(&self, key: &ObjectKey, api_version: &str) -> Option<Target> {
        let (group, version) = (group_of(api_version), version_of(api_version));
        let exact = self.discovery.find_version(group, version, &key.kind);
        let kind = exact.or_else(|| self.discovery.find(&key.group, &key.kind))?.clone();
        let namespace = key.namespace.clone().filter(|_| kind.namespaced);
        Some(Target { kind, namespace, name: key.name.clone() })
    }

    fn target_of(&self, planned: &Planned) -> Result<Target, ObjectError> {
        self.target(&planned.key, &planned.api_version).ok_or(ObjectError::NotServed)
    }

    /// Reads, opens and marks what is desired, in the form in which the API server keeps it.
    pub(super) async fn desired(&self, planned: &Planned, content: &Content) -> Result<Value, ObjectError> {
        let blob = content.blob;
        let bytes = self.keeper.call(move |store| store.blob(&blob)).await?.map_err(KeeperError::Store)?;
        let bytes = bytes.ok_or(ObjectError::Missing)?;
        let malformed = |error: serde_json::Error| ObjectError::Malformed(error.to_string());
        let mut object: Value = match content.encoding {
            Encoding::Plain => serde_json::from_slice(&bytes).map_err(malformed)?,
            Encoding::Sealed => {
                let key = self.keys.get(&blob.digest).ok_or(ObjectError::NoKey)?;
                let plain = open(&bytes, key).map_err(ObjectError::Sealed)?;
                // The position is enough: a serde message may repeat what it read.
                serde_json::from_slice(&plain)
                    .map_err(|error| ObjectError::Malformed(format!("line {}", error.line())))?
            }
        };
        string_data::fold(&mut object);
        marks::mark(&mut object, &self.fleet, &planned.application, &planned.key).map_err(ObjectError::Mark)?;
        Ok(object)
    }

    /// Reads a live object, whole.
    pub(super) async fn read(&self, key: &ObjectKey, api_version: &str) -> Result<Option<Value>, ObjectError> {
        let target = self.target(key, api_version).ok_or(ObjectError::NotServed)?;
        Ok(self.cluster.get(&target, Detail::Whole).await?)
    }

    /// Compares a live object with what we applied; asks the API server by a dry run when in doubt.
    pub(super) async fn look(
        &self,
        planned: &Planned,
        content: &Content,
        applied: &Applied,
        policy: &Policy,
        settled: AdditionPolicy,
    ) -> Result<Look, ObjectError> {
        let Some(live) = self.read(&planned.key, &planned.api_version).await? else { return Ok(Look::Gone) };
        let object = self.desired(planned, content).await?;
        let treatment = treatment(&object, &live, planned, policy, settled)?;
        match judge_live(Some(&live), applied, &treatment).map_err(ObjectError::Fields)? {
            Verdict::Gone => Ok(Look::Gone),
            Verdict::Same { .. } => Ok(Look::Same { live }),
            Verdict::Extended { additions } => {
                let fields = additions.iter().map(Addition::drift).collect();
                Ok(Look::Differs { live, finding: Finding { fields, ..Finding::default() } })
            }
            Verdict::Suspect => {
                let pointers = pointers(policy, &planned.key);
                let requests = ignore::requests(&object, &pointers, Some(&live)).map_err(ObjectError::Ignore)?;
                let target = self.target_of(planned)?;
                let mut reference = live.clone();
                for request in &requests.requests {
                    let how = Apply { manager: request.manager, force: Force::TakeOver, mode: ApplyMode::DryRun };
                    reference = self.cluster.apply(&target, &request.body, how).await?.object;
                }
                let finding = find(&live, &reference, &treatment).map_err(ObjectError::Fields)?;
                Ok(if finding.is_clean() { Look::Same { live } } else { Look::Differs { live, finding } })
            }
        }
    }

    /// Applies an object and removes what people added to it; gives it as it is now.
    ///
    /// `force` is `Refuse` for an object that should not exist yet: then somebody else's is not
    /// overwritten unseen.
    pub(super) async fn apply(
        &self,
        planned: &Planned,
        content: &Content,
        policy: &Policy,
        how: Manner,
    ) -> Result<Done, ObjectError> {
        let target = self.target_of(planned)?;
        let object = self.desired(planned, content).await?;
        let pointers = pointers(policy, &planned.key);
        let mut live = None;
        if !pointers.is_empty() && how.existence == Existence::Exists {
            live = self.cluster.get(&target, Detail::Whole).await?;
        }
        let mut created = false;
        for _ in 0..ROUNDS_MAX {
            let requests = ignore::requests(&object, &pointers, live.as_ref()).map_err(ObjectError::Ignore)?;
            for request in &requests.requests {
                let force = match (request.conflicts, how.existence, live.is_some()) {
                    (Conflicts::Respect, ..) | (Conflicts::Force, Existence::New, false) => Force::Refuse,
                    (Conflicts::Force, Existence::Exists, _) | (Conflicts::Force, Existence::New, true) => {
                        Force::TakeOver
                    }
                };
                let apply = Apply { manager: request.manager, force, mode: ApplyMode::Keep };
                let answer = self.cluster.apply(&target, &request.body, apply).await?;
                created |= answer.created;
                live = Some(answer.object);
            }
            if requests.then == Then::Done {
                break;
            }
        }
        let live = live.ok_or(ObjectError::Missing)?;
        let treatment = treatment(&object, &live, planned, policy, how.additions)?;
        let added = additions(&live, &treatment).map_err(ObjectError::Fields)?;
        let live = if added.is_empty() || !treatment.removes() {
            live
        } else {
            self.cluster.patch_json(&target, &remove_additions(&live, &added), MANAGER).await?
        };
        let projection = our_projection(&live).map_err(ObjectError::Fields)?;
        Ok(Done { created, applied: applied(&live, content.fingerprint, projection), live })
    }

    /// Deletes an object if it is still the one that was planned for.
    pub(super) async fn delete(
        &self,
        planned: &Planned,
        uid: &str,
        resource_version: &str,
    ) -> Result<Deleted, ObjectError> {
        let only = Preconditions { uid: uid.to_owned(), resource_version: Some(resource_version.to_owned()) };
        Ok(self.cluster.delete(&self.target_of(planned)?, &only).await?)
    }

    /// Takes our marks off an object and leaves it.
    pub(super) async fn release(&self, planned: &Planned) -> Result<(), ObjectError> {
        let target = self.target_of(planned)?;
        if let Some(live) = self.cluster.get(&target, Detail::Whole).await? {
            self.cluster.patch_json(&target, &marks::release(&live), MANAGER).await?;
        }
        Ok(())
    }
}

/// How an object is applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Manner {
    /// Whether it is known to exist.
    pub(super) existence: Existence,
    /// Whether what people added is removed.
    pub(super) additions: AdditionPolicy,
}

/// Whether an object is known to exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Existence {
    /// It should not.
    New,
    /// It does, or did.
    Exists,
}

/// An object was applied.
#[derive(Debug)]
pub(super) struct Done {
    /// Whether it did not exist before.
    pub(super) created: bool,
    /// What the inventory is to hold.
    pub(super) applied: Applied,
    /// The object as it is now.
    pub(super) live: Value,
}

/// What the inventory holds of an object.
pub(super) fn applied(live: &Value, fingerprint: Digest, projection: Digest) -> Applied {
    let text = |pointer: &str| live.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    Applied { uid: text("/metadata/uid"), resource_version: text("/metadata/resourceVersion"), fingerprint, projection }
}

fn pointers(policy: &Policy, key: &ObjectKey) -> Vec<String> {
    let rules = policy.ignore.iter().filter(|rule| rule.matches(key));
    rules.flat_map(|rule| rule.fields.iter().cloned()).collect()
}

fn treatment(
    object: &Value,
    live: &Value,
    planned: &Planned,
    policy: &Policy,
    additions: AdditionPolicy,
) -> Result<Treatment, ObjectError> {
    let pointers = pointers(policy, &planned.key);
    let ignored = if pointers.is_empty() {
        FieldSet::default()
    } else {
        ignore::ignored_set(object, &pointers, live).map_err(ObjectError::Ignore)?
    };
    Ok(Treatment { extra: policy.extra_fields, additions, ignored })
}
