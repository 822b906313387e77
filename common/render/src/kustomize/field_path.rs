//! Paths to fields as replacements write them: `spec.containers.[name=web].image`.
//!
//! | part | leads to |
//! |---|---|
//! | `name` | that field of a mapping; `\.` is a dot in it, `[a.b/c]` a whole name with dots |
//! | `[key=value]` | entries of a list whose field `key` is (to find one) or matches (to find all) `value` |
//! | `[=value]` | likewise, for a list of texts |
//! | `0` | that entry of a list |
//! | `-` | the last one (only to find one) |
//! | `*` | every entry of a list (only to find all) |

use regex::Regex;
use skerry_yaml::{EmitOptions, Node, emit_node};

use super::embedded;
use super::field_spec::{self, Misfit};
use super::go_regex;
use super::quotes::UNTYPED;

/// Where a field is: indexes of entries, from the root of an object.
pub(crate) type Place = Vec<usize>;

/// Cuts a path at a delimiter, not at one behind a backslash. A leading delimiter is dropped.
pub(crate) fn split_escaped(path: &str, delimiter: char) -> Vec<String> {
    let path = path.strip_prefix(delimiter).unwrap_or(path);
    let mut parts: Vec<String> = Vec::new();
    for piece in path.split(delimiter) {
        match parts.last_mut() {
            Some(last) if last.ends_with('\\') => {
                last.pop();
                last.push(delimiter);
                last.push_str(piece);
            }
            Some(_) | None => parts.push(piece.to_owned()),
        }
    }
    parts
}

/// Cuts a path at its dots, not inside brackets.
pub(crate) fn split(path: &str) -> Vec<String> {
    let mut parts = Vec::new();
    let mut pieces = split_escaped(path, '.').into_iter();
    while let Some(mut part) = pieces.next() {
        if !part.starts_with('[') || part.ends_with(']') {
            parts.push(part);
            continue;
        }
        for piece in pieces.by_ref() {
            part.push('.');
            part.push_str(&piece);
            if piece.ends_with(']') {
                break;
            }
        }
        let is_key = part.contains('=');
        parts.push(if is_key { part } else { part.trim_matches(['[', ']']).to_owned() });
    }
    parts
}

fn index_of(part: &str) -> Option<usize> {
    usize::try_from(part.parse::<i64>().ok()?).ok()
}

/// Key and value of `[key=value]`; nothing when the part is no such thing.
fn key_of(part: &str) -> Option<Result<(&str, &str), Misfit>> {
    let inner = part.strip_prefix('[').filter(|_| part.ends_with(']'))?;
    let inner = inner.strip_suffix(']').unwrap_or(inner);
    Some(inner.split_once('=').ok_or_else(|| Misfit(format!("`{part}` has no `=`: an entry is `[key=value]`"))))
}

/// The entries of a list; a null is an empty one.
fn entries<'a>(node: &'a Node, part: &str) -> Result<&'a [Node], Misfit> {
    if node.is_sequence() || node.is_null() {
        return Ok(node.items());
    }
    Err(Misfit(format!("a list is needed for `{part}`")))
}

/// Where a field of a mapping stands.
pub(crate) fn field_index(node: &Node, name: &str) -> Option<usize> {
    node.entries().iter().position(|(key, _)| key.as_str() == Some(name))
}

/// The one field that a path leads to.
pub(crate) fn find(node: &Node, path: &[String]) -> Result<Option<Place>, Misfit> {
    let (mut node, mut place) = (node, Place::new());
    for part in path.iter().map(|part| part.trim()).filter(|part| !part.is_empty()) {
        let Some(index) = step(node, part)? else { return Ok(None) };
        let Some(next) = child(node, index) else { return Ok(None) };
        place.push(index);
        node = next;
    }
    Ok(Some(place))
}

