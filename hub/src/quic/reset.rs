//! A hub that starts again tells agents at once that their old connections are over.
//!
//! QUIC does so by a stateless reset (RFC 9000, section 10.3): a token that only this hub can make, from a key that
//! outlives the process. Without it, an agent whose hub was killed waits until its connection idles out.

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::hmac;
use quinn::{ConnectionId, ConnectionIdGenerator, EndpointConfig};

/// What the key is derived for: nothing else may use it.
const PURPOSE: &[u8] = b"skerry: stateless reset of the link";

/// Bytes of a connection's id: as many as QUIC implementations use to tell millions apart.
const ID_BYTES: usize = 8;

/// The endpoint's settings; `secret` is the hub's own and stays the same over restarts.
pub(crate) fn endpoint_config(secret: &[u8]) -> EndpointConfig {
    let key = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), PURPOSE);
    let mut config = EndpointConfig::new(Arc::new(hmac::Key::new(hmac::HMAC_SHA256, key.as_ref())));
    config.cid_generator(|| Box::new(Ids));
    config
}

/// Random ids: ids of an earlier life are no less valid than ours, so that their owners are answered.
#[derive(Debug)]
struct Ids;

impl ConnectionIdGenerator for Ids {
    fn generate_cid(&mut self) -> ConnectionId {
        let mut id = [0; ID_BYTES];
        // Ids need to differ, not to be secret; the library has none but unlucky ones without randomness.
        let _ = aws_lc_rs::rand::fill(&mut id);
        ConnectionId::new(&id)
    }

    fn cid_len(&self) -> usize {
        ID_BYTES
    }

    fn cid_lifetime(&self) -> Option<Duration> {
        None
    }
}
