//! Secrets: encrypted once per audience, keys wrapped per cluster.
//!
//! ```text
//! hub    Sealer::seal(audience, plaintext) ─▶ ciphertext ──▶ a blob that clusters share
//!                                          └▶ data key ─┐
//!        wrap_keys(cluster's public key, {ciphertext's digest → data key}) ─▶ key blob, one per cluster
//! agent  unwrap_keys(own key pair, key blob) ─▶ data keys ─▶ open(ciphertext, data key) ─▶ plaintext
//! ```
//! An audience is whoever gets the same ciphertext: an application and the clusters it goes to.
//!
//! # Why equal content may give equal bytes
//!
//! Data key and nonce are HMAC-SHA256, under a secret of the hub's, of the audience and the
//! plaintext's SHA-256. AES-GCM breaks when one (key, nonce) encrypts two plaintexts; here another
//! plaintext or another audience has another key (unless SHA-256 or HMAC collide), so each key
//! encrypts exactly one message, however often it is made again. What is told is that two
//! ciphertexts *of one audience* hold the same content, which the members of the audience can read
//! anyway and which lets a rebuilt bundle keep its digest; between audiences nothing is told. Without the hub's
//! secret nobody can make the ciphertext of a guess and compare. Whoever has the hub's secret *and*
//! knows a plaintext can make its key, which is no more than the hub can do.
//!
//! The key blob is HPKE (RFC 9180) in base mode, DHKEM(X25519), HKDF-SHA256, AES-256-GCM, with fleet
//! and cluster in its `info`, so that it opens for no other cluster. HPKE draws a fresh key each
//! time: the hub keeps the blob as long as its entries are the same, so that an unchanged bundle
//! keeps its bytes. Who made the blob is not HPKE's to say: its digest stands in the signed root.

mod content;
mod key_blob;
mod key_pair;
#[cfg(test)]
mod tests;

pub use content::{AUDIENCE_BYTES_MAX, CIPHERTEXT_BYTES_MAX, DataKey, OpenError, SealError, Sealed, Sealer, open};
pub use key_blob::{KEYS_MAX, Recipient, UnwrapError, WrapError, is_wrapped_for, unwrap_keys, wrap_keys};
pub use key_pair::{SealingKeyError, SealingKeyPair, SealingPublicKey};
