//! Where what was built goes.

use std::fs;
use std::path::Path;

use skerry_common::diagnostic::ErrorClass;

use super::Printable;
use crate::args::build::{BuildFormat, Destination};
use crate::errors::{Failure, Stop, Verdict, codes};
use crate::output::Output;

/// At most one format and one path.
pub(super) struct Destinations<'a> {
    pub(super) format: Option<BuildFormat>,
    pub(super) path: Option<&'a Path>,
}

impl<'a> Destinations<'a> {
    /// Refuses two of a sort.
    pub(super) fn of(given: &'a [Destination]) -> Result<Self, Stop> {
        let mut found = Self { format: None, path: None };
        for destination in given {
            let is_second = match destination {
                Destination::Format(format) => found.format.replace(*format).is_some(),
                Destination::Path(path) => found.path.replace(path).is_some(),
            };
            if is_second {
                let failure = Failure::user(codes::USAGE, "`--output` is given twice for the same");
                return Err(failure.help("give it once for the format and once for the path").into());
            }
        }
        Ok(found)
    }

    /// Writes to a file, to a file for each object, or to stdout.
    pub(super) fn write(&self, what: &impl Printable, output: &mut Output) -> Result<Verdict, Stop> {
        let format = self.format.unwrap_or_default();
        match self.path {
            None => output.data(&what.text(format)?)?,
            Some(folder) if folder.is_dir() => {
                if format != BuildFormat::Yaml {
                    let failure = Failure::user(codes::USAGE, "files of a folder are always YAML");
                    return Err(failure.help("leave out the format, or name a file").into());
                }
                for (name, content) in what.files()? {
                    write_file(&folder.join(name), &content)?;
                }
            }
            Some(file) => write_file(file, &what.text(format)?)?,
        }
        Ok(Verdict::Yes)
    }
}

/// Writes a file, in place of what was there.
pub(super) fn write_file(path: &Path, content: &str) -> Result<(), Stop> {
    fs::write(path, content).map_err(|error| {
        let message = format!("`{}` cannot be written: {error}", path.display());
        Failure::new(ErrorClass::NeedsUser, codes::FILE, message).into()
    })
}
