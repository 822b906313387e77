//! Tokens to trees.
//!
//! One function per production of the grammar, recursing once per level of the tree (bounded by
//! [`Limits::depth_max`]). Comments that the scanner found wait in three slots until a node
//! takes them; which node takes which is as in go-yaml v3.

mod anchors;
mod block;
mod flow;
mod input;
mod keys;

use std::borrow::Cow;

use crate::error::{ParseError, ParseErrorKind};
use crate::limits::Limits;
use crate::list::List;
use crate::node::{CollectionStyle, Comments, Node, NodeKind, Position, ScalarStyle, Text};
use crate::scanner::{Comment, Scanner, too_deep};
use crate::token::{Mark, Token, TokenKind};

pub use input::{Duplicates, parse, parse_bytes, parse_bytes_with, parse_first};

/// Builds trees from the tokens of one text.
struct Parser<'a> {
    scanner: Scanner<'a>,
    limits: Limits,
    duplicates: Duplicates,
    depth: usize,
    nodes: usize,
    anchors: anchors::Anchors,
    tag_handles: Vec<(&'a str, Cow<'a, str>)>,
    head: String,
    line: String,
    foot: String,
    /// Head of a list entry, kept for the collection inside it.
    stem: Option<String>,
}

/// What stands before the content of a node.
#[derive(Default)]
struct Properties {
    tag: Option<String>,
    anchor: Option<String>,
    start: Option<Mark>,
}

