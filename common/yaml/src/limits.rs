//! Bounds on what one call may read and build.

/// Whatever a caller asks for, no text beyond this is read: positions are kept in 32 bits.
pub(crate) const BYTES_CEILING: usize = 1 << 30;

/// Whatever a caller asks for, no tree gets deeper than this: walks recurse once per level, and
/// this many levels fit the 2 MiB stack of a worker thread (a test shows it).
pub(crate) const DEPTH_CEILING: usize = 500;

/// Bounds for [`crate::parse`] and [`crate::expand_aliases`].
///
/// Depth is never more than 500 and text never more than 1 GiB, whatever is set here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Most bytes of text in one call.
    pub bytes_max: usize,
    /// Most levels of nested collections.
    pub depth_max: usize,
    /// Most nodes in one call, counted after aliases are expanded.
    pub nodes_max: usize,
    /// Most documents in one text.
    pub documents_max: usize,
}

impl Default for Limits {
    /// Room for the largest manifests that exist, far below what would hurt:
    /// 32 MiB of text (the API server takes 3 MiB per object), 100 levels (schemas in CRDs have
    /// about 40, and `serde_json` reads no text of more than 128), 4 million nodes (about
    /// 400 MB in memory), 100,000 documents.
    fn default() -> Limits {
        Limits { bytes_max: 32 << 20, depth_max: 100, nodes_max: 4_000_000, documents_max: 100_000 }
    }
}

impl Limits {
    /// The depth that is really enforced.
    pub(crate) fn depth(&self) -> usize {
        self.depth_max.min(DEPTH_CEILING)
    }

    /// The size that is really enforced.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes_max.min(BYTES_CEILING)
    }
}
