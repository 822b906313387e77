//! Lists that are merged by key, or as sets of texts.
//!
//! Entries of the patch come first, those that only the old list has follow. The steps, and their
//! order, are the original's: where entries repeat a key or lack it, the result is as there.

use std::collections::BTreeSet;

use skerry_yaml::{List, Node};

use super::{DIRECTIVE, Directive, Merged, Misfit, Walk};
use crate::kustomize::schema::Schema;

/// How an entry is found: by the values of its keys, or, with the one key `""`, by its text.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Identity<'t> {
    keys: Vec<&'t str>,
    values: Vec<String>,
}

/// What is merged: two lists, or one with itself, which settles it.
enum Lists {
    Two { old: List<Node>, new: List<Node> },
    One(List<Node>),
}

impl<'t> Walk<'t> {
    /// Merges two lists, either of which may be missing.
    pub(super) fn list(
        &mut self,
        dest: Option<Node>,
        patch: Option<Node>,
        schema: Schema<'t>,
    ) -> Result<Merged, Misfit> {
        let Some(mut dest) = dest.filter(|dest| !dest.is_null()) else {
            let Some(patch) = patch else { return Ok(Merged::Gone) };
            return self.finish_one(patch, schema);
        };
        let Some(mut patch) = patch else {
            return self.finish_two(&mut dest, List::new(), schema).map(|()| Merged::Old(dest));
        };
        if patch.is_null() {
            return Ok(Merged::Gone);
        }
        match self.take_list_directive(&mut patch)? {
            Directive::Delete => Ok(Merged::Gone),
            Directive::Replace => self.finish_one(patch, schema),
            Directive::Merge => {
                let new = patch.items_mut().map(std::mem::take).unwrap_or_default();
                self.finish_two(&mut dest, new, schema).map(|()| Merged::Old(dest))
            }
        }
    }

    fn finish_one(&mut self, mut list: Node, schema: Schema<'t>) -> Result<Merged, Misfit> {
        let items = list.items_mut().map(std::mem::take).unwrap_or_default();
        let merged = self.entries(Lists::One(items), schema)?;
        put(&mut list, merged);
        Ok(Merged::New(list))
    }

    fn finish_two(&mut self, dest: &mut Node, new: List<Node>, schema: Schema<'t>) -> Result<(), Misfit> {
        let old = dest.items_mut().map(std::mem::take).unwrap_or_default();
        let merged = self.entries(Lists::Two { old, new }, schema)?;
        put(dest, merged);
        Ok(())
    }

    /// Takes directives and nulls out of a list that is added as it is.
    pub(super) fn settle_list(&mut self, mut list: Node, schema: Schema<'t>) -> Result<Option<Node>, Misfit> {
        if self.take_list_directive(&mut list)? == Directive::Delete {
            return Ok(None);
        }
        Ok(self.finish_one(list, schema)?.into_value())
    }

    /// Reads and takes out the entry that is only `$patch`.
    fn take_list_directive(&self, list: &mut Node) -> Result<Directive, Misfit> {
        let entry = list.items().iter().find(|item| item.get(DIRECTIVE).is_some());
        let Some(entry) = entry.filter(|entry| entry.entries().len() == 1) else { return Ok(Directive::Merge) };
        let Some(text) = entry.get(DIRECTIVE).and_then(Node::as_str).map(str::to_owned) else {
            return Ok(Directive::Merge);
        };
        let directive = self.directive(&text)?;
        let identity = Identity { keys: vec![DIRECTIVE], values: vec![text] };
        let items = list.items_mut().map(std::mem::take).unwrap_or_default();
        let rest = self.put_entry(items, &identity, None)?;
        put(list, rest);
        Ok(directive)
    }

