//! Whole-file documents: one header line – format, version, checksum – and JSON.
//!
//! `skerry-head 1 sha256:…` and a newline, so that `head -1 FILE` says what it is.

use std::io;

use serde::{Deserialize, Serialize};
use skerry_common::bundle::digest::Digest;
use thiserror::Error;

use super::disk::{self, Disk};

/// Longest header line in bytes.
const HEADER_BYTES_MAX: u64 = 256;

/// Name and version of a file's format.
#[derive(Debug, Clone, Copy)]
pub struct Format {
    /// The first word of the file.
    pub name: &'static str,
    /// The highest version that this program reads, and the one that it writes.
    pub version: u32,
}

/// A document that cannot be read or written.
#[derive(Debug, Error)]
pub enum DocumentError {
    /// The disk said no.
    #[error("`{name}` cannot be {doing}")]
    Io {
        /// File.
        name: String,
        /// `read` or `written`.
        doing: &'static str,
        /// What the disk said.
        #[source]
        source: io::Error,
    },
    /// The header or checksum does not match: damage.
    #[error("`{name}` is damaged: {what}")]
    Damaged {
        /// File.
        name: String,
        /// What does not match.
        what: String,
    },
    /// Written by a later version.
    #[error("`{name}` has format {found}, this program reads up to {known}: run the newer agent")]
    Newer {
        /// File.
        name: String,
        /// Version found.
        found: u32,
        /// Version known.
        known: u32,
    },
}

impl Format {
    /// The header line for some content.
    pub fn header(self, content: &[u8]) -> String {
        format!("{} {} {}\n", self.name, self.version, Digest::of(content))
    }
}

/// Reads a document; `None` when there is no such file.
pub fn read<T: for<'de> Deserialize<'de>>(
    disk: &dyn Disk,
    name: &str,
    format: Format,
    bytes_max: u64,
) -> Result<Option<T>, DocumentError> {
    let Some(content) = read_bytes(disk, name, format, bytes_max)? else { return Ok(None) };
    let damaged = |error: serde_json::Error| DocumentError::Damaged { name: name.to_owned(), what: error.to_string() };
    serde_json::from_slice(&content).map(Some).map_err(damaged)
}

/// Reads a document's content, checked against its header.
pub fn read_bytes(
    disk: &dyn Disk,
    name: &str,
    format: Format,
    bytes_max: u64,
) -> Result<Option<Vec<u8>>, DocumentError> {
    let io = |source| DocumentError::Io { name: name.to_owned(), doing: "read", source };
    let Some(bytes) = disk.read(name, bytes_max + HEADER_BYTES_MAX).map_err(io)? else { return Ok(None) };
    let damaged = |what: &str| DocumentError::Damaged { name: name.to_owned(), what: what.to_owned() };
    let end = bytes.iter().position(|byte| *byte == b'\n').ok_or_else(|| damaged("it has no header"))?;
    let (header, content) = (&bytes[..end], &bytes[end + 1..]);
    let header = std::str::from_utf8(header).map_err(|_| damaged("its header is no text"))?;
    let mut words = header.split(' ');
    if words.next() != Some(format.name) {
        return Err(damaged("its header names another format"));
    }
    let found: u32 =
        words.next().and_then(|word| word.parse().ok()).ok_or_else(|| damaged("its header has no version"))?;
    if found > format.version {
        return Err(DocumentError::Newer { name: name.to_owned(), found, known: format.version });
    }
    let checksum: Option<Digest> = words.next().and_then(|word| word.parse().ok());
    if checksum != Some(Digest::of(content)) {
        return Err(damaged("its checksum does not match"));
    }
    Ok(Some(content.to_vec()))
}

/// Replaces a document; durable when this returns.
pub fn replace<T: Serialize>(disk: &dyn Disk, name: &str, format: Format, value: &T) -> Result<(), DocumentError> {
    let json = |error| DocumentError::Io { name: name.to_owned(), doing: "written", source: io::Error::other(error) };
    replace_bytes(disk, name, format, &serde_json::to_vec(value).map_err(json)?)
}

/// Replaces a document's content; durable when this returns.
pub fn replace_bytes(disk: &dyn Disk, name: &str, format: Format, content: &[u8]) -> Result<(), DocumentError> {
    let mut bytes = format.header(content).into_bytes();
    bytes.extend_from_slice(content);
    let io = |source| DocumentError::Io { name: name.to_owned(), doing: "written", source };
    disk::replace(disk, name, &bytes).map_err(io)
}

/// Turns damage into «not there»: the file is kept under another name and the repair is noted.
pub fn or_set_aside<T>(
    disk: &dyn Disk,
    name: &str,
    found: Result<Option<T>, DocumentError>,
    repairs: &mut Vec<String>,
) -> Result<Option<T>, DocumentError> {
    match found {
        Err(DocumentError::Damaged { what, .. }) => {
            set_aside(disk, name, &what, repairs)?;
            Ok(None)
        }
        other => other,
    }
}

/// Renames a damaged file to `NAME.damaged` (the newest damage wins) and notes it.
pub fn set_aside(disk: &dyn Disk, name: &str, what: &str, repairs: &mut Vec<String>) -> Result<(), DocumentError> {
    let aside = format!("{name}.damaged");
    let io = |source| DocumentError::Io { name: name.to_owned(), doing: "written", source };
    disk.rename(name, &aside).map_err(io)?;
    disk.sync_folder(disk::folder_of(name)).map_err(io)?;
    repairs.push(format!("`{name}` was damaged ({what}) and was set aside as `{aside}`"));
    Ok(())
}
