//! What the behaviour tests stand on: real parts, started and stopped by the test that needs them.
//!
//! - [`controlplane`]: a real Kubernetes control plane (through `tests/cluster`), several at once;
//! - [`audit`]: the API server's audit log, the judge of what was written;
//! - [`files`]: every file below a folder;
//! - [`git`]: throw-away repositories made by the real `git`, served as files, over HTTPS and over SSH;
//! - [`judged`]: what is judged by the clock, played once;
//! - [`paper`]: a fleet on paper: a publisher whose looks are made by hand and counted;
//! - [`programs`]: `skerry-hub`, `skerry-agent` and `skerry` as processes;
//! - [`relay`]: a link that counts bytes, and can be slow or long;
//! - [`stage`]: a repository, a hub, and clusters with agents;
//! - [`wait`]: waiting for a condition with a deadline, instead of sleeping.
//!
//! Git helpers and waits panic with the whole story when something goes wrong, since a test cannot go on;
//! control planes and audit logs return errors, since the benchmarks use them too.

pub mod audit;
pub mod controlplane;
pub mod files;
pub mod git;
pub mod judged;
pub mod paper;
pub mod programs;
pub mod relay;
pub mod stage;
pub mod wait;
