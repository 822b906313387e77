//! Fields by their path, across lists and, when told so, made when missing.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock, OnceLock};

use skerry_common::diagnostic::Location;
use skerry_yaml::{Node, NodeKind, Text, implied_tag};

use super::field_path::untyped;
use super::field_path::{is_step_in_list, split_escaped, step};
use super::quotes::{UNTYPED, keep_style, mark_text, quote_passed};
use super::resource::Resource;
use super::shared;
use crate::codes::{self, Fallible, fail};

/// Which field of which kinds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FieldSpec {
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) kind: String,
    /// Names between `/`; `\/` is a `/` inside a name; `[]` after a name says that it is a list.
    pub(crate) path: String,
    /// Whether the field is made when it is missing.
    pub(crate) creates: bool,
    pub(crate) cut: Cut,
}

/// The parts of a path, cut when they are needed first.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cut(OnceLock<Vec<String>>);

/// It follows from the path.
impl PartialEq for Cut {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Cut {}

impl FieldSpec {
    /// A field of every kind, made when missing; its path is still to be said.
    pub(crate) fn any() -> Self {
        let empty = String::new;
        Self { group: empty(), version: empty(), kind: empty(), path: empty(), creates: true, cut: Cut::default() }
    }

    /// The parts of its path, which is not changed any more.
    pub(crate) fn parts(&self) -> &[String] {
        self.cut.0.get_or_init(|| split_escaped(&self.path, '/'))
    }
}

/// What is made in place of a missing field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Missing {
    /// Nothing.
    Skip,
    /// An empty text.
    Scalar,
    /// An empty mapping.
    Mapping,
}

/// Why a field cannot be changed: in words, for a person.
#[derive(Debug)]
pub(crate) struct Misfit(pub(crate) String);

/// The field specs of one transformer.
pub(crate) type Specs = Arc<[FieldSpec]>;

/// Kustomize's own field specs of a transformer; see `field_spec/defaults.txt`.
pub(crate) fn defaults(set: &str) -> Specs {
    DEFAULTS.get(set).cloned().unwrap_or_else(|| Arc::from([]))
}

static DEFAULTS: LazyLock<BTreeMap<String, Specs>> = LazyLock::new(|| {
    let mut sets: BTreeMap<String, Vec<FieldSpec>> = BTreeMap::new();
    for (set, spec) in include_str!("field_spec/defaults.txt").lines().filter_map(parse_line) {
        sets.entry(set).or_default().push(spec);
    }
    sets.into_iter().map(|(set, specs)| (set, specs.into())).collect()
});

fn parse_line(line: &str) -> Option<(String, FieldSpec)> {
    let mut words = line.split(' ').map(|word| if word == "-" { "" } else { word });
    let set = words.next().filter(|word| !word.starts_with('#'))?;
    let mut next = || words.next().map(str::to_owned);
    let (group, version, kind, mode, path) = (next()?, next()?, next()?, next()?, next()?);
    Some((set.to_owned(), FieldSpec { group, version, kind, path, creates: mode == "create", ..FieldSpec::any() }))
}

/// Adds field specs that are not there yet. One counts as there when its path is and every part of
/// its kind that it gives is the same; refused is one that then differs in `create`.
pub(crate) fn merge<'a>(specs: &mut Vec<FieldSpec>, more: &'a [FieldSpec]) -> Result<(), &'a FieldSpec> {
    let fits = |wanted: &str, there: &str| wanted.is_empty() || wanted == there;
    for spec in more {
        let there = specs.iter().find(|there| {
            there.path == spec.path
                && fits(&spec.group, &there.group)
                && fits(&spec.version, &there.version)
                && fits(&spec.kind, &there.kind)
        });
        match there.map(|there| there.creates == spec.creates) {
            None => specs.push(spec.clone()),
            Some(true) => {}
            Some(false) => return Err(spec),
        }
    }
    Ok(())
}

