//! Opens repositories so that nothing but their objects and refs counts.
//!
//! Deliberately without effect: configuration of the user, of the system and of the repository
//! itself, includes, `safe.directory`, `GIT_*` and other variables, replacement objects, hooks,
//! filters, attributes. Of a repository on disk only `objects`, refs and the object format are read.

use std::path::{Path, PathBuf};

use gix::sec::Trust;
use gix::{ObjectId, Repository};
use skerry_common::id::CommitId;

use super::error::{Cause, GitError};
use super::url::lies_below;

/// Largest single allocation for an object: a file of 100 MiB can be fetched (and is refused when
/// rendered), a pack that claims gigabytes cannot take the hub's memory.
const OBJECT_BYTES_MAX: u64 = 512 * 1024 * 1024;

/// Deepest chain of repositories that borrow objects from each other, as Git bounds it.
const ALTERNATES_DEPTH_MAX: usize = 5;

/// Largest `alternates` file: a few paths.
const ALTERNATES_BYTES_MAX: u64 = 64 * 1024;

/// Options under which every repository is opened.
pub(super) fn options() -> gix::open::Options {
    let overrides = [
        "core.useReplaceRefs=false".to_owned(),
        "core.logAllRefUpdates=false".to_owned(),
        format!("gitoxide.objects.allocLimit={OBJECT_BYTES_MAX}"),
    ];
    gix::open::Options::isolated()
        .config_overrides(overrides)
        .with(Trust::Reduced)
        .filter_config_section(|meta| meta.source == gix::config::Source::Api)
}

/// Opens a repository of which nothing is trusted but its place.
pub(super) fn open(path: &Path) -> Result<Repository, GitError> {
    gix::open_opts(path, options())
        .map_err(|error| GitError::Repository { path: path.to_owned(), source: error.into() })
}

/// Opens a repository in place and checks that it keeps and borrows its objects only below the roots.
pub(super) fn open_below(path: &Path, roots: &[PathBuf]) -> Result<Repository, GitError> {
    let missing = |error: std::io::Error| GitError::NoRepository {
        url: format!("file://{}", path.display()),
        reason: error.to_string(),
    };
    let outside = |path: &Path| GitError::OutsideRoots { path: path.to_owned() };
    // The roots are asked first, so that the answer tells nothing of what lies outside.
    let real = match path.canonicalize() {
        Ok(real) if lies_below(&real, roots) => real,
        Err(error) if roots.iter().any(|root| path.starts_with(root)) => return Err(missing(error)),
        Ok(_) | Err(_) => return Err(outside(path)),
    };
    let repository = gix::open_opts(&real, options()).map_err(|error| GitError::NoRepository {
        url: format!("file://{}", path.display()),
        reason: skerry_common::redact::redact(&error.to_string()),
    })?;
    let objects = repository.objects.store_ref().path().to_owned();
    for place in [repository.git_dir(), repository.common_dir(), &objects] {
        let place = place.canonicalize().map_err(missing)?;
        if !lies_below(&place, roots) {
            return Err(outside(&place));
        }
    }
    check_alternates(&objects, roots, ALTERNATES_DEPTH_MAX)?;
    Ok(repository)
}

/// Checks that every folder from which objects are borrowed lies below the roots.
fn check_alternates(objects: &Path, roots: &[PathBuf], depth_left: usize) -> Result<(), GitError> {
    let file = objects.join("info/alternates");
    let failed = |source: std::io::Error| GitError::Repository { path: file.clone(), source: source.into() };
    let text = match std::fs::metadata(&file) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed(error)),
        Ok(meta) if meta.len() > ALTERNATES_BYTES_MAX => {
            return Err(failed(std::io::Error::other("it is too large")));
        }
        Ok(_) => std::fs::read_to_string(&file).map_err(failed)?,
    };
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if line.starts_with('"') || depth_left == 0 {
            return Err(failed(std::io::Error::other("alternates are quoted or nested too deeply")));
        }
        let real = objects.join(line).canonicalize().map_err(failed)?;
        if !lies_below(&real, roots) {
            return Err(GitError::OutsideRoots { path: real });
        }
        check_alternates(&real, roots, depth_left - 1)?;
    }
    Ok(())
}

/// The commit's id as gix knows it; `None` for an object format that is not read.
pub(super) fn object_id(commit: &CommitId) -> Option<ObjectId> {
    ObjectId::from_hex(commit.as_str().as_bytes()).ok()
}

/// The commit's id as Skerry knows it.
pub(super) fn commit_id(id: &gix::oid) -> Option<CommitId> {
    CommitId::parse(&id.to_hex().to_string()).ok()
}

/// True when the commit itself is in the repository.
pub(super) fn has_commit(repository: &Repository, id: ObjectId) -> bool {
    repository.try_find_header(id).ok().flatten().is_some_and(|header| header.kind() == gix::objs::Kind::Commit)
}

/// Checks that a commit and its root folder can be read: a damaged repository is then found before
/// the commit is announced.
pub(super) fn check_whole(repository: &Repository, commit: &CommitId) -> Result<(), GitError> {
    let failed = |source: Cause| GitError::Repository { path: repository.git_dir().to_owned(), source };
    let id = object_id(commit).ok_or_else(|| failed("the object format is not read".into()))?;
    let tree = repository.find_commit(id).and_then(|commit| commit.tree());
    tree.map(drop).map_err(|error| failed(error.into()))
}
