//! The signed desired state of one cluster: a small signed root → application manifests → objects,
//! all content-addressed, so that clusters share everything that is equal.
//!
//! ```text
//! trust root ──signs──▶ bundle root ──digest──▶ manifest ──digest──▶ object (or sealed object)
//!    (DSSE)               (DSSE)                (JSON)               (canonical JSON)
//! ```
//! Signatures cover digests of uncompressed bytes, never packs. Every reference carries digest
//! *and* size, so a reader knows its bound before it reads.

pub mod archive;
pub mod delta;
pub mod digest;
pub mod manifest;
pub mod pack;
pub mod root;
pub mod signature;
pub mod trust;
