//! Archives: a bundle as one file, an OCI image layout in a tar.
//!
//! Source: OCI image specification v1.1, «image layout» and «artifact guidance»; so oras, crane,
//! skopeo, Zarf and Hauler can carry and mirror it. The layers are the signed trust root, the signed
//! bundle root, and one pack with everything that the root refers to. Writing the same bundle again
//! gives the same bytes.
//!
//! Reading checks form, bounds and digests only. Whether the bundle counts is for `accept` to say.

use std::collections::BTreeMap;
use std::io::Read;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::digest::{BlobMismatch, BlobRef, Digest};
use super::pack::{self, PackBuilder, PackError};
use super::signature::Envelope;

/// Media type of the artifact.
pub const ARTIFACT_TYPE: &str = "application/vnd.skerry.bundle.v1";
/// Media type of the layer with the signed trust root.
pub const TRUST_LAYER: &str = "application/vnd.skerry.trust-root.v1.dsse+json";
/// Media type of the layer with the signed bundle root.
pub const ROOT_LAYER: &str = "application/vnd.skerry.bundle.v1.dsse+json";
/// Media type of the layer with the pack.
pub const PACK_LAYER: &str = "application/vnd.skerry.pack.v1";

const MANIFEST_TYPE: &str = "application/vnd.oci.image.manifest.v1+json";
const EMPTY_TYPE: &str = "application/vnd.oci.empty.v1+json";
const LAYOUT: &[u8] = br#"{"imageLayoutVersion":"1.0.0"}"#;

/// Largest archive in bytes: the largest bundle, compressed, with room.
pub const ARCHIVE_BYTES_MAX: u64 = 1 << 30;

/// Largest document (index, manifest, envelope) inside an archive in bytes.
const DOCUMENT_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// Most files in an archive: ours has seven, mirroring tools may add a few.
const FILES_MAX: usize = 64;

