//! Trees to and from typed JSON.

use std::borrow::Cow;

use serde_json::{Map, Number, Value};

use crate::emit::{EmitOptions, compare_keys, emit_node};
use crate::error::{ConvertError, ConvertErrorKind};
use crate::go_sort::sort_as_go;
use crate::limits::{DEPTH_CEILING, Limits};
use crate::node::{Node, NodeKind, ScalarStyle};
use crate::parser::parse;
use crate::resolve::{Resolved, Rules, may_be_word, parse_timestamp};

mod base64;
mod float;

pub use float::float_text;

/// Replaces what is tagged `!!binary` by the texts that it encodes; what encodes none stays.
pub fn decode_binary(node: &mut Node) {
    if node.tag() == Some("!!binary")
        && let Some(text) = node.as_str().and_then(base64::decode).and_then(|bytes| String::from_utf8(bytes).ok())
    {
        node.kind = Node::string(text).kind;
        node.set_tag(None);
    }
    node.items_mut().into_iter().flatten().for_each(decode_binary);
    node.entries_mut().into_iter().flatten().for_each(|(_, value)| decode_binary(value));
}

/// Converts a tree to JSON, as Kubernetes reads it.
///
/// Order is kept, integers of 64 bits are exact, floats without a fraction become integers (as
/// they do on their way through JSON text upstream). Keys that are numbers or booleans become
/// strings; null, list and mapping keys are refused. ([`Rules::Kustomize`] refuses all keys that
/// are no strings.)
pub fn to_json(node: &Node) -> Result<Value, ConvertError> {
    to_json_with(node, Rules::Kubernetes)
}

/// Converts a tree to JSON by the rules of one reader.
pub fn to_json_with(node: &Node, rules: Rules) -> Result<Value, ConvertError> {
    Converter::new(node, rules).value(node)
}

/// The value of a scalar.
pub(crate) enum Leaf<'a> {
    Null,
    Bool(bool),
    Number(Number),
    Text(Cow<'a, str>),
}

impl From<Leaf<'_>> for Value {
    fn from(leaf: Leaf<'_>) -> Value {
        match leaf {
            Leaf::Null => Value::Null,
            Leaf::Bool(value) => Value::Bool(value),
            Leaf::Number(number) => Value::Number(number),
            Leaf::Text(text) => Value::String(text.into_owned()),
        }
    }
}

/// Converts a tree step by step, knowing where it is.
pub(crate) struct Converter<'a> {
    rules: Rules,
    path: Vec<Step<'a>>,
    flow_level: usize,
    /// The text behind which printing puts one more empty line.
    end: Option<&'a Node>,
}

pub(crate) enum Step<'a> {
    Key(&'a Node),
    Index(usize),
}

