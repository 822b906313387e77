//! The trust root: who may sign, which CAs count, where hubs are.
//!
//! A new trust root counts only when signed by enough of the old root keys *and* enough of its own
//! (the rule of TUF, specification §5.3), so keys, CAs and addresses change without visiting a site.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::digest::Digest;
use super::signature::{Envelope, PublicKey, SignatureError};
use crate::id::{Epoch, FleetId};
use crate::limits::TRUST_ROOT_BYTES_MAX;

/// Media type of a trust root.
pub const TRUST_ROOT_TYPE: &str = "application/vnd.skerry.trust-root.v1+json";

/// The only schema that this version reads.
pub const TRUST_ROOT_SCHEMA: u32 = 1;

/// The signed document, as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TrustRoot {
    /// Format of this document.
    pub schema: u32,
    /// The fleet that it governs.
    pub fleet: FleetId,
    /// Grows by one with every new trust root.
    pub version: u64,
    /// Raised only after a compromise.
    pub epoch: Epoch,
    /// How many root keys must sign the next one.
    pub threshold: usize,
    /// Keys that sign trust roots.
    pub root_keys: Vec<PublicKey>,
    /// Keys that sign bundles.
    pub bundle_keys: Vec<PublicKey>,
    /// CA certificates, PEM.
    pub authorities: Vec<String>,
    /// Addresses of hubs, `host:port`, in order of preference.
    pub hubs: Vec<String>,
    /// When it was made (RFC 3339).
    pub issued: String,
}

/// A trust root whose signatures were checked. Only this module makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedRoot {
    root: TrustRoot,
    envelope: Envelope,
}

/// Why a trust root is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TrustError {
    /// Larger than [`TRUST_ROOT_BYTES_MAX`].
    #[error("the trust root has {0} bytes: at most {TRUST_ROOT_BYTES_MAX} are read")]
    TooLarge(usize),
    /// Not JSON of the known schema.
    #[error("the trust root cannot be read: {0}")]
    Malformed(String),
    /// A later format.
    #[error("the trust root has schema {0}: this version reads {TRUST_ROOT_SCHEMA}; upgrade first")]
    Schema(u32),
    /// No key, no CA, or a threshold that cannot be met.
    #[error("the trust root is incomplete: {0}")]
    Incomplete(&'static str),
    /// Another digest than the one pinned at join.
    #[error("the trust root is {found}, but {pinned} was expected")]
    Pin {
        /// What the join token said.
        pinned: Digest,
        /// What was received.
        found: Digest,
    },
    /// Not signed by enough of the keys in force.
    #[error("the trust root is not signed by enough of {whose} keys")]
    Signature {
        /// Whose keys: `the old` or `its own`.
        whose: &'static str,
        /// What was wrong.
        #[source]
        source: SignatureError,
    },
    /// Of another fleet.
    #[error("the trust root is of fleet `{found}`, not `{expected}`")]
    Fleet {
        /// The fleet we are in.
        expected: FleetId,
        /// The fleet it names.
        found: FleetId,
    },
    /// Version or epoch do not grow.
    #[error(
        "trust root version {found} in epoch {found_epoch} does not follow version {current} in epoch {current_epoch}"
    )]
    Order {
        /// Version in force.
        current: u64,
        /// Epoch in force.
        current_epoch: Epoch,
        /// Version received.
        found: u64,
        /// Epoch received.
        found_epoch: Epoch,
    },
}

impl TrustedRoot {
    /// Believes a first trust root because its digest was pinned (by the join token or the reply file)
    /// and because its own keys signed it.
    pub fn pinned(envelope: Envelope, pin: &Digest) -> Result<Self, TrustError> {
        let found = envelope.digest();
        if found != *pin {
            return Err(TrustError::Pin { pinned: *pin, found });
        }
        Self::stored(envelope)
    }

    /// Believes the newest of a line when it, or an earlier one (oldest first), has this digest, and each that comes after
    /// that one follows the one before.
    pub fn reached(earlier: &[Envelope], newest: &Envelope, pin: &Digest) -> Result<Self, TrustError> {
        let mut line = earlier.iter().skip_while(|root| root.digest() != *pin).chain([newest]);
        let pinned = Self::pinned(line.next().unwrap_or(newest).clone(), pin)?;
        line.try_fold(pinned, |trust, next| trust.successor(next.clone()))
    }

    /// Reads back a trust root that this process stored after checking it.
    ///
    /// Its own signatures are checked again, so damage is noticed.
    pub fn stored(envelope: Envelope) -> Result<Self, TrustError> {
        let root = parse(&envelope)?;
        check_signed(&envelope, &root, "its own")?;
        Ok(Self { root, envelope })
    }

    /// Believes a successor: signed by the keys in force and by its own, same fleet, version one or
    /// more higher, epoch never lower. Receiving the one in force again changes nothing.
    pub fn successor(&self, envelope: Envelope) -> Result<Self, TrustError> {
        if envelope == self.envelope {
            return Ok(self.clone());
        }
        let root = parse(&envelope)?;
        if root.fleet != self.root.fleet {
            return Err(TrustError::Fleet { expected: self.root.fleet.clone(), found: root.fleet });
        }
        check_signed(&envelope, &self.root, "the old")?;
        check_signed(&envelope, &root, "its own")?;
        if root.version <= self.root.version || root.epoch < self.root.epoch {
            return Err(TrustError::Order {
                current: self.root.version,
                current_epoch: self.root.epoch,
                found: root.version,
                found_epoch: root.epoch,
            });
        }
        Ok(Self { root, envelope })
    }

    /// What the document says.
    pub fn root(&self) -> &TrustRoot {
        &self.root
    }

    /// The signed form, to store or pass on.
    pub fn envelope(&self) -> &Envelope {
        &self.envelope
    }

    /// The digest that join tokens pin.
    pub fn digest(&self) -> Digest {
        self.envelope.digest()
    }
}

fn check_signed(envelope: &Envelope, by: &TrustRoot, whose: &'static str) -> Result<(), TrustError> {
    envelope
        .verify(TRUST_ROOT_TYPE, &by.root_keys, by.threshold)
        .map(|_| ())
        .map_err(|source| TrustError::Signature { whose, source })
}

/// The schema is read first, so that a later format is named as such.
#[derive(Deserialize)]
struct SchemaOnly {
    schema: u32,
}

fn parse(envelope: &Envelope) -> Result<TrustRoot, TrustError> {
    let bytes = &envelope.payload;
    if bytes.len() as u64 > TRUST_ROOT_BYTES_MAX {
        return Err(TrustError::TooLarge(bytes.len()));
    }
    let malformed = |error: serde_json::Error| TrustError::Malformed(error.to_string());
    let schema = serde_json::from_slice::<SchemaOnly>(bytes).map_err(malformed)?.schema;
    if schema != TRUST_ROOT_SCHEMA {
        return Err(TrustError::Schema(schema));
    }
    let root: TrustRoot = serde_json::from_slice(bytes).map_err(malformed)?;
    let incomplete = if root.root_keys.is_empty() || root.threshold == 0 || root.threshold > root.root_keys.len() {
        Some("it needs root keys and a threshold that they can meet")
    } else if root.bundle_keys.is_empty() {
        Some("no key may sign bundles")
    } else if root.authorities.is_empty() {
        Some("no certificate authority is listed")
    } else {
        None
    };
    incomplete.map_or(Ok(root), |what| Err(TrustError::Incomplete(what)))
}
