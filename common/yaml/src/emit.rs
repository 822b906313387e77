//! Trees to text.
//!
//! The layout is go-yaml's, which kyaml, Kustomize and `kubectl` print with: two spaces of
//! indentation, list entries not indented below their key, quotes only where needed, several
//! lines as a literal block. [`Rules`] chooses between its two versions:
//! - [`Rules::Kustomize`] (v3) is for trees: it keeps styles and comments and never wraps.
//! - [`Rules::Kubernetes`] (v2) is for values: it knows no comments and wraps long text behind
//!   column 80. This is what `kustomize build` and `kubectl get -o yaml` print, always from
//!   JSON with sorted keys: see [`json_to_yaml`].

mod analyze;
mod block;
mod flow;
mod order;
mod scalar;
mod sorted;
mod tag;
mod writer;

use serde_json::Value;

use crate::alias::is_merge_key;
use crate::json::{from_json, from_json_sorted};
use crate::node::{CollectionStyle, Comments, Document, Node, NodeKind};
use crate::resolve::Rules;
use analyze::Analysis;
use writer::Writer;

pub use order::compare_keys;
pub use sorted::{print_sorted, print_sorted_behind};

/// How lists below a key are indented.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SequenceIndent {
    /// `- ` stands below the first letter of the key.
    #[default]
    Compact,
    /// `- ` is indented by two.
    Wide,
}

/// How to print.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EmitOptions {
    /// Whose layout.
    pub rules: Rules,
    /// How lists are indented.
    pub sequence_indent: SequenceIndent,
}

impl Default for EmitOptions {
    /// What kyaml does with a tree.
    fn default() -> EmitOptions {
        EmitOptions { rules: Rules::Kustomize, sequence_indent: SequenceIndent::Compact }
    }
}

/// Prints trees as documents, `---` between them.
pub fn emit(nodes: &[Node], options: &EmitOptions) -> String {
    let mut emitter = Emitter::new(*options);
    for node in nodes {
        emitter.document(node, &Comments::NONE);
    }
    emitter.writer.finish()
}

/// Prints one tree.
pub fn emit_node(node: &Node, options: &EmitOptions) -> String {
    let mut emitter = Emitter::new(*options);
    emitter.document(node, &Comments::NONE);
    emitter.writer.finish()
}

/// Prints documents with the comments around them.
pub fn emit_documents(documents: &[Document], options: &EmitOptions) -> String {
    let mut emitter = Emitter::new(*options);
    for document in documents {
        emitter.document(&document.root, &document.comments);
    }
    emitter.writer.finish()
}

/// Prints JSON as `kustomize build` and `kubectl get -o yaml` do: keys sorted, long text
/// wrapped.
pub fn json_to_yaml(value: &Value) -> String {
    let options = EmitOptions { rules: Rules::Kubernetes, ..EmitOptions::default() };
    emit_node(&from_json_sorted(value), &options)
}

/// Prints JSON in its own order, as kyaml does with a tree.
pub fn json_to_yaml_in_order(value: &Value) -> String {
    emit_node(&from_json(value), &EmitOptions::default())
}

/// Where a node stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Root,
    SequenceItem,
    Key,
    SimpleKey,
    Value,
}

/// What happens behind a scalar, or behind the first token of a collection.
#[derive(Clone, Copy, PartialEq, Eq)]
enum After {
    /// Nothing: a key.
    Nothing,
    /// Comments that wait are printed.
    Comments,
    /// The same, and a comma goes first.
    FlowComments,
}

/// Comments that wait for their place, as upstream's emitter keeps them.
#[derive(Default)]
struct Pending {
    head: String,
    line: String,
    foot: String,
    /// Foot of the key before, to be printed at the end of its value.
    tail: String,
    /// Line comment of a key, to be printed behind its value.
    key_line: String,
}

struct Emitter {
    options: EmitOptions,
    writer: Writer,
    pending: Pending,
    flow_level: usize,
    documents: usize,
}

impl Emitter {
    fn new(options: EmitOptions) -> Emitter {
        Emitter {
            options,
            writer: Writer::new(options.rules),
            pending: Pending::default(),
            flow_level: 0,
            documents: 0,
        }
    }

    fn keeps_comments(&self) -> bool {
        self.options.rules == Rules::Kustomize
    }

    /// Moves the comments of a node to where they wait. Those of a collection but the head wait
    /// for its end.
    fn announce(&mut self, node: &Node, tail: &str) {
        if !self.keeps_comments() {
            return;
        }
        replace(&mut self.pending.tail, Some(tail));
        let comments = node.comments();
        replace(&mut self.pending.head, comments.head.as_deref());
        if !is_collection(node) {
            replace(&mut self.pending.line, comments.line.as_deref());
            replace(&mut self.pending.foot, comments.foot.as_deref());
        }
    }