/// Where a node may stand.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Context {
    Block,
    /// A value of a block mapping: a list may start at the mapping's own indentation.
    BlockValue,
    Flow,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str, limits: &Limits) -> Parser<'a> {
        Parser {
            scanner: Scanner::new(text, limits.depth()),
            limits: *limits,
            duplicates: Duplicates::Refused,
            depth: 0,
            nodes: 0,
            anchors: anchors::Anchors::default(),
            tag_handles: Vec::new(),
            head: String::new(),
            line: String::new(),
            foot: String::new(),
            stem: None,
        }
    }

    /// The next token. Comments that stand before it move into the slots.
    fn peek(&mut self) -> Result<&Token<'a>, ParseError> {
        self.scanner.fill()?;
        if !self.scanner.comments.is_empty() {
            self.collect_comments();
        }
        self.scanner.head().ok_or_else(|| {
            ParseError::new(ParseErrorKind::Unexpected, Position::default(), "the text ends unexpectedly")
        })
    }

    fn peek_kind(&mut self) -> Result<&TokenKind<'a>, ParseError> {
        Ok(&self.peek()?.kind)
    }

    fn take(&mut self) -> Result<Token<'a>, ParseError> {
        self.peek()?;
        self.scanner.pop().ok_or_else(|| {
            ParseError::new(ParseErrorKind::Unexpected, Position::default(), "the text ends unexpectedly")
        })
    }

    fn collect_comments(&mut self) {
        let Some(token) = self.scanner.head() else {
            return;
        };
        let (index, ends_block) = (token.start.index, token.kind == TokenKind::BlockEnd);
        while let Some(comment) = self.scanner.comments.front() {
            if index < comment.token.index || (ends_block && comment.is_head()) {
                return;
            }
            let Some(comment) = self.scanner.comments.pop_front() else {
                return;
            };
            let slot = match &comment {
                comment if comment.is_head() => &mut self.head,
                comment if comment.is_line() => &mut self.line,
                _ => &mut self.foot,
            };
            append_line(slot, comment);
        }
    }

    fn take_comments(&mut self) -> Comments {
        if self.head.is_empty() && self.line.is_empty() && self.foot.is_empty() {
            self.stem = None;
            return Comments::NONE;
        }
        self.stem = None;
        Comments { head: non_empty(&mut self.head), line: non_empty(&mut self.line), foot: non_empty(&mut self.foot) }
    }

    fn count_node(&mut self, mark: Mark) -> Result<(), ParseError> {
        self.nodes += 1;
        if self.nodes <= self.limits.nodes_max {
            return Ok(());
        }
        let message = format!("more than {} values", self.limits.nodes_max);
        Err(ParseError::new(ParseErrorKind::TooManyNodes, mark.position(), message))
    }

    /// Parses any node.
    fn parse_node(&mut self, context: Context) -> Result<Node, ParseError> {
        let start = self.peek()?.start;
        self.count_node(start)?;
        if matches!(self.peek_kind()?, TokenKind::Alias(_)) {
            return self.parse_alias();
        }
        let properties = self.parse_properties()?;
        let Some(name) = properties.anchor.clone() else {
            return self.parse_content(properties, context);
        };
        let number = self.anchors.open(&name);
        let node = self.parse_content(properties, context)?;
        self.anchors.close(&name, number);
        Ok(node)
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "every other token is treated alike")]
    fn parse_content(&mut self, properties: Properties, context: Context) -> Result<Node, ParseError> {
        let token = self.peek()?;
        let start = properties.start.unwrap_or(token.start);
        let block = context != Context::Flow;
        let mut node = match token.kind {
            TokenKind::BlockEntry if context == Context::BlockValue => {
                self.nested(start, Parser::parse_indentless_sequence)?
            }
            TokenKind::Scalar { .. } => self.parse_scalar()?,
            TokenKind::FlowSequenceStart => self.nested(start, Parser::parse_flow_sequence)?,
            TokenKind::FlowMappingStart => self.nested(start, Parser::parse_flow_mapping)?,
            TokenKind::BlockSequenceStart if block => self.nested(start, Parser::parse_block_sequence)?,
            TokenKind::BlockMappingStart if block => self.nested(start, Parser::parse_block_mapping)?,
            _ if properties.start.is_some() => empty_scalar(start),
            _ => return Err(unexpected(token, "a value")),
        };
        node.position = start.position();
        node.set_tag(properties.tag);
        node.set_anchor(properties.anchor);
        Ok(node)
    }

    fn nested(
        &mut self,
        mark: Mark,
        parse: fn(&mut Parser<'a>) -> Result<Node, ParseError>,
    ) -> Result<Node, ParseError> {
        self.depth += 1;
        if self.depth > self.limits.depth() {
            return Err(too_deep(mark, self.limits.depth()));
        }
        let node = parse(self)?;
        self.depth -= 1;
        Ok(node)
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "every other token is treated alike")]
    fn parse_scalar(&mut self) -> Result<Node, ParseError> {
        let comments = self.take_comments();
        let token = self.take()?;
        let (text, style) = match token.kind {
            TokenKind::Scalar { text, style } => (text.into(), style),
            _ => return Err(unexpected(&token, "a scalar")),
        };
        let mut node = Node::at(NodeKind::Scalar { text, style }, token.start.position());
        put_comments(&mut node, comments);
        Ok(node)
    }

    fn parse_alias(&mut self) -> Result<Node, ParseError> {
        let comments = self.take_comments();
        let token = self.take()?;
        let TokenKind::Alias(name) = token.kind else {
            return Err(unexpected(&token, "an alias"));
        };
        self.anchors.check(name, token.start.position())?;
        let kind = NodeKind::Alias { name: name.into() };
        let mut node = Node::at(kind, token.start.position());
        put_comments(&mut node, comments);
        Ok(node)
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "every other token is treated alike")]
    fn parse_properties(&mut self) -> Result<Properties, ParseError> {
        let mut properties = Properties::default();
        loop {
            let token = self.peek()?;
            let start = token.start;
            match &token.kind {
                TokenKind::Anchor(name) if properties.anchor.is_none() => {
                    properties.anchor = Some((*name).to_owned());
                }
                TokenKind::Tag { handle, suffix } if properties.tag.is_none() => {
                    let (handle, suffix) = (*handle, suffix.clone());
                    properties.tag = Some(self.full_tag(handle, &suffix, start)?);
                }
                _ => return Ok(properties),
            }
            properties.start.get_or_insert(start);
            self.take()?;
        }
    }

    /// A tag with its handle replaced, in short form.
    fn full_tag(&self, handle: &str, suffix: &str, mark: Mark) -> Result<String, ParseError> {
        let declared = self.tag_handles.iter().find(|(name, _)| *name == handle).map(|(_, prefix)| prefix.as_ref());
        let prefix = match (declared, handle) {
            (Some(prefix), _) => prefix,
            (None, "" | "!") => handle,
            (None, "!!") => STANDARD_TAGS,
            (None, _) => {
                return Err(ParseError::new(
                    ParseErrorKind::BadTag,
                    mark.position(),
                    format!("the tag handle `{handle}` is not defined by a `%TAG` line"),
                ));
            }
        };
        let full = format!("{prefix}{suffix}");
        Ok(match full.strip_prefix(STANDARD_TAGS) {
            Some(name) => format!("!!{name}"),
            None => full,
        })
    }
}

