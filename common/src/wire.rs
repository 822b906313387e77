//! What travels on the link: length-limited bincode frames of versioned messages.
//!
//! A frame is a big-endian `u32` length and that many bytes. The first frame either way is a
//! [`negotiate::Hello`], whose encoding never changes; everything after it is in the version agreed.

pub mod codec;
pub mod frame;
pub mod negotiate;
pub mod v1;

/// The newest version of the messages.
pub use v1 as latest;