/// Finds a text on the way of a path: where it is, and what of the path lies behind it.
pub(crate) fn find_text<'a>(node: &Node, path: &'a [String]) -> Option<(Place, &'a [String])> {
    let (mut node, mut place) = (node, Place::new());
    for (count, part) in path.iter().enumerate() {
        let part = part.trim();
        if !part.is_empty() {
            let index = step(node, part).ok()??;
            node = child(node, index)?;
            place.push(index);
        }
        let rest = path.get(count + 1..).filter(|rest| !rest.is_empty())?;
        if node.is_scalar() {
            return Some((place, rest));
        }
    }
    None
}

/// Whether a part leads to an entry of a list rather than to a field of a mapping.
pub(crate) fn is_step_in_list(part: &str) -> bool {
    part.parse::<i64>().is_ok() || matches!(part, "-" | "*") || (part.starts_with('[') && part.ends_with(']'))
}

/// The entry of a list that `[key=value]` or `[=value]` stands for.
pub(crate) fn made_entry(part: &str) -> Option<Node> {
    let (key, value) = key_of(part)?.ok()?;
    if key.is_empty() {
        return Some(untyped(value));
    }
    let mut made = Node::mapping();
    made.entries_mut()?.push((Node::plain(key), untyped(value)));
    Some(made)
}

/// Where one part of a path leads, when it leads anywhere.
pub(crate) fn step(node: &Node, part: &str) -> Result<Option<usize>, Misfit> {
    if part.starts_with('-') && part.parse::<i64>().is_ok_and(|index| index < 0) {
        return Err(Misfit(format!("an index is not negative: `{part}`")));
    }
    if let Some(index) = index_of(part) {
        let count = entries(node, part)?.len();
        return Ok((index < count).then_some(index));
    }
    if part == "-" {
        let last = entries(node, part)?.len().checked_sub(1);
        return last.map(Some).ok_or_else(|| Misfit("the list has no last entry: it is empty".to_owned()));
    }
    if part == "*" {
        return Err(Misfit("`*` may lead to several fields; one is needed".to_owned()));
    }
    if let Some(key) = key_of(part) {
        let (key, value) = key?;
        let is_meant = |item: &Node| {
            let found = if key.is_empty() { Some(item) } else { item.get(key) };
            found.is_some_and(|found| found.as_str().unwrap_or("") == value)
        };
        return Ok(entries(node, part)?.iter().position(is_meant));
    }
    if node.is_null() || node.is_mapping() {
        return Ok(field_index(node, part));
    }
    Err(Misfit(format!("a mapping is needed around `{part}`")))
}

fn child(node: &Node, index: usize) -> Option<&Node> {
    if node.is_sequence() { node.items().get(index) } else { node.entries().get(index).map(|(_, value)| value) }
}

/// The field at a place.
pub(crate) fn at<'a>(node: &'a Node, place: &[usize]) -> Option<&'a Node> {
    place.iter().try_fold(node, |node, index| child(node, *index))
}

/// The field at a place, to change.
pub(crate) fn at_mut<'a>(node: &'a mut Node, place: &[usize]) -> Option<&'a mut Node> {
    place.iter().try_fold(node, |node, index| child_mut(node, *index))
}

fn child_mut(node: &mut Node, index: usize) -> Option<&mut Node> {
    if node.is_sequence() {
        return node.items_mut()?.get_mut(index);
    }
    node.entries_mut()?.get_mut(index).map(|(_, value)| value)
}

/// What a missing field is made as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Scalar,
    Mapping,
    List,
}

impl Form {
    /// The form of a node.
    pub(crate) fn of(node: &Node) -> Self {
        if node.is_mapping() {
            Form::Mapping
        } else if node.is_sequence() {
            Form::List
        } else {
            Form::Scalar
        }
    }

    fn blank(self) -> Node {
        match self {
            Form::Scalar => untyped(""),
            Form::Mapping => Node::mapping(),
            Form::List => Node::sequence(),
        }
    }
}

/// A scalar whose type is that of whatever text it gets.
pub(crate) fn untyped(text: &str) -> Node {
    let mut node = Node::plain(text);
    node.set_tag(Some(UNTYPED.to_owned()));
    node
}

