//! Packs: many blobs in one file of independent zstd frames with an index at its end.
//!
//! ```text
//! "SKPACK01" │ frame │ frame │ … │ index │ index length u64 │ SHA-256 of the index │ "SKPACK01"
//! ```
//! All numbers are big-endian. The index is a count (u32) and for each blob, sorted by digest:
//! digest (32), size (u64), offset (u64), length (u32). Because frames are independent, one blob is
//! read with one ranged read; because the index is at the end, a pack is written in one pass.

use std::collections::BTreeMap;

use thiserror::Error;

use super::delta::{self, DeltaError};
use super::digest::{BlobRef, Digest};

const MAGIC: &[u8; 8] = b"SKPACK01";
const ENTRY_BYTES: usize = 32 + 8 + 8 + 4;

/// Bytes at the end of a pack that say where its index is.
pub const FOOTER_BYTES: usize = 8 + 32 + 8;

/// Most blobs in one pack: two of the largest applications.
pub const BLOBS_MAX: usize = 100_000;

/// A pack that cannot be read or made.
#[derive(Debug, Error)]
pub enum PackError {
    /// The end of the file is not that of a pack: cut, damaged, or of a later format.
    #[error("the pack's end is damaged or cut")]
    Footer,
    /// The index does not hash to what the footer says, or is impossible.
    #[error("the pack's index is damaged")]
    Index,
    /// More blobs than [`BLOBS_MAX`].
    #[error("{0} blobs in one pack: at most {BLOBS_MAX} are allowed")]
    TooMany(usize),
    /// A blob cannot be compressed or read back.
    #[error("blob {digest} of a pack")]
    Blob {
        /// Which.
        digest: Digest,
        /// What was wrong.
        #[source]
        source: DeltaError,
    },
}

/// Where a blob lies in a pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PackedBlob {
    /// The content.
    pub content: BlobRef,
    /// First byte of its frame, from the beginning of the pack.
    pub offset: u64,
    /// Length of its frame in bytes.
    pub length: u32,
}

/// Builds a pack in memory.
#[derive(Debug, Default)]
pub struct PackBuilder {
    frames: Vec<u8>,
    blobs: BTreeMap<Digest, PackedBlob>,
}

impl PackBuilder {
    /// Adds content; the same content again adds nothing.
    pub fn add(&mut self, content: &[u8]) -> Result<BlobRef, PackError> {
        let reference = BlobRef::of(content);
        if self.blobs.contains_key(&reference.digest) {
            return Ok(reference);
        }
        if self.blobs.len() >= BLOBS_MAX {
            return Err(PackError::TooMany(self.blobs.len() + 1));
        }
        let fail = |source| PackError::Blob { digest: reference.digest, source };
        let frame = delta::compress(&[], content).map_err(fail)?;
        let offset = (MAGIC.len() + self.frames.len()) as u64;
        let length = u32::try_from(frame.len()).map_err(|_| PackError::Index)?;
        self.frames.extend_from_slice(&frame);
        self.blobs.insert(reference.digest, PackedBlob { content: reference, offset, length });
        Ok(reference)
    }

    /// True when nothing was added.
    pub fn is_empty(&self) -> bool {
        self.blobs.is_empty()
    }

    /// The whole pack.
    pub fn finish(self) -> Vec<u8> {
        let mut index = Vec::with_capacity(4 + self.blobs.len() * ENTRY_BYTES);
        // `add` keeps the number of blobs far below u32::MAX.
        index.extend_from_slice(&u32::try_from(self.blobs.len()).unwrap_or(u32::MAX).to_be_bytes());
        for blob in self.blobs.values() {
            index.extend_from_slice(blob.content.digest.as_bytes());
            index.extend_from_slice(&blob.content.size.to_be_bytes());
            index.extend_from_slice(&blob.offset.to_be_bytes());
            index.extend_from_slice(&blob.length.to_be_bytes());
        }
        let mut out = Vec::with_capacity(MAGIC.len() + self.frames.len() + index.len() + FOOTER_BYTES);
        out.extend_from_slice(MAGIC);
        out.extend_from_slice(&self.frames);
        out.extend_from_slice(&index);
        out.extend_from_slice(&(index.len() as u64).to_be_bytes());
        out.extend_from_slice(Digest::of(&index).as_bytes());
        out.extend_from_slice(MAGIC);
        out
    }
}

/// What the last [`FOOTER_BYTES`] of a pack say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Footer {
    /// First byte of the index, from the beginning of the pack.
    pub index_offset: u64,
    /// Bytes of the index.
    pub index_length: u64,
    digest: Digest,
}

