//! Text to tokens.
//!
//! The scanner knows indentation, simple keys (a key is only known as one when its colon is
//! seen, so tokens wait in a queue until that is settled) and comments. It looks two tokens
//! ahead, because a comment below a value may belong to what ended there.
//!
//! Every byte is looked at a bounded number of times.

mod block;
mod comment;
mod cursor;
mod fetch;
mod keys;
mod plain;
mod property;
mod quoted;

use std::collections::VecDeque;

use crate::error::{ParseError, ParseErrorKind};
use crate::token::{Mark, Seen, Token, TokenKind};

pub(crate) use comment::Comment;

/// Turns text into tokens.
pub(crate) struct Scanner<'a> {
    text: &'a str,
    bytes: &'a [u8],
    pos: usize,
    line: i32,
    column: i32,
    /// Line breaks since the last character that is no blank.
    newlines: i32,
    queue: VecDeque<Token<'a>>,
    /// Tokens that left the queue.
    parsed: usize,
    last: Option<(Seen, Mark)>,
    before_last: Option<(Seen, Mark)>,
    indent: i32,
    indents: Vec<i32>,
    /// One for the block level and one for each open flow collection.
    keys: Vec<keys::SimpleKey>,
    key_allowed: bool,
    progress: Progress,
    depth_max: usize,
    /// Comments whose node is not known yet.
    pub(crate) comments: VecDeque<Comment>,
}

/// What is known about the next token.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Progress {
    /// It may not be there yet, or something may still be put before it.
    Open,
    /// It is final.
    Settled,
    /// All tokens are in the queue.
    Ended,
}

/// Tokens beyond the next one that must be known before it is handed out.
const LOOKAHEAD: usize = 2;

impl<'a> Scanner<'a> {
    /// Starts on a text without byte order mark and without `\r\n`.
    pub(crate) fn new(text: &'a str, depth_max: usize) -> Scanner<'a> {
        let mut scanner = Scanner {
            text,
            bytes: text.as_bytes(),
            pos: 0,
            line: 0,
            column: 0,
            newlines: 0,
            queue: VecDeque::new(),
            parsed: 0,
            last: None,
            before_last: None,
            indent: -1,
            indents: Vec::new(),
            keys: vec![keys::SimpleKey::default()],
            key_allowed: true,
            progress: Progress::Open,
            depth_max,
            comments: VecDeque::new(),
        };
        let mark = scanner.mark();
        scanner.push(TokenKind::StreamStart, mark, mark);
        scanner
    }

    /// Makes sure that the next token is known.
    pub(crate) fn fill(&mut self) -> Result<(), ParseError> {
        while self.progress == Progress::Open {
            if self.queue.len() > LOOKAHEAD && !self.head_may_be_key()? {
                self.progress = Progress::Settled;
                break;
            }
            self.fetch()?;
        }
        Ok(())
    }

    /// The next token, after [`Scanner::fill`].
    pub(crate) fn head(&self) -> Option<&Token<'a>> {
        self.queue.front()
    }

    /// Takes the next token.
    pub(crate) fn pop(&mut self) -> Option<Token<'a>> {
        if self.progress == Progress::Settled {
            self.progress = Progress::Open;
        }
        let token = self.queue.pop_front();
        self.parsed += 1;
        token
    }

    fn push(&mut self, kind: TokenKind<'a>, start: Mark, end: Mark) {
        self.before_last = self.last;
        self.last = Some((kind.seen(), start));
        self.queue.push_back(Token { kind, start, end });
    }

    /// Puts a token before the token with this number.
    fn insert(&mut self, number: usize, kind: TokenKind<'a>, mark: Mark) {
        let index = number.saturating_sub(self.parsed).min(self.queue.len());
        let token = Token { kind, start: mark, end: mark };
        self.queue.insert(index, token);
    }

    fn in_flow(&self) -> bool {
        self.keys.len() > 1
    }

    /// Opens a block collection when the column is deeper than the current indentation.
    fn roll(&mut self, column: i32, number: Option<usize>, kind: TokenKind<'a>, mark: Mark) -> Result<(), ParseError> {
        if self.in_flow() || self.indent >= column {
            return Ok(());
        }
        self.indents.push(self.indent);
        self.indent = column;
        self.check_depth(mark)?;
        match number {
            Some(number) => self.insert(number, kind, mark),
            None => self.push(kind, mark, mark),
        }
        Ok(())
    }

    fn check_depth(&self, mark: Mark) -> Result<(), ParseError> {
        if self.indents.len() + self.keys.len() - 1 <= self.depth_max {
            return Ok(());
        }
        Err(too_deep(mark, self.depth_max))
    }

    /// Closes the block collections that are deeper than the column.
    fn unroll(&mut self, column: i32, scan: Mark) {
        if self.in_flow() {
            return;
        }
        let mut end = scan;
        end.index -= 1;
        while self.indent > column {
            // The end moves before comments that stand at the indentation of what ends
            // here, so that they are taken for comments of what follows the parent's entry.
            let mut stop = end.index;
            for comment in self.comments.iter().rev() {
                if comment.end.index < stop {
                    break;
                }
                if comment.start.column == self.indent + 1 {
                    end = comment.start;
                }
                stop = comment.scan.index;
            }
            self.push(TokenKind::BlockEnd, end, end);
            self.indent = self.indents.pop().unwrap_or(-1);
        }
    }

    fn error<T>(&self, kind: ParseErrorKind, mark: Mark, message: impl Into<String>) -> Result<T, ParseError> {
        Err(ParseError::new(kind, mark.position(), message))
    }
}

pub(crate) fn too_deep(mark: Mark, depth_max: usize) -> ParseError {
    ParseError::new(ParseErrorKind::TooDeep, mark.position(), format!("nested deeper than {depth_max} levels"))
}
