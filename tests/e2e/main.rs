//! What only the real thing can show: Kubernetes control planes, Git servers, and the programs as processes. One
//! behaviour per file.

mod bundles_are_verified_elsewhere;
mod charts;
mod contract;
mod control_plane;
mod deploy;
mod git_https;
mod git_misbehaving;
mod git_servers;
mod git_ssh;
mod judged_timings;
mod kills;
mod main_job;
mod service_account;
mod without_a_network;
