//! Trees as `kustomize build` prints what they hold.
//!
//! The same as [`crate::json_to_yaml`] of [`crate::to_json_with`], in one walk and without a tree
//! in between: this is most of the work of a build.

use std::borrow::Cow;

use super::analyze::{Analysis, is_break};
use super::scalar::SIMPLE_KEY_BYTES_MAX;
use super::{After, EmitOptions, Emitter, Place};
use crate::emit::compare_keys;
use crate::error::ConvertError;
use crate::go_sort::sort_as_go;
use crate::json::{Converter, Leaf, Step, number_text};
use crate::node::{Node, NodeKind, ScalarStyle};
use crate::resolve::{Rules, is_plain_string};

/// Prints the values of a tree, read by the rules of one reader: keys sorted, long text wrapped.
pub fn print_sorted(node: &Node, rules: Rules) -> Result<String, ConvertError> {
    let mut text = String::new();
    print_sorted_behind(&mut text, node, rules)?;
    Ok(text)
}

/// The same, behind what a text holds already; of a tree that has no such form it may hold a part then.
pub fn print_sorted_behind(text: &mut String, node: &Node, rules: Rules) -> Result<(), ConvertError> {
    let options = EmitOptions { rules: Rules::Kubernetes, ..EmitOptions::default() };
    let mut printer = Printer {
        converter: Converter::new(node, rules),
        emitter: Emitter::new(options),
        bare: Node::plain(""),
        empty_list: Node::sequence(),
        empty_mapping: Node::mapping(),
    };
    printer.emitter.writer.go_on_behind(std::mem::take(text));
    let printed = printer.node(node, Place::Root);
    printer.emitter.writer.write_indent();
    *text = printer.emitter.writer.finish();
    printed
}

struct Printer<'a> {
    converter: Converter<'a>,
    emitter: Emitter,
    /// Stands for a scalar without tag, anchor and comments.
    bare: Node,
    empty_list: Node,
    empty_mapping: Node,
}

impl<'a> Printer<'a> {
    fn node(&mut self, node: &'a Node, place: Place) -> Result<(), ConvertError> {
        let flow_level = self.converter.begin(node)?;
        match &node.kind {
            NodeKind::Scalar { text, .. } => self.leaf(&self.converter.leaf(node, text)?, place),
            NodeKind::Sequence { items, .. } if items.is_empty() => {
                self.emitter.node(&self.empty_list, place, After::Comments);
            }
            NodeKind::Sequence { items, .. } => self.list(items, place)?,
            NodeKind::Mapping { entries, .. } if entries.is_empty() => {
                self.emitter.node(&self.empty_mapping, place, After::Comments);
            }
            NodeKind::Mapping { entries, .. } => self.mapping(entries)?,
            NodeKind::Alias { name } => return self.converter.not_expanded(node, name),
        }
        self.converter.end(flow_level);
        Ok(())
    }

    fn list(&mut self, items: &'a [Node], place: Place) -> Result<(), ConvertError> {
        let outer = self.emitter.open_sequence(place);
        for (index, item) in items.iter().enumerate() {
            self.emitter.writer.write_indent();
            self.emitter.writer.block_indicator("-");
            self.converter.enter(Step::Index(index));
            self.node(item, Place::SequenceItem)?;
            self.converter.leave();
        }
        self.emitter.writer.indent = outer;
        Ok(())
    }

    fn mapping(&mut self, entries: &'a [(Node, Node)]) -> Result<(), ConvertError> {
        let mut members = Vec::with_capacity(entries.len());
        for (key, value) in entries {
            self.converter.enter(Step::Key(key));
            members.push((self.converter.key(key)?, key, value));
            self.converter.leave();
        }
        sort_as_go(&mut members, |(left, ..), (right, ..)| compare_keys(left, right));
        let outer = self.emitter.open_mapping();
        let mut before: Option<&str> = None;
        for (name, key, value) in &members {
            if before == Some(name.as_ref()) {
                return self.converter.twice(key);
            }
            before = Some(name.as_ref());
            self.emitter.writer.write_indent();
            if name.len() > SIMPLE_KEY_BYTES_MAX || name.contains(is_break) {
                self.emitter.writer.block_indicator("?");
                self.text(name, Place::Key);
                self.emitter.writer.write_indent();
                self.emitter.writer.block_indicator(":");
            } else {
                self.text(name, Place::SimpleKey);
                self.emitter.writer.indicator(":");
            }
            self.converter.enter(Step::Key(key));
            self.node(value, Place::Value)?;
            self.converter.leave();
        }
        self.emitter.writer.indent = outer;
        Ok(())
    }

    fn leaf(&mut self, leaf: &Leaf<'_>, place: Place) {
        let plain: Cow<'_, str> = match leaf {
            Leaf::Text(text) => return self.text(text, place),
            Leaf::Null => "null".into(),
            Leaf::Bool(true) => "true".into(),
            Leaf::Bool(false) => "false".into(),
            Leaf::Number(number) => number_text(number).into(),
        };
        self.scalar(&plain, ScalarStyle::Plain, place);
    }

    /// A string: quoted when its text alone would be of another type. Upstream prints `<<` in
    /// values without quotes; as a key it would be a merge.
    fn text(&mut self, text: &str, place: Place) {
        let style = if text.contains('\n') {
            ScalarStyle::Literal
        } else if is_plain_string(text) || (text == "<<" && !matches!(place, Place::Key | Place::SimpleKey)) {
            ScalarStyle::Plain
        } else {
            ScalarStyle::DoubleQuoted
        };
        self.scalar(text, style, place);
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, place: Place) {
        let analysis = Analysis::of(text, Rules::Kubernetes);
        self.emitter.scalar(&self.bare, (text, style), &analysis, place);
    }
}
