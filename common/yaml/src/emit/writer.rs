//! Text with the little state that its layout needs.

use crate::resolve::Rules;

/// Spaces per level.
pub(super) const INDENT: i32 = 2;

/// Column behind which v2 wraps.
const WIDTH: i32 = 80;

/// Collects text.
pub(super) struct Writer {
    out: String,
    rules: Rules,
    pub(super) column: i32,
    /// Indentation of the current collection; -1 outside of any.
    pub(super) indent: i32,
    /// Whether what was written last separates already.
    pub(super) whitespace: bool,
    /// Whether the line has only indentation and indicators so far.
    pub(super) indention: bool,
    /// Indentation of a foot comment just written: an empty line must follow it there.
    pub(super) foot_indent: Option<i32>,
}

impl Writer {
    pub(super) fn new(rules: Rules) -> Writer {
        Writer {
            out: String::new(),
            rules,
            column: 0,
            indent: -1,
            whitespace: true,
            indention: true,
            foot_indent: None,
        }
    }

    /// Writes behind a text that ends with a line break.
    pub(super) fn go_on_behind(&mut self, text: String) {
        self.out = text;
    }

    pub(super) fn finish(self) -> String {
        self.out
    }

    /// Whether a text may be wrapped here.
    pub(super) fn is_wide(&self) -> bool {
        self.rules == Rules::Kubernetes && self.column > WIDTH
    }

    pub(super) fn put(&mut self, char: char) {
        self.out.push(char);
        self.column += 1;
    }

    /// Writes text without line breaks.
    pub(super) fn put_str(&mut self, text: &str) {
        self.out.push_str(text);
        self.column += i32::try_from(text.chars().count()).unwrap_or(i32::MAX / 2);
    }

    pub(super) fn put_break(&mut self) {
        self.put_line_break('\n');
    }

    /// Writes a line break, which can be one of Unicode's.
    pub(super) fn put_line_break(&mut self, char: char) {
        self.out.push(char);
        self.column = 0;
        self.indention |= self.rules == Rules::Kustomize;
    }

    /// Goes to a new line unless at the start of one, and to the indentation.
    pub(super) fn write_indent(&mut self) {
        let indent = self.indent.max(0);
        if !self.indention || self.column > indent || (self.column == indent && !self.whitespace) {
            self.put_break();
        }
        if self.foot_indent == Some(indent) {
            self.put_break();
        }
        while self.column < indent {
            self.put(' ');
        }
        self.whitespace = true;
        if self.rules == Rules::Kubernetes {
            self.indention = true;
        }
        self.foot_indent = None;
    }

    /// Writes a space unless something separates already.
    pub(super) fn space(&mut self) {
        if !self.whitespace {
            self.put(' ');
        }
    }

    /// Writes an indicator directly behind what stands before it.
    pub(super) fn indicator(&mut self, text: &str) {
        self.put_str(text);
        self.whitespace = false;
        self.indention = false;
    }

    /// Writes an indicator with a space before it.
    pub(super) fn spaced_indicator(&mut self, text: &str) {
        self.space();
        self.indicator(text);
    }

    /// Writes an opening bracket, behind which no space is needed.
    pub(super) fn bracket(&mut self, text: &str) {
        self.spaced_indicator(text);
        self.whitespace = true;
    }

    /// Writes `-`, `?` or `:` of a block, which count as indentation.
    pub(super) fn block_indicator(&mut self, text: &str) {
        let indention = self.indention;
        self.spaced_indicator(text);
        self.indention = indention;
    }

    /// Writes text that belongs to the indicator before it.
    pub(super) fn word(&mut self, text: &str) {
        self.put_str(text);
        self.whitespace = false;
        self.indention = false;
    }

    /// Writes the lines of a comment, each at the indentation.
    pub(super) fn comment(&mut self, text: &str) {
        let mut breaks = false;
        for (index, line) in text.split('\n').enumerate() {
            if index > 0 {
                self.put_break();
                breaks = true;
            }
            if line.is_empty() {
                continue;
            }
            if breaks {
                self.write_indent();
            }
            if !line.starts_with('#') {
                self.put_str("# ");
            }
            self.put_str(line);
            self.indention = false;
            breaks = false;
        }
        if !breaks {
            self.put_break();
        }
        self.whitespace = true;
    }
}
