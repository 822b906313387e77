//! Scalars in quotes.

use std::borrow::Cow;

use super::Scanner;
use super::cursor::is_blank;
use super::plain::{Breaks, push_folded};
use crate::error::{ParseError, ParseErrorKind};
use crate::node::ScalarStyle;
use crate::token::{Mark, TokenKind};

impl<'a> Scanner<'a> {
    pub(super) fn fetch_quoted(&mut self, style: ScalarStyle) -> Result<(), ParseError> {
        self.save_key()?;
        self.key_allowed = false;
        let start = self.mark();
        let quote = self.peek(0);
        self.skip();
        let text = self.scan_quoted(quote, start)?;
        self.skip();
        let end = self.mark();
        self.push(TokenKind::Scalar { text, style }, start, end);
        Ok(())
    }

    /// Takes everything up to the closing quote.
    fn scan_quoted(&mut self, quote: u8, start: Mark) -> Result<Cow<'a, str>, ParseError> {
        let run_end = self.quoted_run_end(quote);
        let run = self.take_to(run_end);
        if self.at_closing_quote(quote) {
            return Ok(Cow::Borrowed(run));
        }
        let mut text = String::from(run);
        // Blanks before a line break vanish, but not those that an escape made.
        let mut kept = 0;
        loop {
            if self.at_end() {
                let message = "this quote is never closed";
                return self.error(ParseErrorKind::UnclosedQuote, start, message);
            }
            if self.at_break() {
                let trimmed = text.trim_end_matches([' ', '\t']).len();
                text.truncate(trimmed.max(kept));
                let first = self.skip_break();
                let breaks = self.take_quoted_breaks(first, start)?;
                push_folded(&mut text, &breaks);
                kept = text.len();
            } else if self.at_closing_quote(quote) {
                return Ok(Cow::Owned(text));
            } else if quote == b'\'' {
                text.push('\'');
                self.skip_ascii(2);
            } else if self.break_at(self.pos + 1) > 0 {
                self.skip();
                self.skip_break();
                let breaks = self.take_quoted_breaks("", start)?;
                text.push_str(&breaks.rest);
                kept = text.len();
            } else {
                self.scan_escape(&mut text)?;
                kept = text.len();
            }
            let run_end = self.quoted_run_end(quote);
            text.push_str(self.take_to(run_end));
        }
    }

    fn at_closing_quote(&self, quote: u8) -> bool {
        self.peek(0) == quote && (quote == b'"' || self.peek(1) != b'\'')
    }

    /// Where the text that stands for itself ends.
    fn quoted_run_end(&self, quote: u8) -> usize {
        let mut end = self.pos;
        while let Some(&byte) = self.bytes.get(end) {
            let stop = match byte {
                b'\n' | b'\r' => true,
                b'\\' => quote == b'"',
                0xC2 | 0xE2 => self.break_at(end) > 0,
                byte => byte == quote,
            };
            if stop {
                break;
            }
            end += 1;
        }
        end
    }

    /// Moves over further line breaks and the blanks around them.
    fn take_quoted_breaks(&mut self, first: &'a str, start: Mark) -> Result<Breaks<'a>, ParseError> {
        let mut rest = String::new();
        loop {
            if self.at_document_marker() {
                let message = "this quote is not closed before the document ends";
                return self.error(ParseErrorKind::UnclosedQuote, start, message);
            }
            if is_blank(self.peek(0)) {
                self.skip_blanks();
            } else if self.at_break() {
                rest.push_str(self.skip_break());
            } else {
                return Ok(Breaks { first, rest });
            }
        }
    }

    fn scan_escape(&mut self, text: &mut String) -> Result<(), ParseError> {
        let mark = self.mark();
        let digits = match self.peek(1) {
            b'x' => 2,
            b'u' => 4,
            b'U' => 8,
            byte => {
                let Some(char) = short_escape(byte) else {
                    let message = "unknown escape sequence; in single quotes `\\` needs no escape";
                    return self.error(ParseErrorKind::BadEscape, mark, message);
                };
                text.push(char);
                self.skip_ascii(2);
                return Ok(());
            }
        };
        let from = self.pos + 2;
        let code = self
            .bytes
            .get(from..from + digits)
            .filter(|bytes| bytes.iter().all(u8::is_ascii_hexdigit))
            .and_then(|bytes| std::str::from_utf8(bytes).ok())
            .and_then(|digits| u32::from_str_radix(digits, 16).ok())
            .and_then(char::from_u32);
        let Some(char) = code else {
            let message = format!("expected {digits} hexadecimal digits of a Unicode character");
            return self.error(ParseErrorKind::BadEscape, mark, message);
        };
        text.push(char);
        self.take_to(from + digits);
        Ok(())
    }
}

/// The character that a backslash and one more stand for.
fn short_escape(byte: u8) -> Option<char> {
    Some(match byte {
        b'0' => '\0',
        b'a' => '\x07',
        b'b' => '\x08',
        b't' | b'\t' => '\t',
        b'n' => '\n',
        b'v' => '\x0B',
        b'f' => '\x0C',
        b'r' => '\r',
        b'e' => '\x1B',
        b' ' => ' ',
        b'"' => '"',
        b'\'' => '\'',
        b'/' => '/',
        b'\\' => '\\',
        b'N' => '\u{85}',
        b'_' => '\u{A0}',
        b'L' => '\u{2028}',
        b'P' => '\u{2029}',
        _ => return None,
    })
}
