//! Content, in packs below an OCI image layout.
//!
//! An update appends a small pack; at eight packs, or when more than half of the content is dead, the
//! live content is written into one new pack and the old ones are removed – in that order.

use std::collections::BTreeMap;
use std::io;

use skerry_common::bundle::archive::PACK_LAYER;
use skerry_common::bundle::digest::Digest;
use skerry_common::bundle::pack::{self, FOOTER_BYTES, Footer, PackBuilder, PackError, PackedBlob};
use thiserror::Error;

use super::disk::{self, Disk};

const FOLDER: &str = "oci/blobs/sha256";
const LAYOUT: &[u8] = br#"{"imageLayoutVersion":"1.0.0"}"#;

/// More packs than this are made one.
const PACKS_MAX: usize = 8;

/// Packs with fewer blobs than this are not worth rewriting for their dead ones.
const SMALL: usize = 16;

/// Content that cannot be read or written.
#[derive(Debug, Error)]
pub enum PacksError {
    /// The disk said no.
    #[error("pack `{name}` cannot be {doing}")]
    Io {
        /// File.
        name: String,
        /// `read` or `written`.
        doing: &'static str,
        /// What the disk said.
        #[source]
        source: io::Error,
    },
    /// A blob does not read back.
    #[error("pack `{name}` is damaged")]
    Damaged {
        /// File.
        name: String,
        /// What does not match.
        #[source]
        source: PackError,
    },
}

/// Where each blob lies.
pub(super) struct Packs {
    /// File name → number of blobs.
    files: BTreeMap<String, usize>,
    /// Digest → (file name, place in it).
    index: BTreeMap<Digest, (String, PackedBlob)>,
}

fn written(name: &str) -> impl Fn(io::Error) -> PacksError {
    move |source| PacksError::Io { name: name.to_owned(), doing: "written", source }
}

fn read(name: &str) -> impl Fn(io::Error) -> PacksError {
    move |source| PacksError::Io { name: name.to_owned(), doing: "read", source }
}

impl Packs {
    /// Reads the index of every pack; sets damaged ones aside.
    pub(super) fn open(disk: &dyn Disk, repairs: &mut Vec<String>) -> Result<Self, PacksError> {
        let mut packs = Self { files: BTreeMap::new(), index: BTreeMap::new() };
        for file in disk.list(FOLDER).map_err(read(FOLDER))? {
            if file.contains('.') {
                continue; // half written, or set aside
            }
            let name = format!("{FOLDER}/{file}");
            match read_index(disk, &name)? {
                Ok(blobs) => packs.enter(name, blobs),
                Err(error) => {
                    disk.rename(&name, &format!("{name}.damaged")).map_err(written(&name))?;
                    repairs.push(format!("pack `{file}` was set aside: {error}"));
                }
            }
        }
        Ok(packs)
    }

    fn enter(&mut self, name: String, blobs: Vec<PackedBlob>) {
        self.files.insert(name.clone(), blobs.len());
        for blob in blobs {
            self.index.insert(blob.content.digest, (name.clone(), blob));
        }
    }

    pub(super) fn count(&self) -> usize {
        self.files.len()
    }

    pub(super) fn blobs(&self) -> usize {
        self.index.len()
    }

    pub(super) fn has(&self, digest: &Digest) -> bool {
        self.index.contains_key(digest)
    }

    /// Reads one blob; `None` when it is not here. A damaged one is an error.
    pub(super) fn read(&self, disk: &dyn Disk, digest: &Digest) -> Result<Option<Vec<u8>>, PacksError> {
        let Some((name, blob)) = self.index.get(digest) else { return Ok(None) };
        let frame = disk.read_range(name, blob.offset, blob.length as usize).map_err(read(name))?;
        let content = blob.unpack(&frame).map_err(|source| PacksError::Damaged { name: name.clone(), source })?;
        Ok(Some(content))
    }

