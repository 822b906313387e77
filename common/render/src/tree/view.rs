//! What a render sees of a tree: links followed, bounds kept, everything read remembered.

mod find;

use std::cell::{RefCell, RefMut};
use std::sync::Arc;

use skerry_common::diagnostic::{Diagnostic, Location};

use super::mount::Mounts;
use super::record::{Counts, Record};
use super::{Entry, SourceTree, TreeError, starts_in};
use crate::allowed::{Allowed, FileScope, RemoteBase};
use crate::codes::{self, Fallible, fail, fail_with_help};
use crate::kustomize::SchemaState;
use crate::limits::RenderLimits;
use crate::memo::{Kept, Memo, Seen, Store};
use crate::read_set::{FOLDER, ReadSet};

/// Most symbolic links in one path: what Linux follows.
const LINKS_MAX: usize = 40;

/// Most other repositories in one build: each may be fetched for it.
const REPOSITORIES_MAX: usize = 32;

/// Largest Git LFS pointer, as its specification bounds it.
const LFS_POINTER_BYTES_MAX: usize = 1024;

/// How every Git LFS pointer begins.
const LFS_POINTER_START: &[u8] = b"version https://git-lfs.github.com/spec/";

/// A tree as one render sees it.
pub(crate) struct View<'a> {
    tree: &'a dyn SourceTree,
    pub(crate) limits: RenderLimits,
    pub(crate) allowed: Allowed,
    /// What builds share, with the number of this tree.
    memo: Option<(&'a Memo, u64)>,
    mounts: Mounts,
    is_explained: bool,
    state: RefCell<State>,
    schema: RefCell<SchemaState>,
}

#[derive(Default)]
struct State {
    /// Of the part that is recorded at the moment.
    record: Record,
    /// Of the whole render.
    used: Counts,
}

/// What is at a path, links followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    /// Where it really lies.
    pub(crate) path: String,
    /// Whether it is a folder.
    pub(crate) is_folder: bool,
}

impl<'a> View<'a> {
    pub(crate) fn new(tree: &'a dyn SourceTree, limits: RenderLimits) -> Self {
        let (state, schema) = (RefCell::default(), RefCell::default());
        Self {
            tree,
            limits,
            allowed: Allowed::default(),
            memo: None,
            mounts: Mounts::default(),
            is_explained: false,
            state,
            schema,
        }
    }

