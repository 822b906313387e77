//! Comments, and the first guess at what they belong to.
//!
//! go-yaml v3 decides by indentation, by empty lines and by what was read last; tools that
//! print trees depend on its decisions, so they are the same here:
//! - a comment behind a token is a *line* comment of it;
//! - lines of comment directly below a line, followed by an empty line, are a *foot* of what
//!   ended there, and so are lines indented less than the block that they stand in;
//! - all other lines are a *head* of what follows.

use super::Scanner;
use super::cursor::is_blank;
use crate::token::{Mark, Seen};

/// How far behind a token a comment is looked for, as upstream.
const PEEK_MAX: usize = 512;

/// Which of the three it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Head,
    Line,
    Foot,
}

/// A comment whose node is not known yet.
#[derive(Debug, Clone)]
pub(crate) struct Comment {
    /// Where the search for it began.
    pub(super) scan: Mark,
    /// The token that it belongs to starts here or is the first one behind.
    pub(crate) token: Mark,
    pub(super) start: Mark,
    pub(super) end: Mark,
    place: Place,
    pub(crate) text: String,
}

impl Comment {
    pub(crate) fn is_head(&self) -> bool {
        self.place == Place::Head
    }

    pub(crate) fn is_line(&self) -> bool {
        self.place == Place::Line
    }
}

/// The lines of comment that are being collected.
struct Group {
    scan: Mark,
    token: Mark,
    start: Mark,
    text: String,
}

impl Group {
    /// Ends the group as a foot and starts the next one.
    fn close(&mut self, end: Mark) -> Comment {
        let comment = Comment {
            scan: self.scan,
            token: self.token,
            start: self.start,
            end,
            place: Place::Foot,
            text: std::mem::take(&mut self.text),
        };
        self.scan = end;
        self.token = end;
        comment
    }
}

impl Scanner<'_> {
    /// Takes a comment on the rest of this line, if there is one.
    pub(super) fn scan_line_comment(&mut self, token: Mark) {
        if self.newlines > 0 {
            return;
        }
        let mut offset = 0;
        while offset < PEEK_MAX && is_blank(self.peek(offset)) {
            offset += 1;
        }
        if offset == PEEK_MAX || self.peek(offset) != b'#' {
            return;
        }
        self.skip_blanks();
        let start = self.mark();
        let text = self.take_line().to_owned();
        self.comments.push_back(Comment {
            scan: Mark::default(),
            token,
            start,
            end: Mark::default(),
            place: Place::Line,
            text,
        });
    }

    /// A line comment before the first entry of a list is the head of that entry.
    pub(super) fn turn_line_comment_into_head(&mut self) {
        let (Some((Seen::BlockSequenceStart, _)), Some((Seen::BlockEntry, _))) = (self.before_last, self.last) else {
            return;
        };
        if self.at_break() {
            return;
        }
        let mark = self.mark();
        if let Some(comment) = self.comments.back_mut()
            && comment.place == Place::Line
        {
            comment.place = Place::Head;
            if comment.start.line == mark.line - 1 {
                comment.token = mark;
            }
        }
    }

    /// Takes the comments that start here, up to the next token or the end of the peek.
    pub(super) fn scan_comments(&mut self, scan: Mark) {
        let (seen, token) = match (self.before_last, self.last) {
            (Some(before), Some((Seen::FlowEntry, _))) => before,
            (_, Some(last)) => last,
            (_, None) => (Seen::Other, Mark::default()),
        };
        let mut group = Group { scan, token, start: Mark::default(), text: String::new() };
        let mut walk = Walk {
            offset: 0,
            line: self.line,
            column: self.column,
            recent_empty: false,
            first_empty: self.newlines <= 1,
        };
        let foot_line = (seen != Seen::Value).then(|| self.foot_line(scan)).flatten();
        while walk.offset < PEEK_MAX {
            walk.column += 1;
            if is_blank(self.peek(walk.offset)) {
                walk.offset += 1;
                continue;
            }
            let closes = self.in_flow() && matches!(self.peek(walk.offset), b']' | b'}');
            if closes || self.ends_line(walk.offset) {
                self.end_comment_line(&mut group, &walk, closes, foot_line);
                if self.break_at(self.pos + walk.offset) == 0 {
                    break;
                }
                walk.first_empty = false;
                walk.recent_empty = true;
                walk.column = 0;
                walk.line += 1;
                walk.offset += 1;
                continue;
            }
            let dedented = walk.column - 1 < self.indent.max(0);
            if !group.text.is_empty() && dedented && walk.column != group.start.column {
                let comment = group.close(self.walk_mark(&walk));
                self.comments.push_back(comment);
            }
            if self.peek(walk.offset) != b'#' {
                break;
            }
            self.take_comment_line(&mut group, &mut walk);
        }
        if !group.text.is_empty() {
            let mut end = self.walk_mark(&walk);
            end.index -= 1;
            self.comments.push_back(Comment {
                scan: group.scan,
                token: group.start,
                start: group.start,
                end,
                place: Place::Head,
                text: group.text,
            });
        }
    }

    fn ends_line(&self, offset: usize) -> bool {
        let pos = self.pos + offset;
        pos >= self.bytes.len() || self.break_at(pos) > 0
    }

    /// The line where a comment must start to be a foot of what was read last.
    fn foot_line(&self, scan: Mark) -> Option<i32> {
        if scan.line == 0 {
            return None;
        }
        let behind_content = self.newlines == 0 && self.column > 1;
        Some(self.line - self.newlines + 1 + i32::from(behind_content))
    }

    fn walk_mark(&self, walk: &Walk) -> Mark {
        Mark { index: i32::try_from(self.pos + walk.offset).unwrap_or(i32::MAX), line: walk.line, column: walk.column }
    }

    /// At the end of an empty line or of a flow collection: decides whether the group ends.
    fn end_comment_line(&mut self, group: &mut Group, walk: &Walk, closes: bool, foot_line: Option<i32>) {
        if walk.recent_empty && !closes {
            return;
        }
        let dedented = group.start.column - 1 < self.indent.max(0);
        let below = foot_line == Some(group.start.line);
        if closes || (walk.first_empty && (below || dedented)) {
            if group.text.is_empty() {
                return;
            }
            if dedented {
                group.token = group.start;
            }
            let comment = group.close(self.walk_mark(walk));
            self.comments.push_back(comment);
        } else if !group.text.is_empty() && self.pos + walk.offset < self.bytes.len() {
            group.text.push('\n');
        }
    }

    fn take_comment_line(&mut self, group: &mut Group, walk: &mut Walk) {
        if group.text.is_empty() {
            group.start = self.walk_mark(walk);
        } else {
            group.text.push('\n');
        }
        let target = self.pos + walk.offset;
        while self.pos < target {
            if self.at_break() {
                self.skip_break();
            } else {
                self.skip();
            }
        }
        group.text.push_str(self.take_line());
        // The line break behind the comment is part of it.
        walk.offset = 1;
        walk.line = self.line;
        walk.column = 0;
        walk.recent_empty = false;
    }
}

/// The state of the look ahead over blanks and line breaks.
struct Walk {
    offset: usize,
    line: i32,
    column: i32,
    recent_empty: bool,
    first_empty: bool,
}
