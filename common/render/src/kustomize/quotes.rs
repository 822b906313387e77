//! With or without quotes: what happens to the style of scalars on the way.
//!
//! Kustomize writes a new value in the way of the one that it replaces, and so a number that takes
//! the place of a quoted text becomes a text. A text without quotes that readers of YAML 1.1 would
//! take for something else – written so, or come to be so – gets quotes when a merge passes it.

use skerry_yaml::{EmitOptions, Limits, Node, NodeKind, Resolved, ScalarStyle, Text, emit_node, implied_tag, parse};

/// The tag of a scalar whose type is that of its text.
pub(crate) const UNTYPED: &str = "!";

/// Begins the tag of what has a type that nobody wrote and that it does not look like: the long
/// form, which no document that is read can give.
const MADE: &str = "tag:yaml.org,2002:";

/// The tag of a text that stands without quotes though it looks like something else.
const MADE_TEXT: &str = "tag:yaml.org,2002:str";

/// A text as Kustomize makes one: in quotes where YAML 1.1 would take it for something else. The
/// empty one gets none, so that what later takes its place keeps its own type.
pub(crate) fn new_text(text: &str) -> Node {
    if text.contains('\n') {
        return Node::string(text);
    }
    if is_other_in_yaml_1_1(text) {
        return Node::new(NodeKind::Scalar { text: text.into(), style: ScalarStyle::DoubleQuoted });
    }
    let mut node = Node::plain(text);
    mark_text(&mut node);
    node
}

/// Marks plain text as a text, where it looks like something else.
pub(crate) fn mark_text(node: &mut Node) {
    let is_other = node.as_str().is_some_and(|text| implied_tag(text) != "!!str");
    node.set_tag(is_other.then(|| MADE_TEXT.to_owned()));
}

/// Makes marked texts what they are for a reader who does not know the mark: quoted.
pub(crate) fn unmark_texts(node: &mut Node) {
    if node.tag() == Some(MADE_TEXT) {
        node.set_tag(None);
        let text = node.as_str().unwrap_or_default().to_owned();
        node.kind = Node::string(text).kind;
    }
    node.items_mut().into_iter().flatten().for_each(unmark_texts);
    node.entries_mut().into_iter().flatten().for_each(|(_, value)| unmark_texts(value));
}

/// Writes a value in the way of the one that it replaces: what takes the place of a quoted text is
/// quoted, and so a text, even when it was a number – unless a tag says what it is.
pub(crate) fn keep_style(old: &Node, new: &mut Node) {
    let tag = new.kept_tag().map(str::to_owned);
    match (&old.kind, &mut new.kind) {
        (NodeKind::Scalar { style: from, .. }, NodeKind::Scalar { style, text }) => {
            *style = *from;
            let tag = tag.unwrap_or_default();
            let implied = implied_tag(text);
            let is_plain = *from == ScalarStyle::Plain;
            let is_tagged = !is_plain && old.tag().is_some_and(|tag| !tag.starts_with(MADE));
            match tag.as_str() {
                "!!binary" => new.set_tag(Some(tag)),
                "!!str" if is_plain => mark_text(new),
                UNTYPED if is_plain => {}
                UNTYPED | "!!str" => new.set_tag(None),
                _ if is_tagged => new.set_tag(Some(tag)),
                _ => new.set_tag((tag != implied).then(|| tag.replacen("!!", MADE, 1))),
            }
        }
        (NodeKind::Sequence { style: old, .. }, NodeKind::Sequence { style, .. })
        | (NodeKind::Mapping { style: old, .. }, NodeKind::Mapping { style, .. }) => *style = *old,
        (
            NodeKind::Scalar { .. } | NodeKind::Sequence { .. } | NodeKind::Mapping { .. } | NodeKind::Alias { .. },
            _,
        ) => {}
    }
}

