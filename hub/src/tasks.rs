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

/// A task without which the process is none. When it panics, or ends before `stop`, `broken` says so: started anew, the
/// process takes up from what is durable.
pub(crate) async fn vital(task: impl Future<Output = ()>, stop: CancellationToken, broken: CancellationToken) {
    let panicked = AssertUnwindSafe(task).catch_unwind().await.is_err();
    if panicked || !stop.is_cancelled() {
        broken.cancel();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether the process is broken after a task has ended.
    async fn breaks(task: impl Future<Output = ()> + Send + 'static, is_stopping: bool) -> bool {
        let (stop, broken) = (CancellationToken::new(), CancellationToken::new());
        if is_stopping {
            stop.cancel();
        }
        tokio::spawn(vital(task, stop, broken.clone())).await.expect("it ends");
        broken.is_cancelled()
    }

    #[tokio::test]
    async fn a_panic_or_an_end_that_nobody_asked_for_breaks_the_process() {
        assert!(!breaks(async {}, true).await);
        assert!(breaks(async {}, false).await);
        assert!(breaks(async { panic!("a rule was broken") }, true).await);
    }
}
