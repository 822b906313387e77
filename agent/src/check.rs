//! `skerry-agent check`: what would keep the agent from working, and what to do about each.
//!
//! ```text
//! disk ─ DNS ─ UDP ─ clock (hub) ─ API ─ RBAC (kubernetes)
//! ```
//! Nothing is changed but a small file in the state folder, which is removed again. A check that cannot be made is
//! told as skipped and counts neither way.

mod hub;
mod kubernetes;

use std::path::Path;

use skerry_common::error_chain::Chain;

use crate::cli::{CheckArgs, Failure, Verdict, access, data};
use crate::cluster::kube::KubeCluster;
use crate::store::disk::{self, Disk as _, FolderDisk};

/// What is written to try the disk: as much as a head.
const PROBE_BYTES: usize = 4096;

/// The probe's name in the state folder.
const PROBE: &str = "check.probe";

/// What one check found.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Finding {
    /// It works.
    Works(String),
    /// It does not.
    Fails {
        /// What.
        what: String,
        /// What to do.
        help: String,
    },
    /// It cannot be checked.
    Skipped(String),
}

impl Finding {
    fn is_failure(&self) -> bool {
        matches!(self, Self::Fails { .. })
    }

    fn fails(what: impl Into<String>, help: impl Into<String>) -> Self {
        Self::Fails { what: what.into(), help: help.into() }
    }
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Works(what) => write!(f, "✓ {what}"),
            Self::Fails { what, help } => write!(f, "✗ {what}\n  help: {help}"),
            Self::Skipped(what) => write!(f, "- {what}"),
        }
    }
}

#[cfg(test)]
impl Finding {
    /// It fails, its line begins with what is at fault, and it says what to do.
    #[track_caller]
    fn names(&self, culprit: &str) {
        let Self::Fails { what, help } = self else { panic!("no failure: {self:?}") };
        assert!(what.starts_with(culprit) && !help.is_empty(), "{self:?}");
    }
}

/// Checks, and prints a line for each finding; the answer is no when anything fails.
pub(crate) async fn check(state: &Path, args: CheckArgs) -> Result<Verdict, Failure> {
    let mut verdict = Verdict::Yes;
    let mut tell = |findings: Vec<Finding>| -> Result<(), Failure> {
        for finding in findings {
            if finding.is_failure() {
                verdict = Verdict::No;
            }
            data(&finding.to_string())?;
        }
        Ok(())
    };
    tell(vec![disk(state)])?;
    if args.offline {
        tell(vec![Finding::Skipped("hub: not looked for, because of --offline".into())])?;
    } else {
        tell(hub::check(state, args.token.as_deref()).await?)?;
    }
    let access = access(&args.access)?;
    match KubeCluster::new(&access).await {
        Ok(cluster) => tell(kubernetes::check(&cluster, &args.namespaces, &args.own_namespace).await)?,
        Err(error) => tell(vec![kubernetes::api_fails(&error)])?,
    }
    Ok(verdict)
}

fn disk(state: &Path) -> Finding {
    let tried = FolderDisk::open(state).and_then(|folder| {
        let written = disk::replace(&folder, PROBE, &[0; PROBE_BYTES]);
        let removed = folder.remove(PROBE);
        written.and(removed)
    });
    match tried {
        Ok(()) => Finding::Works(format!("disk: `{}` can be written and synced", state.display())),
        Err(error) => Finding::fails(
            format!("disk: `{}` cannot be written: {}", state.display(), Chain(&error)),
            "give the agent's user a folder with room, with `--state-folder`",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_can_be_written_passes_and_stays_empty() {
        let folder = tempfile::tempdir().expect("a folder");
        assert!(matches!(disk(folder.path()), Finding::Works(_)));
        assert_eq!(folder.path().read_dir().expect("is a folder").count(), 0);
    }

    #[test]
    fn a_place_that_is_no_folder_fails_by_the_disk() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("file");
        std::fs::write(&file, "x").expect("writes");
        disk(&file).names("disk: ");
    }
}
