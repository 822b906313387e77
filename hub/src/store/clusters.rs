//! Registered clusters: names, certificates, join tokens, and what their agents told of themselves.

use std::collections::BTreeMap;
use std::future::Future;

use skerry_common::bundle::digest::Digest;
use skerry_common::id::{ClusterId, ClusterName, Place};
use skerry_common::report::Facts;

use super::{Position, StoreError};

/// Certificates remembered per cluster: an agent renews every few days, so one that is older than
/// the last sixteen is long superseded and counts as unknown.
pub const CERTIFICATES_PER_CLUSTER_MAX: i64 = 16;

/// Prune confirmations remembered per cluster; they travel in every root, so old ones fall out.
pub const CONFIRMATIONS_MAX: usize = 32;

/// Registrations, certificates and join tokens.
pub trait ClusterStore {
    /// Registers a cluster together with its first join token. Names are unique for ever.
    fn register(
        &self,
        cluster: NewCluster,
        token: Option<JoinToken>,
    ) -> impl Future<Output = Result<Registration, StoreError>> + Send;

    /// Finds a cluster by its id.
    fn cluster(&self, id: &ClusterId) -> impl Future<Output = Result<Option<ClusterRecord>, StoreError>> + Send;

    /// Finds a cluster by its name.
    fn cluster_by_name(
        &self,
        name: &ClusterName,
    ) -> impl Future<Output = Result<Option<ClusterRecord>, StoreError>> + Send;

    /// Lists clusters by name.
    fn clusters(&self, query: &ClusterQuery) -> impl Future<Output = Result<Vec<ClusterRecord>, StoreError>> + Send;

    /// Lists clusters that changed after a position, oldest change first; each once, as it is now.
    fn clusters_changed(
        &self,
        after: Position,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<ClusterRecord>, StoreError>> + Send;

    /// Adds a join token, as for a rejoin: the cluster waits for an agent again. Replaces tokens that
    /// were not used; a revoked cluster's old certificates stay revoked.
    fn add_token(&self, token: JoinToken) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Finds a join token by the hash of its secret.
    fn token(&self, hash: &Digest) -> impl Future<Output = Result<Option<JoinToken>, StoreError>> + Send;

    /// Binds the token to a key and records what the agent was granted, all or nothing.
    ///
    /// The same key may do so again: its answer may have been lost.
    fn join(&self, join: Join) -> impl Future<Output = Result<JoinOutcome, StoreError>> + Send;

    /// Records a renewed certificate. False when the cluster is unknown or revoked.
    fn renew(
        &self,
        cluster: &ClusterId,
        certificate: Certificate,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Finds an issued certificate by its serial number.
    fn certificate(
        &self,
        serial: &str,
    ) -> impl Future<Output = Result<Option<(ClusterId, Certificate, CertificateStanding)>, StoreError>> + Send;

    /// Revokes a cluster: all its certificates and unused tokens. False when it is unknown.
    fn revoke(&self, cluster: &ClusterId) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Stores what an agent said of itself when it connected.
    fn introduce(
        &self,
        cluster: &ClusterId,
        introduction: AgentFacts,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Stores when clusters were last heard of; many at once, because it happens all the time.
    fn touch(&self, contacts: &[Heard]) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Gives every cluster whose silence passed one of the bounds since the last call a new position,
    /// so that watchers learn that time alone changed its contact. Returns how many.
    fn judge_silence(
        &self,
        now_unix_ms: i64,
        bounds: skerry_common::status::ContactBounds,
    ) -> impl Future<Output = Result<u64, StoreError>> + Send;

    /// Raises the highest place that an agent proved to have seen; never lowers it.
    fn raise_highest(&self, cluster: &ClusterId, place: Place) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Counts one more request to make a full pass now and returns the new count; `None` when the
    /// cluster is unknown.
    fn request_sync(&self, cluster: &ClusterId) -> impl Future<Output = Result<Option<u64>, StoreError>> + Send;

    /// Remembers that an operator confirmed a held prune list. False when the cluster is unknown.
    fn confirm_prune(&self, cluster: &ClusterId, list: Digest)
    -> impl Future<Output = Result<bool, StoreError>> + Send;
}

/// What is fixed when a cluster is registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCluster {
    /// Made by the hub; never reused.
    pub id: ClusterId,
    /// Unique in the fleet.
    pub name: ClusterName,
    /// Labels that win over those of fleet documents.
    pub labels: BTreeMap<String, String>,
    /// Variables.
    pub variables: BTreeMap<String, String>,
    /// When.
    pub created_unix_ms: i64,
}

/// What became of a registration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Registration {
    /// Done.
    Registered,
    /// Another cluster has this name.
    NameTaken(ClusterId),
}

/// Whether a cluster may speak to the hub.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// Registered; waits for its agent to join.
    Pending,
    /// Its agent joined.
    Joined,
    /// Its certificates no longer count.
    Revoked,
}

