//! Looks at the fleet repository: fetches, and reads the documents of a commit once.

use std::sync::Arc;

use skerry_common::diagnostic::{Diagnostic, Location};
use skerry_common::error_chain::Chain;
use skerry_common::id::CommitId;
use skerry_common::redact::redact;
use skerry_hub_core::fleet::{Fleet, load};
use skerry_hub_core::source::GitRef;
use tracing::{info, warn};

use super::PollGit;
use crate::api::FleetInForce;
use crate::config::FleetConfig;
use crate::git::{Git, GitError, Remote};
use crate::quic::unix_ms;
use crate::store::sources::Subject;
use crate::store::{HubStore, StoreError};

/// What is known of the fleet repository.
#[derive(Debug, Default)]
pub(super) struct Documents {
    /// The commit whose documents were read, good or not.
    pub(super) judged: Option<CommitId>,
    /// What is wrong with them.
    broken: Vec<Diagnostic>,
    /// Looks in a row at which the repository could not be read.
    pub(super) failures: u32,
    /// Why the last of them failed.
    failed: Vec<Diagnostic>,
}

/// What a look found.
pub(super) enum Look {
    /// The commit is the one already judged.
    Unchanged,
    /// Other documents.
    Read(CommitId, Fleet),
    /// Documents that cannot be used; those in force stay.
    Broken(CommitId, Vec<Diagnostic>),
    /// The repository cannot be read.
    Failed(Vec<Diagnostic>),
}

impl<S: HubStore> PollGit<S> {
    /// Takes up what a look at the fleet repository found.
    pub(super) async fn take_fleet(&self, looked: Look, documents: &mut Documents) -> Result<(), StoreError> {
        let now = unix_ms(&self.clock);
        let failed = std::mem::take(&mut documents.failed);
        documents.failures = if matches!(looked, Look::Failed(_)) { documents.failures.saturating_add(1) } else { 0 };
        match looked {
            Look::Unchanged if failed.is_empty() => Ok(()),
            Look::Unchanged => self.store.put_problems(Subject::Fleet, documents.broken.clone(), now).await,
            Look::Read(commit, fleet) => {
                info!(commit = commit.short(), "fleet documents read");
                self.store.put_problems(Subject::Fleet, Vec::new(), now).await?;
                (documents.judged, documents.broken) = (Some(commit.clone()), Vec::new());
                let in_force = Arc::new(FleetInForce { commit: Some(commit), fleet });
                self.fleet.send_replace(in_force.clone());
                self.resolved.send_modify(|resolved| Arc::make_mut(resolved).fleet = Some(in_force));
                Ok(())
            }
            Look::Broken(commit, problems) => {
                tell(&problems);
                self.store.put_problems(Subject::Fleet, problems.clone(), now).await?;
                (documents.judged, documents.broken) = (Some(commit), problems);
                Ok(())
            }
            Look::Failed(problems) => {
                documents.failed = problems.clone();
                if problems == failed {
                    return Ok(());
                }
                tell(&problems);
                self.store.put_problems(Subject::Fleet, problems, now).await
            }
        }
    }
}

fn tell(problems: &[Diagnostic]) {
    for problem in problems {
        warn!("{problem}");
    }
}

/// Looks at the fleet repository; blocks.
pub(super) fn look(git: &Git, config: &FleetConfig, judged: Option<&CommitId>) -> Look {
    let remote = Remote { url: &config.url, credential: config.credentials.as_deref() };
    let origin = |commit: Option<&CommitId>| Location {
        repository: Some(redact(&config.url)),
        commit: commit.map(ToString::to_string),
        ..Location::default()
    };
    let failed = |commit: Option<&CommitId>, error: &GitError| {
        let mut problem = Diagnostic::error(error.code(), Chain(error).to_string()).at(origin(commit));
        problem.help = error.help();
        Look::Failed(vec![problem])
    };
    let reference = GitRef::Branch(config.branch.clone());
    let commit = match git.fetch(remote, &reference, judged) {
        Ok(fetched) => fetched.commit,
        Err(error) => return failed(None, &error),
    };
    if judged == Some(&commit) {
        return Look::Unchanged;
    }
    let tree = match git.tree(remote, &commit) {
        Ok(tree) => tree,
        Err(error) => return failed(Some(&commit), &error),
    };
    match load(&tree, &config.path, &origin(Some(&commit))) {
        Ok(fleet) => Look::Read(commit, fleet),
        Err(problems) => Look::Broken(commit, problems),
    }
}