impl Footer {
    /// Reads the footer of a pack of `pack_bytes` bytes.
    pub fn parse(footer: &[u8; FOOTER_BYTES], pack_bytes: u64) -> Result<Self, PackError> {
        let (length, rest) = footer.split_first_chunk::<8>().ok_or(PackError::Footer)?;
        let (digest, magic) = rest.split_first_chunk::<32>().ok_or(PackError::Footer)?;
        if magic != MAGIC {
            return Err(PackError::Footer);
        }
        let index_length = u64::from_be_bytes(*length);
        let frames = (MAGIC.len() + FOOTER_BYTES) as u64;
        let longest = (4 + BLOBS_MAX * ENTRY_BYTES) as u64;
        if index_length > longest || index_length.saturating_add(frames) > pack_bytes {
            return Err(PackError::Footer);
        }
        let index_offset = pack_bytes - FOOTER_BYTES as u64 - index_length;
        Ok(Self { index_offset, index_length, digest: Digest::from_bytes(*digest) })
    }

    /// Reads the index, which must hash to what the footer says.
    pub fn index(&self, index: &[u8]) -> Result<Vec<PackedBlob>, PackError> {
        if Digest::of(index) != self.digest {
            return Err(PackError::Index);
        }
        let (count, entries) = index.split_first_chunk::<4>().ok_or(PackError::Index)?;
        let (entries, rest) = entries.as_chunks::<ENTRY_BYTES>();
        if !rest.is_empty() || u32::from_be_bytes(*count) as usize != entries.len() {
            return Err(PackError::Index);
        }
        let blobs: Option<Vec<_>> = entries.iter().map(parse_entry).collect();
        let blobs = blobs.ok_or(PackError::Index)?;
        let inside = |blob: &PackedBlob| {
            blob.offset >= MAGIC.len() as u64 && blob.offset.saturating_add(u64::from(blob.length)) <= self.index_offset
        };
        if blobs.iter().all(inside) { Ok(blobs) } else { Err(PackError::Index) }
    }
}

fn parse_entry(entry: &[u8; ENTRY_BYTES]) -> Option<PackedBlob> {
    let (digest, rest) = entry.split_first_chunk::<32>()?;
    let (size, rest) = rest.split_first_chunk::<8>()?;
    let (offset, rest) = rest.split_first_chunk::<8>()?;
    let length = rest.first_chunk::<4>()?;
    Some(PackedBlob {
        content: BlobRef { digest: Digest::from_bytes(*digest), size: u64::from_be_bytes(*size) },
        offset: u64::from_be_bytes(*offset),
        length: u32::from_be_bytes(*length),
    })
}

impl PackedBlob {
    /// Decompresses and checks the frame at [`offset`](Self::offset).
    pub fn unpack(&self, frame: &[u8]) -> Result<Vec<u8>, PackError> {
        delta::decompress(&[], frame, &self.content)
            .map_err(|source| PackError::Blob { digest: self.content.digest, source })
    }
}

/// Reads the index of a pack that is wholly in memory.
pub fn index(pack: &[u8]) -> Result<Vec<PackedBlob>, PackError> {
    let footer = pack.last_chunk::<FOOTER_BYTES>().ok_or(PackError::Footer)?;
    if pack.first_chunk() != Some(MAGIC) {
        return Err(PackError::Footer);
    }
    let footer = Footer::parse(footer, pack.len() as u64)?;
    let start = usize::try_from(footer.index_offset).map_err(|_| PackError::Footer)?;
    footer.index(pack.get(start..pack.len() - FOOTER_BYTES).ok_or(PackError::Footer)?)
}

/// Reads every blob of a pack that is wholly in memory.
pub fn blobs(pack: &[u8]) -> Result<Vec<(BlobRef, Vec<u8>)>, PackError> {
    let read = |blob: PackedBlob| {
        let start = usize::try_from(blob.offset).map_err(|_| PackError::Index)?;
        let frame = pack.get(start..start + blob.length as usize).ok_or(PackError::Index)?;
        Ok((blob.content, blob.unpack(frame)?))
    };
    index(pack)?.into_iter().map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pack() -> Vec<u8> {
        let mut builder = PackBuilder::default();
        for content in [&b"one"[..], b"two", b"one", b""] {
            builder.add(content).expect("adds");
        }
        builder.finish()
    }

    #[test]
    fn what_goes_in_comes_out_once() {
        let mut contents: Vec<_> = blobs(&pack()).expect("reads").into_iter().map(|(_, bytes)| bytes).collect();
        contents.sort();
        assert_eq!(contents, [&b""[..], b"one", b"two"]);
        assert_eq!(blobs(&PackBuilder::default().finish()).expect("reads"), []);
    }

    #[test]
    fn every_cut_is_refused_and_every_flipped_bit_noticed() {
        let good = pack();
        let content = blobs(&good).expect("reads");
        for end in 0..good.len() {
            assert!(blobs(&good[..end]).is_err(), "cut at {end}");
        }
        for bit in 0..good.len() * 8 {
            let mut bad = good.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            // A bit of a frame's header may change nothing that matters: then the content is still right.
            if let Ok(read) = blobs(&bad) {
                assert_eq!(read, content, "bit {bit}");
            }
        }
    }
}
