//! Block scalars: `|` and `>`.

use std::borrow::Cow;

use super::Scanner;
use super::cursor::is_blank;
use crate::error::{ParseError, ParseErrorKind};
use crate::node::ScalarStyle;
use crate::token::{Mark, TokenKind};

/// What happens to the line breaks at the end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Chomping {
    Strip,
    Clip,
    Keep,
}

struct Header {
    chomping: Chomping,
    indent: Option<i32>,
}

impl Scanner<'_> {
    pub(super) fn fetch_block_scalar(&mut self, style: ScalarStyle) -> Result<(), ParseError> {
        self.drop_key()?;
        self.key_allowed = true;
        let start = self.mark();
        self.skip();
        let header = self.scan_block_header(start)?;
        let mut end = self.mark();
        let text = self.scan_block_text(&header, style, &mut end)?;
        let text = Cow::Owned(text);
        self.push(TokenKind::Scalar { text, style }, start, end);
        Ok(())
    }

    fn scan_block_header(&mut self, start: Mark) -> Result<Header, ParseError> {
        let mut header = Header { chomping: Chomping::Clip, indent: None };
        let mut chomped = false;
        loop {
            match self.peek(0) {
                sign @ (b'+' | b'-') if !chomped => {
                    chomped = true;
                    header.chomping = if sign == b'+' { Chomping::Keep } else { Chomping::Strip };
                }
                digit @ b'1'..=b'9' if header.indent.is_none() => {
                    header.indent = Some(self.indent.max(0) + i32::from(digit - b'0'));
                }
                _ => break,
            }
            self.skip();
        }
        self.skip_blanks();
        if self.peek(0) == b'#' {
            self.scan_line_comment(start);
        }
        if !self.at_line_end() {
            let message = "after `|` or `>` only `+`, `-`, a digit from 1 to 9 and a comment \
                           may follow on the line";
            return self.error(ParseErrorKind::BadBlockScalar, self.mark(), message);
        }
        self.skip_break();
        Ok(header)
    }

    fn scan_block_text(&mut self, header: &Header, style: ScalarStyle, end: &mut Mark) -> Result<String, ParseError> {
        let mut text = String::new();
        let mut breaks = String::new();
        let indent = self.skip_block_indent(header.indent, &mut breaks, end)?;
        let mut line_break = "";
        let mut after_blank = false;
        while self.column == indent && !self.at_end() {
            let blank = is_blank(self.peek(0));
            let folds = style == ScalarStyle::Folded && !after_blank && !blank;
            if folds && line_break == "\n" {
                if breaks.is_empty() {
                    text.push(' ');
                }
            } else {
                text.push_str(line_break);
            }
            text.push_str(&breaks);
            breaks.clear();
            after_blank = blank;
            text.push_str(self.take_line());
            line_break = self.skip_break();
            self.skip_block_indent(Some(indent), &mut breaks, end)?;
        }
        if header.chomping != Chomping::Strip {
            text.push_str(line_break);
        }
        if header.chomping == Chomping::Keep {
            text.push_str(&breaks);
        }
        Ok(text)
    }

    /// Moves over empty lines and the indentation of the next one that is not empty; returns
    /// the indentation, found out when it is not known yet.
    fn skip_block_indent(
        &mut self,
        known: Option<i32>,
        breaks: &mut String,
        end: &mut Mark,
    ) -> Result<i32, ParseError> {
        *end = self.mark();
        let mut widest = 0;
        loop {
            while known.is_none_or(|indent| self.column < indent) && self.peek(0) == b' ' {
                self.pos += 1;
                self.column += 1;
            }
            widest = widest.max(self.column);
            if known.is_none_or(|indent| self.column < indent) && self.peek(0) == b'\t' {
                let message = "a tab cannot indent the text of a block scalar, use spaces";
                return self.error(ParseErrorKind::Tab, self.mark(), message);
            }
            if !self.at_break() {
                break;
            }
            breaks.push_str(self.skip_break());
            *end = self.mark();
        }
        Ok(known.unwrap_or_else(|| widest.max(self.indent + 1).max(1)))
    }
}
