//! Scalars in each style.

use super::analyze::{Analysis, is_break, is_printable};
use super::writer::INDENT;
use super::{Emitter, Place, tag};
use crate::node::{Node, NodeKind, ScalarStyle};

/// Longest key, in bytes, that is written without `?`.
pub(super) const SIMPLE_KEY_BYTES_MAX: usize = 128;

impl Emitter {
    /// Whether a key fits in front of a colon.
    pub(super) fn is_simple_key(&self, key: &Node) -> bool {
        let anchor = key.anchor().map_or(0, str::len);
        let tag = key.tag().filter(|tag| *tag != "!").map_or(0, |tag| {
            let (handle, suffix) = tag::split(tag);
            handle.len() + suffix.len()
        });
        let text = match &key.kind {
            NodeKind::Alias { name } => name.len(),
            NodeKind::Scalar { text, .. } => {
                if text.len() > SIMPLE_KEY_BYTES_MAX || text.contains(is_break) {
                    return false;
                }
                text.len()
            }
            NodeKind::Sequence { items, .. } if items.is_empty() => 0,
            NodeKind::Mapping { entries, .. } if entries.is_empty() => 0,
            NodeKind::Sequence { .. } | NodeKind::Mapping { .. } => return false,
        };
        anchor + tag + text <= SIMPLE_KEY_BYTES_MAX
    }

    fn style(&self, (text, wished): (&str, ScalarStyle), analysis: &Analysis, place: Place) -> ScalarStyle {
        let simple_key = place == Place::SimpleKey;
        let flow = self.flow_level > 0;
        let mut style = wished;
        if style == ScalarStyle::Plain && text.contains('\n') {
            style = ScalarStyle::Literal;
        }
        if simple_key && analysis.is_multiline() {
            style = ScalarStyle::DoubleQuoted;
        }
        if style == ScalarStyle::Plain && (!analysis.allows_plain(flow) || (text.is_empty() && (flow || simple_key))) {
            style = ScalarStyle::SingleQuoted;
        }
        if style == ScalarStyle::SingleQuoted && !analysis.allows_single_quotes() {
            style = ScalarStyle::DoubleQuoted;
        }
        let block = matches!(style, ScalarStyle::Literal | ScalarStyle::Folded);
        // Upstream prints a block that starts with a tab, but cannot read it.
        let no_block = text.is_empty() || text.starts_with('\t') || !analysis.allows_block() || flow || simple_key;
        if block && no_block {
            style = ScalarStyle::DoubleQuoted;
        }
        style
    }

    pub(super) fn scalar(
        &mut self,
        node: &Node,
        (text, wished): (&str, ScalarStyle),
        analysis: &Analysis,
        place: Place,
    ) {
        let style = self.style((text, wished), analysis, place);
        self.properties(node);
        let outer = self.writer.indent;
        self.writer.indent = outer.max(0) + INDENT;
        let wraps = place != Place::SimpleKey;
        match style {
            ScalarStyle::Plain => self.plain(text, wraps),
            ScalarStyle::SingleQuoted => self.single_quoted(text, wraps),
            ScalarStyle::DoubleQuoted => self.double_quoted(text, wraps),
            ScalarStyle::Literal => self.literal(text),
            ScalarStyle::Folded => self.folded(text),
        }
        self.writer.indent = outer;
    }

    fn plain(&mut self, text: &str, wraps: bool) {
        if !text.is_empty() || self.options.rules == crate::Rules::Kubernetes {
            self.writer.space();
            self.words(text, wraps);
            self.writer.whitespace = false;
        }
        self.writer.indention = false;
    }

    /// Writes text in one line, or wrapped at single spaces.
    fn words(&mut self, text: &str, wraps: bool) {
        if !wraps || self.options.rules == crate::Rules::Kustomize {
            self.writer.put_str(text);
            return;
        }
        let mut rest = text;
        let mut spaces = false;
        while let Some(space) = rest.find(' ') {
            let (word, tail) = rest.split_at(space);
            if !word.is_empty() {
                self.writer.put_str(word);
                self.writer.indention = false;
                spaces = false;
            }
            let tail = &tail[1..];
            let inner = rest.len() < text.len() || space > 0;
            if !spaces && inner && self.writer.is_wide() && !tail.is_empty() && !tail.starts_with(' ') {
                self.writer.write_indent();
            } else {
                self.writer.put(' ');
            }
            spaces = true;
            rest = tail;
        }
        if !rest.is_empty() {
            self.writer.put_str(rest);
            self.writer.indention = false;
        }
    }

    fn single_quoted(&mut self, text: &str, wraps: bool) {
        self.writer.spaced_indicator("'");
        let mut breaks = false;
        let mut rest = text;
        while !rest.is_empty() {
            let end = rest.find(is_break).unwrap_or(rest.len());
            let (line, tail) = rest.split_at(end);
            if !line.is_empty() {
                if breaks {
                    self.writer.write_indent();
                }
                self.words(&line.replace('\'', "''"), wraps);
                self.writer.indention = false;
                breaks = false;
            }
            if !breaks && tail.starts_with('\n') {
                // A single line break is read as a space, so that it takes two.
                self.writer.put_break();
            }
            rest = self.line_break(tail, &mut breaks);
        }
        self.writer.indicator("'");
        self.writer.whitespace = false;
        self.writer.indention = false;
    }

