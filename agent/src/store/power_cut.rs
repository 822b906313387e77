//! A disk in memory that forgets what was not synced: power cuts and full disks, replayed.
//!
//! It keeps state like a disk does – content and names, each with a volatile and a durable side – and
//! counts its writing steps, so a test can cut the power at every one of them.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::disk::{Disk, folder_of};

/// What becomes of unsynced content when the power goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unsynced {
    /// All of it is lost.
    Lost,
    /// Names are kept, and of appended bytes the first half: a torn tail.
    Torn,
}

#[derive(Debug, Default, Clone)]
struct Content {
    volatile: Vec<u8>,
    durable: Vec<u8>,
}

#[derive(Debug, Default)]
struct State {
    contents: Vec<Content>,
    names: BTreeMap<String, usize>,
    durable_names: BTreeMap<String, usize>,
    steps: u64,
    cut_at: Option<u64>,
    bytes_free: Option<usize>,
}

/// The disk; clones share it. The lock is there because a test looks at it while a store owns it.
#[derive(Debug, Default, Clone)]
pub struct PowerCutDisk(Arc<Mutex<State>>);

impl PowerCutDisk {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many writing steps were made.
    pub fn steps(&self) -> u64 {
        self.state().steps
    }

    /// Lets every step from the `step`-th on (from 0) fail: the power is gone.
    pub fn cut_power_at(&self, step: u64) {
        self.state().cut_at = Some(step);
    }

    /// Leaves so many bytes free; a write beyond them writes what fits and fails. `None`: plenty.
    pub fn set_bytes_free(&self, bytes: Option<usize>) {
        self.state().bytes_free = bytes;
    }

    /// What the next start finds.
    #[must_use]
    pub fn after_cut(&self, unsynced: Unsynced) -> Self {
        let state = self.state();
        let names = match unsynced {
            Unsynced::Lost => state.durable_names.clone(),
            Unsynced::Torn => state.names.clone(),
        };
        let keep = |content: &Content| {
            let mut bytes = content.durable.clone();
            if unsynced == Unsynced::Torn && content.volatile.starts_with(&content.durable) {
                let tail = &content.volatile[content.durable.len()..];
                bytes.extend_from_slice(&tail[..tail.len() / 2]);
            }
            Content { volatile: bytes.clone(), durable: bytes }
        };
        let contents = state.contents.iter().map(keep).collect();
        let found = State { contents, durable_names: names.clone(), names, ..State::default() };
        Self(Arc::new(Mutex::new(found)))
    }

    /// Flips a bit of a file; false when the file is shorter.
    pub fn flip(&self, name: &str, bit: usize) -> bool {
        let mut state = self.state();
        let Some(index) = state.names.get(name).copied() else { return false };
        let content = &mut state.contents[index];
        let Some(byte) = content.volatile.get_mut(bit / 8) else { return false };
        *byte ^= 1 << (bit % 8);
        content.durable = content.volatile.clone();
        true
    }

    /// All file names.
    pub fn names(&self) -> Vec<String> {
        self.state().names.keys().cloned().collect()
    }

    fn step(&self) -> io::Result<MutexGuard<'_, State>> {
        let mut state = self.state();
        if state.cut_at.is_some_and(|cut| state.steps >= cut) {
            return Err(io::Error::other("the power is cut"));
        }
        state.steps += 1;
        Ok(state)
    }
}

impl State {
    fn index(&self, name: &str) -> io::Result<usize> {
        self.names.get(name).copied().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn create(&mut self, name: &str) -> usize {
        self.contents.push(Content::default());
        self.names.insert(name.to_owned(), self.contents.len() - 1);
        self.contents.len() - 1
    }

    /// Writes as much as there is room for.
    fn extend(&mut self, index: usize, bytes: &[u8]) -> io::Result<()> {
        let fits = self.bytes_free.map_or(bytes.len(), |free| free.min(bytes.len()));
        self.contents[index].volatile.extend_from_slice(&bytes[..fits]);
        if let Some(free) = &mut self.bytes_free {
            *free -= fits;
        }
        if fits < bytes.len() { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }
}

impl Disk for PowerCutDisk {
    fn read(&self, name: &str, bytes_max: u64) -> io::Result<Option<Vec<u8>>> {
        let state = self.state();
        let Ok(index) = state.index(name) else { return Ok(None) };
        let bytes = &state.contents[index].volatile;
        if bytes.len() as u64 > bytes_max { Err(io::ErrorKind::FileTooLarge.into()) } else { Ok(Some(bytes.clone())) }
    }

    fn read_range(&self, name: &str, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        let state = self.state();
        let bytes = &state.contents[state.index(name)?].volatile;
        let start = usize::try_from(offset).map_err(io::Error::other)?;
        let range = bytes.get(start..start.saturating_add(length));
        range.map(<[u8]>::to_vec).ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }

    fn length(&self, name: &str) -> io::Result<Option<u64>> {
        let state = self.state();
        Ok(state.index(name).ok().map(|index| state.contents[index].volatile.len() as u64))
    }

    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        let state = self.state();
        let inside = state.names.keys().filter(|name| folder_of(name) == folder);
        Ok(inside.filter_map(|name| name.rsplit('/').next()).map(str::to_owned).collect())
    }

    fn write(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.step()?;
        let index = match state.index(name) {
            Ok(index) => {
                state.contents[index].volatile.clear();
                index
            }
            Err(_) => state.create(name),
        };
        state.extend(index, bytes)
    }

    fn append(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.step()?;
        let index = state.index(name).unwrap_or_else(|_| state.create(name));
        state.extend(index, bytes)
    }

    fn truncate(&self, name: &str, length: u64) -> io::Result<()> {
        let mut state = self.step()?;
        let index = state.index(name)?;
        let length = usize::try_from(length).map_err(io::Error::other)?;
        state.contents[index].volatile.truncate(length);
        Ok(())
    }

    fn sync(&self, name: &str) -> io::Result<()> {
        let mut state = self.step()?;
        let index = state.index(name)?;
        let content = &mut state.contents[index];
        content.durable = content.volatile.clone();
        Ok(())
    }

    fn sync_folder(&self, folder: &str) -> io::Result<()> {
        let mut state = self.step()?;
        let elsewhere = |name: &String| folder_of(name) != folder;
        let mut durable = state.durable_names.clone();
        durable.retain(|name, _| elsewhere(name));
        durable.extend(state.names.iter().filter(|(name, _)| !elsewhere(name)).map(|(name, at)| (name.clone(), *at)));
        state.durable_names = durable;
        Ok(())
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut state = self.step()?;
        let index = state.index(from)?;
        state.names.remove(from);
        state.names.insert(to.to_owned(), index);
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.step()?.names.remove(name);
        Ok(())
    }
}
