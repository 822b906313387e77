//! From bytes to documents.

use std::borrow::Cow;

use super::{Context, Parser, empty_scalar, non_empty, unexpected};
use crate::error::{ParseError, ParseErrorKind};
use crate::limits::Limits;
use crate::node::{Comments, Document, Position};
use crate::token::{Mark, TokenKind};

/// Parses a text of any number of documents. Those that are empty or null are left out, as
/// `kubectl` does.
pub fn parse(text: &str, limits: &Limits) -> Result<Vec<Document>, ParseError> {
    Parser::new(&prepare(text, limits)?, limits).parse_stream()
}

/// Parses bytes, which must be UTF-8, or UTF-16 with its mark.
pub fn parse_bytes(bytes: &[u8], limits: &Limits) -> Result<Vec<Document>, ParseError> {
    parse(&decode(bytes, limits)?, limits)
}

/// Parses bytes likewise, whatever keys stand in a mapping twice.
pub fn parse_bytes_with(bytes: &[u8], limits: &Limits, duplicates: Duplicates) -> Result<Vec<Document>, ParseError> {
    let text = decode(bytes, limits)?;
    let text = prepare(&text, limits)?;
    let mut parser = Parser::new(&text, limits);
    parser.duplicates = duplicates;
    parser.parse_stream()
}

/// What a key is that stands in a mapping twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Duplicates {
    /// An error.
    Refused,
    /// Set anew: the last value counts, as for programs that read YAML 1.1 by habit.
    LastWins,
    /// Both stay, for a program that looks for the first.
    Kept,
}

/// Parses the first document and looks at nothing behind it, as programs do that expect one. There
/// is none when nothing stands in the text; one that is null is one.
pub fn parse_first(bytes: &[u8], limits: &Limits, duplicates: Duplicates) -> Result<Option<Document>, ParseError> {
    let text = decode(bytes, limits)?;
    let text = prepare(&text, limits)?;
    let mut parser = Parser::new(&text, limits);
    parser.duplicates = duplicates;
    parser.parse_one()
}

fn prepare<'a>(text: &'a str, limits: &Limits) -> Result<Cow<'a, str>, ParseError> {
    if text.len() > limits.bytes() {
        let message = format!("more than {} bytes", limits.bytes());
        return Err(ParseError::new(ParseErrorKind::TooLarge, Position { line: 1, column: 1 }, message));
    }
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
    check_characters(text)?;
    Ok(if text.contains('\r') { Cow::Owned(text.replace("\r\n", "\n")) } else { Cow::Borrowed(text) })
}

/// The text of a file: UTF-8, or UTF-16 that begins with its mark.
fn decode<'a>(bytes: &'a [u8], limits: &Limits) -> Result<Cow<'a, str>, ParseError> {
    let start = Position { line: 1, column: 1 };
    if bytes.len() > limits.bytes() {
        let message = format!("more than {} bytes", limits.bytes());
        return Err(ParseError::new(ParseErrorKind::TooLarge, start, message));
    }
    let refused = |message| Err(ParseError::new(ParseErrorKind::Encoding, start, message));
    let wide: Option<fn([u8; 2]) -> u16> = match bytes {
        [0xFF, 0xFE, 0, 0, ..] | [0, 0, 0xFE, 0xFF, ..] => return refused("this is UTF-32, save it as UTF-8"),
        [0xFF, 0xFE, ..] => Some(u16::from_le_bytes),
        [0xFE, 0xFF, ..] => Some(u16::from_be_bytes),
        [0, byte, ..] | [byte, 0, ..] if *byte != 0 => return refused("this is UTF-16 or UTF-32, save it as UTF-8"),
        _ => None,
    };
    if let Some(wide) = wide {
        let (units, rest) = bytes.as_chunks();
        let text = String::from_utf16(&units.iter().map(|unit| wide(*unit)).collect::<Vec<_>>());
        let text = text.ok().filter(|_| rest.is_empty());
        return text.map_or_else(|| refused("this is broken UTF-16, save it as UTF-8"), |text| Ok(Cow::Owned(text)));
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(Cow::Borrowed(text)),
        Err(error) => {
            let valid = &bytes[..error.valid_up_to()];
            let position = position_of(&String::from_utf8_lossy(valid));
            Err(ParseError::new(ParseErrorKind::Encoding, position, "this byte is not UTF-8"))
        }
    }
}

/// The place behind a text.
fn position_of(before: &str) -> Position {
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or(before).chars().count() + 1;
    Position { line: u32::try_from(line).unwrap_or(u32::MAX), column: u32::try_from(column).unwrap_or(u32::MAX) }
}

