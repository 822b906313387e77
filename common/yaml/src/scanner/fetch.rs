//! Which token comes next.

use super::{Progress, Scanner};
use crate::error::{ParseError, ParseErrorKind};
use crate::node::ScalarStyle;
use crate::token::{Seen, TokenKind};

impl Scanner<'_> {
    /// Adds at least one token to the queue.
    pub(super) fn fetch(&mut self) -> Result<(), ParseError> {
        let scan = self.mark();
        self.skip_to_token();
        self.unroll(self.column, scan);
        if self.at_end() {
            return self.fetch_end();
        }
        if self.column == 0 {
            if self.peek(0) == b'%' {
                return self.fetch_directive();
            }
            if self.at_document_marker() {
                return self.fetch_document_marker();
            }
        }
        let mut comment_mark = self.mark();
        let separator = if self.in_flow() { b',' } else { b':' };
        if self.peek(0) == separator
            && let Some((_, last)) = self.last
        {
            comment_mark = last;
        }
        self.fetch_content()?;
        if !matches!(self.last, Some((Seen::BlockEntry, _))) {
            self.scan_line_comment(comment_mark);
        }
        Ok(())
    }

    fn fetch_content(&mut self) -> Result<(), ParseError> {
        let flow = self.in_flow();
        match self.peek(0) {
            b'[' => self.fetch_flow_start(TokenKind::FlowSequenceStart),
            b'{' => self.fetch_flow_start(TokenKind::FlowMappingStart),
            b']' => self.fetch_flow_end(TokenKind::FlowSequenceEnd),
            b'}' => self.fetch_flow_end(TokenKind::FlowMappingEnd),
            b',' if flow => self.fetch_flow_entry(),
            b'-' if self.is_space_at(1) => self.fetch_block_entry(),
            b'?' if flow || self.is_space_at(1) => self.fetch_key(),
            b':' if flow || self.is_space_at(1) => self.fetch_value(),
            b'*' | b'&' => self.fetch_anchor(),
            b'!' => self.fetch_tag(),
            b'|' if !flow => self.fetch_block_scalar(ScalarStyle::Literal),
            b'>' if !flow => self.fetch_block_scalar(ScalarStyle::Folded),
            b'\'' => self.fetch_quoted(ScalarStyle::SingleQuoted),
            b'"' => self.fetch_quoted(ScalarStyle::DoubleQuoted),
            b',' | b'|' | b'>' | b'#' | b'%' | b'@' | b'`' | b'\t' => self.unexpected(),
            _ => self.fetch_plain(),
        }
    }

    fn unexpected<T>(&self) -> Result<T, ParseError> {
        let mark = self.mark();
        if self.peek(0) == b'\t' {
            let message = "a tab cannot indent, use spaces";
            return self.error(ParseErrorKind::Tab, mark, message);
        }
        let message = format!("`{}` cannot start a value here, quote it", char::from(self.peek(0)));
        self.error(ParseErrorKind::UnexpectedCharacter, mark, message)
    }

    /// Moves over blanks, line breaks and comments.
    fn skip_to_token(&mut self) {
        let scan = self.mark();
        loop {
            let tabs = self.in_flow() || !self.key_allowed;
            while self.peek(0) == b' ' || (tabs && self.peek(0) == b'\t') {
                self.pos += 1;
                self.column += 1;
            }
            self.turn_line_comment_into_head();
            if self.peek(0) == b'#' {
                self.scan_comments(scan);
            }
            if !self.at_break() {
                return;
            }
            self.skip_break();
            if !self.in_flow() {
                self.key_allowed = true;
            }
        }
    }

    fn fetch_end(&mut self) -> Result<(), ParseError> {
        if self.column != 0 {
            self.column = 0;
            self.line += 1;
        }
        let mark = self.mark();
        self.unroll(-1, mark);
        self.drop_key()?;
        self.key_allowed = false;
        self.push(TokenKind::StreamEnd, mark, mark);
        self.progress = Progress::Ended;
        Ok(())
    }

    fn fetch_document_marker(&mut self) -> Result<(), ParseError> {
        let start = self.mark();
        self.unroll(-1, start);
        self.drop_key()?;
        self.key_allowed = false;
        let kind = if self.peek(0) == b'-' { TokenKind::DocumentStart } else { TokenKind::DocumentEnd };
        self.skip_ascii(3);
        let end = self.mark();
        self.push(kind, start, end);
        Ok(())
    }

    fn fetch_directive(&mut self) -> Result<(), ParseError> {
        let start = self.mark();
        self.unroll(-1, start);
        self.drop_key()?;
        self.key_allowed = false;
        let kind = self.scan_directive(start)?;
        let end = self.mark();
        self.push(kind, start, end);
        Ok(())
    }
}

impl<'a> Scanner<'a> {
    fn push_indicator(&mut self, kind: TokenKind<'a>) {
        let start = self.mark();
        self.skip();
        let end = self.mark();
        self.push(kind, start, end);
    }

    fn fetch_flow_start(&mut self, kind: TokenKind<'a>) -> Result<(), ParseError> {
        self.save_key()?;
        self.enter_flow()?;
        self.key_allowed = true;
        self.push_indicator(kind);
        Ok(())
    }

    fn fetch_flow_end(&mut self, kind: TokenKind<'a>) -> Result<(), ParseError> {
        self.drop_key()?;
        self.leave_flow();
        self.key_allowed = false;
        self.push_indicator(kind);
        Ok(())
    }

    fn fetch_flow_entry(&mut self) -> Result<(), ParseError> {
        self.drop_key()?;
        self.key_allowed = true;
        self.push_indicator(TokenKind::FlowEntry);
        Ok(())
    }

    fn fetch_block_entry(&mut self) -> Result<(), ParseError> {
        let mark = self.mark();
        if !self.in_flow() {
            if !self.key_allowed {
                let message = "a list entry `- ` cannot stand here, put it on a line of its own";
                return self.error(ParseErrorKind::Indentation, mark, message);
            }
            self.roll(self.column, None, TokenKind::BlockSequenceStart, mark)?;
        }
        self.drop_key()?;
        self.key_allowed = true;
        self.push_indicator(TokenKind::BlockEntry);
        Ok(())
    }

    fn fetch_key(&mut self) -> Result<(), ParseError> {
        let mark = self.mark();
        if !self.in_flow() {
            if !self.key_allowed {
                let message = "a key with `? ` cannot stand here";
                return self.error(ParseErrorKind::Indentation, mark, message);
            }
            self.roll(self.column, None, TokenKind::BlockMappingStart, mark)?;
        }
        self.drop_key()?;
        self.key_allowed = !self.in_flow();
        self.push_indicator(TokenKind::Key);
        Ok(())
    }

    fn fetch_value(&mut self) -> Result<(), ParseError> {
        let last = self.keys.len() - 1;
        if self.key_is_possible(last)? {
            let key = self.keys[last];
            self.insert(key.token, TokenKind::Key, key.mark);
            let kind = TokenKind::BlockMappingStart;
            self.roll(key.mark.column, Some(key.token), kind, key.mark)?;
            self.keys[last].possible = false;
            self.key_allowed = false;
        } else {
            let mark = self.mark();
            if !self.in_flow() {
                if !self.key_allowed {
                    let message = "a second `: ` in one line, or a key that is indented deeper \
                                   than the text before it: quote the text or fix the indentation";
                    return self.error(ParseErrorKind::Indentation, mark, message);
                }
                self.roll(self.column, None, TokenKind::BlockMappingStart, mark)?;
            }
            self.key_allowed = !self.in_flow();
        }
        self.push_indicator(TokenKind::Value);
        Ok(())
    }
}