/// Changes every field that a spec names in a resource of its kinds.
pub(crate) fn visit(
    resource: &mut Resource,
    spec: &FieldSpec,
    missing: Missing,
    change: &mut dyn FnMut(&mut Node) -> Result<(), Misfit>,
) -> Fallible<()> {
    if !resource.is_selected(&spec.group, &spec.version, &spec.kind) {
        return Ok(());
    }
    let missing = if spec.creates { missing } else { Missing::Skip };
    visit_path(resource, spec.parts(), missing, change)
}

/// The same, of fields that are there, where one of them is meant: what is not stays shared with its
/// copies.
pub(crate) fn visit_meant(
    resource: &mut Resource,
    spec: &FieldSpec,
    is_meant: &dyn Fn(&Node) -> bool,
    change: &mut dyn FnMut(&mut Node) -> Result<(), Misfit>,
) -> Fallible<()> {
    if !resource.is_selected(&spec.group, &spec.version, &spec.kind)
        || !leads_to(&resource.node, spec.parts(), is_meant)
    {
        return Ok(());
    }
    visit_path(resource, spec.parts(), Missing::Skip, change)
}

/// Whether a path leads to a field that is meant, or there is something to say against it.
fn leads_to(node: &Node, path: &[String], is_meant: &dyn Fn(&Node) -> bool) -> bool {
    let Some((name, rest)) = path.split_first() else { return is_meant(node) };
    if node.is_sequence() {
        return node.items().iter().any(|item| leads_to(item, path, is_meant));
    }
    if !node.is_mapping() {
        return !node.is_null();
    }
    let field = name.strip_suffix("[]").unwrap_or(name);
    match node.get(field) {
        None => field.is_empty(),
        Some(value) => (value.is_null() && field != name) || leads_to(value, rest, is_meant),
    }
}

/// Changes every field that a path, cut into its parts, leads to, whatever kind the resource is of.
pub(crate) fn visit_path(
    resource: &mut Resource,
    path: &[String],
    missing: Missing,
    change: &mut dyn FnMut(&mut Node) -> Result<(), Misfit>,
) -> Fallible<()> {
    if missing == Missing::Skip && !may_lead_on(&resource.node, path) {
        return Ok(());
    }
    let mut changes = Vec::new();
    let mut watched = |node: &mut Node| shared::watch(node, &mut changes, change);
    match descend(&mut resource.node, path, missing, &mut watched) {
        Ok(()) => {
            changes.iter().for_each(|change| change.spread(&mut resource.node));
            Ok(())
        }
        Err(Misfit(message)) => misfit(&resource.location(), &path.join("/"), message),
    }
}

/// Whether the first steps of a path are there: most of the many paths of a table are not.
fn may_lead_on(node: &Node, path: &[String]) -> bool {
    let mut node = node;
    for name in path {
        if !node.is_mapping() || name.ends_with("[]") || name.is_empty() || is_step_in_list(name) {
            return true;
        }
        match node.get(name) {
            Some(next) => node = next,
            None => return false,
        }
    }
    true
}

/// Reports that a field has another shape than it must have.
pub(crate) fn misfit<T>(at: &Location, path: &str, message: String) -> Fallible<T> {
    let at = at.clone().with_field(path.replace('/', "."));
    fail(codes::UNEXPECTED_SHAPE, &at, message)
}

