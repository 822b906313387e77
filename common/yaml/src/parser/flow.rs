//! Lists and mappings in brackets.

use super::block::lift_foot;
use super::{Context, Parser, collection, keys, mapping, put_comments, unexpected};
use crate::error::{ParseError, ParseErrorKind};
use crate::list::List;
use crate::node::{CollectionStyle, Comments, Node};
use crate::token::{Mark, TokenKind};

impl Parser<'_> {
    #[expect(clippy::wildcard_enum_match_arm, reason = "every other token is treated alike")]
    pub(super) fn parse_flow_sequence(&mut self) -> Result<Node, ParseError> {
        let head = self.take_comments().head;
        let open = self.take()?.start;
        let mut items = List::new();
        loop {
            if matches!(self.peek_kind()?, TokenKind::FlowSequenceEnd) {
                break;
            }
            if !items.is_empty() {
                self.take_comma(open, "]")?;
            }
            match self.peek_kind()? {
                TokenKind::FlowSequenceEnd => break,
                TokenKind::Key => {
                    let start = self.peek()?.start;
                    items.push(self.nested(start, Parser::parse_single_pair)?);
                }
                _ => items.push(self.parse_node(Context::Flow)?),
            }
        }
        let node = collection(items, CollectionStyle::Flow);
        self.close_flow(node, head)
    }

    /// `key: value` as an entry of a flow list is a mapping of its own.
    fn parse_single_pair(&mut self) -> Result<Node, ParseError> {
        let start = self.take()?.start;
        self.count_node(start)?;
        let empty = self.at_flow_end()?;
        let mut key = self.parse_or_empty(empty, Context::Flow, start)?;
        let mut value = self.parse_flow_value()?;
        lift_foot(&mut key, &mut value);
        let mut node = mapping(List::from_iter([(key, value)]), CollectionStyle::Flow);
        node.position = start.position();
        Ok(node)
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "every other token is treated alike")]
    pub(super) fn parse_flow_mapping(&mut self) -> Result<Node, ParseError> {
        let head = self.take_comments().head;
        let open = self.take()?.start;
        let mut entries: List<(Node, Node)> = List::new();
        let mut unique = keys::UniqueKeys::default();
        loop {
            if matches!(self.peek_kind()?, TokenKind::FlowMappingEnd) {
                break;
            }
            if !entries.is_empty() {
                self.take_comma(open, "}")?;
            }
            let start = self.peek()?.start;
            let (mut key, mut value) = match self.peek_kind()? {
                TokenKind::FlowMappingEnd => break,
                TokenKind::Key => {
                    self.take()?;
                    let empty = self.at_flow_end()?;
                    let key = self.parse_or_empty(empty, Context::Flow, start)?;
                    unique.claim(&key, &mut entries, self.duplicates)?;
                    (key, self.parse_flow_value()?)
                }
                _ => {
                    let key = self.parse_node(Context::Flow)?;
                    unique.claim(&key, &mut entries, self.duplicates)?;
                    let mark = self.peek()?.start;
                    (key, self.parse_or_empty(true, Context::Flow, mark)?)
                }
            };
            lift_foot(&mut key, &mut value);
            entries.push((key, value));
        }
        let node = mapping(entries, CollectionStyle::Flow);
        self.close_flow(node, head)
    }

    /// The value behind a colon, or an empty one.
    fn parse_flow_value(&mut self) -> Result<Node, ParseError> {
        let mut mark = self.peek()?.start;
        let mut empty = true;
        if matches!(self.peek_kind()?, TokenKind::Value) {
            self.take()?;
            empty = self.at_flow_end()?;
            mark = self.peek()?.start;
        }
        self.parse_or_empty(empty, Context::Flow, mark)
    }

    fn at_flow_end(&mut self) -> Result<bool, ParseError> {
        Ok(matches!(
            self.peek_kind()?,
            TokenKind::Value | TokenKind::FlowEntry | TokenKind::FlowSequenceEnd | TokenKind::FlowMappingEnd
        ))
    }

    fn take_comma(&mut self, open: Mark, close: &str) -> Result<(), ParseError> {
        if matches!(self.peek_kind()?, TokenKind::FlowEntry) {
            self.take()?;
            return Ok(());
        }
        let here = self.peek()?.start.position();
        let opened = open.position();
        let message = format!(
            "expected `,` or `{close}` for the bracket opened in line {}, column {}",
            opened.line, opened.column
        );
        Err(ParseError::new(ParseErrorKind::UnclosedFlow, here, message))
    }

    /// Takes the closing bracket; comments behind it belong to the collection.
    fn close_flow(&mut self, mut node: Node, head: Option<String>) -> Result<Node, ParseError> {
        let end = self.take_comments();
        let token = self.peek()?;
        if !matches!(token.kind, TokenKind::FlowSequenceEnd | TokenKind::FlowMappingEnd) {
            return Err(unexpected(token, "a closing bracket"));
        }
        self.take()?;
        let comments = Comments { head, line: end.line, foot: end.foot };
        put_comments(&mut node, comments);
        Ok(node)
    }
}