    fn double_quoted(&mut self, text: &str, wraps: bool) {
        self.writer.spaced_indicator("\"");
        // Upstream escapes everything in a text that starts with a byte order mark.
        let escapes_all = text.starts_with('\u{FEFF}');
        let mut spaces = false;
        let mut chars = text.char_indices().peekable();
        while let Some((index, char)) = chars.next() {
            if char == ' ' && !escapes_all {
                let last = index + 1 == text.len();
                if wraps && !spaces && self.writer.is_wide() && index > 0 && !last {
                    self.writer.write_indent();
                    if matches!(chars.peek(), Some((_, ' '))) {
                        self.writer.put('\\');
                    }
                } else {
                    self.writer.put(' ');
                }
                spaces = true;
                continue;
            }
            spaces = false;
            if escapes_all || needs_escape(char) {
                let escape = escape(char);
                self.writer.put_str(&escape);
            } else {
                self.writer.put(char);
            }
        }
        self.writer.indicator("\"");
        self.writer.whitespace = false;
        self.writer.indention = false;
    }

    /// The line behind `|` or `>`: a digit when the text starts with a space or line break, and
    /// what happens to the line breaks at its end.
    fn block_header(&mut self, indicator: &str, text: &str) {
        self.writer.spaced_indicator(indicator);
        if text.starts_with(|char| char == ' ' || is_break(char)) {
            self.writer.indicator("2");
        }
        let mut ends = text.chars().rev();
        let chomping = match (ends.next().map(is_break), ends.next().map(is_break)) {
            (None | Some(false), _) => "-",
            (Some(true), None | Some(true)) => "+",
            (Some(true), Some(false)) => "",
        };
        if !chomping.is_empty() {
            self.writer.indicator(chomping);
        }
        self.print_line(true);
        self.writer.whitespace = true;
        if self.options.rules == crate::Rules::Kubernetes {
            self.writer.indention = true;
        }
    }

    fn literal(&mut self, text: &str) {
        self.block_header("|", text);
        let mut breaks = true;
        let mut rest = text;
        while !rest.is_empty() {
            let end = rest.find(is_break).unwrap_or(rest.len());
            let (line, tail) = rest.split_at(end);
            if !line.is_empty() {
                if breaks {
                    self.writer.write_indent();
                }
                self.writer.put_str(line);
                self.writer.indention = false;
                breaks = false;
            }
            rest = self.line_break(tail, &mut breaks);
        }
    }

    /// Writes the line break that a text starts with, if any, and returns the rest.
    fn line_break<'t>(&mut self, text: &'t str, breaks: &mut bool) -> &'t str {
        let mut chars = text.chars();
        if let Some(char) = chars.next() {
            self.writer.put_line_break(char);
            if self.options.rules == crate::Rules::Kubernetes {
                self.writer.indention = true;
            }
            *breaks = true;
        }
        chars.as_str()
    }

    fn folded(&mut self, text: &str) {
        self.block_header(">", text);
        let mut breaks = true;
        let mut leading_spaces = true;
        // Upstream looks at the start of the whole text here, not at the next line.
        let folds = text.trim_start_matches(is_break).starts_with(|char| !matches!(char, ' ' | '\t'));
        let mut rest = text;
        while let Some(char) = rest.chars().next() {
            if is_break(char) {
                if !breaks && !leading_spaces && char == '\n' && folds {
                    self.writer.put_break();
                }
                rest = self.line_break(rest, &mut breaks);
                continue;
            }
            if breaks {
                self.writer.write_indent();
                leading_spaces = matches!(char, ' ' | '\t');
            }
            let tail = &rest[char.len_utf8()..];
            if !breaks && char == ' ' && !tail.starts_with(' ') && self.writer.is_wide() {
                self.writer.write_indent();
            } else {
                self.writer.put(char);
            }
            self.writer.indention = false;
            breaks = false;
            rest = tail;
        }
    }
}

fn needs_escape(char: char) -> bool {
    !is_printable(char) || is_break(char) || matches!(char, '"' | '\\')
}

fn escape(char: char) -> String {
    let short = match char {
        '\0' => '0',
        '\x07' => 'a',
        '\x08' => 'b',
        '\t' => 't',
        '\n' => 'n',
        '\x0B' => 'v',
        '\x0C' => 'f',
        '\r' => 'r',
        '\x1B' => 'e',
        '"' => '"',
        '\\' => '\\',
        '\u{85}' => 'N',
        '\u{A0}' => '_',
        '\u{2028}' => 'L',
        '\u{2029}' => 'P',
        _ => {
            return match u32::from(char) {
                code @ 0..=0xFF => format!("\\x{code:02X}"),
                code @ 0x100..=0xFFFF => format!("\\u{code:04X}"),
                code => format!("\\U{code:08X}"),
            };
        }
    };
    format!("\\{short}")
}
