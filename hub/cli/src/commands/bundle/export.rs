//! `skerry bundle export`: a cluster's whole bundle as a file.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use skerry_common::bundle::archive::ARCHIVE_BYTES_MAX;
use skerry_common::diagnostic::ErrorClass;

use crate::args::Global;
use crate::args::bundle::ExportArgs;
use crate::client::{Download, Request};
use crate::commands::get::client;
use crate::errors::{Failure, Stop, Verdict, codes};
use crate::output::Output;

/// Writes it: to a file beside, read back and checked, then renamed.
pub(super) async fn run(args: &ExportArgs, global: &Global, output: &mut Output) -> Result<Verdict, Stop> {
    let to_stdout = args.file.as_os_str() == "-";
    if !to_stdout && !args.force && args.file.exists() {
        let failure = Failure::user(codes::FILE, format!("`{}` exists already", args.file.display()));
        return Err(failure.help("overwrite it with `--force`, or name another file").into());
    }
    let request = Request::api(&["clusters", &args.cluster, "bundle"]);
    let mut download = client(global)?.download(&request, ARCHIVE_BYTES_MAX).await?;
    if to_stdout {
        while let Some(piece) = download.next().await? {
            output.bytes(&piece)?;
        }
        return Ok(Verdict::Yes);
    }
    let beside = beside(&args.file);
    let result = save(&mut download, &beside, &args.file).await;
    if result.is_err() {
        let _ = fs::remove_file(&beside);
    }
    let bytes = result?;
    output.say(&format!("`{}`: {bytes} bytes, checked", args.file.display()));
    output.say(&format!("  next: on the cluster's side, skerry-agent import {}", args.file.display()));
    Ok(Verdict::Yes)
}

fn beside(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(format!(".part-{}", std::process::id()));
    PathBuf::from(name)
}

async fn save(download: &mut Download, beside: &Path, file: &Path) -> Result<u64, Stop> {
    let failed = |error: std::io::Error| {
        Failure::new(ErrorClass::NeedsUser, codes::FILE, format!("`{}` cannot be written: {error}", file.display()))
    };
    let mut part = OpenOptions::new().write(true).create_new(true).open(beside).map_err(failed)?;
    let mut bytes = 0u64;
    while let Some(piece) = download.next().await? {
        part.write_all(&piece).map_err(failed)?;
        bytes += piece.len() as u64;
    }
    part.sync_all().map_err(failed)?;
    // A transfer that was cut in an unlucky place is found here, not at sea.
    super::read(beside)?;
    fs::rename(beside, file).map_err(failed)?;
    Ok(bytes)
}
