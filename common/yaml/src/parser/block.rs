//! Lists and mappings by indentation.

use super::{Context, Parser, collection, empty_scalar, keys, mapping, put_comments, unexpected};
use crate::error::ParseError;
use crate::list::List;
use crate::node::{CollectionStyle, Comments, Node};
use crate::token::{Mark, TokenKind};

impl Parser<'_> {
    #[expect(clippy::wildcard_enum_match_arm, reason = "every other token is treated alike")]
    pub(super) fn parse_block_sequence(&mut self) -> Result<Node, ParseError> {
        let stem = self.stem.take();
        self.take()?;
        let mut items = List::new();
        loop {
            match self.peek_kind()? {
                TokenKind::BlockEntry => {
                    let dash = self.take_dash()?;
                    let empty = matches!(self.peek_kind()?, TokenKind::BlockEntry | TokenKind::BlockEnd);
                    items.push(self.parse_or_empty(empty, Context::Block, dash)?);
                }
                TokenKind::BlockEnd => {
                    self.take()?;
                    break;
                }
                _ => return Err(unexpected(self.peek()?, "a list entry `- ` here")),
            }
        }
        let mut node = collection(items, CollectionStyle::Block);
        put_stem(&mut node, stem);
        Ok(node)
    }

    /// A list at the indentation of the key that it belongs to.
    pub(super) fn parse_indentless_sequence(&mut self) -> Result<Node, ParseError> {
        let mut items = List::new();
        while matches!(self.peek_kind()?, TokenKind::BlockEntry) {
            let dash = self.take_dash()?;
            let empty = matches!(
                self.peek_kind()?,
                TokenKind::BlockEntry | TokenKind::Key | TokenKind::Value | TokenKind::BlockEnd
            );
            items.push(self.parse_or_empty(empty, Context::Block, dash)?);
        }
        Ok(collection(items, CollectionStyle::Block))
    }

    /// Takes a `-`. Comments above it belong to a collection that begins right behind it as a
    /// whole, not to its first entry.
    fn take_dash(&mut self) -> Result<Mark, ParseError> {
        self.peek()?;
        let stem_length = self.head.len();
        let end = self.take()?.end;
        if stem_length == 0 {
            return Ok(end);
        }
        if matches!(self.peek_kind()?, TokenKind::BlockSequenceStart | TokenKind::BlockMappingStart) {
            let rest = self.head.get(stem_length + 1..).unwrap_or_default().to_owned();
            self.head.truncate(stem_length);
            self.stem = Some(std::mem::replace(&mut self.head, rest));
        }
        Ok(end)
    }

    /// The node that follows, or an empty one when nothing does.
    pub(super) fn parse_or_empty(&mut self, empty: bool, context: Context, mark: Mark) -> Result<Node, ParseError> {
        if !empty {
            return self.parse_node(context);
        }
        self.count_node(mark)?;
        Ok(empty_scalar(mark))
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "every other token is treated alike")]
    pub(super) fn parse_block_mapping(&mut self) -> Result<Node, ParseError> {
        let stem = self.stem.take();
        self.take()?;
        let mut entries: List<(Node, Node)> = List::new();
        let mut unique = keys::UniqueKeys::default();
        loop {
            let token = self.peek()?;
            let mark = token.end;
            match token.kind {
                TokenKind::Key => {
                    self.take()?;
                    let empty = self.at_no_value()?;
                    let mut key = self.parse_or_empty(empty, Context::BlockValue, mark)?;
                    give_foot_to_last(&mut entries, &mut key);
                    unique.claim(&key, &mut entries, self.duplicates)?;
                    self.parse_block_value(key, &mut entries)?;
                }
                TokenKind::BlockEnd => break,
                _ => return Err(unexpected(token, "a key here")),
            }
        }
        let mut end = self.take_comments();
        self.take()?;
        end.head = None;
        if let Some((key, _)) = entries.last_mut()
            && end.foot.is_some()
        {
            key.comments_mut().foot = end.foot.take();
        }
        let mut node = mapping(entries, CollectionStyle::Block);
        put_comments(&mut node, end);
        put_stem(&mut node, stem);
        Ok(node)
    }

    fn at_no_value(&mut self) -> Result<bool, ParseError> {
        Ok(matches!(self.peek_kind()?, TokenKind::Key | TokenKind::Value | TokenKind::BlockEnd))
    }

    fn parse_block_value(&mut self, mut key: Node, entries: &mut List<(Node, Node)>) -> Result<(), ParseError> {
        let token = self.peek()?;
        let (mut mark, colon) = (token.start, token.kind == TokenKind::Value);
        let mut empty = true;
        if colon {
            mark = self.take()?.end;
            empty = self.at_no_value()?;
        }
        let mut value = self.parse_or_empty(empty, Context::BlockValue, mark)?;
        lift_foot(&mut key, &mut value);
        entries.push((key, value));
        Ok(())
    }
}

fn put_stem(node: &mut Node, stem: Option<String>) {
    if stem.is_some() {
        node.comments_mut().head = stem;
    }
}

/// A foot that was found at a key belongs to the entry before it.
fn give_foot_to_last(entries: &mut [(Node, Node)], key: &mut Node) {
    if key.comments().foot.is_some()
        && let Some((last, _)) = entries.last_mut()
    {
        last.comments_mut().foot = key.comments_mut().foot.take();
    }
}

/// A foot of a value is shown below the whole entry, so the key holds it.
pub(super) fn lift_foot(key: &mut Node, value: &mut Node) {
    if key.comments().foot.is_none() && value.comments() != &Comments::NONE {
        let foot = value.comments_mut().foot.take();
        if foot.is_some() {
            key.comments_mut().foot = foot;
        }
    }
}
