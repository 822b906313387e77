//! Keys that are only known as keys when their colon is seen.

use super::{Scanner, too_deep};
use crate::error::{ParseError, ParseErrorKind};
use crate::token::Mark;

/// Most characters between the start of a key and its colon, as YAML has it.
const KEY_CHARACTERS_MAX: i32 = 1_024;

/// A token that would be a key if a colon followed.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct SimpleKey {
    pub(super) possible: bool,
    /// Nothing but a key may stand here.
    required: bool,
    /// Number of the token; grows along the stack.
    pub(super) token: usize,
    pub(super) mark: Mark,
}

impl Scanner<'_> {
    /// Whether a key may still be one, seen from here.
    pub(super) fn key_is_possible(&mut self, index: usize) -> Result<bool, ParseError> {
        let Some(key) = self.keys.get(index).copied() else {
            return Ok(false);
        };
        if !key.possible {
            return Ok(false);
        }
        if key.mark.line == self.line && key.mark.column + KEY_CHARACTERS_MAX >= self.column {
            return Ok(true);
        }
        if key.required {
            return self.missing_colon(key.mark);
        }
        if let Some(key) = self.keys.get_mut(index) {
            key.possible = false;
        }
        Ok(false)
    }

    /// Whether the next token may turn out to be a key.
    pub(super) fn head_may_be_key(&mut self) -> Result<bool, ParseError> {
        let first = self.keys.partition_point(|key| key.token < self.parsed);
        for index in first..self.keys.len() {
            if self.keys[index].token != self.parsed {
                break;
            }
            if self.key_is_possible(index)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Remembers that the coming token may be a key.
    pub(super) fn save_key(&mut self) -> Result<(), ParseError> {
        if !self.key_allowed {
            return Ok(());
        }
        let key = SimpleKey {
            possible: true,
            required: !self.in_flow() && self.indent == self.column,
            token: self.parsed + self.queue.len(),
            mark: self.mark(),
        };
        self.drop_key()?;
        if let Some(last) = self.keys.last_mut() {
            *last = key;
        }
        Ok(())
    }

    /// Settles that the current candidate is no key.
    pub(super) fn drop_key(&mut self) -> Result<(), ParseError> {
        if let Some(key) = self.keys.last().copied()
            && key.possible
        {
            if key.required {
                return self.missing_colon(key.mark);
            }
            if let Some(last) = self.keys.last_mut() {
                last.possible = false;
            }
        }
        Ok(())
    }

    pub(super) fn enter_flow(&mut self) -> Result<(), ParseError> {
        let mark = self.mark();
        self.keys.push(SimpleKey { token: self.parsed + self.queue.len(), mark, ..SimpleKey::default() });
        if self.indents.len() + self.keys.len() - 1 > self.depth_max {
            return Err(too_deep(mark, self.depth_max));
        }
        Ok(())
    }

    pub(super) fn leave_flow(&mut self) {
        if self.in_flow() {
            self.keys.pop();
        }
    }

    fn missing_colon<T>(&self, mark: Mark) -> Result<T, ParseError> {
        self.error(ParseErrorKind::MissingColon, mark, "expected `key: value` here, but no `:` follows on this line")
    }
}
