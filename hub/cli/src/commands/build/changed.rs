//! What has changed since a commit.
//!
//! The `git` program says it: the library that the hub reads repositories with would make this
//! program several times as large, and whoever has a work tree has `git`.

use std::path::Path;
use std::process::{Command, Stdio};

use skerry_common::diagnostic::ErrorClass;
use skerry_render::ReadSet;

use crate::errors::{Failure, Stop, codes};

/// Paths, from the root of the tree.
pub(super) struct Changes(Vec<String>);

impl Changes {
    /// Everything that differs between a commit and the files at hand, with files that Git does not
    /// know yet.
    pub(super) fn since(root: &Path, commit: &str) -> Result<Self, Stop> {
        let mut paths =
            git(root, &["diff", "--name-only", "-z", "--no-renames", "--relative", "--end-of-options", commit, "--"])?;
        paths.extend(git(root, &["ls-files", "--others", "--exclude-standard", "-z"])?);
        Ok(Self(paths))
    }

    /// Whether one of them can touch what was read.
    pub(super) fn touch(&self, reads: &ReadSet) -> bool {
        self.0.iter().any(|path| reads.is_touched_by(path))
    }
}

fn git(root: &Path, arguments: &[&str]) -> Result<Vec<String>, Stop> {
    let mut command = Command::new("git");
    command.arg("-C").arg(root).args(["--no-optional-locks", "-c", "core.fsmonitor=false"]).args(arguments);
    let output = command.stdin(Stdio::null()).output().map_err(|error| {
        Failure::new(ErrorClass::NeedsUser, codes::FILE, format!("`git` cannot be run: {error}"))
            .help("install Git, or leave out `--changed-since`")
    })?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let message = format!("Git cannot tell what has changed: {}", said.trim());
        return Err(Failure::user(codes::USAGE, message)
            .help("give a commit, branch or tag of this repository")
            .into());
    }
    let paths = output.stdout.split(|byte| *byte == 0).filter(|path| !path.is_empty());
    Ok(paths.map(|path| String::from_utf8_lossy(path).into_owned()).collect())
}
