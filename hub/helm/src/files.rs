//! The files of charts on disk.

use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use crate::call::CallError;

/// Most bytes that a call may print, or a chart may have: what a render reads of one application.
pub(crate) const BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Most folders of a chart inside each other: charts of charts have about ten.
pub(crate) const DEPTH_MAX: usize = 32;

/// The files of a chart, by their path in it.
pub(crate) type Files = Vec<(String, Vec<u8>)>;

/// A path below a folder, which no part of it leaves.
pub(crate) fn below(folder: &Path, path: &str) -> Result<PathBuf, CallError> {
    if path.is_empty() || !Path::new(path).components().all(|part| matches!(part, Component::Normal(_))) {
        return Err(CallError::Path(path.to_owned()));
    }
    Ok(folder.join(path))
}

/// Writes a file, and the folders around it.
pub(crate) fn write(path: &Path, content: &[u8]) -> Result<(), CallError> {
    let written = path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(path, content));
    written.map_err(|source| failed(path, source))
}

/// Reads every file below a folder, in the order of their paths; links are passed over.
pub(crate) fn collect(folder: &Path) -> Result<Files, CallError> {
    let (mut files, mut room) = (Vec::new(), BYTES_MAX);
    walk(folder, "", &mut files, &mut room, 0)?;
    files.sort_unstable();
    Ok(files)
}

fn walk(folder: &Path, prefix: &str, files: &mut Files, room: &mut u64, depth: usize) -> Result<(), CallError> {
    if depth > DEPTH_MAX {
        return Err(CallError::TooLarge);
    }
    for entry in fs::read_dir(folder).map_err(|source| failed(folder, source))? {
        let entry = entry.map_err(|source| failed(folder, source))?;
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        let kind = entry.file_type().map_err(|source| failed(folder, source))?;
        if kind.is_dir() {
            walk(&entry.path(), &format!("{name}/"), files, room, depth + 1)?;
        } else if kind.is_file() {
            let content = fs::read(entry.path()).map_err(|source| failed(&entry.path(), source))?;
            *room = room.checked_sub(content.len() as u64).ok_or(CallError::TooLarge)?;
            files.push((name, content));
        }
    }
    Ok(())
}

pub(crate) fn failed(path: &Path, source: io::Error) -> CallError {
    CallError::File { path: path.to_owned(), source }
}
