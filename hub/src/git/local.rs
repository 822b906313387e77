//! Reads refs of a repository on the hub's own disk, in place.

use gix::Repository;
use skerry_common::id::CommitId;
use skerry_hub_core::source::{GitRef, REFS_MAX, RemoteRef, choose};

use super::error::GitError;
use super::open::{commit_id, has_commit, object_id};

/// Finds the commit that a ref means in an opened repository.
pub(super) fn resolve(repository: &Repository, url: &str, wanted: &GitRef) -> Result<CommitId, GitError> {
    let (prefix, name) = match wanted {
        GitRef::Commit(id) => {
            let found = object_id(id).is_some_and(|id| has_commit(repository, id));
            let missing = || GitError::NoCommit { url: url.to_owned(), commit: id.clone() };
            return found.then(|| id.clone()).ok_or_else(missing);
        }
        GitRef::Branch(name) => ("refs/heads/", Some(name)),
        GitRef::Tag(name) => ("refs/tags/", Some(name)),
        GitRef::Semver(_) => ("refs/tags/", None),
    };
    if let Some(name) = name
        && let Some(commit) = find(repository, url, wanted, &format!("{prefix}{name}"))?
    {
        return Ok(commit);
    }
    let refs = list(repository, prefix)?;
    if refs.is_empty() && is_empty(repository)? {
        return Err(GitError::Empty { url: url.to_owned() });
    }
    Ok(choose(wanted, &refs)?)
}

/// The commit of one ref, by its full name; annotated tags are followed.
fn find(repository: &Repository, url: &str, wanted: &GitRef, full_name: &str) -> Result<Option<CommitId>, GitError> {
    let Ok(name) = <&gix::refs::FullNameRef>::try_from(full_name) else { return Ok(None) };
    let failed = |source: gix::Error| broken(repository, source);
    let Some(mut reference) = repository.try_find_reference(name).map_err(failed)? else { return Ok(None) };
    let id = reference.peel_to_id().map_err(failed)?.detach();
    let commit = commit_id(&id).filter(|_| has_commit(repository, id));
    commit.map(Some).ok_or_else(|| GitError::NotACommit { url: url.to_owned(), wanted: wanted.to_string() })
}

/// Every ref below a prefix that leads to a commit.
fn list(repository: &Repository, prefix: &str) -> Result<Vec<RemoteRef>, GitError> {
    let failed = |source: gix::Error| broken(repository, source);
    let platform = repository.references().map_err(failed)?;
    let iter = platform.prefixed(prefix).map_err(failed)?.peeled().map_err(failed)?;
    let mut refs = Vec::new();
    for reference in iter.take(REFS_MAX + 1) {
        // A broken ref is as good as none: whoever asked for it by name is told so above.
        let Ok(reference) = reference else { continue };
        let (Some(id), Ok(name)) = (reference.try_id(), std::str::from_utf8(reference.name().as_bstr())) else {
            continue;
        };
        if has_commit(repository, id.detach())
            && let Some(commit) = commit_id(&id)
        {
            refs.push(RemoteRef { name: name.to_owned(), commit });
        }
    }
    Ok(refs)
}

fn is_empty(repository: &Repository) -> Result<bool, GitError> {
    let failed = |source: gix::Error| broken(repository, source);
    let platform = repository.references().map_err(failed)?;
    Ok(platform.all().map_err(failed)?.next().is_none())
}

fn broken(repository: &Repository, source: gix::Error) -> GitError {
    GitError::Repository { path: repository.git_dir().to_owned(), source: source.into() }
}
