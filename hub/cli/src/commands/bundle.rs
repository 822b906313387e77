//! `skerry bundle`: bundles as files.

use std::fs::File;
use std::path::Path;

use skerry_common::bundle::archive::{ARCHIVE_BYTES_MAX, Archive, ArchiveError};
use skerry_common::diagnostic::ErrorClass;
use skerry_common::error_chain::Chain;

use crate::args::Global;
use crate::args::bundle::BundleCommand;
use crate::errors::{Failure, Stop, Verdict, codes};
use crate::output::Output;

mod export;
mod inspect;
mod verify;

/// Does it.
pub async fn run(command: &BundleCommand, global: &Global, output: &mut Output) -> Result<Verdict, Stop> {
    match command {
        BundleCommand::Export(args) => export::run(args, global, output).await,
        BundleCommand::Inspect(args) => inspect::run(args, output),
        BundleCommand::Verify(args) => verify::run(args, output),
    }
}

/// Reads an archive: form, bounds and digests are checked, whether it counts is not.
fn read(path: &Path) -> Result<Archive, Stop> {
    let unreadable =
        |error: std::io::Error| Failure::user(codes::FILE, format!("`{}` cannot be read: {error}", path.display()));
    let file = File::open(path).map_err(unreadable)?;
    if file.metadata().map_err(unreadable)?.len() > ARCHIVE_BYTES_MAX {
        let message = format!("`{}` has more than {ARCHIVE_BYTES_MAX} bytes", path.display());
        return Err(Failure::user(codes::ARCHIVE, message).into());
    }
    Archive::read(std::io::BufReader::new(file)).map_err(|error: ArchiveError| {
        let message = format!("`{}`: {}", path.display(), Chain(&error));
        Failure::new(ErrorClass::No, codes::ARCHIVE, message)
            .help("export it again: `skerry bundle export CLUSTER FILE`")
            .into()
    })
}