/// An archive that cannot be read or made.
#[derive(Debug, Error)]
pub enum ArchiveError {
    /// The tar itself is cut or damaged.
    #[error("the archive cannot be read: it is cut, damaged, or no tar")]
    Tar(#[source] std::io::Error),
    /// A part is too large.
    #[error("`{name}` in the archive has {size} bytes: at most {most} are read")]
    TooLarge {
        /// Which part.
        name: String,
        /// Its size.
        size: u64,
        /// The bound.
        most: u64,
    },
    /// More files than any bundle has.
    #[error("the archive has more than {FILES_MAX} files")]
    TooMany,
    /// A part is missing.
    #[error("the archive has no {0}")]
    Missing(&'static str),
    /// A part is no valid JSON of its kind.
    #[error("the archive's {0} cannot be read")]
    Malformed(&'static str, #[source] serde_json::Error),
    /// A part is not what the part above it says.
    #[error("the archive is damaged")]
    Damaged(#[source] BlobMismatch),
    /// The pack is damaged.
    #[error("the archive's pack is damaged")]
    Pack(#[source] PackError),
}

/// What an archive holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Archive {
    /// The trust root in force when it was made.
    pub trust_root: Envelope,
    /// The signed bundle root.
    pub root: Envelope,
    /// Manifests, objects and key blob, by digest.
    pub blobs: BTreeMap<Digest, Vec<u8>>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    media_type: String,
    digest: Digest,
    size: u64,
}

impl Descriptor {
    fn of(media_type: &str, bytes: &[u8]) -> Self {
        let BlobRef { digest, size } = BlobRef::of(bytes);
        Self { media_type: media_type.to_owned(), digest, size }
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ImageManifest {
    schema_version: u32,
    media_type: String,
    artifact_type: String,
    config: Descriptor,
    layers: Vec<Descriptor>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ImageIndex {
    schema_version: u32,
    manifests: Vec<Descriptor>,
}

impl Archive {
    /// The archive's bytes; deterministic.
    pub fn to_bytes(&self) -> Result<Vec<u8>, ArchiveError> {
        let trust = json("trust root", &self.trust_root)?;
        let root = json("bundle root", &self.root)?;
        let mut builder = PackBuilder::default();
        for bytes in self.blobs.values() {
            builder.add(bytes).map_err(ArchiveError::Pack)?;
        }
        let pack = builder.finish();
        let manifest = ImageManifest {
            schema_version: 2,
            media_type: MANIFEST_TYPE.to_owned(),
            artifact_type: ARTIFACT_TYPE.to_owned(),
            config: Descriptor::of(EMPTY_TYPE, b"{}"),
            layers: vec![
                Descriptor::of(TRUST_LAYER, &trust),
                Descriptor::of(ROOT_LAYER, &root),
                Descriptor::of(PACK_LAYER, &pack),
            ],
        };
        let manifest = json("manifest", &manifest)?;
        let index = ImageIndex { schema_version: 2, manifests: vec![Descriptor::of(MANIFEST_TYPE, &manifest)] };
        let index = json("index", &index)?;
        let mut tar = tar::Builder::new(Vec::new());
        append(&mut tar, "oci-layout", LAYOUT)?;
        append(&mut tar, "index.json", &index)?;
        for blob in [&manifest, &b"{}".to_vec(), &trust, &root, &pack] {
            append(&mut tar, &format!("blobs/sha256/{}", Digest::of(blob).hex()), blob)?;
        }
        tar.into_inner().map_err(ArchiveError::Tar)
    }

    /// Reads an archive; checks form, bounds and every digest.
    pub fn read(source: impl Read) -> Result<Self, ArchiveError> {
        let files = read_files(source)?;
        let index: ImageIndex = document(files.get("index.json").map(Vec::as_slice), "index")?;
        let of_type = |list: &[Descriptor], kind: &str| -> Option<BlobRef> {
            let found = list.iter().find(|descriptor| descriptor.media_type == kind)?;
            Some(BlobRef { digest: found.digest, size: found.size })
        };
        let blob = |reference: Option<BlobRef>, what| {
            let reference = reference.ok_or(ArchiveError::Missing(what))?;
            let name = format!("blobs/sha256/{}", reference.digest.hex());
            let bytes = files.get(&name).ok_or(ArchiveError::Missing(what))?;
            reference.check(bytes).map_err(ArchiveError::Damaged)?;
            Ok(bytes.as_slice())
        };
        let manifest = blob(of_type(&index.manifests, MANIFEST_TYPE), "manifest")?;
        let manifest: ImageManifest = document(Some(manifest), "manifest")?;
        let layer = |kind, what| blob(of_type(&manifest.layers, kind), what);
        let trust_root = document(Some(layer(TRUST_LAYER, "trust root")?), "trust root")?;
        let root = document(Some(layer(ROOT_LAYER, "bundle root")?), "bundle root")?;
        let pack = layer(PACK_LAYER, "pack")?;
        let blobs = pack::blobs(pack).map_err(ArchiveError::Pack)?;
        let blobs = blobs.into_iter().map(|(reference, bytes)| (reference.digest, bytes)).collect();
        Ok(Self { trust_root, root, blobs })
    }
}

fn json<T: Serialize>(what: &'static str, value: &T) -> Result<Vec<u8>, ArchiveError> {
    crate::canonical::of(value).map_err(|error| ArchiveError::Malformed(what, error))
}

fn document<T: for<'de> Deserialize<'de>>(bytes: Option<&[u8]>, what: &'static str) -> Result<T, ArchiveError> {
    let bytes = bytes.ok_or(ArchiveError::Missing(what))?;
    if bytes.len() as u64 > DOCUMENT_BYTES_MAX {
        let size = bytes.len() as u64;
        return Err(ArchiveError::TooLarge { name: what.to_owned(), size, most: DOCUMENT_BYTES_MAX });
    }
    serde_json::from_slice(bytes).map_err(|error| ArchiveError::Malformed(what, error))
}

fn append(tar: &mut tar::Builder<Vec<u8>>, name: &str, bytes: &[u8]) -> Result<(), ArchiveError> {
    let mut header = tar::Header::new_ustar();
    header.set_size(bytes.len() as u64);
    header.set_mode(0o644);
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    tar.append_data(&mut header, name, bytes).map_err(ArchiveError::Tar)
}

fn read_files(source: impl Read) -> Result<BTreeMap<String, Vec<u8>>, ArchiveError> {
    let mut files = BTreeMap::new();
    let mut total = 0u64;
    let mut tar = tar::Archive::new(source.take(ARCHIVE_BYTES_MAX));
    for entry in tar.entries().map_err(ArchiveError::Tar)? {
        let entry = entry.map_err(ArchiveError::Tar)?;
        if entry.header().entry_type() != tar::EntryType::Regular {
            continue;
        }
        if files.len() >= FILES_MAX {
            return Err(ArchiveError::TooMany);
        }
        let name = String::from_utf8_lossy(&entry.path_bytes()).trim_start_matches("./").to_owned();
        let size = entry.size();
        total = total.saturating_add(size);
        if total > ARCHIVE_BYTES_MAX {
            return Err(ArchiveError::TooLarge { name, size: total, most: ARCHIVE_BYTES_MAX });
        }
        let mut bytes = Vec::new();
        entry.take(size).read_to_end(&mut bytes).map_err(ArchiveError::Tar)?;
        if bytes.len() as u64 != size {
            return Err(ArchiveError::Tar(std::io::ErrorKind::UnexpectedEof.into()));
        }
        files.insert(name, bytes);
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archive() -> Archive {
        let envelope = |text: &str| Envelope {
            payload_type: "text/plain".into(),
            payload: text.as_bytes().to_vec(),
            signatures: Vec::new(),
        };
        let blobs = [&b"one"[..], b"two"].map(|bytes| (Digest::of(bytes), bytes.to_vec()));
        Archive { trust_root: envelope("trust"), root: envelope("root"), blobs: blobs.into() }
    }

    #[test]
    fn an_archive_reads_back_and_is_deterministic() {
        let bytes = archive().to_bytes().expect("writes");
        assert_eq!(bytes, archive().to_bytes().expect("writes"));
        assert_eq!(Archive::read(bytes.as_slice()).expect("reads"), archive());
    }

    #[test]
    fn damage_is_refused_or_harmless() {
        let good = archive().to_bytes().expect("writes");
        for end in (0..good.len() - 1024).step_by(97) {
            assert!(Archive::read(&good[..end]).is_err(), "cut at {end}");
        }
        for byte in 0..good.len() {
            let mut bad = good.clone();
            bad[byte] ^= 0x10;
            // Padding and unused header fields may change; content may not.
            if let Ok(read) = Archive::read(bad.as_slice()) {
                assert_eq!(read, archive(), "byte {byte}");
            }
        }
    }
}
