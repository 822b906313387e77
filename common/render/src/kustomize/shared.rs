//! Values that stand at several places and are one.
//!
//! Where Kustomize sets a label or annotation that several fields of a resource lack – in
//! `metadata`, a selector, a template –, it puts *one* node into all of them. Whatever later
//! changes that node at one place, be it a patch of `metadata.labels` alone, changes it at all,
//! its quotes included. To give what Kustomize gives, such a value carries an anchor here: the same
//! anchor, the same value. What is written or read anew on the way (all annotations when a note of
//! `buildMetadata` is added, everything after a JSON 6902 patch) is no longer one.

use skerry_yaml::Node;

/// A value of this identity that has changed, with its place for the order of changes.
#[derive(Debug)]
pub(crate) struct Change {
    anchor: String,
    value: Node,
}

impl Change {
    /// What became of a value: nothing to tell unless it is shared and differs now.
    pub(crate) fn of(old: &Node, new: &mut Node) -> Option<Self> {
        let anchor = old.anchor()?;
        if !new.is_scalar() {
            return None;
        }
        new.set_anchor(Some(anchor.to_owned()));
        let is_same = old.kind == new.kind && old.tag() == new.tag();
        (!is_same).then(|| Self { anchor: anchor.to_owned(), value: new.clone() })
    }

    /// What a value has become that is new at all of its places.
    pub(crate) fn to(value: &Node) -> Option<Self> {
        Some(Self { anchor: value.anchor()?.to_owned(), value: value.clone() })
    }

    /// Carries the change to every place of the value.
    pub(crate) fn spread(&self, node: &mut Node) {
        if node.anchor() == Some(self.anchor.as_str()) {
            *node = self.value.clone();
            return;
        }
        if !any_below(node, &|below| below.anchor() == Some(self.anchor.as_str())) {
            return;
        }
        node.items_mut().into_iter().flatten().for_each(|item| self.spread(item));
        node.entries_mut().into_iter().flatten().for_each(|(_, value)| self.spread(value));
    }
}

/// Calls a change of a node, and says what became of it and of the values just below.
pub(crate) fn watch<E>(
    node: &mut Node,
    changes: &mut Vec<Change>,
    change: &mut dyn FnMut(&mut Node) -> Result<(), E>,
) -> Result<(), E> {
    let shared = |node: &Node| node.anchor().is_some().then(|| node.clone());
    let own = shared(node);
    let below: Vec<(String, Node)> =
        node.entries().iter().filter_map(|(key, value)| Some((key.as_str()?.to_owned(), shared(value)?))).collect();
    change(node)?;
    if let Some(old) = own {
        changes.extend(Change::of(&old, node));
    }
    for (key, old) in below {
        changes.extend(node.get_mut(&key).and_then(|new| Change::of(&old, new)));
    }
    Ok(())
}

/// Ends the sharing of everything below.
pub(crate) fn part(node: &mut Node) {
    node.set_anchor(None);
    if !any_below(node, &|below| below.anchor().is_some()) {
        return;
    }
    node.items_mut().into_iter().flatten().for_each(part);
    node.entries_mut().into_iter().flatten().for_each(|(_, value)| part(value));
}

/// Whether any value below a node is one of those; who finds none leaves the tree shared with its
/// copies.
fn any_below(node: &Node, is_meant: &impl Fn(&Node) -> bool) -> bool {
    let any = |node: &Node| is_meant(node) || any_below(node, is_meant);
    node.items().iter().any(any) || node.entries().iter().any(|(_, value)| any(value))
}
