//! zstd frames, whole or with an older version of the same content as prefix (`zstd --patch-from`).
//!
//! Source: RFC 8878 for the format; a raw prefix as reference is the zstd library's «refPrefix».

use std::io::{Read as _, Write as _};

use thiserror::Error;

use super::digest::{BlobMismatch, BlobRef};

/// Level for content that is sent or stored once and read often.
const LEVEL: i32 = 9;

/// Largest window, as a power of two, in bytes: the decoder may need that much memory. 32 MiB holds
/// the largest manifest twice.
const WINDOW_LOG_MAX: u32 = 25;

/// Smallest window that zstd knows.
const WINDOW_LOG_MIN: u32 = 10;

/// Content that cannot be packed or unpacked.
#[derive(Debug, Error)]
pub enum DeltaError {
    /// The compressor failed: out of memory.
    #[error("content cannot be compressed")]
    Compress(#[source] std::io::Error),
    /// The bytes are no zstd frame, or need a larger window than allowed, or another base.
    #[error("compressed content cannot be read")]
    Decompress(#[source] std::io::Error),
    /// More or other bytes came out than were referenced.
    #[error("compressed content is not what was referenced")]
    Mismatch(#[from] BlobMismatch),
}

/// Compresses `content` into one frame, against `base` if there is one (empty: none).
pub fn compress(base: &[u8], content: &[u8]) -> Result<Vec<u8>, DeltaError> {
    let compress = || {
        let mut encoder = zstd::Encoder::with_ref_prefix(Vec::new(), LEVEL, base)?;
        encoder.set_pledged_src_size(Some(content.len() as u64))?;
        encoder.include_contentsize(false)?;
        encoder.include_checksum(false)?;
        if !base.is_empty() {
            encoder.window_log(window_log(base.len() + content.len()))?;
            encoder.long_distance_matching(true)?;
        }
        encoder.write_all(content)?;
        encoder.finish()
    };
    compress().map_err(DeltaError::Compress)
}

fn window_log(bytes: usize) -> u32 {
    bytes.next_power_of_two().trailing_zeros().clamp(WINDOW_LOG_MIN, WINDOW_LOG_MAX)
}

/// Decompresses one frame and checks that it is what `expected` says.
///
/// Never produces more than `expected.size` + 1 bytes, whatever the frame claims.
pub fn decompress(base: &[u8], frame: &[u8], expected: &BlobRef) -> Result<Vec<u8>, DeltaError> {
    let content = decompress_at_most(base, frame, expected.size.saturating_add(1))?;
    expected.check(&content)?;
    Ok(content)
}

/// Decompresses at most `bytes_max` bytes of one frame; what is beyond is not read.
pub fn decompress_at_most(base: &[u8], frame: &[u8], bytes_max: u64) -> Result<Vec<u8>, DeltaError> {
    let decompress = || {
        let mut decoder = zstd::Decoder::with_ref_prefix(frame, base)?.single_frame();
        decoder.window_log_max(WINDOW_LOG_MAX)?;
        let mut content = Vec::new();
        decoder.take(bytes_max).read_to_end(&mut content)?;
        Ok(content)
    };
    decompress().map_err(DeltaError::Decompress)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A manifest-like text of some 150 KB with digests that do not compress.
    fn lines(changed: Option<usize>) -> Vec<u8> {
        let mut out = Vec::new();
        for index in 0..1000 {
            let seed = if changed == Some(index) { format!("changed {index}") } else { index.to_string() };
            let digest = super::super::digest::Digest::of(seed.as_bytes());
            let _ = writeln!(out, "{{\"digest\":\"{digest}\",\"kind\":\"ConfigMap\",\"name\":\"settings-{index}\"}}");
        }
        out
    }

    #[test]
    fn a_small_change_makes_a_small_delta() {
        let (old, new) = (lines(None), lines(Some(617)));
        let delta = compress(&old, &new).expect("compresses");
        assert!(delta.len() < 200, "{} bytes", delta.len());
        assert_eq!(decompress(&old, &delta, &BlobRef::of(&new)).expect("decompresses"), new);
    }

    #[test]
    fn whole_content_reads_back() {
        for content in [&b""[..], b"x", &lines(None)] {
            let frame = compress(b"", content).expect("compresses");
            assert_eq!(decompress(b"", &frame, &BlobRef::of(content)).expect("decompresses"), content);
        }
    }

    #[test]
    fn a_bomb_is_cut_at_the_size_referenced() {
        let bomb = compress(b"", &vec![0; 64 << 20]).expect("compresses");
        assert!(bomb.len() < 16 << 10);
        let expected = BlobRef::of(&[0; 100]);
        let refused = decompress(b"", &bomb, &expected);
        assert!(matches!(refused, Err(DeltaError::Mismatch(BlobMismatch::Size { found: 101, .. }))), "{refused:?}");
    }

    #[test]
    fn damage_and_a_wrong_base_are_refused() {
        let (old, new) = (lines(None), lines(Some(3)));
        let delta = compress(&old, &new).expect("compresses");
        let expected = BlobRef::of(&new);
        assert!(decompress(&lines(Some(5)), &delta, &expected).is_err());
        for bit in 0..delta.len() * 8 {
            let mut bad = delta.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            // A bit of the header may change nothing that matters: then the content is still right.
            if let Ok(content) = decompress(&old, &bad, &expected) {
                assert_eq!(content, new);
            }
        }
    }
}
