//! Anchors, aliases, tags and directives.

use std::borrow::Cow;

use super::Scanner;
use super::cursor::is_word;
use crate::error::{ParseError, ParseErrorKind};
use crate::token::{Mark, TokenKind};

/// Most digits of a version number in a `%YAML` directive.
const VERSION_DIGITS_MAX: usize = 2;

impl<'a> Scanner<'a> {
    pub(super) fn fetch_anchor(&mut self) -> Result<(), ParseError> {
        self.save_key()?;
        self.key_allowed = false;
        let start = self.mark();
        let alias = self.peek(0) == b'*';
        self.skip();
        let name = self.take_word();
        let ends = self.is_space_at(0) || b"?:,]}%@`".contains(&self.peek(0));
        if name.is_empty() || !ends {
            let message = if alias {
                "`*` starts an alias, whose name has only letters, digits, `_` and `-`: quote \
                 the text if it is none"
            } else {
                "`&` starts an anchor, whose name has only letters, digits, `_` and `-`: quote \
                 the text if it is none"
            };
            return self.error(ParseErrorKind::BadAnchor, start, message);
        }
        let end = self.mark();
        let kind = if alias { TokenKind::Alias(name) } else { TokenKind::Anchor(name) };
        self.push(kind, start, end);
        Ok(())
    }

    pub(super) fn fetch_tag(&mut self) -> Result<(), ParseError> {
        self.save_key()?;
        self.key_allowed = false;
        let start = self.mark();
        let (handle, suffix) = if self.peek(1) == b'<' {
            self.skip_ascii(2);
            let suffix = self.scan_uri(self.pos, start)?;
            if self.peek(0) != b'>' {
                return self.bad_tag(start, "a tag that starts with `!<` ends with `>`");
            }
            self.skip();
            ("", suffix)
        } else {
            self.scan_short_tag(start)?
        };
        if !self.is_space_at(0) {
            return self.bad_tag(start, "a tag ends with a space or a line break");
        }
        let end = self.mark();
        self.push(TokenKind::Tag { handle, suffix }, start, end);
        Ok(())
    }

    /// `!suffix`, `!!suffix`, `!handle!suffix` or `!`.
    fn scan_short_tag(&mut self, start: Mark) -> Result<(&'a str, Cow<'a, str>), ParseError> {
        let from = self.pos;
        self.skip();
        self.take_word();
        if self.peek(0) == b'!' {
            self.skip();
            let handle = &self.text[from..self.pos];
            let suffix = self.scan_uri(self.pos, start)?;
            if suffix.is_empty() {
                return self.bad_tag(start, "a tag has a name after its handle");
            }
            return Ok((handle, suffix));
        }
        let suffix = self.scan_uri(from + 1, start)?;
        if suffix.is_empty() {
            return Ok(("", Cow::Borrowed("!")));
        }
        Ok(("!", suffix))
    }

    fn bad_tag<T>(&self, mark: Mark, message: &str) -> Result<T, ParseError> {
        self.error(ParseErrorKind::BadTag, mark, message)
    }

    /// Takes the rest of a URI that began at a place, its escapes undone.
    fn scan_uri(&mut self, from: usize, start: Mark) -> Result<Cow<'a, str>, ParseError> {
        while is_word(self.peek(0)) || b";/?:@&=+$,.!~*'()[]%".contains(&self.peek(0)) {
            self.skip();
        }
        let text = &self.text[from..self.pos];
        if !text.contains('%') {
            return Ok(Cow::Borrowed(text));
        }
        match unescape_uri(text) {
            Some(text) => Ok(Cow::Owned(text)),
            None => self.bad_tag(start, "`%` in a tag is followed by two hexadecimal digits"),
        }
    }

    /// Reads a line that starts with `%`.
    pub(super) fn scan_directive(&mut self, start: Mark) -> Result<TokenKind<'a>, ParseError> {
        self.skip();
        let kind = match self.take_word() {
            "YAML" => self.scan_version(start)?,
            "TAG" => self.scan_tag_directive(start)?,
            _ => {
                let message = "unknown directive: only `%YAML` and `%TAG` are known";
                return self.bad_directive(start, message);
            }
        };
        self.skip_blanks();
        if self.peek(0) == b'#' {
            self.take_line();
        }
        if !self.at_line_end() {
            return self.bad_directive(start, "something follows the directive on its line");
        }
        self.skip_break();
        Ok(kind)
    }

    fn bad_directive<T>(&self, mark: Mark, message: &str) -> Result<T, ParseError> {
        self.error(ParseErrorKind::BadDirective, mark, message)
    }

    fn scan_version(&mut self, start: Mark) -> Result<TokenKind<'a>, ParseError> {
        self.skip_blanks();
        let major = self.scan_digits();
        let dot = self.peek(0) == b'.';
        self.skip();
        let minor = self.scan_digits();
        if dot && (major, minor) == ("1", "1") {
            return Ok(TokenKind::VersionDirective);
        }
        self.bad_directive(start, "Kubernetes reads `%YAML 1.1` only")
    }

    fn scan_digits(&mut self) -> &'a str {
        let from = self.pos;
        while self.peek(0).is_ascii_digit() && self.pos - from < VERSION_DIGITS_MAX {
            self.skip();
        }
        &self.text[from..self.pos]
    }

    fn scan_tag_directive(&mut self, start: Mark) -> Result<TokenKind<'a>, ParseError> {
        self.skip_blanks();
        let from = self.pos;
        if self.peek(0) != b'!' {
            return self.bad_directive(start, "`%TAG` is followed by a handle such as `!e!`");
        }
        self.skip();
        let named = !self.take_word().is_empty();
        if self.peek(0) == b'!' {
            self.skip();
        } else if named {
            return self.bad_directive(start, "a handle ends with `!`");
        }
        let handle = &self.text[from..self.pos];
        let spaced = self.is_space_at(0);
        self.skip_blanks();
        let prefix = self.scan_uri(self.pos, start)?;
        if !spaced || prefix.is_empty() || !self.is_space_at(0) {
            return self.bad_directive(start, "`%TAG` has a handle and a prefix");
        }
        Ok(TokenKind::TagDirective { handle, prefix })
    }
}

fn unescape_uri(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        if byte != b'%' {
            bytes.push(byte);
            rest = tail;
            continue;
        }
        let digits = tail.get(..2)?;
        if !digits.iter().all(u8::is_ascii_hexdigit) {
            return None;
        }
        bytes.push(u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?);
        rest = &tail[2..];
    }
    String::from_utf8(bytes).ok()
}