/// Refuses the characters that YAML 1.1 forbids.
fn check_characters(text: &str) -> Result<(), ParseError> {
    let suspicious =
        |byte: u8| (byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r')) || matches!(byte, 0x7F | 0xC2 | 0xEF);
    let bytes = text.as_bytes();
    let mut from = 0;
    while let Some(found) = bytes[from..].iter().position(|byte| suspicious(*byte)) {
        let at = from + found;
        let Some(char) = text[at..].chars().next() else {
            break;
        };
        if matches!(char, '\0'..='\u{1F}' | '\u{7F}'..='\u{84}' | '\u{86}'..='\u{9F}' | '\u{FFFE}' | '\u{FFFF}') {
            let message = format!("the character U+{:04X} is not allowed", u32::from(char));
            let position = position_of(&text[..at]);
            return Err(ParseError::new(ParseErrorKind::ControlCharacter, position, message));
        }
        from = at + char.len_utf8();
    }
    Ok(())
}

impl Parser<'_> {
    fn parse_one(mut self) -> Result<Option<Document>, ParseError> {
        self.take()?;
        let token = self.peek()?;
        let mark = token.start;
        if token.kind == TokenKind::StreamEnd {
            return Ok(None);
        }
        Ok(Some(self.parse_document(true, mark)?))
    }

    fn parse_stream(mut self) -> Result<Vec<Document>, ParseError> {
        let mut documents = Vec::new();
        self.take()?;
        let mut first = true;
        loop {
            while !first && matches!(self.peek_kind()?, TokenKind::DocumentEnd) {
                self.take()?;
            }
            let token = self.peek()?;
            let mark = token.start;
            if token.kind == TokenKind::StreamEnd {
                return Ok(documents);
            }
            let document = self.parse_document(first, mark)?;
            first = false;
            if document.root.is_null() {
                continue;
            }
            if documents.len() >= self.limits.documents_max {
                let message = format!("more than {} documents", self.limits.documents_max);
                return Err(ParseError::new(ParseErrorKind::TooManyDocuments, document.position, message));
            }
            documents.push(document);
        }
    }

    fn parse_document(&mut self, first: bool, mark: Mark) -> Result<Document, ParseError> {
        self.anchors.clear();
        self.tag_handles.clear();
        let explicit = matches!(
            self.peek_kind()?,
            TokenKind::VersionDirective | TokenKind::TagDirective { .. } | TokenKind::DocumentStart
        );
        let mut head = None;
        let root = if first && !explicit {
            head = self.split_document_head();
            self.parse_node(Context::Block)?
        } else {
            self.parse_directives()?;
            let token = self.peek()?;
            if token.kind != TokenKind::DocumentStart {
                return Err(unexpected(token, "`---`"));
            }
            self.take()?;
            let token = self.peek()?;
            let start = token.start;
            if ends_document(&token.kind) { empty_scalar(start) } else { self.parse_node(Context::Block)? }
        };
        if matches!(self.peek_kind()?, TokenKind::DocumentEnd) {
            self.take()?;
        }
        let end = self.take_comments();
        Ok(Document {
            root,
            position: mark.position(),
            comments: Comments { head, line: None, foot: end.foot.or(end.head) },
        })
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "every other token is treated alike")]
    fn parse_directives(&mut self) -> Result<(), ParseError> {
        let mut version = false;
        loop {
            let token = self.peek()?;
            let twice = match &token.kind {
                TokenKind::VersionDirective => std::mem::replace(&mut version, true),
                TokenKind::TagDirective { handle, prefix } => {
                    let (handle, prefix) = (*handle, prefix.clone());
                    let twice = self.tag_handles.iter().any(|(name, _)| *name == handle);
                    self.tag_handles.push((handle, prefix));
                    twice
                }
                _ => return Ok(()),
            };
            let position = self.take()?.start.position();
            if twice {
                let message = "this directive stands here twice";
                return Err(ParseError::new(ParseErrorKind::BadDirective, position, message));
            }
        }
    }

    /// Of the comments above the first node, those before the last empty line are the
    /// document's.
    fn split_document_head(&mut self) -> Option<String> {
        let bytes = self.head.as_bytes();
        let last = bytes.len().checked_sub(1)?;
        for index in (1..bytes.len()).rev() {
            if bytes[index] != b'\n' || (index != last && bytes[index - 1] != b'\n') {
                continue;
            }
            let rest = self.head.split_off(index + 1);
            self.head.truncate(if index == last { index } else { index - 1 });
            return non_empty(&mut std::mem::replace(&mut self.head, rest));
        }
        None
    }
}

fn ends_document(kind: &TokenKind<'_>) -> bool {
    matches!(
        kind,
        TokenKind::VersionDirective
            | TokenKind::TagDirective { .. }
            | TokenKind::DocumentStart
            | TokenKind::DocumentEnd
            | TokenKind::StreamEnd
    )
}