/// What a path leads to.
#[derive(Debug, Default)]
pub(crate) struct Matches {
    pub(crate) places: Vec<Place>,
    /// Whether it also led somewhere that is no part of the object: Kustomize then reports
    /// success and changes nothing.
    pub(crate) has_lost: bool,
    /// Whether one of these is a list or mapping.
    pub(crate) has_lost_collection: bool,
}

impl Matches {
    /// Whether the path leads nowhere.
    pub(crate) fn is_empty(&self) -> bool {
        self.places.is_empty() && !self.has_lost
    }
}

/// Finds every field that a path leads to; makes what is missing when told as what.
pub(crate) fn find_all(node: &mut Node, path: &[String], create: Option<Form>) -> Result<Matches, Misfit> {
    let mut walk = Walk { create, here: Place::new(), is_lost: false, found: Matches::default() };
    walk.node(node, path)?;
    Ok(walk.found)
}

struct Walk {
    create: Option<Form>,
    here: Place,
    /// Whether it walks through something that is no part of the object.
    is_lost: bool,
    found: Matches,
}

impl Walk {
    /// Follows a path; tells whether it led anywhere.
    fn node(&mut self, node: &mut Node, path: &[String]) -> Result<bool, Misfit> {
        let Some((part, rest)) = path.split_first() else { return Ok(self.take(node)) };
        if let Some(index) = index_of(part) {
            return self.index(node, index, rest);
        }
        if let Some(key) = key_of(part) {
            let (key, value) = key?;
            return self.key(node, key, value, rest);
        }
        if part != "*" {
            return self.field(node, part, rest);
        }
        let mut found = false;
        for index in 0..entries(node, part)?.len() {
            found |= self.below(node, index, rest)?;
        }
        Ok(found)
    }

    fn take(&mut self, node: &Node) -> bool {
        if self.is_lost {
            self.found.has_lost = true;
            self.found.has_lost_collection |= !node.is_scalar();
        } else {
            self.found.places.push(self.here.clone());
        }
        true
    }

    fn below(&mut self, node: &mut Node, index: usize, rest: &[String]) -> Result<bool, Misfit> {
        let Some(next) = child_mut(node, index) else { return Ok(false) };
        self.here.push(index);
        let found = self.node(next, rest)?;
        self.here.pop();
        Ok(found)
    }

    /// Goes on in something that is thrown away afterwards.
    fn lost(&mut self, node: &mut Node, path: &[String]) -> Result<bool, Misfit> {
        let before = std::mem::replace(&mut self.is_lost, true);
        let found = self.node(node, path)?;
        self.is_lost = before;
        Ok(found)
    }

    /// The node to make when what leads to `rest` is missing.
    fn made(&self, rest: &[String]) -> Option<Node> {
        let leaf = self.create?;
        let form = match rest.first() {
            None => leaf,
            Some(part) if part.is_empty() => leaf,
            Some(part) if index_of(part).is_some() || (part.starts_with('[') && part.ends_with(']')) => Form::List,
            Some(_) => Form::Mapping,
        };
        Some(form.blank())
    }

    fn index(&mut self, node: &mut Node, index: usize, rest: &[String]) -> Result<bool, Misfit> {
        let count = entries(node, &index.to_string())?.len();
        if count == index
            && let Some(mut made) = self.made(rest)
        {
            let Some(items) = node.items_mut() else { return self.lost(&mut made, rest) };
            items.push(made);
        }
        if node.items().len() <= index {
            return Err(Misfit(format!("there is no entry {index}: the list has {count}")));
        }
        self.below(node, index, rest)
    }

    fn key(&mut self, node: &mut Node, key: &str, value: &str, rest: &[String]) -> Result<bool, Misfit> {
        let part = format!("[{key}={value}]");
        if entries(node, &part)?.is_empty() && self.create.is_none() {
            return Ok(false);
        }
        let pattern = go_regex::compile(value)
            .map_err(|refusal| Misfit(format!("`{value}` is no regular expression: {refusal}")))?;
        if self.each_match(node, key, &pattern, rest)? {
            return Ok(true);
        }
        if self.create.is_none() {
            return Ok(false);
        }
        let Some(made) = made_entry(&part) else { return Ok(false) };
        let found = if let Some(items) = node.items_mut() {
            items.push(made);
            self.each_match(node, key, &pattern, rest)?
        } else {
            let mut list = Node::sequence();
            list.items_mut().into_iter().for_each(|items| items.push(made.clone()));
            let before = std::mem::replace(&mut self.is_lost, true);
            let found = self.each_match(&mut list, key, &pattern, rest)?;
            self.is_lost = before;
            found
        };
        if found { Ok(true) } else { Err(Misfit(format!("an entry made for `{part}` does not match it"))) }
    }

