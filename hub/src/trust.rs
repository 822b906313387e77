//! The trust root in force, and how a successor is made.
//!
//! ```text
//! skerry-hub trust rotate ── successor ── signed by old and new root keys ──▶ trust-root.json
//!                                                                              │ within seconds
//!                     agents ◀── session: all that they lack, oldest first ◀── running hub
//! ```
//! An agent believes a successor that enough of the root keys which it knows have signed. Root keys
//! may change more than once while an agent is away, so earlier trust roots are kept and sent first.

use std::collections::BTreeSet;
use std::sync::Arc;

use skerry_certs::root_key::{SigningKey, SigningKeyError};
use skerry_common::bundle::signature::{KeyId, PublicKey, SIGNATURES_MAX};
use skerry_common::bundle::trust::{TRUST_ROOT_TYPE, TrustError, TrustRoot, TrustedRoot};
use skerry_common::id::Epoch;
use skerry_hub_core::session::TrustRootMark;
use thiserror::Error;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::keys::{KeyError, KeyFolder};

#[cfg(test)]
mod tests;

/// Most earlier trust roots that are kept in memory: one a month for five years. An agent that was
/// away for longer needs one that its root keys signed, or joins anew.
pub const EARLIER_MAX: u64 = 60;

/// Most hub addresses in a trust root: agents try them one after the other.
pub const ADDRESSES_MAX: usize = 16;

/// The trust root in force and those before it; cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustLine {
    newest: TrustedRoot,
    marks: Arc<Vec<TrustRootMark>>,
}

impl TrustLine {
    /// The trust root in force, and those before it, oldest first.
    pub fn new(newest: TrustedRoot, earlier: &[TrustedRoot]) -> Self {
        let mark = |it: &TrustedRoot| TrustRootMark { version: it.root().version, envelope: it.envelope().clone() };
        let marks = earlier.iter().chain([&newest]).map(mark).collect();
        Self { newest, marks: Arc::new(marks) }
    }

    /// The trust root in force.
    pub fn newest(&self) -> &TrustedRoot {
        &self.newest
    }

    /// All of them as sessions send them, oldest first.
    pub fn marks(&self) -> &Arc<Vec<TrustRootMark>> {
        &self.marks
    }

    /// Follows another line up to its newest, by the rule that agents go by; `None` when that is the one
    /// in force.
    pub fn follow(&self, other: Self) -> Result<Option<Self>, TrustError> {
        if other.newest == self.newest {
            return Ok(None);
        }
        let mut reached = self.newest.clone();
        for mark in other.marks.iter().filter(|mark| mark.version > self.newest.root().version) {
            reached = reached.successor(mark.envelope.clone())?;
        }
        let (found, expected) = (other.newest.root(), reached.root());
        if reached == other.newest {
            return Ok(Some(other));
        }
        Err(TrustError::Order {
            current: expected.version,
            current_epoch: expected.epoch,
            found: found.version,
            found_epoch: found.epoch,
        })
    }
}

/// What a successor says otherwise. What is named twice in the same words is changed once: a second
/// run with the same wishes changes nothing (but for a new signing key, which is new each time).
#[derive(Debug, Default)]
pub struct Changes {
    /// All addresses of hubs, in order of preference.
    pub addresses: Option<Vec<String>>,
    /// The epoch.
    pub epoch: Option<Epoch>,
    /// Another key signs bundles from now on.
    pub new_signing_key: bool,
    /// Further root keys, which sign the successor too.
    pub added: Vec<SigningKey>,
    /// Root keys that no longer count.
    pub dropped: Vec<KeyId>,
    /// How many root keys must sign.
    pub threshold: Option<usize>,
}

/// What became of a wish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rotated {
    /// The trust root in force says all of it already.
    Unchanged(TrustedRoot),
    /// A successor is in force.
    Made(TrustedRoot),
}