fn descend(
    node: &mut Node,
    path: &[String],
    missing: Missing,
    change: &mut dyn FnMut(&mut Node) -> Result<(), Misfit>,
) -> Result<(), Misfit> {
    let Some((name, rest)) = path.split_first() else { return change(node) };
    if node.is_null() {
        return Ok(());
    }
    if let Some(items) = node.items_mut() {
        return items.iter_mut().try_for_each(|item| descend(item, path, missing, change));
    }
    if !node.is_mapping() {
        return Err(Misfit(format!("a mapping or list is needed around `{name}`")));
    }
    let (name, is_list) = name.strip_suffix("[]").map_or((name.as_str(), false), |name| (name, true));
    if name.is_empty() {
        return Err(Misfit("a part of the path is empty".to_owned()));
    }
    if is_step_in_list(name) {
        step(node, name)?;
    }
    let made = match (missing, is_list, rest.is_empty()) {
        (_, true, _) => Some(Node::sequence()),
        (Missing::Skip, false, _) => None,
        (Missing::Scalar, false, true) => Some(Node::plain("")),
        (Missing::Scalar | Missing::Mapping, false, _) => Some(Node::mapping()),
    };
    match node.get_mut(name) {
        None if is_list => return Ok(()),
        None => match made {
            Some(made) => set_under(node, name, made),
            None => return Ok(()),
        },
        Some(value) if value.is_null() => match made {
            // It is no `null` any more, but what it says stays.
            Some(made) if made.is_scalar() => *value = untyped(value.as_str().unwrap_or_default()),
            Some(made) => *value = made,
            None => {}
        },
        Some(_) => {}
    }
    match node.get_mut(name) {
        Some(value) => descend(value, rest, missing, change),
        None => Ok(()),
    }
}

/// Sets a text and keeps the way in which the old one was written. Without quotes its type is from
/// then on that of whatever text it gets.
pub(crate) fn set_text(node: &mut Node, new: impl Into<Text>) -> Result<(), Misfit> {
    node.set_tag(node.is_plain().then(|| UNTYPED.to_owned()));
    match &mut node.kind {
        NodeKind::Scalar { text, .. } => {
            *text = new.into();
            Ok(())
        }
        NodeKind::Sequence { .. } | NodeKind::Mapping { .. } | NodeKind::Alias { .. } => {
            Err(Misfit("a text is needed here".to_owned()))
        }
    }
}

/// Sets the text of a scalar, which stays of the type that it is: text that does not fit the type
/// is refused in the end, when types matter.
pub(crate) fn set_text_of_type(node: &mut Node, new: String) {
    let tag = node.kept_tag().unwrap_or("").to_owned();
    let is_free = node.is_plain() && node.tag() != Some(UNTYPED);
    let is_implied = tag == implied_tag(&new);
    if let NodeKind::Scalar { text, .. } = &mut node.kind {
        *text = new.into();
    }
    match tag.as_str() {
        "!!str" if is_free => mark_text(node),
        _ if is_free && node.tag().is_none() && !is_implied => node.set_tag(Some(tag)),
        _ => {}
    }
}

/// Sets a string, whatever its text looks like.
pub(crate) fn set_string(node: &mut Node, new: &str) -> Result<(), Misfit> {
    if !node.is_scalar() {
        return Err(Misfit("a text is needed here".to_owned()));
    }
    let mut new = Node::string(new);
    keep_style(node, &mut new);
    put(node, new);
    Ok(())
}

/// Sets a text under a key, in the way in which the old one was written: without quotes its type is
/// that of what it looks like. A new one gets quotes where YAML 1.1 takes it for something else.
pub(crate) fn set_text_under(node: &mut Node, key: &str, text: &str) {
    let mut new = if text.is_empty() { Node::plain("") } else { untyped(text) };
    if let Some(old) = node.get_mut(key) {
        keep_style(old, &mut new);
        put(old, new);
    } else {
        quote_passed(&mut new);
        node.set(key, new);
    }
}

/// Puts a new node where an old one was.
pub(crate) fn put(node: &mut Node, mut new: Node) {
    new.position = node.position;
    *node = new;
}

/// Sets the value under a key. The key, when it is new, is written without quotes as Kustomize
/// does: one that reads as a number or flag is refused in the end, as there.
pub(crate) fn set_under(node: &mut Node, key: &str, value: Node) {
    match node.get_mut(key) {
        Some(old) => *old = value,
        None => {
            if let Some(entries) = node.entries_mut() {
                entries.push((Node::plain(key), value));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_read_whole() {
        let lines = include_str!("field_spec/defaults.txt").lines().filter(|line| !line.starts_with('#')).count();
        assert_eq!(DEFAULTS.values().map(|specs| specs.len()).sum::<usize>(), lines);
        assert_eq!(defaults("replicas").len(), 4);
    }
}
