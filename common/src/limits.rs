//! The bounds that hub and agent must agree on. Bounds of one place live in that place.

/// Largest single object, canonical JSON, in bytes: etcd refuses requests above 1.5 MiB and the
/// Kubernetes API server above 3 MiB, so nothing larger could be applied.
pub const OBJECT_BYTES_MAX: u64 = 3 * 1024 * 1024;

/// Most objects in one application: four times the largest trees seen in monorepos.
pub const OBJECTS_PER_APPLICATION_MAX: usize = 50_000;

/// Most applications in one bundle.
pub const APPLICATIONS_MAX: usize = 1_000;

/// Largest application manifest in bytes: 50,000 entries of some 300 bytes.
pub const MANIFEST_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Largest bundle root in bytes: 1,000 application references and as many sources.
pub const ROOT_BYTES_MAX: u64 = 1024 * 1024;

/// Largest trust root in bytes: a few dozen keys and certificates.
pub const TRUST_ROOT_BYTES_MAX: u64 = 256 * 1024;

/// Largest key blob in bytes: one wrapped key per sealed object.
pub const KEY_BLOB_BYTES_MAX: u64 = 8 * 1024 * 1024;

/// Largest control frame in bytes: an offer with its inlined changes.
pub const FRAME_BYTES_MAX: usize = 1024 * 1024;

/// How much of a free text (a reason, a message) is kept, in bytes.
pub const TEXT_BYTES_MAX: usize = 2 * 1024;

/// Most objects listed one by one in a report section; the rest are counts.
pub const REPORTED_OBJECTS_MAX: usize = 100;

/// Most journal entries in one frame.
pub const JOURNAL_BATCH_MAX: usize = 256;

/// Cuts a text at a character boundary so that it holds at most [`TEXT_BYTES_MAX`] bytes.
pub fn clip(text: &str) -> String {
    if text.len() <= TEXT_BYTES_MAX {
        return text.to_owned();
    }
    let mut end = TEXT_BYTES_MAX - '…'.len_utf8();
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}…", &text[..end])
}
