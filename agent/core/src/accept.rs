//! Accepting a bundle: is it signed, for us, newer, in time, and all here?
//!
//! ```text
//! envelope ──accept──▶ AcceptedRoot ──read_manifests──▶ AcceptedManifests ──complete──▶ AcceptedBundle
//!                        │ missing: manifests             │ missing: objects, key blob
//! ```
//! Each arrow needs bytes that match the digests of the one before, so the planner, which takes an
//! [`AcceptedBundle`] only, cannot be given anything unsigned. The same functions serve the link,
//! an archive and the agent's own disk.
//!
//! Expiry limits accepting alone: what was accepted is read back by [`AcceptedRoot::stored`], which
//! looks at no clock and at no key that may have been retired since.

mod content;
mod order;
#[cfg(test)]
mod tests;

use skerry_common::bundle::digest::{BlobRef, Digest};
use skerry_common::bundle::root::{BundleRoot, ROOT_SCHEMA, RootError, SignedRoot};
use skerry_common::bundle::signature::Envelope;
use skerry_common::bundle::trust::TrustedRoot;
use skerry_common::diagnostic::{Code, ErrorClass};
use skerry_common::id::{ClusterId, Epoch, FleetId, Place};
use skerry_common::report::BundleMark;
use thiserror::Error;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

pub use content::{AcceptedBundle, AcceptedManifests, ContentRefusal};
pub use order::{BACK_DATED, time_floor};

/// Which cluster this agent is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Me {
    /// The fleet that it was enrolled in.
    pub fleet: FleetId,
    /// Its id in that fleet.
    pub cluster: ClusterId,
}

/// A bundle root that is in force or may come into force. Only this module makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcceptedRoot {
    root: BundleRoot,
    envelope: Envelope,
    freshness: Freshness,
    issued: OffsetDateTime,
    expires: OffsetDateTime,
}

/// How an accepted root relates to the highest one seen before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// It stands above everything seen before.
    Newer,
    /// The very bytes that were accepted before.
    Unchanged,
}

/// Why a bundle root is refused; the one in force stays.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Refusal {
    /// Unsigned, malformed or of a later format.
    #[error("the bundle root does not verify")]
    Root(#[source] RootError),
    /// Made for another fleet.
    #[error("the bundle is for fleet `{found}`, but this agent belongs to `{expected}`")]
    Fleet {
        /// Ours.
        expected: FleetId,
        /// The one that it names.
        found: FleetId,
    },
    /// Made for another cluster.
    #[error("the bundle is for cluster `{found}`, but this is `{expected}`")]
    Cluster {
        /// Ours.
        expected: ClusterId,
        /// The one that it names.
        found: ClusterId,
    },
    /// From before or after the trust root's epoch.
    #[error("the bundle is of epoch {found}, but the trust root in force is of epoch {expected}")]
    Epoch {
        /// The trust root's.
        expected: Epoch,
        /// The bundle's.
        found: Epoch,
    },
    /// Below what was seen already.
    #[error("generation {found} is older than generation {highest}, which this agent has seen")]
    Older {
        /// The highest place seen.
        highest: Place,
        /// The place offered.
        found: Place,
    },
    /// Two documents under one number: the hub's key or store is not what it should be.
    #[error("generation {place} was seen as {known}, but {found} was offered under the same number")]
    OtherBytes {
        /// The place in question.
        place: Place,
        /// The root known under it.
        known: Digest,
        /// The root offered.
        found: Digest,
    },
    /// Too old to be accepted for the first time.
    #[error("the bundle could be accepted until {expires}, and it is {now}")]
    Expired {
        /// The bundle's limit.
        expires: OffsetDateTime,
        /// The agent's time floor.
        now: OffsetDateTime,
    },
    /// From further in the future than clocks are allowed to differ.
    #[error("the bundle was issued at {issued}, but it is {now} here: one of the two clocks is wrong")]
    NotYet {
        /// When the hub says that it issued it.
        issued: OffsetDateTime,
        /// The agent's time floor.
        now: OffsetDateTime,
    },
    /// A time that cannot be read, or that makes no sense.
    #[error("the bundle's `{field}` is not a time that makes sense: `{text}`")]
    Time {
        /// Which field.
        field: &'static str,
        /// What it says.
        text: String,
    },
}

impl Refusal {
    /// The stable code by which `skerry explain` knows it.
    pub fn code(&self) -> Code {
        Code(match self {
            Self::Root(_) => 501,
            Self::Fleet { .. } => 502,
            Self::Cluster { .. } => 502,
            Self::Epoch { .. } => 507,
            Self::Older { .. } => 503,
            Self::OtherBytes { .. } => 504,
            Self::Expired { .. } => 505,
            Self::NotYet { .. } => 508,
            Self::Time { .. } => 509,
        })
    }

    /// Only a wrong clock can come right by itself.
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::NotYet { .. } => ErrorClass::Retry,
            Self::Root(_)
            | Self::Fleet { .. }
            | Self::Cluster { .. }
            | Self::Epoch { .. }
            | Self::Older { .. }
            | Self::OtherBytes { .. }
            | Self::Expired { .. }
            | Self::Time { .. } => ErrorClass::NeedsUser,
        }
    }
}

