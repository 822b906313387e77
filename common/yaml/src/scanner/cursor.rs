//! Moving over the text.

use super::Scanner;
use crate::token::Mark;

/// Whether a byte is a space or a tab.
pub(super) fn is_blank(byte: u8) -> bool {
    byte == b' ' || byte == b'\t'
}

/// Whether a byte may be part of the name of an anchor or handle.
pub(super) fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'
}

impl<'a> Scanner<'a> {
    /// The byte at an offset from here; 0 beyond the end.
    pub(super) fn peek(&self, offset: usize) -> u8 {
        self.bytes.get(self.pos + offset).copied().unwrap_or(0)
    }

    pub(super) fn mark(&self) -> Mark {
        Mark { index: i32::try_from(self.pos).unwrap_or(i32::MAX), line: self.line, column: self.column }
    }

    /// Bytes of the line break at an absolute place; 0 when there is none.
    pub(super) fn break_at(&self, pos: usize) -> usize {
        match self.bytes.get(pos) {
            Some(b'\n' | b'\r') => 1,
            Some(0xC2) if self.bytes.get(pos + 1) == Some(&0x85) => 2,
            Some(0xE2) if matches!(self.bytes.get(pos + 1..pos + 3), Some([0x80, 0xA8 | 0xA9])) => 3,
            _ => 0,
        }
    }

    pub(super) fn at_break(&self) -> bool {
        self.break_at(self.pos) > 0
    }

    pub(super) fn at_end(&self) -> bool {
        self.pos >= self.bytes.len()
    }

    /// Whether a line ends here or the text does.
    pub(super) fn at_line_end(&self) -> bool {
        self.at_end() || self.at_break()
    }

    /// Whether there is a blank, a line break or the end at an offset.
    pub(super) fn is_space_at(&self, offset: usize) -> bool {
        let pos = self.pos + offset;
        self.bytes.get(pos).is_none_or(|byte| is_blank(*byte)) || self.break_at(pos) > 0
    }

    /// Moves over one character that is no line break.
    pub(super) fn skip(&mut self) {
        let Some(&byte) = self.bytes.get(self.pos) else {
            return;
        };
        if !is_blank(byte) {
            self.newlines = 0;
        }
        self.pos += width(byte);
        self.column += 1;
    }

    /// Moves over single-byte characters that are no line breaks.
    pub(super) fn skip_ascii(&mut self, count: usize) {
        for _ in 0..count {
            self.skip();
        }
    }

    /// Moves over a line break and returns how it counts in a value: `\n`, or the separators of
    /// Unicode as they are.
    pub(super) fn skip_break(&mut self) -> &'a str {
        let length = self.break_at(self.pos);
        if length == 0 {
            return "";
        }
        let text = &self.text[self.pos..self.pos + length];
        self.pos += length;
        self.line += 1;
        self.column = 0;
        self.newlines += 1;
        if length == 3 { text } else { "\n" }
    }

    pub(super) fn skip_blanks(&mut self) {
        while is_blank(self.peek(0)) {
            self.pos += 1;
            self.column += 1;
        }
    }

    /// Moves to an absolute place further on in this line, over something that is not only
    /// blanks, and returns what lies between.
    pub(super) fn take_to(&mut self, end: usize) -> &'a str {
        let text = &self.text[self.pos..end];
        self.column += i32::try_from(count_chars(text)).unwrap_or(i32::MAX);
        self.pos = end;
        self.newlines = 0;
        text
    }

    /// Moves to the end of the line and returns what lies between.
    pub(super) fn take_line(&mut self) -> &'a str {
        let mut end = self.pos;
        while end < self.bytes.len() && self.break_at(end) == 0 {
            end += 1;
        }
        let text = &self.text[self.pos..end];
        self.column += i32::try_from(count_chars(text)).unwrap_or(i32::MAX);
        if text.bytes().any(|byte| !is_blank(byte)) {
            self.newlines = 0;
        }
        self.pos = end;
        text
    }

    /// Takes a run of characters that may be in the name of an anchor or handle.
    pub(super) fn take_word(&mut self) -> &'a str {
        let mut end = self.pos;
        while self.bytes.get(end).is_some_and(|byte| is_word(*byte)) {
            end += 1;
        }
        if end == self.pos {
            return "";
        }
        self.take_to(end)
    }

    /// Whether a document marker stands at the start of this line.
    pub(super) fn at_document_marker(&self) -> bool {
        self.column == 0
            && (self.bytes[self.pos..].starts_with(b"---") || self.bytes[self.pos..].starts_with(b"..."))
            && self.is_space_at(3)
    }
}

/// Bytes of the character that starts with a byte.
fn width(byte: u8) -> usize {
    match byte {
        0..=0x7F => 1,
        0xC0..=0xDF => 2,
        0xE0..=0xEF => 3,
        _ => 4,
    }
}

fn count_chars(text: &str) -> usize {
    text.chars().count()
}
