//! Messages to bytes and back. The only user of bincode.

use bincode::config::{Configuration, Limit, standard};
use serde::Serialize;
use serde::de::DeserializeOwned;
use thiserror::Error;

use super::frame::{self, FrameError};
use crate::limits::FRAME_BYTES_MAX;

/// Bytes that are not the message expected, or a message that does not fit.
#[derive(Debug, Error)]
pub enum CodecError {
    /// Cannot be encoded.
    #[error("a message cannot be encoded")]
    Encode(#[source] Box<bincode::error::EncodeError>),
    /// Cannot be decoded.
    #[error("a message cannot be read")]
    Decode(#[source] Box<bincode::error::DecodeError>),
    /// Bytes are left over: the other end means another type.
    #[error("{0} bytes are left after a message")]
    Trailing(usize),
    /// Does not fit a frame.
    #[error(transparent)]
    Frame(#[from] FrameError),
}

/// Decoding never allocates more than a frame may hold, whatever lengths the bytes claim.
type Config = Configuration<bincode::config::LittleEndian, bincode::config::Varint, Limit<FRAME_BYTES_MAX>>;

fn config() -> Config {
    standard().with_limit::<FRAME_BYTES_MAX>()
}

/// Encodes a message.
pub fn encode<T: Serialize>(message: &T) -> Result<Vec<u8>, CodecError> {
    bincode::serde::encode_to_vec(message, config()).map_err(|error| CodecError::Encode(Box::new(error)))
}

/// Encodes a message as a whole frame.
pub fn encode_frame<T: Serialize>(message: &T) -> Result<Vec<u8>, CodecError> {
    Ok(frame::enclose(&encode(message)?)?)
}

/// Decodes exactly one message.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, CodecError> {
    let (message, read) =
        bincode::serde::decode_from_slice(bytes, config()).map_err(|error| CodecError::Decode(Box::new(error)))?;
    if read == bytes.len() { Ok(message) } else { Err(CodecError::Trailing(bytes.len() - read)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::digest::{BlobRef, Digest};
    use crate::id::{ApplicationName, Incarnation, Sequence};
    use crate::journal::{Drift, DriftKind, Event, FieldDrift, JournalEntry};
    use crate::object::ObjectKey;
    use crate::wire::v1::AgentMessage;

    fn journal() -> AgentMessage {
        let object = ObjectKey { group: String::new(), kind: "Service".into(), namespace: None, name: "a".into() };
        let drift = Drift {
            application: ApplicationName::parse("web").expect("a name"),
            object,
            uid: "u".into(),
            resource_version: "1".into(),
            fields: vec![FieldDrift { path: "/spec".into(), kind: DriftKind::Changed, manager: "kubectl".into() }],
        };
        let entry = JournalEntry { sequence: Sequence(1), at_unix_ms: 5, event: Event::Drift(drift) };
        AgentMessage::Journal { incarnation: Incarnation(9), entries: vec![entry] }
    }

    #[test]
    fn messages_read_back() {
        let message = journal();
        let bytes = encode(&message).expect("encodes");
        assert_eq!(decode::<AgentMessage>(&bytes).expect("decodes"), message);
    }

    #[test]
    fn digests_take_32_bytes() {
        let bytes = encode(&BlobRef { digest: Digest::of(b""), size: 0 }).expect("encodes");
        assert_eq!(bytes.len(), 33);
    }

    #[test]
    fn every_cut_and_every_flipped_bit_is_survived() {
        let bytes = encode(&journal()).expect("encodes");
        for end in 0..bytes.len() {
            assert!(decode::<AgentMessage>(&bytes[..end]).is_err());
        }
        for bit in 0..bytes.len() * 8 {
            let mut bad = bytes.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            let _ = decode::<AgentMessage>(&bad);
        }
        let mut long = bytes;
        long.push(0);
        assert!(matches!(decode::<AgentMessage>(&long), Err(CodecError::Trailing(1))));
    }

    #[test]
    fn a_claimed_length_allocates_nothing() {
        // A `Fetch` (variant 4) that claims 2^60 blobs.
        let bytes = [4, 253, 0, 0, 0, 0, 0, 0, 0, 16];
        assert!(decode::<AgentMessage>(&bytes).is_err());
    }
}
