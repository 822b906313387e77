//! What one render may read and make.

use skerry_common::limits::OBJECTS_PER_APPLICATION_MAX;

/// Bounds of one render. A tree that exceeds one is refused, with the bound named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RenderLimits {
    /// Largest file in bytes: the API server refuses objects above 3 MiB, so a manifest file of
    /// 5 MiB is a bundle of many objects already.
    pub file_bytes_max: u64,
    /// Most bytes read in all, counting a file as often as it is read: bounds how far bases that
    /// include each other can multiply.
    pub total_bytes_max: u64,
    /// Most documents read in all: what an application may hold.
    pub documents_max: usize,
    /// Most folders built in all, counting a base as often as it is built.
    pub builds_max: usize,
    /// Deepest chain of folders that include each other.
    pub nesting_max: usize,
    /// Deepest nesting inside one document: the deepest CRD schemas have about 40 levels.
    pub depth_max: usize,
    /// Most nodes of one file, after aliases are expanded: stops anchor-expansion bombs.
    pub nodes_max: usize,
}

impl Default for RenderLimits {
    fn default() -> Self {
        Self {
            file_bytes_max: 5 * 1024 * 1024,
            total_bytes_max: 256 * 1024 * 1024,
            documents_max: OBJECTS_PER_APPLICATION_MAX,
            builds_max: 10_000,
            nesting_max: 64,
            depth_max: 128,
            nodes_max: 1_000_000,
        }
    }
}

impl RenderLimits {
    /// The bounds of one parse.
    pub(crate) fn yaml(&self) -> skerry_yaml::Limits {
        skerry_yaml::Limits {
            bytes_max: usize::try_from(self.file_bytes_max).unwrap_or(usize::MAX),
            depth_max: self.depth_max,
            nodes_max: self.nodes_max,
            documents_max: self.documents_max,
        }
    }
}
