//! Who this agent is: its keys, its certificate, and the trust root that it was enrolled with.
//!
//! One folder, readable by its owner only. Keys are made here and never leave it:
//! ```text
//! agent.key       the key of the certificate (made before joining, so that a join can resume)
//! sealing.key     opens sealed objects
//! tls.pem         certificate chain and key in force
//! trust-root.json the signed trust root in force
//! enrolled.json   fleet, cluster id and name
//! ```

use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};
use skerry_agent_core::accept::Me;
use skerry_certs::identity::{Identity, IdentityError};
use skerry_certs::request::{AgentKey, ChainRefused};
use skerry_certs::roots::{CaRoots, CaRootsError};
use skerry_certs::seal::SealingKeyPair;
use skerry_common::bundle::signature::Envelope;
use skerry_common::bundle::trust::{TrustError, TrustedRoot};
use skerry_common::id::{ClusterId, ClusterName, FleetId};
use skerry_common::wire::v1::Grant;
use thiserror::Error;
use time::OffsetDateTime;

use crate::store::disk::{self, Disk as _, FolderDisk};

const AGENT_KEY: &str = "agent.key";
const SEALING_KEY: &str = "sealing.key";
const TLS: &str = "tls.pem";
const TRUST_ROOT: &str = "trust-root.json";
const ENROLLED: &str = "enrolled.json";

/// Largest file in the folder that is read, in bytes: a trust root in base64.
const BYTES_MAX: u64 = 512 * 1024;