    /// The schema of the build.
    pub(crate) fn schema(&self) -> RefMut<'_, SchemaState> {
        self.schema.borrow_mut()
    }

    /// The same view, allowed more than to read.
    pub(crate) fn allowing(self, allowed: &Allowed) -> Self {
        Self { allowed: allowed.clone(), ..self }
    }

    /// The same, with what earlier builds have left. A root that cannot be read has no number; the
    /// build itself will say what is wrong.
    pub(crate) fn with_memo(tree: &'a dyn SourceTree, limits: RenderLimits, memo: &'a Memo) -> Self {
        let memo = memo.number_of(tree).ok().map(|number| (memo, number));
        Self { memo, ..Self::new(tree, limits) }
    }

    /// The same view, in which it is noted what sets which field.
    pub(crate) fn explaining(self) -> Self {
        Self { is_explained: true, memo: None, ..self }
    }

    /// Whether it is noted what sets which field.
    pub(crate) fn is_explained(&self) -> bool {
        self.is_explained
    }

    /// The folder below which the tree of another repository is seen.
    pub(crate) fn mount(&self, base: &RemoteBase, at: &Location) -> Fallible<String> {
        self.depend_on_more();
        let Some(remotes) = &self.allowed.remotes else {
            let message = format!("`{}` is remote; remote bases are not fetched", base.repository);
            let help =
                "`skerry build` has `--enable-remote`, the hub the setting `render.remote_bases`; or copy the base";
            return fail_with_help(codes::REMOTE, at, message, help);
        };
        let name = Mounts::name(&format!("{}@{}", base.repository, base.reference));
        if self.mounts.has(&name) {
            return Ok(name);
        }
        if self.mounts.len() >= REPOSITORIES_MAX {
            let message = format!("more than {REPOSITORIES_MAX} other repositories are read");
            return fail(codes::TOO_NESTED, at, message);
        }
        match remotes.tree(base) {
            Ok(tree) => self.mounts.add(name.clone(), tree),
            Err(error) => {
                let chain = skerry_common::error_chain::Chain(&error);
                return fail(codes::REMOTE_FAILED, at, format!("the repository `{}`: {chain}", base.repository));
            }
        }
        Ok(name)
    }

    /// Whether the kustomization of a folder may load a file.
    pub(crate) fn may_load(&self, file: &str, folder: &str) -> bool {
        let is_free = self.allowed.files == FileScope::Source && self.mounts.of(folder).is_none();
        is_free || starts_in(file, folder)
    }

    /// Whether two paths lie in the same tree.
    pub(crate) fn same_tree(&self, left: &str, right: &str) -> bool {
        self.mounts.of(left) == self.mounts.of(right)
    }

    /// Everything that was read, and the warnings.
    pub(crate) fn finish(self) -> (ReadSet, Vec<Diagnostic>) {
        let record = self.state.into_inner().record;
        (record.reads, record.warnings)
    }

    /// Notes what works, but somebody should look at; once.
    pub(crate) fn warn(&self, warning: Diagnostic) {
        self.state.borrow_mut().record.warn(&warning);
    }

    /// Notes that a folder is entered, as deep inside others.
    pub(crate) fn enter(&self, folder: &str, depth: usize) {
        let record = &mut self.state.borrow_mut().record;
        record.folders.insert(folder.to_owned());
        record.depth = record.depth.max(depth);
    }

    /// Notes that the part at hand depends on more than files: it is not kept.
    pub(crate) fn depend_on_more(&self) {
        self.state.borrow_mut().record.is_partial = true;
    }

    /// Takes something from the memo, or makes and keeps it; `around` are the folders around.
    pub(crate) fn shared<T: 'a>(
        &self,
        store: impl FnOnce(&'a Memo) -> &'a Store<Kept<T>>,
        key: &str,
        around: &[String],
        make: impl FnOnce() -> Fallible<T>,
    ) -> Fallible<Arc<T>> {
        // A schema that somebody has chosen may change everything inside of other folders.
        let is_plain = || around.is_empty() || !self.schema().is_decided();
        let Some((memo, number)) = self.memo.filter(|_| is_plain()) else { return make().map(Arc::new) };
        let store = store(memo);
        for kept in store.of(key) {
            let used = self.state.borrow().used.plus(kept.record.counts);
            let fits =
                kept.limits == self.limits && used.fits(&self.limits) && kept.record.may_stand_in(around, &self.limits);
            let holds = || kept.seen.holds(number, self.tree, &kept.record.reads);
            if fits && holds().or_else(|error| self.broken(key, &error))? {
                let mut state = self.state.borrow_mut();
                state.used = used;
                state.record.add(&kept.record);
                if kept.uses_schema {
                    self.schema().note_use();
                }
                state.record.depth = state.record.depth.max(around.len() + kept.record.depth);
                return Ok(kept.value.clone());
            }
        }
        let uses_before = self.schema().uses();
        let (value, mut record) = self.record(make)?;
        record.depth = record.depth.saturating_sub(around.len());
        let value = Arc::new(value);
        if is_plain() && !record.is_partial {
            let seen = Seen::new(number, self.tree, &record.reads);
            let uses_schema = self.schema().uses() > uses_before;
            let kept = Kept { value: value.clone(), record, limits: self.limits, seen, uses_schema };
            store.insert(key, Arc::new(kept));
        }
        Ok(value)
    }

    /// Records what a part of the render depends on and uses up.
    fn record<T>(&self, make: impl FnOnce() -> Fallible<T>) -> Fallible<(T, Record)> {
        let (outer, before) = {
            let mut state = self.state.borrow_mut();
            (std::mem::take(&mut state.record), state.used)
        };
        let made = make();
        let mut state = self.state.borrow_mut();
        let mut part = std::mem::replace(&mut state.record, outer);
        part.counts = state.used.since(before);
        state.record.add(&part);
        state.record.depth = state.record.depth.max(part.depth);
        made.map(|made| (made, part))
    }

    fn entry(&self, path: &str) -> Fallible<Option<Entry>> {
        let entry = self.ask(path, |tree, path| tree.entry(path))?;
        let mark = entry.as_ref().map(|entry| match entry {
            Entry::Directory { .. } => FOLDER.to_owned(),
            Entry::File { .. } | Entry::Symlink { .. } | Entry::Submodule => entry.mark(),
        });
        self.remember(path, mark.as_deref());
        Ok(entry)
    }

    fn ask<T>(&self, path: &str, question: impl FnOnce(&dyn SourceTree, &str) -> Result<T, TreeError>) -> Fallible<T> {
        self.mounts.ask(self.tree, path, question).or_else(|error| self.broken(path, &error))
    }

    /// Notes what was seen. Of other trees nothing is noted, because they do not change (see
    /// [`crate::RemoteSources`]); what they give is not shared.
    fn remember(&self, path: &str, mark: Option<&str>) {
        match self.mounts.of(path) {
            Some(_) => self.depend_on_more(),
            None => self.state.borrow_mut().record.remember(path, mark),
        }
    }

    /// What a folder holds. Its tree id becomes part of the read-set.
    pub(crate) fn list(&self, folder: &str) -> Fallible<Vec<(String, Entry)>> {
        let entry = self.ask(folder, |tree, path| tree.entry(path))?;
        self.remember(folder, entry.as_ref().map(Entry::mark).as_deref());
        if self.mounts.of(folder).is_none() {
            self.state.borrow_mut().record.listed.insert(folder.to_owned());
        }
        self.ask(folder, |tree, path| tree.list(path))
    }

    /// The content of a file that was found.
    pub(crate) fn read(&self, found: &Found) -> Fallible<Arc<[u8]>> {
        let at = Location::file(&found.path, None);
        if let Some(Entry::File { size, .. }) = self.entry(&found.path)? {
            self.check_size(size, &at)?;
        }
        let content = self.ask(&found.path, |tree, path| tree.read(path))?;
        self.check_size(content.len() as u64, &at)?;
        let total = {
            let mut state = self.state.borrow_mut();
            state.used.bytes += content.len() as u64;
            state.used.bytes
        };
        if total > self.limits.total_bytes_max {
            return fail(
                codes::TOO_LARGE,
                &at,
                format!("more than {} bytes are read in all", self.limits.total_bytes_max),
            );
        }
        if content.len() <= LFS_POINTER_BYTES_MAX && content.starts_with(LFS_POINTER_START) {
            let message = format!("`{}` is a Git LFS pointer, not the file itself", found.path);
            return fail_with_help(codes::LFS_POINTER, &at, message, "keep manifests in Git itself, not in LFS");
        }
        Ok(content)
    }

    fn check_size(&self, size: u64, at: &Location) -> Fallible<()> {
        let max = self.limits.file_bytes_max;
        if size > max {
            return fail(codes::TOO_LARGE, at, format!("the file has {size} bytes, at most {max} are read"));
        }
        Ok(())
    }

    /// Counts documents; refuses more than the bound.
    pub(crate) fn count_documents(&self, documents: usize, at: &Location) -> Fallible<()> {
        let mut state = self.state.borrow_mut();
        state.used.documents += documents;
        if state.used.documents > self.limits.documents_max {
            let message = format!("more than {} documents are read in all", self.limits.documents_max);
            return fail(codes::TOO_MANY_DOCUMENTS, at, message);
        }
        Ok(())
    }

    /// Counts a folder that is built; refuses more than the bound.
    pub(crate) fn count_build(&self, at: &Location) -> Fallible<()> {
        let mut state = self.state.borrow_mut();
        state.used.builds += 1;
        if state.used.builds > self.limits.builds_max {
            let message = format!("more than {} folders are built in all", self.limits.builds_max);
            return fail(codes::TOO_NESTED, at, message);
        }
        Ok(())
    }

    /// Counts bytes that patches, labels and the like add; refuses more than the bound, because
    /// each of them may go into every resource.
    pub(crate) fn count_growth(&self, bytes: usize, at: &Location) -> Fallible<()> {
        let mut state = self.state.borrow_mut();
        state.used.growth = state.used.growth.saturating_add(bytes);
        if state.used.growth as u64 > self.limits.total_bytes_max {
            let message = format!("transformers add more than {} bytes in all", self.limits.total_bytes_max);
            return fail(codes::TOO_LARGE, at, message);
        }
        Ok(())
    }

    fn broken<T>(&self, path: &str, error: &TreeError) -> Fallible<T> {
        let at = Location::file(path, None);
        let code = match error {
            TreeError::TooLarge { .. } => codes::TOO_LARGE,
            TreeError::NotAFile { .. } => codes::NOT_FOUND,
            TreeError::Unreadable { .. } => codes::UNREADABLE,
        };
        fail(code, &at, skerry_common::error_chain::Chain(error).to_string())
    }
}
