//! The tree: nodes with their text, style and place.
//!
//! Copies of a node share its lists, long texts and extras until one of them is changed, so that a
//! copy of a tree costs next to nothing and a change copies only what lies above it. What looks for
//! something to change should therefore look first, and ask for `…_mut` only where it is.

use std::sync::Arc;

use crate::list::List;

/// A text that its copies share; short ones lie in the node itself.
pub type Text = ecow::EcoString;

/// A place in a text, both counted from 1; all zero for a node that was not parsed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Position {
    /// The line.
    pub line: u32,
    /// The column, in characters.
    pub column: u32,
}

/// How a scalar is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ScalarStyle {
    /// Without quotes: its type follows from its text.
    Plain,
    /// `'…'`
    SingleQuoted,
    /// `"…"`
    DoubleQuoted,
    /// `|`; chomping and indentation follow from the text, as upstream prints it.
    Literal,
    /// `>`; likewise.
    Folded,
}

/// How a collection is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CollectionStyle {
    /// One entry per line.
    Block,
    /// `[…]` or `{…}`
    Flow,
}

/// Comments around a node, each with its `#`, lines joined by `\n`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Comments {
    /// Lines above.
    pub head: Option<String>,
    /// On the same line.
    pub line: Option<String>,
    /// Lines below, before an empty line.
    pub foot: Option<String>,
}

impl Comments {
    /// The value of a node without comments.
    pub const NONE: Comments = Comments { head: None, line: None, foot: None };

    /// Whether there is no comment at all.
    pub fn is_empty(&self) -> bool {
        self.head.is_none() && self.line.is_none() && self.foot.is_none()
    }
}

/// What few nodes have, kept apart so that all others stay small.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Extras {
    tag: Option<Text>,
    anchor: Option<Text>,
    comments: Comments,
}

/// One node of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// What it is.
    pub kind: NodeKind,
    /// Where it began.
    pub position: Position,
    extras: Option<Arc<Extras>>,
}

/// What a node is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NodeKind {
    /// Text; see [`Node::resolve`] for its type.
    Scalar {
        /// The text, escapes and folding undone.
        text: Text,
        /// How it is written.
        style: ScalarStyle,
    },
    /// A list.
    Sequence {
        /// The entries.
        items: List<Node>,
        /// How it is written.
        style: CollectionStyle,
    },
    /// Keys and values in their order.
    Mapping {
        /// The entries.
        entries: List<(Node, Node)>,
        /// How it is written.
        style: CollectionStyle,
    },
    /// `*name`
    Alias {
        /// The anchor that it stands for.
        name: Text,
    },
}

/// One document of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// Its only node.
    pub root: Node,
    /// Where it began: its `---`, else its first node.
    pub position: Position,
    /// Comments apart from any node: `head` before the first, `foot` after the last.
    pub comments: Comments,
}

impl Node {
    /// Makes a node without tag, anchor, comments and place.
    pub fn new(kind: NodeKind) -> Node {
        Node::at(kind, Position::default())
    }

    pub(crate) fn at(kind: NodeKind, position: Position) -> Node {
        Node { kind, position, extras: None }
    }

    /// The explicit tag in its short form, such as `!!str` or `!custom`.
    pub fn tag(&self) -> Option<&str> {
        self.extras.as_ref()?.tag.as_deref()
    }

    /// The anchor without its `&`.
    pub fn anchor(&self) -> Option<&str> {
        self.extras.as_ref()?.anchor.as_deref()
    }

    /// The comments around this node.
    pub fn comments(&self) -> &Comments {
        self.extras.as_ref().map_or(&Comments::NONE, |extras| &extras.comments)
    }

    /// The comments, to change.
    pub fn comments_mut(&mut self) -> &mut Comments {
        &mut self.extras_mut().comments
    }

    fn extras_mut(&mut self) -> &mut Extras {
        Arc::make_mut(self.extras.get_or_insert_default())
    }

    /// Replaces the explicit tag.
    pub fn set_tag(&mut self, tag: Option<String>) {
        if self.tag() != tag.as_deref() {
            self.extras_mut().tag = tag.map(Text::from);
        }
    }

    /// Replaces the anchor.
    pub fn set_anchor(&mut self, anchor: Option<String>) {
        if self.anchor() != anchor.as_deref() {
            self.extras_mut().anchor = anchor.map(Text::from);
        }
    }

    /// Removes the comments of this node, not of those below.
    pub fn clear_comments(&mut self) {
        if !self.comments().is_empty() {
            self.extras_mut().comments = Comments::NONE;
        }
    }