    fn entries(&mut self, lists: Lists, schema: Schema<'t>) -> Result<List<Node>, Misfit> {
        let Some(list) = schema.merged() else {
            return Ok(match lists {
                Lists::Two { old, .. } | Lists::One(old) => old,
            });
        };
        let keys: Vec<&'t str> =
            if list.keys.is_empty() { vec![""] } else { list.keys.iter().map(AsRef::as_ref).collect() };
        let (mut old, new) = match lists {
            Lists::Two { old, new } => (old, Some(new)),
            Lists::One(only) => (only, None),
        };
        let mut wanted = values_of(new.as_deref().unwrap_or_default().iter().chain(&old), &keys);
        if keys.len() > 1 {
            complete(&mut wanted);
        }
        let mut merged = List::new();
        let mut last_keys = keys.clone();
        for values in &wanted {
            let identity = valid(&wanted, values, &keys);
            last_keys.clone_from(&identity.keys);
            let exact = valid(std::slice::from_ref(&identity.values), &identity.values, &identity.keys);
            let place = find(&old, &exact);
            let merged_entry = self.entry(&old, place, new.as_deref(), &exact, schema.element())?;
            let in_place = matches!(merged_entry, Merged::Old(_));
            let Some(mut value) = merged_entry.into_value().filter(|value| !is_nothing(value)) else {
                old = self.put_entry(old, &identity, None)?;
                continue;
            };
            add_missing_keys(&mut value, &identity);
            if let Some(entry) = place.filter(|_| in_place).and_then(|place| old.get_mut(place)) {
                entry.clone_from(&value);
            }
            merged = self.put_entry(merged, &identity, Some(value))?;
        }
        if wanted.is_empty() {
            return Ok(old);
        }
        self.append(merged, old, &last_keys)
    }

    /// Merges the entries that have one identity. The old one counts as changed in place, also
    /// when the list is settled, since then both are the same.
    fn entry(
        &mut self,
        old: &[Node],
        place: Option<usize>,
        new: Option<&[Node]>,
        identity: &Identity<'_>,
        schema: Schema<'t>,
    ) -> Result<Merged, Misfit> {
        let dest = place.and_then(|place| old.get(place)).cloned();
        let Some(new) = new else {
            let Some(dest) = dest else { return Ok(Merged::Gone) };
            return Ok(self.settle(dest, schema)?.map_or(Merged::Gone, Merged::Old));
        };
        let patch = find(new, identity).and_then(|place| new.get(place)).cloned();
        self.node(dest, patch, schema)
    }

    /// Replaces every entry of an identity, or takes it out, or adds it at the end.
    fn put_entry(&self, list: List<Node>, identity: &Identity<'_>, entry: Option<Node>) -> Result<List<Node>, Misfit> {
        let Identity { keys, values } = identity;
        let first_given = |texts: Option<&str>| texts.is_some_and(|text| !text.is_empty());
        let by_mapping = first_given(keys.first().copied()) && first_given(values.first().map(String::as_str));
        let mut kept = List::with_capacity(list.len() + 1);
        let mut found = false;
        for item in list {
            if is_nothing(&item) {
                continue;
            }
            if by_mapping && !item.is_mapping() {
                kept.push(item);
                continue;
            }
            if !self.is_entry(&item, identity)? {
                // Without any value to go by, the original drops what it cannot match.
                if !values.is_empty() {
                    kept.push(item);
                }
                continue;
            }
            found = true;
            kept.extend(entry.clone());
        }
        if !found {
            kept.extend(entry);
        }
        Ok(kept)
    }

