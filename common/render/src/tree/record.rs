//! What a part of a render depended on and used up.

use std::collections::BTreeSet;

use skerry_common::diagnostic::Diagnostic;

use super::{parent, starts_in};
use crate::limits::RenderLimits;
use crate::read_set::ReadSet;

/// What a render uses up of its bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Counts {
    pub(crate) bytes: u64,
    pub(crate) documents: usize,
    pub(crate) builds: usize,
    pub(crate) growth: usize,
}

/// What a part of a render depended on and used up.
#[derive(Debug, Clone, Default)]
pub(crate) struct Record {
    pub(crate) reads: ReadSet,
    /// Folders with their tree id in `reads`.
    pub(crate) listed: BTreeSet<String>,
    pub(crate) warnings: Vec<Diagnostic>,
    pub(crate) counts: Counts,
    /// Folders that were entered.
    pub(crate) folders: BTreeSet<String>,
    /// How many of them were inside each other.
    pub(crate) depth: usize,
    /// Whether more than what is recorded here mattered.
    pub(crate) is_partial: bool,
}

impl Counts {
    pub(crate) fn plus(self, more: Self) -> Self {
        Self {
            bytes: self.bytes.saturating_add(more.bytes),
            documents: self.documents.saturating_add(more.documents),
            builds: self.builds.saturating_add(more.builds),
            growth: self.growth.saturating_add(more.growth),
        }
    }

    /// What was used up since.
    pub(crate) fn since(self, before: Self) -> Self {
        Self {
            bytes: self.bytes - before.bytes,
            documents: self.documents - before.documents,
            builds: self.builds - before.builds,
            growth: self.growth - before.growth,
        }
    }

    pub(crate) fn fits(self, limits: &RenderLimits) -> bool {
        self.bytes <= limits.total_bytes_max
            && self.documents <= limits.documents_max
            && self.builds <= limits.builds_max
            && self.growth as u64 <= limits.total_bytes_max
    }
}

impl Record {
    /// Notes what was seen at a path, unless the tree id of a folder above says it already.
    pub(crate) fn remember(&mut self, path: &str, mark: Option<&str>) {
        if !self.is_listed(path) {
            self.reads.paths.insert(path.to_owned(), mark.map(str::to_owned));
        }
    }

    fn is_listed(&self, path: &str) -> bool {
        if self.listed.is_empty() {
            return false;
        }
        let mut folder = path;
        loop {
            if self.listed.contains(folder) {
                return true;
            }
            if folder.is_empty() {
                return false;
            }
            folder = parent(folder);
        }
    }

    /// Notes what works, but somebody should look at; once.
    pub(crate) fn warn(&mut self, warning: &Diagnostic) {
        if !self.warnings.contains(warning) {
            self.warnings.push(warning.clone());
        }
    }

    /// Adds what a part has depended on.
    pub(crate) fn add(&mut self, part: &Record) {
        for (path, mark) in &part.reads.paths {
            self.remember(path, mark.as_deref());
        }
        self.listed.extend(part.listed.iter().cloned());
        part.warnings.iter().for_each(|warning| self.warn(warning));
        self.folders.extend(part.folders.iter().cloned());
        self.is_partial |= part.is_partial;
    }

    /// Whether what was entered may be entered inside of other folders: it includes none of them,
    /// and is not nested too deep there.
    pub(crate) fn may_stand_in(&self, around: &[String], limits: &RenderLimits) -> bool {
        around.len() + self.depth <= limits.nesting_max
            && !around.iter().any(|above| self.folders.iter().any(|folder| starts_in(above, folder)))
    }
}
