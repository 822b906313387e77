//! Scalars without quotes.

use std::borrow::Cow;

use super::Scanner;
use super::cursor::is_blank;
use crate::error::{ParseError, ParseErrorKind};
use crate::node::ScalarStyle;
use crate::token::TokenKind;

impl<'a> Scanner<'a> {
    pub(super) fn fetch_plain(&mut self) -> Result<(), ParseError> {
        self.save_key()?;
        self.key_allowed = false;
        let start = self.mark();
        let begin = self.pos;
        let deepest = self.indent + 1;
        let mut text: Cow<'a, str> = Cow::Borrowed("");
        let mut end = start;
        // What separates the next word from the text so far.
        let mut gap = Gap::Inline(self.pos);
        let mut broke = false;
        loop {
            if self.at_document_marker() || self.peek(0) == b'#' {
                break;
            }
            let word_end = self.plain_word_end();
            if word_end > self.pos {
                match (&mut text, gap) {
                    (Cow::Borrowed(line), Gap::Inline(_)) => *line = &self.text[begin..word_end],
                    (Cow::Owned(text), Gap::Inline(from)) => {
                        text.push_str(&self.text[from..word_end]);
                    }
                    (text, Gap::Lines(breaks)) => {
                        let text = text.to_mut();
                        push_folded(text, &breaks);
                        text.push_str(&self.text[self.pos..word_end]);
                    }
                }
                broke = false;
                self.take_to(word_end);
                end = self.mark();
            }
            gap = Gap::Inline(word_end);
            if !is_blank(self.peek(0)) && !self.at_break() {
                break;
            }
            self.skip_blanks();
            if self.at_break() {
                gap = Gap::Lines(self.take_breaks(deepest, start)?);
                broke = true;
            }
            if !self.in_flow() && self.column < deepest {
                break;
            }
        }
        if broke {
            self.key_allowed = true;
        }
        if text.is_empty() {
            return self.error(ParseErrorKind::UnexpectedCharacter, start, "expected a value here");
        }
        let style = ScalarStyle::Plain;
        self.push(TokenKind::Scalar { text, style }, start, end);
        Ok(())
    }

    /// Where the word that starts here ends: at a blank, a line break or an indicator.
    fn plain_word_end(&self) -> usize {
        let flow = self.in_flow();
        let mut end = self.pos;
        while let Some(&byte) = self.bytes.get(end) {
            let stop = match byte {
                b' ' | b'\t' | b'\n' | b'\r' => true,
                b':' => self.is_space_at(end + 1 - self.pos),
                b',' | b'?' | b'[' | b']' | b'{' | b'}' => flow,
                0xC2 | 0xE2 => self.break_at(end) > 0,
                _ => false,
            };
            if stop {
                break;
            }
            end += 1;
        }
        end
    }

    /// Moves over line breaks and the blanks around them.
    fn take_breaks(&mut self, deepest: i32, start: crate::token::Mark) -> Result<Breaks<'a>, ParseError> {
        let mut breaks = Breaks { first: self.skip_break(), rest: String::new() };
        loop {
            if self.peek(0) == b'\t' && self.column < deepest {
                let message = "a tab cannot indent, use spaces";
                let mark = if self.in_flow() { start } else { self.mark() };
                return self.error(ParseErrorKind::Tab, mark, message);
            }
            if is_blank(self.peek(0)) {
                self.skip();
            } else if self.at_break() {
                breaks.rest.push_str(self.skip_break());
            } else {
                return Ok(breaks);
            }
        }
    }
}

/// Line breaks between two words.
pub(super) struct Breaks<'a> {
    pub(super) first: &'a str,
    pub(super) rest: String,
}

enum Gap<'a> {
    /// Blanks from this place on.
    Inline(usize),
    Lines(Breaks<'a>),
}

/// Adds line breaks to a text: a single one counts as a space, further ones as themselves.
pub(super) fn push_folded(text: &mut String, breaks: &Breaks<'_>) {
    if breaks.first != "\n" {
        text.push_str(breaks.first);
    } else if breaks.rest.is_empty() {
        text.push(' ');
    }
    text.push_str(&breaks.rest);
}