    fn announce_end(&mut self, node: &Node, tail: &str, place: Place) {
        if !self.keeps_comments() {
            return;
        }
        replace(&mut self.pending.tail, Some(tail));
        replace(&mut self.pending.line, node.comments().line.as_deref());
        // The foot of a key is printed behind its value.
        if !matches!(place, Place::Key | Place::SimpleKey) {
            replace(&mut self.pending.foot, node.comments().foot.as_deref());
        }
    }

    fn document(&mut self, node: &Node, comments: &Comments) {
        let keeps = self.keeps_comments();
        self.writer.indent = -1;
        if keeps {
            replace(&mut self.pending.head, comments.head.as_deref());
        }
        if self.documents > 0 {
            self.writer.write_indent();
            self.writer.spaced_indicator("---");
            self.writer.write_indent();
        }
        self.documents += 1;
        if !self.pending.head.is_empty() {
            self.print_head();
            self.writer.put_break();
        }
        self.announce(node, "");
        self.print_head();
        self.node(node, Place::Root, After::Comments);
        if keeps {
            replace(&mut self.pending.foot, comments.foot.as_deref());
        }
        self.writer.foot_indent = Some(0);
        self.print_foot();
        self.writer.foot_indent = None;
        self.writer.write_indent();
    }

    /// Prints a node that is announced.
    fn node(&mut self, node: &Node, place: Place, after: After) {
        match &node.kind {
            NodeKind::Alias { name } => {
                self.writer.spaced_indicator("*");
                self.writer.word(name);
                self.after(after);
            }
            NodeKind::Scalar { text, style } => {
                let analysis = Analysis::of(text, self.options.rules);
                self.scalar(node, (text, *style), &analysis, place);
                self.after(after);
            }
            NodeKind::Sequence { items, style } => {
                self.properties(node);
                self.after(after);
                if self.is_flow(*style, items.is_empty()) {
                    self.flow_sequence(node, items, place);
                } else {
                    self.block_sequence(node, items, place);
                }
            }
            NodeKind::Mapping { entries, style } => {
                self.properties(node);
                self.after(after);
                if self.is_flow(*style, entries.is_empty()) {
                    self.flow_mapping(node, entries, place);
                } else {
                    self.block_mapping(node, entries, place);
                }
            }
        }
    }

    fn is_flow(&self, style: CollectionStyle, empty: bool) -> bool {
        self.flow_level > 0 || style == CollectionStyle::Flow || empty
    }

    fn properties(&mut self, node: &Node) {
        if let Some(anchor) = node.anchor() {
            self.writer.spaced_indicator("&");
            self.writer.word(anchor);
        }
        match node.tag() {
            None if self.keeps_comments() && is_merge_key(node) => self.tag("!!merge"),
            None | Some("!") => {}
            Some(tag) => self.tag(tag),
        }
    }

    fn after(&mut self, after: After) {
        if after == After::Nothing {
            return;
        }
        if after == After::FlowComments && self.has_comments() {
            self.writer.indicator(",");
        }
        self.print_line(false);
        self.print_foot();
    }

    fn has_comments(&self) -> bool {
        let pending = &self.pending;
        !(pending.line.is_empty() && pending.foot.is_empty() && pending.tail.is_empty())
    }

    fn print_head(&mut self) {
        if !self.pending.tail.is_empty() {
            self.writer.write_indent();
            let tail = std::mem::take(&mut self.pending.tail);
            self.writer.comment(&tail);
            self.writer.foot_indent = Some(self.writer.indent.max(0));
        }
        if !self.pending.head.is_empty() {
            self.writer.write_indent();
            let head = std::mem::take(&mut self.pending.head);
            self.writer.comment(&head);
        }
    }

    /// Prints the line comment. A block scalar needs a line break here in any case.
    fn print_line(&mut self, needs_break: bool) {
        if self.pending.line.is_empty() {
            if needs_break {
                self.writer.put_break();
            }
            return;
        }
        self.writer.space();
        let line = std::mem::take(&mut self.pending.line);
        self.writer.comment(&line);
    }

    fn print_foot(&mut self) {
        if self.pending.foot.is_empty() {
            return;
        }
        self.writer.write_indent();
        let foot = std::mem::take(&mut self.pending.foot);
        self.writer.comment(&foot);
        self.writer.foot_indent = Some(self.writer.indent.max(0));
    }
}

fn is_collection(node: &Node) -> bool {
    node.is_mapping() || node.is_sequence()
}

fn replace(slot: &mut String, text: Option<&str>) {
    if let Some(text) = text.filter(|text| !text.is_empty()) {
        text.clone_into(slot);
    }
}
