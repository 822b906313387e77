//! Lists and mappings in brackets.

use super::writer::INDENT;
use super::{After, Emitter, Place};
use crate::node::Node;
use crate::resolve::Rules;

impl Emitter {
    fn open(&mut self, bracket: &str) -> i32 {
        let outer = self.writer.indent;
        self.writer.bracket(bracket);
        self.writer.indent = outer.max(0) + INDENT;
        self.flow_level += 1;
        outer
    }

    /// Before an entry: a comma unless one was written already, comments, and a new line when
    /// the last one is full or ended by a comment.
    fn begin_entry(&mut self, needs_comma: bool) {
        if needs_comma {
            self.writer.indicator(",");
        }
        self.print_head();
        if self.options.rules == Rules::Kustomize && self.writer.column == 0 {
            self.writer.write_indent();
        }
        if self.writer.is_wide() {
            self.writer.write_indent();
        }
    }

    pub(super) fn flow_sequence(&mut self, node: &Node, items: &[Node], place: Place) {
        let mut outer = self.writer.indent;
        let mut needs_comma = false;
        for (index, item) in items.iter().enumerate() {
            self.announce(item, "");
            if index == 0 {
                outer = self.open("[");
            }
            self.begin_entry(needs_comma);
            needs_comma = !self.has_comments();
            self.node(item, Place::SequenceItem, After::FlowComments);
        }
        self.announce_end(node, "", place);
        if items.is_empty() {
            outer = self.open("[");
        }
        self.flow_level -= 1;
        self.writer.indent = outer;
        if self.options.rules == Rules::Kustomize && self.writer.column == 0 {
            self.writer.write_indent();
        }
        self.writer.indicator("]");
        self.after(After::Comments);
    }

    pub(super) fn flow_mapping(&mut self, node: &Node, entries: &[(Node, Node)], place: Place) {
        let mut outer = self.writer.indent;
        let mut needs_comma = false;
        let mut tail = "";
        for (index, (key, value)) in entries.iter().enumerate() {
            self.announce_key(key, tail);
            tail = key.comments().foot.as_deref().unwrap_or_default();
            if index == 0 {
                outer = self.open("{");
            }
            self.begin_entry(needs_comma);
            if self.is_simple_key(key) {
                self.node(key, Place::SimpleKey, After::Nothing);
                self.announce(value, "");
                self.writer.indicator(":");
            } else {
                self.writer.spaced_indicator("?");
                self.node(key, Place::Key, After::Nothing);
                self.announce(value, "");
                if self.writer.is_wide() {
                    self.writer.write_indent();
                }
                self.writer.spaced_indicator(":");
            }
            needs_comma = !self.has_comments();
            self.node(value, Place::Value, After::FlowComments);
        }
        self.announce_end(node, tail, place);
        if entries.is_empty() {
            outer = self.open("{");
        } else if needs_comma && self.has_end_comments() {
            self.writer.indicator(",");
        }
        self.print_head();
        self.flow_level -= 1;
        self.writer.indent = outer;
        self.writer.indicator("}");
        self.after(After::Comments);
    }

    fn has_end_comments(&self) -> bool {
        let pending = &self.pending;
        !(pending.head.is_empty() && pending.foot.is_empty() && pending.tail.is_empty())
    }
}
