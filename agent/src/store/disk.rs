//! The seam to the file system: few primitive steps, so that power cuts and full disks can be replayed.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

/// Files below one folder, by relative name (`oci/index.json`).
///
/// Nothing is durable before [`sync`](Disk::sync) of the file *and*, for a new or renamed name,
/// [`sync_folder`](Disk::sync_folder).
pub trait Disk: Send + 'static {
    /// Reads at most `bytes_max` bytes; `None` when there is no such file. A longer file is an error.
    fn read(&self, name: &str, bytes_max: u64) -> io::Result<Option<Vec<u8>>>;
    /// Reads exactly this range.
    fn read_range(&self, name: &str, offset: u64, length: usize) -> io::Result<Vec<u8>>;
    /// The length of a file; `None` when there is no such file.
    fn length(&self, name: &str) -> io::Result<Option<u64>>;
    /// Names of the files in a folder, sorted; empty when there is no such folder.
    fn list(&self, folder: &str) -> io::Result<Vec<String>>;
    /// Creates or truncates a file and writes it; makes missing folders.
    fn write(&self, name: &str, bytes: &[u8]) -> io::Result<()>;
    /// Writes at the end of a file; creates it when missing.
    fn append(&self, name: &str, bytes: &[u8]) -> io::Result<()>;
    /// Cuts a file.
    fn truncate(&self, name: &str, length: u64) -> io::Result<()>;
    /// Makes a file's content durable.
    fn sync(&self, name: &str) -> io::Result<()>;
    /// Makes the names in a folder (`""`: the top) durable.
    fn sync_folder(&self, folder: &str) -> io::Result<()>;
    /// Renames, replacing.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;
    /// Removes a file; fine when there is none.
    fn remove(&self, name: &str) -> io::Result<()>;
}

/// The folder part of a name.
pub fn folder_of(name: &str) -> &str {
    name.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// Replaces a file so that after a crash either the old or the new content is there.
pub fn replace(disk: &dyn Disk, name: &str, bytes: &[u8]) -> io::Result<()> {
    let new = format!("{name}.new");
    disk.write(&new, bytes)?;
    disk.sync(&new)?;
    disk.rename(&new, name)?;
    disk.sync_folder(folder_of(name))
}

/// A real folder.
#[derive(Debug, Clone)]
pub struct FolderDisk {
    root: PathBuf,
}

impl FolderDisk {
    /// Opens a folder and makes it when missing, readable by its owner only.
    pub fn open(root: &Path) -> io::Result<Self> {
        use std::os::unix::fs::DirBuilderExt as _;
        fs::DirBuilder::new().recursive(true).mode(0o700).create(root)?;
        Ok(Self { root: root.to_owned() })
    }

    fn path(&self, name: &str) -> PathBuf {
        if name.is_empty() { self.root.clone() } else { self.root.join(name) }
    }
}

fn missing_is_none<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

impl Disk for FolderDisk {
    fn read(&self, name: &str, bytes_max: u64) -> io::Result<Option<Vec<u8>>> {
        let Some(file) = missing_is_none(File::open(self.path(name)))? else { return Ok(None) };
        let mut bytes = Vec::new();
        file.take(bytes_max.saturating_add(1)).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > bytes_max {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("more than {bytes_max} bytes")));
        }
        Ok(Some(bytes))
    }

    fn read_range(&self, name: &str, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        let mut file = File::open(self.path(name))?;
        file.seek(SeekFrom::Start(offset))?;
        let mut bytes = vec![0; length];
        file.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    fn length(&self, name: &str) -> io::Result<Option<u64>> {
        Ok(missing_is_none(fs::metadata(self.path(name)))?.map(|metadata| metadata.len()))
    }

    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        let Some(entries) = missing_is_none(fs::read_dir(self.path(folder)))? else { return Ok(Vec::new()) };
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry?;
            if entry.file_type()?.is_file() {
                names.extend(entry.file_name().into_string());
            }
        }
        names.sort();
        Ok(names)
    }

    fn write(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        fs::create_dir_all(self.path(folder_of(name)))?;
        File::create(self.path(name))?.write_all(bytes)
    }

    fn append(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        OpenOptions::new().create(true).append(true).open(self.path(name))?.write_all(bytes)
    }

    fn truncate(&self, name: &str, length: u64) -> io::Result<()> {
        OpenOptions::new().write(true).open(self.path(name))?.set_len(length)
    }

    fn sync(&self, name: &str) -> io::Result<()> {
        File::open(self.path(name))?.sync_all()
    }

    fn sync_folder(&self, folder: &str) -> io::Result<()> {
        File::open(self.path(folder))?.sync_all()
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.path(from), self.path(to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        missing_is_none(fs::remove_file(self.path(name))).map(|_| ())
    }
}