    fn each_match(&mut self, node: &mut Node, key: &str, pattern: &Regex, rest: &[String]) -> Result<bool, Misfit> {
        let mut found = false;
        for index in 0..node.items().len() {
            let Some(item) = node.items().get(index) else { continue };
            let tested = if key.is_empty() { Some(item) } else { item.get(key) };
            if !tested.is_some_and(|tested| pattern.is_match(shown(tested).trim())) {
                continue;
            }
            // As in Kustomize, an entry of a list of texts is the end of a path.
            found |= self.below(node, index, if key.is_empty() { &[] } else { rest })?;
        }
        Ok(found)
    }

    fn field(&mut self, node: &mut Node, name: &str, rest: &[String]) -> Result<bool, Misfit> {
        if name.is_empty() && node.is_scalar() {
            return self.nameless(node, rest);
        }
        if node.is_null() {
            let Some(mut made) = self.made(rest) else { return Ok(false) };
            return self.lost(&mut made, rest);
        }
        if !node.is_mapping() || name.is_empty() {
            return Err(Misfit(format!("a mapping is needed around `{name}`")));
        }
        let index = match (field_index(node, name), self.made(rest)) {
            (Some(index), _) => index,
            (None, None) => return Ok(false),
            (None, Some(made)) => {
                let Some(entries) = node.entries_mut() else { return Ok(false) };
                entries.push((Node::plain(name), made));
                entries.len() - 1
            }
        };
        let next = child(node, index).filter(|next| !rest.is_empty() && !is_written_null(next));
        let text = next.and_then(Node::as_str);
        let Some(text) = text else { return self.below(node, index, rest) };
        let Some(mut document) = embedded::read(text) else {
            return Err(Misfit(format!("`{name}` is a text and holds no YAML")));
        };
        self.lost(&mut document.root, rest)
    }

    /// Goes on where a part without a name leads: to an empty text itself. In place of any other
    /// Kustomize makes what is missing, and forgets it.
    fn nameless(&mut self, node: &mut Node, rest: &[String]) -> Result<bool, Misfit> {
        if node.as_str() == Some("") && !node.is_null() {
            return match rest {
                [] => Ok(self.take(node)),
                _ => Err(Misfit("an empty text holds no YAML".to_owned())),
            };
        }
        let Some(mut made) = self.made(rest) else { return Ok(false) };
        field_spec::put(node, made.clone());
        self.lost(&mut made, rest)
    }
}

/// Whether a null is written as such; where nothing is written at all, Kustomize reads the nothing.
fn is_written_null(node: &Node) -> bool {
    node.is_null() && node.as_str().is_some_and(|text| !text.is_empty())
}

/// A node as text, with its quotes.
fn shown(node: &Node) -> String {
    emit_node(node, &EmitOptions::default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_cut_outside_brackets() {
        let check = |path: &str, expected: &[&str]| assert_eq!(split(path), expected, "{path}");
        check("spec.replicas", &["spec", "replicas"]);
        check(".data.a\\.b", &["data", "a.b"]);
        check("metadata.annotations.[example.com/a.b]", &["metadata", "annotations", "example.com/a.b"]);
        check("a.[image=x.y:1].b", &["a", "[image=x.y:1]", "b"]);
        check("a.[open.b", &["a", "open.b"]);
    }

    #[test]
    fn slashes_are_cut_unless_escaped() {
        assert_eq!(split_escaped("metadata/annotations/a.b\\/c", '/'), ["metadata", "annotations", "a.b/c"]);
        assert_eq!(split_escaped("/a/b", '/'), ["a", "b"]);
    }
}