impl<'a> Converter<'a> {
    /// A converter of a whole tree.
    pub(crate) fn new(root: &'a Node, rules: Rules) -> Converter<'a> {
        let end = if rules == Rules::Kustomize { text_before_foot(root) } else { None };
        Converter { rules, path: Vec::new(), flow_level: 0, end }
    }

    /// Goes one step down.
    pub(crate) fn enter(&mut self, step: Step<'a>) {
        self.path.push(step);
    }

    /// Goes one step up.
    pub(crate) fn leave(&mut self) {
        self.path.pop();
    }

    /// Begins a node; what it gives is for [`Converter::end`].
    pub(crate) fn begin(&mut self, node: &Node) -> Result<usize, ConvertError> {
        if self.path.len() > DEPTH_CEILING {
            let message = format!("nested deeper than {DEPTH_CEILING} levels");
            return self.error(node, ConvertErrorKind::TooDeep, message);
        }
        let flow_level = self.flow_level;
        self.flow_level += usize::from(node.is_flow());
        Ok(flow_level)
    }

    /// Ends a node.
    pub(crate) fn end(&mut self, flow_level: usize) {
        self.flow_level = flow_level;
    }

    /// A key stands twice in a mapping.
    pub(crate) fn twice<T>(&mut self, key: &'a Node) -> Result<T, ConvertError> {
        let message = format!("key `{}` is set twice", key.as_str().unwrap_or_default());
        self.enter(Step::Key(key));
        self.error(key, ConvertErrorKind::DuplicateKey, message)
    }

    /// An alias has no value of its own.
    pub(crate) fn not_expanded<T>(&self, node: &Node, name: &str) -> Result<T, ConvertError> {
        let message = format!("alias `*{name}` is not expanded");
        self.error(node, ConvertErrorKind::NotExpanded, message)
    }

    fn error<T>(&self, node: &Node, kind: ConvertErrorKind, message: impl Into<String>) -> Result<T, ConvertError> {
        let mut path = String::new();
        for step in &self.path {
            path.push('/');
            match step {
                Step::Key(key) => {
                    let text = key.as_str().unwrap_or("?");
                    path.push_str(&text.replace('~', "~0").replace('/', "~1"));
                }
                Step::Index(index) => path.push_str(&index.to_string()),
            }
        }
        if path.is_empty() {
            path.push('/');
        }
        Err(ConvertError { position: node.position, kind, path, message: message.into() })
    }

    fn value(&mut self, node: &'a Node) -> Result<Value, ConvertError> {
        let flow_level = self.begin(node)?;
        let value = self.any_value(node)?;
        self.end(flow_level);
        Ok(value)
    }

    fn any_value(&mut self, node: &'a Node) -> Result<Value, ConvertError> {
        match &node.kind {
            NodeKind::Scalar { text, .. } => self.leaf(node, text).map(Value::from),
            NodeKind::Sequence { items, .. } => {
                let mut values = Vec::with_capacity(items.len());
                for (index, item) in items.iter().enumerate() {
                    self.enter(Step::Index(index));
                    values.push(self.value(item)?);
                    self.leave();
                }
                Ok(Value::Array(values))
            }
            NodeKind::Mapping { entries, .. } => self.mapping(entries),
            NodeKind::Alias { name } => self.not_expanded(node, name),
        }
    }

    fn mapping(&mut self, entries: &'a [(Node, Node)]) -> Result<Value, ConvertError> {
        let mut map = Map::with_capacity(entries.len());
        for (key, value) in entries {
            self.enter(Step::Key(key));
            let name = self.key(key)?.into_owned();
            let converted = self.value(value)?;
            self.leave();
            if map.insert(name, converted).is_some() {
                return self.twice(key);
            }
        }
        Ok(Value::Object(map))
    }

    /// The text of a key.
    pub(crate) fn key(&self, key: &'a Node) -> Result<Cow<'a, str>, ConvertError> {
        let NodeKind::Scalar { text, .. } = &key.kind else {
            let message = "a list, mapping or alias cannot be a key";
            return self.error(key, ConvertErrorKind::UnsupportedKey, message);
        };
        // Most keys begin with a letter with which nothing but a string begins.
        let is_string = text.bytes().next().is_some_and(|first| first.is_ascii_alphabetic() && !may_be_word(first));
        if is_string && key.tag().is_none() {
            return Ok(Cow::Borrowed(text));
        }
        if crate::alias::is_merge_key(key) {
            let message = "the merge key `<<` is not expanded";
            return self.error(key, ConvertErrorKind::NotExpanded, message);
        }
        if self.rules == Rules::Kustomize && text.is_empty() && key.tag().is_none() {
            return Ok(Cow::Borrowed(""));
        }
        let resolved = self.resolved(key, text)?;
        if self.rules == Rules::Kustomize && (resolved != Resolved::Str || self.timestamp(key, text).is_some()) {
            let message = "only strings can be keys for Kustomize, quote it";
            return self.error(key, ConvertErrorKind::UnsupportedKey, message);
        }
        match resolved {
            Resolved::Str | Resolved::NotScalar => Ok(Cow::Borrowed(text)),
            Resolved::Bool(value) => Ok(value.to_string().into()),
            Resolved::Int(value) => Ok(value.to_string().into()),
            Resolved::Float(value) => Ok(float::key_text(value).into()),
            Resolved::Null => {
                let message = "null cannot be a key, quote it";
                self.error(key, ConvertErrorKind::UnsupportedKey, message)
            }
            Resolved::Uint(_) => {
                let message = "an integer this large cannot be a key, quote it";
                self.error(key, ConvertErrorKind::UnsupportedKey, message)
            }
        }
    }

    fn resolved(&self, node: &Node, text: &str) -> Result<Resolved, ConvertError> {
        match node.resolve_with(self.rules) {
            Some(resolved) => Ok(resolved),
            None => {
                let tag = node.tag().unwrap_or_default();
                let message = format!("`{text}` is no value of the tag `{tag}`");
                self.error(node, ConvertErrorKind::TagMismatch, message)
            }
        }
    }

    /// The value of a scalar with a text.
    pub(crate) fn leaf(&self, node: &Node, text: &'a str) -> Result<Leaf<'a>, ConvertError> {
        if node.tag() == Some("!!binary") {
            return match base64::decode(text).map(String::from_utf8) {
                Some(Ok(text)) => Ok(Leaf::Text(text.into())),
                Some(Err(_)) => {
                    let message = "binary data that is no text has no place in JSON";
                    self.error(node, ConvertErrorKind::Binary, message)
                }
                None => self.error(node, ConvertErrorKind::Binary, "this is not base64"),
            };
        }
        if text.is_empty() && self.is_quoted_by_printing(node) {
            return Ok(Leaf::Text(Cow::Borrowed("")));
        }
        Ok(match self.resolved(node, text)? {
            Resolved::Null => Leaf::Null,
            Resolved::Bool(value) => Leaf::Bool(value),
            Resolved::Int(value) => Leaf::Number(value.into()),
            Resolved::Uint(value) => Leaf::Number(value.into()),
            Resolved::Float(value) => match float::to_number(value) {
                Some(number) => Leaf::Number(number),
                None => {
                    let message = format!("`{text}` has no JSON form, quote it if it is text");
                    return self.error(node, ConvertErrorKind::NotFinite, message);
                }
            },
            Resolved::Str | Resolved::NotScalar => Leaf::Text(self.string(node, text)),
        })
    }

    /// The text, or with v3 the long form of a timestamp. What is folded is printed so only where
    /// it is not in brackets.
    fn string(&self, node: &Node, text: &'a str) -> Cow<'a, str> {
        let other = if self.rules == Rules::Kustomize && self.flow_level == 0 && node.is_folded() {
            print_and_read(node)
        } else {
            self.timestamp(node, text)
        };
        let text = other.map_or(Cow::Borrowed(text), Cow::Owned);
        if self.end.is_some_and(|end| std::ptr::eq(end, node)) { Cow::Owned(format!("{text}\n")) } else { text }
    }

    /// Kustomize prints its trees and reads them again before it takes values from them: what
    /// gets quotes in brackets is a string from then on.
    fn is_quoted_by_printing(&self, node: &Node) -> bool {
        self.rules == Rules::Kustomize
            && self.flow_level > 0
            && node.is_plain()
            && matches!(node.tag(), None | Some("!"))
    }

    fn timestamp(&self, node: &Node, text: &str) -> Option<String> {
        if text.contains(':') && self.is_quoted_by_printing(node) {
            return None;
        }
        let may_be = self.rules == Rules::Kustomize
            && match node.tag() {
                None | Some("!") => node.is_plain(),
                Some(tag) => tag == "!!timestamp",
            };
        may_be.then(|| parse_timestamp(text)).flatten()
    }
}

/// The text at the end of a tree behind which a comment stands: printing parts the two by an empty
/// line, which is one more of the text where that keeps those at its end.
fn text_before_foot(root: &Node) -> Option<&Node> {
    root.comments().foot.as_ref()?;
    let mut node = root;
    loop {
        node = match &node.kind {
            NodeKind::Sequence { items, .. } => items.last()?,
            NodeKind::Mapping { entries, .. } => entries.last().map(|(_, value)| value)?,
            NodeKind::Scalar { text, style } => {
                let is_block = matches!(style, ScalarStyle::Literal | ScalarStyle::Folded);
                let keeps_lines = text.ends_with("\n\n") || text == "\n";
                return Some(node).filter(|_| is_block && keeps_lines);
            }
            NodeKind::Alias { .. } => return None,
        }
    }
}

/// Printing and reading again also changes the text of a folded block in which indented lines
/// follow others.
fn print_and_read(node: &Node) -> Option<String> {
    let mut bare = Node::new(node.kind.clone());
    bare.set_tag(Some("!!str".to_owned()));
    let printed = emit_node(&bare, &EmitOptions::default());
    let document = parse(&printed, &Limits::default()).ok()?.pop()?;
    document.root.as_str().map(str::to_owned)
}

/// Makes a tree of JSON: block style, strings quoted when their text alone would be of another
/// type, in the order of the JSON.
pub fn from_json(value: &Value) -> Node {
    make_node(value, false)
}

/// The same, keys in the order in which upstream sorts them.
pub(crate) fn from_json_sorted(value: &Value) -> Node {
    make_node(value, true)
}

fn make_node(value: &Value, sorted: bool) -> Node {
    match value {
        Value::Null => Node::null(),
        Value::Bool(value) => Node::boolean(*value),
        Value::Number(number) => Node::plain(number_text(number)),
        Value::String(text) => make_string(text, sorted),
        Value::Array(values) => {
            let mut node = Node::sequence();
            if let Some(items) = node.items_mut() {
                items.extend(values.iter().map(|value| make_node(value, sorted)));
            }
            node
        }
        Value::Object(map) => {
            let mut members: Vec<_> = map.iter().collect();
            if sorted {
                sort_as_go(&mut members, |(left, _), (right, _)| compare_keys(left, right));
            }
            let mut node = Node::mapping();
            if let Some(entries) = node.entries_mut() {
                entries.extend(members.into_iter().map(|(key, value)| (Node::string(key), make_node(value, sorted))));
            }
            node
        }
    }
}

/// Upstream prints `<<` in values without quotes.
fn make_string(text: &str, sorted: bool) -> Node {
    if sorted && text == "<<" {
        return Node::plain(text);
    }
    Node::string(text)
}

/// The text of a number: exact for integers, Go's shortest form for floats.
pub(crate) fn number_text(number: &Number) -> String {
    match number.as_f64() {
        Some(value) if number.is_f64() => float::emitted(value),
        _ => number.to_string(),
    }
}
