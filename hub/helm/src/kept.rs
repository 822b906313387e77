//! Charts that were fetched, kept by repository, name and version.
//!
//! ```text
//! FOLDER/<digest of repository, name, version>/            the chart
//! FOLDER/<digest of repository, name, version>.sha256      the digest of its files
//! ```
//! The digest is written last and checked on each use: what a power cut left half is fetched anew.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use skerry_common::bundle::digest::Digest;
use skerry_render::ChartSource;

use crate::call::CallError;
use crate::files::{Files, collect, failed, write};

/// Most charts that are kept: a large fleet has some hundred, each of about 100 KB.
const CHARTS_MAX: usize = 500;

/// How the digest of a chart is called.
const DIGEST: &str = "sha256";

/// The charts that are kept.
#[derive(Debug)]
pub(crate) struct Kept {
    folder: PathBuf,
}

impl Kept {
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// The files of a chart; nothing when it is not kept, or no longer whole.
    pub(crate) fn find(&self, chart: &ChartSource) -> Option<Files> {
        let place = self.place(chart);
        let expected = fs::read_to_string(place.with_extension(DIGEST)).ok()?;
        let files = collect(&place).ok()?;
        (digest(&files) == expected).then_some(files)
    }

    /// Keeps a chart that lies in a folder, which is gone then.
    pub(crate) fn put(&self, chart: &ChartSource, from: &Path, files: &Files) -> Result<(), CallError> {
        fs::create_dir_all(&self.folder).map_err(|source| failed(&self.folder, source))?;
        self.make_room();
        let place = self.place(chart);
        // What is there is damaged, or was put there by somebody at the same time: both may be replaced.
        let _ = fs::remove_dir_all(&place);
        fs::rename(from, &place).map_err(|source| failed(&place, source))?;
        write(&place.with_extension(DIGEST), digest(files).as_bytes())
    }

    fn place(&self, chart: &ChartSource) -> PathBuf {
        let key = Digest::of(format!("{}\n{}\n{}", chart.repo, chart.name, chart.version).as_bytes()).hex();
        self.folder.join(key)
    }

    /// Forgets the oldest while there are too many.
    fn make_room(&self) {
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let mut places: Vec<(SystemTime, PathBuf)> = entries
            .filter(|entry| entry.path().is_dir())
            .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
            .collect();
        places.sort_unstable();
        let surplus = (places.len() + 1).saturating_sub(CHARTS_MAX);
        for (_, place) in places.into_iter().take(surplus) {
            // What stays is tried again next time.
            let _ = fs::remove_file(place.with_extension(DIGEST));
            let _ = fs::remove_dir_all(&place);
        }
    }
}

fn digest(files: &Files) -> String {
    let mut text = Vec::new();
    for (path, content) in files {
        text.extend(format!("{path}\n{}\n", Digest::of(content).hex()).into_bytes());
    }
    Digest::of(&text).hex()
}
