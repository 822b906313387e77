//! What the scanner hands to the parser.

use std::borrow::Cow;

use crate::node::{Position, ScalarStyle};

/// A place in the text, counted from 0. The index is in bytes; it can be one before the start,
/// hence the sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Mark {
    pub(crate) index: i32,
    pub(crate) line: i32,
    pub(crate) column: i32,
}

impl Mark {
    pub(crate) fn position(self) -> Position {
        Position {
            line: u32::try_from(self.line + 1).unwrap_or(1),
            column: u32::try_from(self.column + 1).unwrap_or(1),
        }
    }
}

/// One token.
#[derive(Debug, Clone)]
pub(crate) struct Token<'a> {
    pub(crate) kind: TokenKind<'a>,
    pub(crate) start: Mark,
    pub(crate) end: Mark,
}

/// What a token is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TokenKind<'a> {
    StreamStart,
    StreamEnd,
    VersionDirective,
    TagDirective { handle: &'a str, prefix: Cow<'a, str> },
    DocumentStart,
    DocumentEnd,
    BlockSequenceStart,
    BlockMappingStart,
    BlockEnd,
    FlowSequenceStart,
    FlowSequenceEnd,
    FlowMappingStart,
    FlowMappingEnd,
    BlockEntry,
    FlowEntry,
    Key,
    Value,
    Alias(&'a str),
    Anchor(&'a str),
    Tag { handle: &'a str, suffix: Cow<'a, str> },
    Scalar { text: Cow<'a, str>, style: ScalarStyle },
}

/// The part of a token that later decisions about comments look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Seen {
    BlockSequenceStart,
    BlockEntry,
    FlowEntry,
    Value,
    Other,
}

impl TokenKind<'_> {
    pub(crate) fn seen(&self) -> Seen {
        if matches!(self, TokenKind::BlockSequenceStart) {
            Seen::BlockSequenceStart
        } else if matches!(self, TokenKind::BlockEntry) {
            Seen::BlockEntry
        } else if matches!(self, TokenKind::FlowEntry) {
            Seen::FlowEntry
        } else if matches!(self, TokenKind::Value) {
            Seen::Value
        } else {
            Seen::Other
        }
    }
}