/// Why a root on our own disk is not taken up again.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum StoredRefusal {
    /// The bytes are not those that were accepted.
    #[error("the stored bundle root hashes to {found}, but {expected} was accepted")]
    Digest {
        /// What the head file names.
        expected: Digest,
        /// What the bytes hash to.
        found: Digest,
    },
    /// Written by a later version, or damaged before it was hashed.
    #[error("the stored bundle root cannot be read: {0}")]
    Malformed(String),
    /// The head file speaks of another document.
    #[error("the stored bundle root is not the one that the head names: {0}")]
    Inconsistent(&'static str),
}

/// Judges an offered root; `floor` is the agent's [`time_floor`].
///
/// `highest` is the highest root ever accepted. The very same bytes are accepted again at any time,
/// expired or not.
pub fn accept(
    envelope: Envelope,
    trust: &TrustedRoot,
    me: &Me,
    highest: Option<BundleMark>,
    floor: OffsetDateTime,
) -> Result<AcceptedRoot, Refusal> {
    let signed = SignedRoot::verify(envelope, &trust.root().bundle_keys).map_err(Refusal::Root)?;
    let root = signed.root();
    check_addressee(root, me)?;
    if root.epoch != trust.root().epoch {
        return Err(Refusal::Epoch { expected: trust.root().epoch, found: root.epoch });
    }
    let freshness = order::compare(root.place(), signed.digest(), highest)?;
    let (issued, expires) = times(root)?;
    match freshness {
        Freshness::Unchanged => {}
        Freshness::Newer => order::check_time(issued, expires, floor)?,
    }
    Ok(AcceptedRoot { root: root.clone(), envelope: signed.envelope().clone(), freshness, issued, expires })
}

fn check_addressee(root: &BundleRoot, me: &Me) -> Result<(), Refusal> {
    if root.fleet != me.fleet {
        return Err(Refusal::Fleet { expected: me.fleet.clone(), found: root.fleet.clone() });
    }
    if root.cluster != me.cluster {
        return Err(Refusal::Cluster { expected: me.cluster.clone(), found: root.cluster.clone() });
    }
    Ok(())
}

fn times(root: &BundleRoot) -> Result<(OffsetDateTime, OffsetDateTime), Refusal> {
    let parse = |field, text: &str| {
        OffsetDateTime::parse(text, &Rfc3339)
            .map_err(|_| Refusal::Time { field, text: skerry_common::limits::clip(text) })
    };
    let issued = parse("issued", &root.issued)?;
    let expires = parse("expires", &root.expires)?;
    if expires <= issued {
        return Err(Refusal::Time { field: "expires", text: root.expires.clone() });
    }
    Ok((issued, expires))
}

impl AcceptedRoot {
    /// Takes up again what this agent accepted before, as its head file names it.
    ///
    /// Neither expiry, nor epoch, nor signing keys are looked at: what was accepted stays in force,
    /// also when its key was retired since. The digest in the (checksummed) head stands for the
    /// signature that was checked then.
    pub fn stored(envelope: Envelope, me: &Me, mark: &BundleMark) -> Result<Self, StoredRefusal> {
        let found = envelope.digest();
        if found != mark.root {
            return Err(StoredRefusal::Digest { expected: mark.root, found });
        }
        let root: BundleRoot =
            serde_json::from_slice(&envelope.payload).map_err(|error| StoredRefusal::Malformed(error.to_string()))?;
        if root.schema != ROOT_SCHEMA {
            return Err(StoredRefusal::Malformed(format!("it has schema {}", root.schema)));
        }
        if root.place() != mark.place {
            return Err(StoredRefusal::Inconsistent("it stands at another place"));
        }
        check_addressee(&root, me).map_err(|_| StoredRefusal::Inconsistent("it is for another cluster"))?;
        let (issued, expires) = times(&root).map_err(|error| StoredRefusal::Malformed(error.to_string()))?;
        Ok(Self { root, envelope, freshness: Freshness::Unchanged, issued, expires })
    }

    /// What the document says.
    pub fn root(&self) -> &BundleRoot {
        &self.root
    }

    /// The signed form, to store.
    pub fn envelope(&self) -> &Envelope {
        &self.envelope
    }

    /// Its place and digest.
    pub fn mark(&self) -> BundleMark {
        BundleMark { place: self.root.place(), root: self.envelope.digest() }
    }

    /// Whether it is news.
    pub fn freshness(&self) -> Freshness {
        self.freshness
    }

    /// When it was issued: raises the time floor once accepted.
    pub fn issued(&self) -> OffsetDateTime {
        self.issued
    }

    /// Until when it could be accepted; past it, people are told that the bundle is stale.
    pub fn expires(&self) -> OffsetDateTime {
        self.expires
    }

    /// The manifests that are not here yet, in order, none twice.
    pub fn missing(&self, has: impl Fn(&BlobRef) -> bool) -> Vec<BlobRef> {
        content::absent(self.root.applications.iter().map(|application| application.manifest), has)
    }
}
