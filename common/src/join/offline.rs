//! The two files of a join without a network: the agent writes a request, an operator carries it to
//! the hub and carries the reply back. Neither holds a private key.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::bundle::signature::{Envelope, base64_bytes};
use crate::id::{ClusterId, ClusterName, FleetId};
use crate::wire::v1::Grant;

/// The only version of both files that this program reads.
pub const OFFLINE_SCHEMA: u32 = 1;

/// Largest file that is read, in bytes: a trust root and a certificate chain in base64 JSON.
pub const OFFLINE_BYTES_MAX: usize = 1024 * 1024;

const REQUEST: &str = "skerry-join-request";
const REPLY: &str = "skerry-join-reply";

/// What an agent asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct JoinRequestFile {
    kind: String,
    schema: u32,
    /// Version of the agent's program.
    pub agent_version: String,
    /// PKCS#10, DER.
    #[serde(with = "base64_bytes")]
    pub csr: Vec<u8>,
    /// HPKE public key for sealed objects.
    #[serde(with = "base64_bytes")]
    pub sealing_key: Vec<u8>,
}

/// What the hub answers: a [`Grant`] as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct JoinReplyFile {
    kind: String,
    schema: u32,
    fleet: FleetId,
    cluster: ClusterId,
    name: ClusterName,
    chain: Vec<Certificate>,
    trust_root: Envelope,
}

/// DER in base64.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
struct Certificate(#[serde(with = "base64_bytes")] Vec<u8>);

/// Why a file is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum OfflineFileError {
    /// Larger than [`OFFLINE_BYTES_MAX`].
    #[error("the file has {0} bytes: at most {OFFLINE_BYTES_MAX} are read")]
    TooLarge(usize),
    /// Something else than expected, such as a request where a reply is needed.
    #[error("the file is a `{found}`, not a `{expected}`")]
    Kind {
        /// What was needed.
        expected: &'static str,
        /// What it says it is.
        found: String,
    },
    /// A later format.
    #[error("the file has schema {0}: this version reads {OFFLINE_SCHEMA}; upgrade first")]
    Schema(u32),
    /// Not JSON of the known schema.
    #[error("the file cannot be read: {0}")]
    Malformed(String),
}

/// Kind and schema are read first, so that another file or a later format is named as such.
#[derive(Deserialize)]
struct Heading {
    kind: String,
    schema: u32,
}

fn parse<'a, T: Deserialize<'a>>(bytes: &'a [u8], expected: &'static str) -> Result<T, OfflineFileError> {
    if bytes.len() > OFFLINE_BYTES_MAX {
        return Err(OfflineFileError::TooLarge(bytes.len()));
    }
    let malformed = |error: serde_json::Error| OfflineFileError::Malformed(error.to_string());
    let heading: Heading = serde_json::from_slice(bytes).map_err(malformed)?;
    if heading.kind != expected {
        return Err(OfflineFileError::Kind { expected, found: heading.kind.chars().take(80).collect() });
    }
    if heading.schema != OFFLINE_SCHEMA {
        return Err(OfflineFileError::Schema(heading.schema));
    }
    serde_json::from_slice(bytes).map_err(malformed)
}

fn print<T: Serialize>(file: &T) -> Result<Vec<u8>, OfflineFileError> {
    let mut bytes = serde_json::to_vec_pretty(file).map_err(|error| OfflineFileError::Malformed(error.to_string()))?;
    bytes.push(b'\n');
    Ok(bytes)
}

impl JoinRequestFile {
    /// Asks for a certificate.
    pub fn new(agent_version: String, csr: Vec<u8>, sealing_key: Vec<u8>) -> Self {
        Self { kind: REQUEST.to_owned(), schema: OFFLINE_SCHEMA, agent_version, csr, sealing_key }
    }

    /// Reads a file.
    pub fn parse(bytes: &[u8]) -> Result<Self, OfflineFileError> {
        parse(bytes, REQUEST)
    }

    /// The file's bytes.
    pub fn to_bytes(&self) -> Result<Vec<u8>, OfflineFileError> {
        print(self)
    }
}

impl JoinReplyFile {
    /// Answers with what was granted.
    pub fn new(grant: Grant) -> Self {
        Self {
            kind: REPLY.to_owned(),
            schema: OFFLINE_SCHEMA,
            fleet: grant.fleet,
            cluster: grant.cluster,
            name: grant.name,
            chain: grant.chain.into_iter().map(Certificate).collect(),
            trust_root: grant.trust_root,
        }
    }

    /// What was granted; the trust root in it is not verified yet.
    pub fn into_grant(self) -> Grant {
        Grant {
            fleet: self.fleet,
            cluster: self.cluster,
            name: self.name,
            chain: self.chain.into_iter().map(|certificate| certificate.0).collect(),
            trust_root: self.trust_root,
            earlier_trust_roots: Vec::new(),
        }
    }

    /// Reads a file.
    pub fn parse(bytes: &[u8]) -> Result<Self, OfflineFileError> {
        parse(bytes, REPLY)
    }

    /// The file's bytes.
    pub fn to_bytes(&self) -> Result<Vec<u8>, OfflineFileError> {
        print(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply() -> JoinReplyFile {
        JoinReplyFile::new(Grant {
            fleet: FleetId::parse("harbour").expect("a name"),
            cluster: ClusterId::parse("c1").expect("a name"),
            name: ClusterName::parse("edge-01").expect("a name"),
            chain: vec![vec![1, 2], vec![3]],
            trust_root: Envelope { payload_type: "t".into(), payload: b"{}".to_vec(), signatures: Vec::new() },
            earlier_trust_roots: Vec::new(),
        })
    }

    #[test]
    fn both_files_read_back() {
        let request = JoinRequestFile::new("0.1.0".into(), vec![1], vec![2]);
        assert_eq!(JoinRequestFile::parse(&request.to_bytes().expect("bytes")), Ok(request));
        assert_eq!(JoinReplyFile::parse(&reply().to_bytes().expect("bytes")), Ok(reply()));
        assert_eq!(JoinReplyFile::new(reply().into_grant()), reply());
    }

    #[test]
    fn the_wrong_file_is_named() {
        let bytes = reply().to_bytes().expect("bytes");
        let refused = JoinRequestFile::parse(&bytes);
        assert_eq!(refused, Err(OfflineFileError::Kind { expected: REQUEST, found: REPLY.into() }));
        let later = String::from_utf8(bytes).expect("utf-8").replace("\"schema\": 1", "\"schema\": 9");
        assert_eq!(JoinReplyFile::parse(later.as_bytes()), Err(OfflineFileError::Schema(9)));
        assert!(matches!(JoinReplyFile::parse(b"{"), Err(OfflineFileError::Malformed(_))));
        let large = vec![b' '; OFFLINE_BYTES_MAX + 1];
        assert!(matches!(JoinReplyFile::parse(&large), Err(OfflineFileError::TooLarge(_))));
    }
}
