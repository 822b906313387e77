//! Lists that copies share.

use std::ops::{Deref, DerefMut};

use ecow::EcoVec;

/// A list that its copies share until one of them is changed. To look at it costs nothing; to ask
/// for anything mutable makes it its owner's own, entries and all, but not what is below them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct List<T>(EcoVec<T>);

impl<T> List<T> {
    /// An empty list.
    pub fn new() -> Self {
        Self(EcoVec::new())
    }
}

impl<T: Clone> List<T> {
    /// An empty list with room for some entries.
    pub fn with_capacity(capacity: usize) -> Self {
        Self(EcoVec::with_capacity(capacity))
    }

    /// Adds an entry at the end.
    pub fn push(&mut self, entry: T) {
        self.0.push(entry);
    }

    /// Adds an entry before the one at an index, which is at most the length.
    pub fn insert(&mut self, index: usize, entry: T) {
        self.0.insert(index, entry);
    }

    /// Takes the entry at an index out, which is below the length.
    pub fn remove(&mut self, index: usize) -> T {
        self.0.remove(index)
    }

    /// Keeps the entries that are wanted.
    pub fn retain(&mut self, mut is_wanted: impl FnMut(&T) -> bool) {
        self.0.retain(|entry| is_wanted(entry));
    }
}

impl<T> Default for List<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Deref for List<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        self.0.as_slice()
    }
}

impl<T: Clone> DerefMut for List<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        self.0.make_mut()
    }
}

impl<T: Clone> FromIterator<T> for List<T> {
    fn from_iter<I: IntoIterator<Item = T>>(entries: I) -> Self {
        Self(entries.into_iter().collect())
    }
}

impl<T: Clone> From<Vec<T>> for List<T> {
    fn from(entries: Vec<T>) -> Self {
        entries.into_iter().collect()
    }
}

impl<T: Clone> Extend<T> for List<T> {
    fn extend<I: IntoIterator<Item = T>>(&mut self, entries: I) {
        self.0.extend(entries);
    }
}

impl<T: Clone> IntoIterator for List<T> {
    type Item = T;
    type IntoIter = ecow::vec::IntoIter<T>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a, T> IntoIterator for &'a List<T> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<'a, T: Clone> IntoIterator for &'a mut List<T> {
    type Item = &'a mut T;
    type IntoIter = std::slice::IterMut<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter_mut()
    }
}
