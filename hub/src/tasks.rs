//! The hub's tasks; each owns one piece of state.
//!
//! | task | owns | wakes on |
//! |---|---|---|
//! | [`poll_git`] | which commit each source is at | time, webhooks |
//! | [`publish`] | renders, drafts | a new commit, a change of clusters, time |
//! | [`trust`] | trust root and signing key in use | a new file |
//! | [`renew`] | the certificates that the hub shows | time |
//! | [`sweep`] | nothing: it deletes the blobs that no kept root needs | time |
//! | [`contacts`] | who was heard since the last write | sessions, time |

pub mod contacts;
pub mod poll_git;
pub mod publish;
pub mod renew;
pub mod sweep;
pub mod trust;