    /// Writes content that is not here yet as one pack; durable when this returns.
    pub(super) fn add(&mut self, disk: &dyn Disk, blobs: &[&[u8]]) -> Result<(), PacksError> {
        let mut builder = PackBuilder::default();
        for bytes in blobs {
            if !self.has(&Digest::of(bytes)) {
                builder.add(bytes).map_err(|source| PacksError::Damaged { name: "new pack".into(), source })?;
            }
        }
        if builder.is_empty() {
            return Ok(());
        }
        self.write_pack(disk, builder)?;
        self.write_layout(disk)
    }

    /// Writes a pack, which is in use from then on; gives its name.
    fn write_pack(&mut self, disk: &dyn Disk, builder: PackBuilder) -> Result<String, PacksError> {
        let bytes = builder.finish();
        let name = format!("{FOLDER}/{}", Digest::of(&bytes).hex());
        let blobs = pack::index(&bytes).map_err(|source| PacksError::Damaged { name: name.clone(), source })?;
        disk::replace(disk, &name, &bytes).map_err(written(&name))?;
        self.enter(name.clone(), blobs);
        Ok(name)
    }

    /// The layout's own files, for tools; nothing here depends on them.
    pub(super) fn write_layout(&self, disk: &dyn Disk) -> Result<(), PacksError> {
        if disk.length("oci/oci-layout").map_err(read("oci/oci-layout"))?.is_none() {
            disk::replace(disk, "oci/oci-layout", LAYOUT).map_err(written("oci/oci-layout"))?;
        }
        let mut manifests = Vec::new();
        for name in self.files.keys() {
            let size = disk.length(name).map_err(read(name))?;
            let digest = name.rsplit('/').next().unwrap_or_default();
            manifests.push(serde_json::json!({
                "mediaType": PACK_LAYER, "digest": format!("sha256:{digest}"), "size": size,
            }));
        }
        let index = serde_json::json!({ "schemaVersion": 2, "manifests": manifests }).to_string();
        disk::replace(disk, "oci/index.json", index.as_bytes()).map_err(written("oci/index.json"))
    }

    /// Rewrites the packs when there are too many or they are mostly dead.
    pub(super) fn compact(&mut self, disk: &dyn Disk, live: &[Digest]) -> Result<(), PacksError> {
        let wanted = live.iter().filter(|digest| self.has(digest)).count();
        let stored: usize = self.files.values().sum();
        let mostly_dead = stored > SMALL && stored > 2 * wanted;
        if self.files.len() <= PACKS_MAX && !mostly_dead {
            return Ok(());
        }
        let mut builder = PackBuilder::default();
        for digest in live {
            if let Some(bytes) = self.read(disk, digest)? {
                builder.add(&bytes).map_err(|source| PacksError::Damaged { name: "new pack".into(), source })?;
            }
        }
        // Until the new pack is durable, nothing is forgotten: a full disk must not lose what is in force.
        let newest = self.write_pack(disk, builder)?;
        self.index.retain(|_, (file, _)| *file == newest);
        for old in self.files.keys().filter(|file| **file != newest) {
            disk.remove(old).map_err(written(old))?;
        }
        self.files.retain(|file, _| *file == newest);
        self.write_layout(disk)?;
        disk.sync_folder(FOLDER).map_err(written(FOLDER))
    }
}

/// The outer error is the disk's, the inner one damage.
fn read_index(disk: &dyn Disk, name: &str) -> Result<Result<Vec<PackedBlob>, PackError>, PacksError> {
    let length = disk.length(name).map_err(read(name))?.unwrap_or(0);
    let Some(at) = length.checked_sub(FOOTER_BYTES as u64) else { return Ok(Err(PackError::Footer)) };
    let bytes = disk.read_range(name, at, FOOTER_BYTES).map_err(read(name))?;
    let Some(footer) = bytes.first_chunk::<FOOTER_BYTES>() else { return Ok(Err(PackError::Footer)) };
    let footer = match Footer::parse(footer, length) {
        Ok(footer) => footer,
        Err(error) => return Ok(Err(error)),
    };
    let Ok(index_length) = usize::try_from(footer.index_length) else { return Ok(Err(PackError::Index)) };
    let index = disk.read_range(name, footer.index_offset, index_length).map_err(read(name))?;
    Ok(footer.index(&index))
}
