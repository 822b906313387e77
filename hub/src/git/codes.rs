//! What `skerry explain` says of the codes of [`super::GitError`].

pub use skerry_hub_core::shell_codes::GIT_CODES as CODES;