/// The prefix that `!!` stands for.
const STANDARD_TAGS: &str = "tag:yaml.org,2002:";

fn append_line(slot: &mut String, comment: Comment) {
    if slot.is_empty() {
        *slot = comment.text;
    } else {
        slot.push('\n');
        slot.push_str(&comment.text);
    }
}

fn non_empty(slot: &mut String) -> Option<String> {
    (!slot.is_empty()).then(|| std::mem::take(slot))
}

fn put_comments(node: &mut Node, comments: Comments) {
    if !comments.is_empty() {
        *node.comments_mut() = comments;
    }
}

fn empty_scalar(mark: Mark) -> Node {
    let kind = NodeKind::Scalar { text: Text::new(), style: ScalarStyle::Plain };
    Node::at(kind, mark.position())
}

fn collection(items: List<Node>, style: CollectionStyle) -> Node {
    Node::new(NodeKind::Sequence { items, style })
}

fn mapping(entries: List<(Node, Node)>, style: CollectionStyle) -> Node {
    Node::new(NodeKind::Mapping { entries, style })
}

/// Says what was found where something else should be.
fn unexpected(token: &Token<'_>, expected: &str) -> ParseError {
    let (kind, found) = match &token.kind {
        TokenKind::BlockEnd | TokenKind::BlockMappingStart | TokenKind::BlockSequenceStart => {
            (ParseErrorKind::Indentation, "other indentation")
        }
        TokenKind::StreamEnd => (ParseErrorKind::Unexpected, "the end of the text"),
        TokenKind::DocumentStart => (ParseErrorKind::Unexpected, "`---`"),
        TokenKind::DocumentEnd => (ParseErrorKind::Unexpected, "`...`"),
        TokenKind::BlockEntry => (ParseErrorKind::Indentation, "a list entry `- `"),
        TokenKind::Key => (ParseErrorKind::Indentation, "a key"),
        TokenKind::Value => (ParseErrorKind::Unexpected, "`:`"),
        TokenKind::FlowEntry => (ParseErrorKind::Unexpected, "`,`"),
        TokenKind::FlowSequenceEnd => (ParseErrorKind::Unexpected, "`]`"),
        TokenKind::FlowMappingEnd => (ParseErrorKind::Unexpected, "`}`"),
        TokenKind::StreamStart
        | TokenKind::VersionDirective
        | TokenKind::TagDirective { .. }
        | TokenKind::FlowSequenceStart
        | TokenKind::FlowMappingStart
        | TokenKind::Alias(_)
        | TokenKind::Anchor(_)
        | TokenKind::Tag { .. }
        | TokenKind::Scalar { .. } => (ParseErrorKind::Unexpected, "another value"),
    };
    let message = format!("expected {expected}, found {found}");
    ParseError::new(kind, token.start.position(), message)
}
