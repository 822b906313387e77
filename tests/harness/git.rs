//! Throw-away Git repositories, made by the real `git`, and the servers that hand them out.
//!
//! ```text
//! WorkTree --push--> BareRepository  <--fetch--  file:// | HttpsServer | SshServer
//! ```
//!
//! No configuration of the person or machine is read, author and date are fixed, and nothing ever prompts.
//! Everything panics with the command and its output when it fails.

mod https;
mod repository;
mod ssh;

pub use https::{GitRequest, HttpsAuth, HttpsServer};
pub use repository::{BareRepository, WorkTree, isolated_git};
pub use ssh::SshServer;