/// Quotes a text that a merge passes and that YAML 1.1 would take for something else; whether that
/// has changed it.
pub(crate) fn quote_passed(node: &mut Node) -> bool {
    let is_text = node.is_plain()
        && match node.tag() {
            None => matches!(node.kept_tag(), Some("!!str")),
            Some(tag) => tag == UNTYPED || tag == MADE_TEXT,
        };
    if !is_text || !node.as_str().is_some_and(is_other_in_yaml_1_1) {
        return false;
    }
    node.set_tag(None);
    set_style(node, ScalarStyle::DoubleQuoted);
    true
}

/// A text as it is when it is printed and read again.
pub(crate) fn printed_text(text: impl Into<Text>) -> Node {
    // Of all texts that are tags, this one is printed without quotes.
    let text: Text = text.into();
    if text == "<<" {
        return Node::plain(text);
    }
    let mut node = Node::string(text);
    if node.is_plain() && !node.as_str().is_some_and(stands_plain) {
        set_style(&mut node, ScalarStyle::DoubleQuoted);
    }
    node
}

fn set_style(node: &mut Node, new: ScalarStyle) {
    if let NodeKind::Scalar { style, .. } = &mut node.kind {
        *style = new;
    }
}

/// Whether a text is printed without quotes.
fn stands_plain(text: &str) -> bool {
    let printed = || emit_node(&Node::plain(text), &EmitOptions::default());
    is_simple(text)
        || parse(&printed(), &Limits::default()).is_ok_and(|documents| match documents.as_slice() {
            [document] => document.root.is_plain() && document.root.as_str() == Some(text),
            _ => false,
        })
}

/// Whether nothing in a text means anything in YAML.
fn is_simple(text: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./+~=".contains(&byte);
    text.bytes().all(is_letter) && !text.starts_with("---") && text != "-"
}

/// Whether a document of this text alone is no string by the rules of YAML 1.1. One of several
/// lines, or that cannot be read, counts as a string.
fn is_other_in_yaml_1_1(text: &str) -> bool {
    if text.is_empty() || text.contains('\n') {
        return false;
    }
    if is_simple(text) {
        return Node::plain(text).resolve() != Resolved::Str;
    }
    match parse(text, &Limits::default()) {
        Err(_) => false,
        Ok(documents) => {
            let root = documents.first().map(|document| &document.root);
            root.is_none_or(|root| !root.is_scalar() || root.resolve() != Resolved::Str)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_yaml_1_1_takes_for_something_else() {
        for text in ["1", "on", "y", "0x1f", "1_000", "a: b", "[a]", "{}", "# only a comment", "- x", "~", "~null: x"] {
            assert!(is_other_in_yaml_1_1(text), "{text}");
        }
        for text in ["", "web", "2001-01-01", "12:30:45", "'it'", "\"1\"", "a\nb", "a b", "@at", "1.2.3", "x#y"] {
            assert!(!is_other_in_yaml_1_1(text), "{text}");
        }
    }

    #[test]
    fn the_old_style_and_the_new_type() {
        let scalar = |text: &str| parse(text, &Limits::default()).expect("YAML").remove(0).root;
        let check = |old: &str, new: &str, style: ScalarStyle, resolved: Option<Resolved>| {
            let mut node = scalar(new);
            keep_style(&scalar(old), &mut node);
            assert!(matches!(node.kind, NodeKind::Scalar { style: found, .. } if found == style), "{new} over {old}");
            assert_eq!(node.resolve_with(skerry_yaml::Rules::Kustomize), resolved, "{new} over {old}");
        };
        check("1_000", "!!int \"3\"", ScalarStyle::Plain, Some(Resolved::Int(3)));
        check("'500m'", "2", ScalarStyle::SingleQuoted, Some(Resolved::Str));
        check("'500m'", "!!int 2", ScalarStyle::SingleQuoted, Some(Resolved::Str));
        check("'500m'", "!!float 2", ScalarStyle::SingleQuoted, Some(Resolved::Float(2.0)));
        check("!!int \"1\"", "2", ScalarStyle::DoubleQuoted, Some(Resolved::Int(2)));
        check("1", "\"2\"", ScalarStyle::Plain, Some(Resolved::Str));
        check("a", "b", ScalarStyle::Plain, Some(Resolved::Str));
    }
}