/// The identity cannot be read, made or stored.
#[derive(Debug, Error)]
pub enum AgentIdentityError {
    /// The disk said no.
    #[error("identity file `{name}` cannot be {doing}")]
    Io {
        /// Which file.
        name: &'static str,
        /// `read` or `written`.
        doing: &'static str,
        /// What the disk said.
        #[source]
        source: io::Error,
    },
    /// A file is not what it should be.
    #[error("identity file `{name}` is damaged: {what}; join again with the same name: `skerry cluster rejoin NAME`")]
    Damaged {
        /// Which file.
        name: &'static str,
        /// In which way.
        what: String,
    },
    /// Keys cannot be made.
    #[error("a key cannot be made: {0}")]
    Key(String),
    /// The trust root does not verify.
    #[error("the trust root is refused")]
    Trust(#[source] TrustError),
    /// Its CA certificates cannot be read.
    #[error("the trust root's certificate authorities cannot be used")]
    Roots(#[source] CaRootsError),
    /// The certificate received is not for us.
    #[error("the certificate received is refused")]
    Chain(#[source] ChainRefused),
    /// The trust root is of another fleet than the grant says.
    #[error("the grant is for fleet `{granted}`, its trust root for `{root}`")]
    Fleet {
        /// As granted.
        granted: FleetId,
        /// As the trust root has it.
        root: FleetId,
    },
    /// The renewed certificate is of another cluster.
    #[error("the certificate received is for cluster `{granted}`, this is `{mine}`")]
    Cluster {
        /// In the certificate.
        granted: ClusterId,
        /// This agent's.
        mine: ClusterId,
    },
}

/// The folder.
pub struct IdentityFolder {
    disk: FolderDisk,
}

/// An agent that joined.
pub struct Enrolled {
    /// Fleet and cluster.
    pub me: Me,
    /// The cluster's name, for people.
    pub name: ClusterName,
    /// The certificate in force, with its key.
    pub tls: Identity,
    /// Opens sealed objects.
    pub sealing: SealingKeyPair,
    /// The trust root in force.
    pub trust: TrustedRoot,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct EnrolledFile {
    schema: u32,
    fleet: FleetId,
    cluster: ClusterId,
    name: ClusterName,
}

fn damaged(name: &'static str, error: &dyn std::error::Error) -> AgentIdentityError {
    AgentIdentityError::Damaged { name, what: skerry_common::error_chain::Chain(error).to_string() }
}

impl IdentityFolder {
    /// Opens a folder and makes it when missing.
    pub fn open(folder: &Path) -> Result<Self, AgentIdentityError> {
        let open = FolderDisk::open(folder);
        open.map(|disk| Self { disk }).map_err(|source| AgentIdentityError::Io { name: "", doing: "opened", source })
    }

    fn read(&self, name: &'static str) -> Result<Option<String>, AgentIdentityError> {
        let read = self.disk.read(name, BYTES_MAX);
        let bytes = read.map_err(|source| AgentIdentityError::Io { name, doing: "read", source })?;
        bytes.map(|bytes| String::from_utf8(bytes).map_err(|error| damaged(name, &error))).transpose()
    }

    fn write(&self, name: &'static str, text: &str) -> Result<(), AgentIdentityError> {
        let written = disk::replace(&self.disk, name, text.as_bytes());
        written.map_err(|source| AgentIdentityError::Io { name, doing: "written", source })
    }

    /// The key for the signing request: the one made before, or a new one.
    pub fn agent_key(&self) -> Result<AgentKey, AgentIdentityError> {
        if let Some(text) = self.read(AGENT_KEY)? {
            return AgentKey::from_pem(&text).map_err(|error| damaged(AGENT_KEY, &error));
        }
        let key = AgentKey::generate().map_err(|error| AgentIdentityError::Key(error.to_string()))?;
        self.write(AGENT_KEY, &key.to_pem())?;
        Ok(key)
    }

    /// The sealing key: the one made before, or a new one.
    pub fn sealing_key(&self) -> Result<SealingKeyPair, AgentIdentityError> {
        if let Some(text) = self.read(SEALING_KEY)? {
            return SealingKeyPair::from_text(&text).map_err(|error| damaged(SEALING_KEY, &error));
        }
        let key = SealingKeyPair::generate().map_err(|error| AgentIdentityError::Key(error.to_string()))?;
        self.write(SEALING_KEY, &key.to_text())?;
        Ok(key)
    }

    /// Reads who this agent is; `None` before it joined.
    pub fn enrolled(&self) -> Result<Option<Enrolled>, AgentIdentityError> {
        let Some(text) = self.read(ENROLLED)? else { return Ok(None) };
        let file: EnrolledFile = serde_json::from_str(&text).map_err(|error| damaged(ENROLLED, &error))?;
        let missing = |name| AgentIdentityError::Damaged { name, what: "it is missing".into() };
        let tls = self.read(TLS)?.ok_or_else(|| missing(TLS))?;
        let tls = Identity::from_bundle_pem(&tls).map_err(|error: IdentityError| damaged(TLS, &error))?;
        let trust = self.read(TRUST_ROOT)?.ok_or_else(|| missing(TRUST_ROOT))?;
        let trust: Envelope = serde_json::from_str(&trust).map_err(|error| damaged(TRUST_ROOT, &error))?;
        let trust = TrustedRoot::stored(trust).map_err(AgentIdentityError::Trust)?;
        let sealing = self.sealing_key()?;
        let me = Me { fleet: file.fleet, cluster: file.cluster };
        Ok(Some(Enrolled { me, name: file.name, tls, sealing, trust }))
    }

    /// Checks a grant against a trust root already verified and stores it; `enrolled.json` comes last,
    /// so a crash before it leaves an agent that joins again with the same keys.
    pub fn store_grant(
        &self,
        grant: &Grant,
        trust: &TrustedRoot,
        now: OffsetDateTime,
    ) -> Result<Enrolled, AgentIdentityError> {
        if trust.root().fleet != grant.fleet {
            let (granted, root) = (grant.fleet.clone(), trust.root().fleet.clone());
            return Err(AgentIdentityError::Fleet { granted, root });
        }
        let roots = roots(trust)?;
        let (tls, peer) =
            self.agent_key()?.accept(&grant.chain, &grant.fleet, &roots, now).map_err(AgentIdentityError::Chain)?;
        self.write(TLS, &tls.to_bundle_pem())?;
        self.store_trust(trust)?;
        let file = EnrolledFile {
            schema: 1,
            fleet: grant.fleet.clone(),
            cluster: peer.cluster.clone(),
            name: grant.name.clone(),
        };
        let text = serde_json::to_string_pretty(&file).map_err(|error| damaged(ENROLLED, &error))?;
        self.write(ENROLLED, &text)?;
        let me = Me { fleet: grant.fleet.clone(), cluster: peer.cluster };
        Ok(Enrolled { me, name: grant.name.clone(), tls, sealing: self.sealing_key()?, trust: trust.clone() })
    }

    /// Checks a renewed certificate against this agent's key, place and trust root, and replaces the
    /// one in force; nothing else of the grant counts.
    pub fn store_renewed(
        &self,
        grant: &Grant,
        enrolled: &Enrolled,
        now: OffsetDateTime,
    ) -> Result<Identity, AgentIdentityError> {
        let (me, roots) = (&enrolled.me, roots(&enrolled.trust)?);
        let accepted = self.agent_key()?.accept(&grant.chain, &me.fleet, &roots, now);
        let (tls, peer) = accepted.map_err(AgentIdentityError::Chain)?;
        if peer.cluster != me.cluster {
            return Err(AgentIdentityError::Cluster { granted: peer.cluster, mine: me.cluster.clone() });
        }
        self.write(TLS, &tls.to_bundle_pem())?;
        Ok(tls)
    }

    /// Replaces the trust root in force.
    pub fn store_trust(&self, trust: &TrustedRoot) -> Result<(), AgentIdentityError> {
        let text = serde_json::to_string(trust.envelope()).map_err(|error| damaged(TRUST_ROOT, &error))?;
        self.write(TRUST_ROOT, &text)
    }
}

/// The CA certificates of a trust root.
pub fn roots(trust: &TrustedRoot) -> Result<CaRoots, AgentIdentityError> {
    CaRoots::from_trust_root(trust.root()).map_err(AgentIdentityError::Roots)
}
