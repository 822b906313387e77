//! The agent's tasks; each owns one piece of state, the others get a handle.
//!
//! | task | owns | wakes on |
//! |---|---|---|
//! | [`keeper`] | the store | calls |
//! | [`lease`] | whether this agent may act | time |
//! | [`link`] | the connection to a hub | offers, reports, journal, time |
//! | [`reconcile`] | inventory, drift book, plan | a new target, watch events, time |
//! | [`watch`] | one watch per kind | the API server |

use std::panic::AssertUnwindSafe;

use futures::FutureExt as _;
use tokio_util::sync::CancellationToken;

pub mod keeper;
pub mod lease;
pub mod link;
pub mod reconcile;
pub mod watch;

/// A task without which the process is none. When it panics, or ends before `stop`, `broken` says so: started anew, the
/// process takes up from what is durable.
pub(crate) async fn vital(task: impl Future<Output = ()>, stop: CancellationToken, broken: CancellationToken) {
    let panicked = AssertUnwindSafe(task).catch_unwind().await.is_err();
    if panicked || !stop.is_cancelled() {
        broken.cancel();
    }
}
