//! Archives for an agent that runs: put into a folder, taken by its checks, answered beside.
//!
//! ```text
//! inbox/DIGEST.tar      put whole, by rename; gone when judged
//! inbox/DIGEST.answer   {"generation": …} or {"refused": …}; removed by whoever asked
//! ```
//! The name is the digest of the bytes, so handing the same archive over twice is once.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use skerry_common::bundle::archive::Archive;
use skerry_common::bundle::digest::Digest;
use skerry_common::error_chain::Chain;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::store::disk::{self, Disk as _, FolderDisk};
use crate::target::Targets;

const FOLDER: &str = "inbox";
const ARCHIVE_SUFFIX: &str = ".tar";
const ANSWER_SUFFIX: &str = ".answer";

/// How often the folder is looked at: soon for a person, nothing for the machine.
const POLL_INTERVAL: Duration = Duration::from_secs(2);

/// How often an answer is looked for.
const ANSWER_INTERVAL: Duration = Duration::from_millis(200);

/// Longest answer that is read, in bytes: a reason is clipped far below.
const ANSWER_BYTES_MAX: u64 = 64 * 1024;

/// What became of an archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Answer {
    /// It is in force.
    Generation(String),
    /// It is not, and why.
    Refused(String),
}

fn open(state: &Path) -> io::Result<FolderDisk> {
    FolderDisk::open(&state.join(FOLDER))
}

/// An archive that was handed over.
pub(super) struct Handed {
    disk: FolderDisk,
    answer: String,
}

/// Puts an archive into the inbox; whole, or not at all.
pub(super) fn hand_over(state: &Path, bytes: &[u8]) -> io::Result<Handed> {
    let disk = open(state)?;
    let name = Digest::of(bytes).hex();
    let answer = format!("{name}{ANSWER_SUFFIX}");
    disk.remove(&answer)?;
    disk::replace(&disk, &format!("{name}{ARCHIVE_SUFFIX}"), bytes)?;
    Ok(Handed { disk, answer })
}

impl Handed {
    /// Waits for the answer, which is then removed; `None` when there is none in time.
    pub(super) async fn answer(&self, longest: Duration) -> io::Result<Option<Answer>> {
        let wait = async {
            loop {
                if let Some(bytes) = self.disk.read(&self.answer, ANSWER_BYTES_MAX)? {
                    self.disk.remove(&self.answer)?;
                    return serde_json::from_slice(&bytes).map_err(io::Error::other);
                }
                tokio::time::sleep(ANSWER_INTERVAL).await;
            }
        };
        tokio::time::timeout(longest, wait).await.ok().transpose()
    }
}

/// Takes what lies in the inbox until told to stop.
pub(super) async fn serve(state: PathBuf, targets: Targets, stop: CancellationToken) {
    let mut ticks = tokio::time::interval(POLL_INTERVAL);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = stop.cancelled() => return,
        }
        if let Err(error) = take_all(&state, &targets).await {
            warn!(error = %Chain(&error), "the inbox cannot be read");
        }
    }
}

async fn take_all(state: &Path, targets: &Targets) -> io::Result<()> {
    let disk = open(state)?;
    for name in disk.list("")?.iter().filter_map(|name| name.strip_suffix(ARCHIVE_SUFFIX)) {
        let (file, path) =
            (format!("{name}{ARCHIVE_SUFFIX}"), state.join(FOLDER).join(format!("{name}{ARCHIVE_SUFFIX}")));
        let read = tokio::task::spawn_blocking(move || read_archive(&path));
        let answer = match read.await.map_err(io::Error::other)? {
            Ok(archive) => match targets.import(archive).await {
                Ok(mark) => Answer::Generation(mark.place.to_string()),
                Err(error) => Answer::Refused(Chain(&error).to_string()),
            },
            Err(error) => Answer::Refused(error),
        };
        if let Answer::Refused(reason) = &answer {
            warn!(archive = name, reason, "an archive was refused");
        }
        disk::replace(
            &disk,
            &format!("{name}{ANSWER_SUFFIX}"),
            &serde_json::to_vec(&answer).map_err(io::Error::other)?,
        )?;
        disk.remove(&file)?;
    }
    Ok(())
}

fn read_archive(path: &Path) -> Result<Archive, String> {
    let file = std::fs::File::open(path).map_err(|error| error.to_string())?;
    Archive::read(file).map_err(|error| Chain(&error).to_string())
}
