//! Lists and mappings by indentation.

use super::writer::INDENT;
use super::{After, Emitter, Place, SequenceIndent};
use crate::node::{Node, NodeKind};
use crate::resolve::Rules;

impl Emitter {
    /// Indentation inside a collection below the current one.
    fn deeper(&self) -> i32 {
        if self.writer.indent < 0 { 0 } else { self.writer.indent + INDENT }
    }

    /// Begins a list; gives the indentation to go back to.
    pub(super) fn open_sequence(&mut self, place: Place) -> i32 {
        let outer = self.writer.indent;
        let in_mapping = matches!(place, Place::Key | Place::SimpleKey | Place::Value);
        let starts_line = self.writer.column == 0 && self.options.rules == Rules::Kustomize;
        let compact = in_mapping
            && (starts_line || !self.writer.indention)
            && self.options.sequence_indent == SequenceIndent::Compact;
        self.writer.indent = if compact && outer >= 0 { outer } else { self.deeper() };
        outer
    }

    pub(super) fn block_sequence(&mut self, node: &Node, items: &[Node], place: Place) {
        let outer = self.open_sequence(place);
        for item in items {
            self.announce(item, "");
            self.print_head();
            self.writer.write_indent();
            self.writer.block_indicator("-");
            self.node(item, Place::SequenceItem, After::Comments);
        }
        self.announce_end(node, "", place);
        self.writer.indent = outer;
    }

    /// Begins a mapping; gives the indentation to go back to.
    pub(super) fn open_mapping(&mut self) -> i32 {
        let outer = self.writer.indent;
        self.writer.indent = self.deeper();
        outer
    }

    pub(super) fn block_mapping(&mut self, node: &Node, entries: &[(Node, Node)], place: Place) {
        let outer = self.open_mapping();
        let mut tail = "";
        for (key, value) in entries {
            self.announce_key(key, tail);
            tail = key.comments().foot.as_deref().unwrap_or_default();
            self.print_head();
            self.writer.write_indent();
            if !self.pending.line.is_empty() {
                self.pending.key_line = std::mem::take(&mut self.pending.line);
            }
            if self.is_simple_key(key) {
                self.node(key, Place::SimpleKey, After::Nothing);
                self.announce(value, "");
                self.writer.indicator(":");
            } else {
                self.writer.block_indicator("?");
                self.node(key, Place::Key, After::Nothing);
                self.announce(value, "");
                self.writer.write_indent();
                self.writer.block_indicator(":");
            }
            self.place_key_line(value);
            self.node(value, Place::Value, After::Comments);
        }
        self.announce_end(node, tail, place);
        self.print_head();
        self.writer.indent = outer;
    }

    /// The foot of a key is printed behind its value, so it is left out here.
    pub(super) fn announce_key(&mut self, key: &Node, tail: &str) {
        if key.comments().foot.is_none() {
            self.announce(key, tail);
            return;
        }
        let mut comments = key.comments().clone();
        comments.foot = None;
        let mut bare = Node::new(NodeKind::Alias { name: crate::Text::new() });
        *bare.comments_mut() = comments;
        self.announce(&bare, tail);
    }

    /// A line comment of a key goes behind a scalar, or above what is indented below.
    fn place_key_line(&mut self, value: &Node) {
        if self.pending.key_line.is_empty() {
            return;
        }
        match &value.kind {
            NodeKind::Scalar { .. } => {
                if self.pending.line.is_empty() {
                    self.pending.line = std::mem::take(&mut self.pending.key_line);
                }
            }
            NodeKind::Sequence { style, .. } | NodeKind::Mapping { style, .. } => {
                if *style == crate::node::CollectionStyle::Flow {
                    return;
                }
                std::mem::swap(&mut self.pending.line, &mut self.pending.key_line);
                self.print_line(false);
                std::mem::swap(&mut self.pending.line, &mut self.pending.key_line);
            }
            NodeKind::Alias { .. } => {}
        }
    }
}