/// Why no successor was made.
#[derive(Debug, Error)]
pub enum RotateError {
    /// A key of another fleet, or one that was replaced.
    #[error("key `{}` is no root key of trust root {version}", .key.0)]
    NotARootKey {
        /// The key given.
        key: KeyId,
        /// The version in force.
        version: u64,
    },
    /// Fewer keys than the threshold.
    #[error("{given} root keys are given, but trust root {version} needs {needed} to sign its successor")]
    TooFewKeys {
        /// How many were given.
        given: usize,
        /// How many are needed.
        needed: usize,
        /// The version in force.
        version: u64,
    },
    /// The root keys left cannot be that many, or too many.
    #[error(
        "a threshold of {threshold} with {keys} root keys is not possible: 1 to {SIGNATURES_MAX} keys, all of them at most"
    )]
    Threshold {
        /// How many must sign.
        threshold: usize,
        /// How many keys there would be.
        keys: usize,
    },
    /// An epoch that does not grow.
    #[error("epoch {asked} is below epoch {current}, which is in force")]
    Epoch {
        /// What was asked for.
        asked: Epoch,
        /// What is in force.
        current: Epoch,
    },
    /// An address that cannot be.
    #[error("`{0}` is no hub address: `host:port` is needed")]
    Address(String),
    /// No address, or too many.
    #[error("{0} hub addresses: 1 to {ADDRESSES_MAX} are needed")]
    Addresses(usize),
    /// Signing.
    #[error("the successor cannot be signed")]
    Sign(#[source] SigningKeyError),
    /// What was made would be refused by agents.
    #[error("the successor does not follow the trust root in force")]
    Refused(#[source] TrustError),
    /// Files.
    #[error("the hub's keys cannot be used")]
    Keys(#[from] KeyError),
}

/// Makes a successor, signs it and puts it in force. Interrupted at any point, the next run goes on.
pub fn rotate(
    folder: &KeyFolder,
    signers: &[SigningKey],
    changes: &Changes,
    now: OffsetDateTime,
) -> Result<Rotated, RotateError> {
    folder.finish_signing_key()?;
    let keys = folder.load()?;
    let current = keys.trust.newest().clone();
    check_signers(current.root(), signers)?;
    let fresh = changes.new_signing_key.then(|| folder.next_signing_key()).transpose()?;
    let in_use = keys.signing.public_key();
    let document = successor(current.root(), changes, in_use, fresh.as_ref().map(SigningKey::public_key), now)?;
    let same = TrustRoot { version: current.root().version, issued: current.root().issued.clone(), ..document.clone() };
    if same == *current.root() {
        return Ok(Rotated::Unchanged(current));
    }
    let payload = skerry_common::canonical::of(&document).map_err(KeyError::make)?;
    let [first, rest @ ..] = signers else { return Err(too_few(current.root(), 0)) };
    let mut envelope = first.sign_envelope(TRUST_ROOT_TYPE, payload).map_err(RotateError::Sign)?;
    for key in rest.iter().chain(&changes.added) {
        key.add_signature(&mut envelope).map_err(RotateError::Sign)?;
    }
    // The very check that agents make.
    let made = current.successor(envelope).map_err(RotateError::Refused)?;
    folder.put_trust(&current, &made)?;
    folder.finish_signing_key()?;
    Ok(Rotated::Made(made))
}

fn too_few(current: &TrustRoot, given: usize) -> RotateError {
    RotateError::TooFewKeys { given, needed: current.threshold, version: current.version }
}

fn check_signers(current: &TrustRoot, signers: &[SigningKey]) -> Result<(), RotateError> {
    let known: BTreeSet<KeyId> = current.root_keys.iter().map(PublicKey::id).collect();
    let mut given = BTreeSet::new();
    for key in signers.iter().map(SigningKey::key_id) {
        if !known.contains(&key) {
            return Err(RotateError::NotARootKey { key, version: current.version });
        }
        given.insert(key);
    }
    if given.len() < current.threshold { Err(too_few(current, given.len())) } else { Ok(()) }
}

/// What the successor says.
fn successor(
    current: &TrustRoot,
    changes: &Changes,
    in_use: PublicKey,
    fresh: Option<PublicKey>,
    now: OffsetDateTime,
) -> Result<TrustRoot, RotateError> {
    let mut next = TrustRoot { version: current.version.saturating_add(1), ..current.clone() };
    next.issued = now.replace_nanosecond(0).unwrap_or(now).format(&Rfc3339).map_err(KeyError::make)?;
    if let Some(addresses) = &changes.addresses {
        if addresses.is_empty() || addresses.len() > ADDRESSES_MAX {
            return Err(RotateError::Addresses(addresses.len()));
        }
        if let Some(wrong) = addresses.iter().find(|address| !skerry_common::join::is_address(address)) {
            return Err(RotateError::Address(wrong.clone()));
        }
        next.hubs.clone_from(addresses);
    }
    if let Some(epoch) = changes.epoch {
        if epoch < current.epoch {
            return Err(RotateError::Epoch { asked: epoch, current: current.epoch });
        }
        next.epoch = epoch;
    }
    // After a compromise only the key in use counts. Otherwise the one before stays good for archives
    // that are on their way.
    let is_compromise = next.epoch > current.epoch;
    match fresh {
        Some(fresh) if is_compromise => next.bundle_keys = vec![fresh],
        Some(fresh) => next.bundle_keys = vec![fresh, in_use],
        None if is_compromise => next.bundle_keys = vec![in_use],
        None => {}
    }
    let added = changes.added.iter().map(SigningKey::public_key);
    for key in added {
        if !next.root_keys.contains(&key) {
            next.root_keys.push(key);
        }
    }
    next.root_keys.retain(|key| !changes.dropped.contains(&key.id()));
    next.threshold = changes.threshold.unwrap_or(next.threshold);
    let keys = next.root_keys.len();
    if !(1..=keys).contains(&next.threshold) || keys > SIGNATURES_MAX {
        return Err(RotateError::Threshold { threshold: next.threshold, keys });
    }
    Ok(next)
}