/// An issued certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// Serial number, as text.
    pub serial: String,
    /// Fingerprint of its public key.
    pub key: Digest,
    /// When it was issued.
    pub issued_unix_ms: i64,
    /// When it expires.
    pub expires_unix_ms: i64,
}

/// Whether an issued certificate still counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CertificateStanding {
    /// It counts.
    Valid,
    /// Its cluster was revoked after it was issued.
    Revoked,
}

/// An agent was heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    /// Whose.
    pub cluster: ClusterId,
    /// When.
    pub at_unix_ms: i64,
    /// What that says of its cluster.
    pub says: Says,
}

/// What a contact says of a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Says {
    /// Nothing but that the agent lives.
    Nothing,
    /// All is as reported last: the agent sees its cluster, and tells every change at once.
    Unchanged,
}

/// What is known of a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterRecord {
    /// Its id.
    pub id: ClusterId,
    /// Its name.
    pub name: ClusterName,
    /// Labels given at registration.
    pub labels: BTreeMap<String, String>,
    /// Variables given at registration.
    pub variables: BTreeMap<String, String>,
    /// When it was registered.
    pub created_unix_ms: i64,
    /// Whether it may speak to the hub.
    pub standing: Standing,
    /// The certificate issued last.
    pub certificate: Option<Certificate>,
    /// HPKE public key for sealed objects.
    pub sealing_key: Option<Vec<u8>>,
    /// What its agent said last.
    pub agent: Option<AgentFacts>,
    /// When it was last heard of.
    pub last_contact_unix_ms: Option<i64>,
    /// Until when all was as reported last; `None` when only the report says so.
    pub unchanged_unix_ms: Option<i64>,
    /// The highest place that it proved to have seen.
    pub highest: Option<Place>,
    /// The root that its agent refused last, and why; `None` once it took another.
    pub refusal: Option<(Digest, String)>,
    /// How often a full pass was asked for.
    pub sync_requests: u64,
    /// Confirmed prune lists, sorted.
    pub confirmations: Vec<Digest>,
    /// When this last changed, in the hub's order.
    pub position: Position,
}

/// What an agent says of itself and its cluster.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AgentFacts {
    /// Version of its program.
    pub agent_version: String,
    /// Version of the messages agreed on.
    pub wire_version: u16,
    /// Bundle schemas that it reads.
    pub bundle_schemas: Vec<u32>,
    /// Version of the trust root in force there.
    pub trust_version: u64,
    /// Its cluster.
    pub facts: Facts,
}

/// Which clusters, by name.
#[derive(Debug, Clone, Default)]
pub struct ClusterQuery {
    /// Only names after this one.
    pub after: Option<ClusterName>,
    /// At most so many, and at most [`super::PAGE_ROWS_MAX`].
    pub limit: usize,
    /// Registration labels that must be equal.
    pub labels: Vec<(String, String)>,
    /// Only clusters of this standing.
    pub standing: Option<Standing>,
}

/// A single-use join token; the secret itself is never stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JoinToken {
    /// SHA-256 of the secret.
    pub hash: Digest,
    /// The cluster that it admits.
    pub cluster: ClusterId,
    /// When it was made.
    pub created_unix_ms: i64,
    /// Until when it may be used.
    pub expires_unix_ms: i64,
    /// Fingerprint of the key that used it.
    pub used_by: Option<Digest>,
}

/// What a joining agent is granted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Join {
    /// The token; `None` when an operator admitted a request file.
    pub token: Option<Digest>,
    /// Which cluster.
    pub cluster: ClusterId,
    /// HPKE public key for sealed objects.
    pub sealing_key: Vec<u8>,
    /// The certificate issued; its `key` is what the token is bound to.
    pub certificate: Certificate,
    /// When.
    pub now_unix_ms: i64,
}

/// What became of a join.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JoinOutcome {
    /// Recorded.
    Joined,
    /// The token is unknown, replaced, expired, or of another cluster.
    TokenUnknown,
    /// The token was used with another key.
    TokenTaken,
    /// There is no such cluster.
    ClusterUnknown,
}
