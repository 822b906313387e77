//! Version 1 of the messages.
//!
//! ```text
//!  agent                                    hub
//!    │ Hello ────────────────────────────▶  │   control stream, opened by the agent
//!    │ ◀──────────────────────────── Hello  │
//!    │ Introduction ─────────────────────▶  │   who am I, what do I hold
//!    │ ◀──────────────────── Offer, … (any number, newest wins)
//!    │ StateReport, Journal ─────────────▶  │
//!    │ ◀──────────── ReportAck, JournalAck  │
//!    │ Fetch ────────────────────────────▶  │   content stream, opened by the agent, one request at a time
//!    │ ◀──────────── BlobChunk…, FetchDone  │
//! ```
//! On `skerry-enroll/1` one stream carries one [`EnrollRequest`] and one [`EnrollResponse`].

use serde::{Deserialize, Serialize};

use crate::bundle::digest::{BlobRef, Digest};
use crate::bundle::signature::Envelope;
use crate::id::{ClusterId, ClusterName, FleetId, Incarnation, Sequence};
use crate::journal::JournalEntry;
use crate::report::{BundleMark, Facts, StateReport};

/// Number of this version.
pub const VERSION: u16 = 1;

/// The protocol name of a session (RFC 7301).
pub const ALPN_SESSION: &[u8] = b"skerry/1";

/// The protocol name of enrolment and certificate renewal.
pub const ALPN_ENROLL: &[u8] = b"skerry-enroll/1";

/// Most blobs that one [`AgentMessage::Fetch`] may ask for.
pub const FETCH_MAX: usize = 1024;

/// Largest piece of a blob in one [`HubMessage::BlobChunk`], in bytes.
pub const CHUNK_BYTES_MAX: usize = 256 * 1024;

/// What an agent says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum AgentMessage {
    /// First message of the control stream.
    Introduction(Introduction),
    /// State that changed.
    State(StateReport),
    /// Journal entries, in order, at most [`crate::limits::JOURNAL_BATCH_MAX`].
    Journal {
        /// Whose.
        incarnation: Incarnation,
        /// The entries, ascending, without gaps within the batch.
        entries: Vec<JournalEntry>,
    },
    /// What became of an offer.
    Verdict {
        /// The root that was offered.
        root: Digest,
        /// `None` when accepted, else why not.
        refused: Option<String>,
    },
    /// A bundle was offered whose parts are missing here (content stream).
    Fetch {
        /// At most [`FETCH_MAX`].
        blobs: Vec<BlobRef>,
    },
    /// Facts of the cluster changed.
    Facts(Facts),
    /// Another trust root is in force here.
    TrustRoot {
        /// Its version.
        version: u64,
    },
}

/// Who the agent is and what it holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Introduction {
    /// Version of the agent's program.
    pub agent_version: String,
    /// Bundle schemas that it reads.
    pub bundle_schemas: Vec<u32>,
    /// The life of its journal.
    pub incarnation: Incarnation,
    /// The newest entry of its journal.
    pub journal_end: Sequence,
    /// The target in force.
    pub current: Option<BundleMark>,
    /// The signed root of the highest place ever seen: the hub issues nothing at or below it.
    pub highest: Option<Envelope>,
    /// Version of the trust root in force.
    pub trust_version: u64,
    /// Facts of the cluster.
    pub facts: Facts,
}

/// What a hub says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum HubMessage {
    /// The newest target; replaces every earlier offer.
    Offer(Offer),
    /// A newer trust root.
    TrustRoot(Envelope),
    /// Every state report up to this version was taken.
    StateAck {
        /// [`StateReport::version`].
        version: u64,
    },
    /// Every journal entry up to this one is stored.
    JournalAck {
        /// Whose.
        incarnation: Incarnation,
        /// The high-water mark.
        through: Sequence,
    },
    /// Part of a blob (content stream), blobs in the order asked for.
    BlobChunk {
        /// Which blob.
        digest: Digest,
        /// A zstd frame of its own; at most [`CHUNK_BYTES_MAX`] compressed and uncompressed.
        zstd: Vec<u8>,
        /// True for the last piece of this blob.
        last: bool,
    },
    /// A blob that the hub does not have (content stream).
    BlobMissing {
        /// Which blob.
        digest: Digest,
    },
    /// Everything asked for was answered (content stream).
    FetchDone,
    /// The hub ends the session and says why; the agent waits at least so long.
    Goodbye {
        /// In words.
        reason: String,
        /// Milliseconds.
        retry_after_ms: u64,
    },
}

/// A target, with as much of its content as fits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// The signed root.
    pub root: OfferedRoot,
    /// Changed manifests and objects, as deltas or whole; the rest is fetched.
    pub blobs: Vec<OfferedBlob>,
}

/// A signed root, small on the wire.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfferedRoot {
    /// The payload.
    pub payload: OfferedBlob,
    /// Key that signed (the payload type is fixed).
    pub keyid: String,
    /// 64 bytes.
    pub signature: Vec<u8>,
}

/// Content, whole or as a delta.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfferedBlob {
    /// What comes out.
    pub content: BlobRef,
    /// What it is a delta of; `None` when whole.
    pub base: Option<Digest>,
    /// zstd, with the base as dictionary if there is one.
    pub zstd: Vec<u8>,
}

/// Asks for a certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum EnrollRequest {
    /// With a single-use token.
    Join {
        /// The secret part of the join token.
        token: String,
        /// PKCS#10, DER.
        csr: Vec<u8>,
        /// HPKE public key for sealed objects.
        sealing_key: Vec<u8>,
    },
    /// With the client certificate of this connection, valid or expired.
    Renew {
        /// PKCS#10, DER; the key may be new.
        csr: Vec<u8>,
    },
}

/// The answer to an [`EnrollRequest`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum EnrollResponse {
    /// Granted.
    Granted(Grant),
    /// Refused: a person must change something.
    Refused {
        /// Error code, as in `SK0412`.
        code: u16,
        /// In words.
        reason: String,
    },
    /// Not now.
    Busy {
        /// Milliseconds.
        retry_after_ms: u64,
    },
}

/// What a joined cluster gets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// Fleet.
    pub fleet: FleetId,
    /// Its id.
    pub cluster: ClusterId,
    /// Its name.
    pub name: ClusterName,
    /// Certificate chain, DER, leaf first.
    pub chain: Vec<Vec<u8>>,
    /// The signed trust root in force.
    pub trust_root: Envelope,
    /// Those before it, oldest first, for who joins with a token that was made under one of them.
    pub earlier_trust_roots: Vec<Envelope>,
}
