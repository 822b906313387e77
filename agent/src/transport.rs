//! How the agent reaches a hub. Sessions need only ordered byte streams, so another transport can
//! stand beside QUIC; a bundle that comes as a file takes the same way from `accept` on.

pub mod quic;