    /// The value under a key of a mapping.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entries().iter().find(|(name, _)| name.as_str() == Some(key)).map(|(_, value)| value)
    }

    /// The value under a key of a mapping, to change.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Node> {
        let index = self.index_of(key)?;
        self.entries_mut()?.get_mut(index).map(|(_, value)| value)
    }

    /// Sets the value under a key: in place when it is there, else at the end.
    ///
    /// What is no mapping becomes one, keeping only its place.
    pub fn set(&mut self, key: &str, value: Node) {
        if let Some(old) = self.get_mut(key) {
            *old = value;
            return;
        }
        if self.entries_mut().is_none() {
            *self = Node::at(Node::mapping().kind, self.position);
        }
        if let Some(entries) = self.entries_mut() {
            entries.push((Node::string(key), value));
        }
    }

    /// Takes a key and its value out of a mapping.
    pub fn remove(&mut self, key: &str) -> Option<Node> {
        let index = self.index_of(key)?;
        Some(self.entries_mut()?.remove(index).1)
    }

    /// Where a key stands in a mapping.
    fn index_of(&self, key: &str) -> Option<usize> {
        self.entries().iter().position(|(name, _)| name.as_str() == Some(key))
    }

    /// The text of a scalar, whatever its type.
    pub fn as_str(&self) -> Option<&str> {
        if let NodeKind::Scalar { text, .. } = &self.kind { Some(text) } else { None }
    }

    /// Whether this is a null: `~`, `null` or nothing at all, unquoted.
    pub fn is_null(&self) -> bool {
        self.resolve() == crate::Resolved::Null
    }

    /// The entries of a list; none for anything else.
    pub fn items(&self) -> &[Node] {
        if let NodeKind::Sequence { items, .. } = &self.kind { items } else { &[] }
    }

    /// The entries of a list, to change.
    pub fn items_mut(&mut self) -> Option<&mut List<Node>> {
        if let NodeKind::Sequence { items, .. } = &mut self.kind { Some(items) } else { None }
    }

    /// The keys and values of a mapping; none for anything else.
    pub fn entries(&self) -> &[(Node, Node)] {
        if let NodeKind::Mapping { entries, .. } = &self.kind { entries } else { &[] }
    }

    /// The keys and values of a mapping, to change.
    pub fn entries_mut(&mut self) -> Option<&mut List<(Node, Node)>> {
        if let NodeKind::Mapping { entries, .. } = &mut self.kind { Some(entries) } else { None }
    }

    /// Whether this is a mapping.
    pub fn is_mapping(&self) -> bool {
        matches!(self.kind, NodeKind::Mapping { .. })
    }

    /// Whether this is a list.
    pub fn is_sequence(&self) -> bool {
        matches!(self.kind, NodeKind::Sequence { .. })
    }

    /// Whether this is a scalar.
    pub fn is_scalar(&self) -> bool {
        matches!(self.kind, NodeKind::Scalar { .. })
    }

    /// Whether this is a scalar without quotes.
    pub fn is_plain(&self) -> bool {
        matches!(self.kind, NodeKind::Scalar { style: ScalarStyle::Plain, .. })
    }

    pub(crate) fn is_flow(&self) -> bool {
        match &self.kind {
            NodeKind::Sequence { style, .. } | NodeKind::Mapping { style, .. } => *style == CollectionStyle::Flow,
            NodeKind::Scalar { .. } | NodeKind::Alias { .. } => false,
        }
    }

    pub(crate) fn is_folded(&self) -> bool {
        matches!(self.kind, NodeKind::Scalar { style: ScalarStyle::Folded, .. })
    }

    /// Makes a string: quoted when its text alone would be of another type, a literal block
    /// when it has several lines.
    pub fn string(text: impl Into<Text>) -> Node {
        let text: Text = text.into();
        let style = if text.contains('\n') {
            ScalarStyle::Literal
        } else if crate::resolve::is_plain_string(&text) {
            ScalarStyle::Plain
        } else {
            ScalarStyle::DoubleQuoted
        };
        Node::new(NodeKind::Scalar { text, style })
    }

    /// Makes a scalar whose type follows from its text.
    pub fn plain(text: impl Into<Text>) -> Node {
        Node::new(NodeKind::Scalar { text: text.into(), style: ScalarStyle::Plain })
    }

    /// Makes an integer.
    pub fn integer(value: i64) -> Node {
        Node::plain(value.to_string())
    }

    /// Makes a boolean.
    pub fn boolean(value: bool) -> Node {
        Node::plain(if value { "true" } else { "false" })
    }

    /// Makes a null.
    pub fn null() -> Node {
        Node::plain("null")
    }

    /// Makes an empty mapping in block style.
    pub fn mapping() -> Node {
        Node::new(NodeKind::Mapping { entries: List::new(), style: CollectionStyle::Block })
    }

    /// Makes an empty list in block style.
    pub fn sequence() -> Node {
        Node::new(NodeKind::Sequence { items: List::new(), style: CollectionStyle::Block })
    }
}
