//! Fleet CA, certificates, sealing and every TLS setting.
//!
//! Hub, agent and CLI share this crate; it is the only place where rustls and quinn settings are
//! built, and the only one that makes keys. It reads no file and no clock: bytes and times are
//! arguments (rustls reads the system's clock for the HTTPS API only). It does draw randomness.
//!
//! | module | what it decides |
//! |---|---|
//! | [`authority`] | the fleet CA and the CA of the HTTPS API: made once, loaded from PEM, issue certificates |
//! | [`issue`] | what stands in each kind of certificate, and for how long |
//! | [`request`] | the agent's key and signing request; what the hub reads of it |
//! | [`identity`] | a certificate chain with its key; who a peer's certificate says it is |
//! | [`roots`] | the CA certificates that count, several while a CA is replaced |
//! | [`rotate`] | when a certificate is renewed, and by which door |
//! | [`tls`] | rustls and quinn settings, and who may speak on which protocol |
//! | [`root_key`] | the trust root's signing key, in a file encrypted to a passphrase |
//! | [`seal`] | Secrets: encrypted once per audience, keys wrapped per cluster |
//!
//! # Guarantees
//!
//! - One crypto provider, aws-lc-rs. TLS 1.3 only on the link, hybrid post-quantum key exchange
//!   preferred, no session resumption and no 0-RTT.
//! - Only the public key of a signing request counts; every name comes from the hub's registry.
//! - Bytes from outside give an error, never a panic, and every size is bounded by a named const.
//! - Types that hold a secret show a mask when they are formatted and are wiped when dropped.

pub mod authority;
#[cfg(test)]
mod fixtures;
pub mod identity;
pub mod issue;
mod key_pair;
mod pem;
pub mod request;
pub mod root_key;
pub mod roots;
pub mod rotate;
pub mod seal;
pub mod tls;

pub use key_pair::{KeyKind, KeyPairError};
pub use pem::{PEM_BYTES_MAX, PemError};
