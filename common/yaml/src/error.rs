//! What can be wrong with a text or a tree.

use std::fmt;

use crate::node::Position;

/// Why a text is not YAML that Kubernetes would read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ParseErrorKind {
    /// More bytes than [`crate::Limits::bytes_max`].
    TooLarge,
    /// More levels than [`crate::Limits::depth_max`].
    TooDeep,
    /// More nodes, after expanding aliases, than [`crate::Limits::nodes_max`].
    TooManyNodes,
    /// More documents than [`crate::Limits::documents_max`].
    TooManyDocuments,
    /// Not UTF-8.
    Encoding,
    /// NUL, a control character or another one that YAML forbids.
    ControlCharacter,
    /// A tab where only spaces may indent.
    Tab,
    /// Indentation that fits no open block.
    Indentation,
    /// A quoted scalar without its closing quote.
    UnclosedQuote,
    /// A flow collection without its comma or closing bracket.
    UnclosedFlow,
    /// A wrong escape sequence in a double-quoted scalar.
    BadEscape,
    /// A wrong header of a block scalar.
    BadBlockScalar,
    /// A wrong `%YAML` or `%TAG` directive.
    BadDirective,
    /// A wrong tag or one with an undefined handle.
    BadTag,
    /// A wrong name of an anchor or alias.
    BadAnchor,
    /// An alias without an anchor before it.
    UndefinedAlias,
    /// An anchor whose value contains itself.
    RecursiveAlias,
    /// A merge key whose value is no mapping and no list of mappings.
    BadMerge,
    /// The same key twice in one mapping.
    DuplicateKey,
    /// A character that starts nothing here.
    UnexpectedCharacter,
    /// A key without its colon.
    MissingColon,
    /// Something else than the grammar expects here.
    Unexpected,
}

/// A text that cannot be parsed: where, which kind, and why in words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{position}: {message}")]
pub struct ParseError {
    /// The place that the message is about.
    pub position: Position,
    /// The kind, for code to match on.
    pub kind: ParseErrorKind,
    /// Why, in lower case and without the position.
    pub message: String,
}

impl ParseError {
    pub(crate) fn new(kind: ParseErrorKind, position: Position, message: impl Into<String>) -> ParseError {
        ParseError { position, kind, message: message.into() }
    }
}

/// Why a node has no JSON form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ConvertErrorKind {
    /// Infinity or not-a-number.
    NotFinite,
    /// A key that is null, a collection, or an integer beyond 64 bits with sign.
    UnsupportedKey,
    /// Two keys that are the same string in JSON.
    DuplicateKey,
    /// Text that its explicit tag does not allow.
    TagMismatch,
    /// `!!binary` whose text is no base64, or whose bytes are no text.
    Binary,
    /// An alias or merge key: [`crate::expand_aliases`] was not called.
    NotExpanded,
    /// More levels than any parsed tree has.
    TooDeep,
}

/// A node without a JSON form: where in the text, where in the tree, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{position}: {message} at `{path}`")]
pub struct ConvertError {
    /// The place in the text; line 0 for a node that was not parsed.
    pub position: Position,
    /// The kind, for code to match on.
    pub kind: ConvertErrorKind,
    /// The place in the tree, such as `/spec/containers/0`.
    pub path: String,
    /// Why, in lower case and without the position.
    pub message: String,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}