    fn is_entry(&self, item: &Node, identity: &Identity<'_>) -> Result<bool, Misfit> {
        if identity.values.is_empty() {
            return Ok(false);
        }
        for (key, value) in identity.keys.iter().zip(&identity.values) {
            let is_same = if key.is_empty() {
                if !item.is_scalar() {
                    return self.misfit("the list mixes texts with other entries");
                }
                item.as_str() == Some(value)
            } else {
                if !item.is_mapping() {
                    return self.misfit("the list mixes mappings with other entries");
                }
                item.get(key).is_some_and(|found| value.is_empty() || text(found) == value)
            };
            if !is_same {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Adds the old list to what the patch gave, each entry in place of the one that it became.
    fn append(&self, merged: List<Node>, old: List<Node>, keys: &[&str]) -> Result<List<Node>, Misfit> {
        let mut list = merged;
        for item in old {
            if keys.first().is_none_or(|key| key.is_empty()) {
                let identity = Identity { keys: vec![""], values: vec![text(&item).to_owned()] };
                list = self.put_entry(list, &identity, Some(item))?;
                continue;
            }
            if !item.is_mapping() && !item.is_null() {
                return self.misfit("the list mixes mappings with other entries");
            }
            let mut identity = Identity { keys: keys.to_vec(), values: Vec::new() };
            for key in keys {
                match item.get(key) {
                    Some(value) if !value.is_null() => identity.values.push(text(value).to_owned()),
                    Some(_) | None => list.push(item.clone()),
                }
            }
            if keys.len() > 1 {
                list = self.put_entry(list, &identity, None)?;
            }
            list = self.put_entry(list, &identity, Some(item))?;
        }
        Ok(list)
    }
}

fn put(list: &mut Node, items: List<Node>) {
    if let Some(place) = list.items_mut() {
        *place = items;
    }
}

/// The text of a scalar; empty for anything else.
fn text(node: &Node) -> &str {
    node.as_str().unwrap_or("")
}

fn is_nothing(node: &Node) -> bool {
    node.is_null() || (node.is_mapping() && node.entries().is_empty())
}

/// The values of the keys of every entry, each combination once.
fn values_of<'a>(items: impl Iterator<Item = &'a Node>, keys: &[&str]) -> Vec<Vec<String>> {
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for item in items {
        let value = |key: &&str| {
            let node = if key.is_empty() { Some(item) } else { item.get(key) };
            node.filter(|node| key.is_empty() || !node.is_null()).map(text).unwrap_or_default().to_owned()
        };
        let values: Vec<String> = keys.iter().map(value).collect();
        if seen.insert(values.clone()) {
            found.push(values);
        }
    }
    found
}

/// Where one entry leaves a key out that an entry alike has, both get it.
fn complete(wanted: &mut [Vec<String>]) {
    for left in 0..wanted.len() {
        let values = wanted[left].clone();
        for right in 0..wanted.len() {
            if let Some(both) = combined(&values, &wanted[right]) {
                wanted[left].clone_from(&both);
                wanted[right] = both;
            }
        }
    }
}

/// Two combinations as one, when they have a value in common and contradict each other nowhere.
fn combined(left: &[String], right: &[String]) -> Option<Vec<String>> {
    let mut in_common = false;
    let mut both = Vec::with_capacity(left.len());
    for (left, right) in left.iter().zip(right) {
        if left == right {
            in_common = true;
            both.push(left.clone());
        } else if left.is_empty() {
            both.push(right.clone());
        } else if right.is_empty() {
            both.push(left.clone());
        } else {
            return None;
        }
    }
    in_common.then_some(both)
}

/// The keys that any entry has a value for, with the values of one entry.
fn valid<'t>(all: &[Vec<String>], values: &[String], keys: &[&'t str]) -> Identity<'t> {
    let used = |index: usize| all.iter().any(|values| values.get(index).is_some_and(|value| !value.is_empty()));
    let used: Vec<usize> = (0..keys.len()).filter(|index| used(*index)).collect();
    if used.is_empty() {
        return Identity { keys: keys.to_vec(), values: values.to_vec() };
    }
    Identity {
        keys: used.iter().filter_map(|index| keys.get(*index).copied()).collect(),
        values: used.iter().filter_map(|index| values.get(*index).cloned()).collect(),
    }
}

/// The first entry that has exactly these values.
fn find(items: &[Node], identity: &Identity<'_>) -> Option<usize> {
    items.iter().position(|item| {
        identity.keys.iter().zip(&identity.values).all(|(key, value)| {
            if key.is_empty() {
                return text(item) == value;
            }
            item.is_mapping() && item.get(key).is_some_and(|found| text(found) == value)
        })
    })
}

/// An entry that is new gets the keys that identify it.
fn add_missing_keys(entry: &mut Node, identity: &Identity<'_>) {
    for (key, value) in identity.keys.iter().zip(&identity.values) {
        if !key.is_empty() && !value.is_empty() && entry.is_mapping() && entry.get(key).is_none() {
            entry.set(key, Node::plain(value));
        }
    }
}
