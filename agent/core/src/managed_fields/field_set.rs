//! Sets of field paths, as a tree.

use std::collections::BTreeMap;

use serde_json::Value;

use super::FieldsError;
use super::path::{Element, FieldPath};

/// Deepest nesting that is read: as deep as objects themselves may be.
pub const DEPTH_MAX: usize = skerry_common::canonical::DEPTH_MAX;

/// A set of paths into an object.
///
/// A leaf that is a member stands for everything below it; a member with children stands for the
/// node itself (that it exists) besides them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FieldSet {
    pub(super) member: bool,
    pub(super) children: BTreeMap<Element, FieldSet>,
}

impl FieldSet {
    /// Reads a `FieldsV1` tree.
    pub fn parse(fields: &Value) -> Result<Self, FieldsError> {
        let mut set = parse(fields, DEPTH_MAX)?;
        set.member = false;
        Ok(set)
    }

    /// The set of one path.
    pub fn single(path: &[Element]) -> Self {
        let mut set = Self::default();
        set.insert(path);
        set
    }

    /// Adds a path.
    pub fn insert(&mut self, path: &[Element]) {
        let node = path.iter().fold(self, |node, element| node.children.entry(element.clone()).or_default());
        node.member = true;
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        !self.member && self.children.is_empty()
    }

    /// Whether this very path is in it, or a leaf above it that stands for all below.
    pub fn contains(&self, path: &[Element]) -> bool {
        match path.split_first() {
            None => self.member,
            Some((first, rest)) => self.is_leaf() || self.children.get(first).is_some_and(|child| child.contains(rest)),
        }
    }

    /// Whether it is a member that stands for everything below it.
    pub fn is_leaf(&self) -> bool {
        self.member && self.children.is_empty()
    }

    /// Adds all of another set.
    pub fn union(&mut self, other: &Self) {
        self.member |= other.member;
        for (element, child) in &other.children {
            self.children.entry(element.clone()).or_default().union(child);
        }
    }

    /// What is in this set and not in the other.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        if other.is_leaf() {
            return Self::default();
        }
        let children = self.children.iter().map(|(element, child)| {
            let rest = other.children.get(element).map_or_else(|| child.clone(), |other| child.difference(other));
            (element.clone(), rest)
        });
        Self {
            member: self.member && !other.member,
            children: children.filter(|(_, child)| !child.is_empty()).collect(),
        }
    }

    /// What is in both; a leaf of one stands for all that the other has below it.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        if self.is_leaf() {
            return other.clone();
        }
        if other.is_leaf() {
            return self.clone();
        }
        let children = self.children.iter().filter_map(|(element, child)| {
            other.children.get(element).map(|other| (element.clone(), child.intersection(other)))
        });
        Self {
            member: self.member && other.member,
            children: children.filter(|(_, child)| !child.is_empty()).collect(),
        }
    }

    /// Every member, depth first, in order.
    pub fn paths(&self) -> Vec<FieldPath> {
        let mut out = Vec::new();
        self.collect(&mut Vec::new(), &mut out);
        out
    }

    fn collect(&self, here: &mut FieldPath, out: &mut Vec<FieldPath>) {
        if self.member {
            out.push(here.clone());
        }
        for (element, child) in &self.children {
            here.push(element.clone());
            child.collect(here, out);
            here.pop();
        }
    }

    /// The part below one element.
    pub fn child(&self, element: &Element) -> Option<&Self> {
        self.children.get(element)
    }

    /// The parts below this node, in order.
    pub fn children(&self) -> impl Iterator<Item = (&Element, &Self)> {
        self.children.iter()
    }

    /// Whether the node itself is in the set.
    pub fn is_member(&self) -> bool {
        self.member
    }
}

fn parse(fields: &Value, depth: usize) -> Result<FieldSet, FieldsError> {
    let map = fields.as_object().ok_or_else(|| malformed(&fields.to_string()))?;
    let depth = depth.checked_sub(1).ok_or(FieldsError::TooDeep)?;
    let mut set = FieldSet { member: map.is_empty(), children: BTreeMap::new() };
    for (key, below) in map {
        if key == "." {
            set.member = true;
        } else {
            let element = Element::parse(key).ok_or_else(|| malformed(key))?;
            set.children.insert(element, parse(below, depth)?);
        }
    }
    Ok(set)
}

fn malformed(text: &str) -> FieldsError {
    FieldsError::Malformed(text.chars().take(80).collect())
}
