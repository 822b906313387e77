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

use std::panic::AssertUnwindSafe;

use futures::FutureExt as _;
use tokio_util::sync::CancellationToken;

pub mod contacts;
pub mod poll_git;
pub mod publish;
pub mod renew;
pub mod sweep;
pub mod trust;

/// A task without which the process is none. When it panics, `broken` says so: started anew, the process takes up from
/// what is durable.
pub(crate) async fn vital(task: impl Future<Output = ()>, broken: CancellationToken) {
    if AssertUnwindSafe(task).catch_unwind().await.is_err() {
        broken.cancel();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_a_panic_breaks_the_process() {
        let broken = CancellationToken::new();
        tokio::spawn(vital(async {}, broken.clone())).await.expect("it ends");
        assert!(!broken.is_cancelled());
        tokio::spawn(vital(async { panic!("a rule was broken") }, broken.clone())).await.expect("it ends");
        assert!(broken.is_cancelled());
    }
}
