//! JSON 6902 patches, as the library that Kustomize uses applies them: to `replace` a key of a
//! mapping that is missing adds it, and a negative index counts from the end.

mod raw;

use skerry_common::diagnostic::{Diagnostic, Location};
use skerry_yaml::{
    CollectionStyle, Node, NodeKind, Resolved, Rules, float_text, from_json, implied_tag, to_json, to_json_with,
};

use super::patches::weight;
use super::quotes::printed_text;
use crate::codes::{self, Fallible, fail};
use crate::document::place;
use crate::through_json::read_as;
use crate::tree::View;

/// One operation.
#[derive(Debug, Clone)]
pub(crate) struct Operation {
    verb: Verb,
    path: String,
    at: Location,
}

#[derive(Debug, Clone)]
enum Verb {
    Add(Node),
    Remove,
    Replace(Node),
    Move {
        from: String,
    },
    Copy {
        from: String,
    },
    Test(Node),
    /// What cannot be carried out: why. It is refused only where it would be.
    Broken(Refusal),
}

impl Operation {
    /// Whether it copies all annotations, or one of those in which Kustomize keeps what it remembers.
    pub(crate) fn copies_annotations(&self) -> bool {
        match &self.verb {
            Verb::Move { from } | Verb::Copy { from } => {
                matches!(from.as_str(), "/metadata" | "/metadata/annotations")
                    || from.starts_with("/metadata/annotations/internal.config.kubernetes.io~1")
            }
            Verb::Add(_) | Verb::Remove | Verb::Replace(_) | Verb::Test(_) | Verb::Broken(_) => false,
        }
    }
}

/// Why an operation does not apply, in words.
type Refusal = String;

/// Reads a text that is JSON, a list of operations.
pub(crate) fn parse_json(text: &str, at: &Location) -> Fallible<Vec<Operation>> {
    // Its lines are not known, as those of an inline patch are not.
    parse(&raw::read(text), at, Form::Json)
}

/// How a list of operations is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// In JSON, values with their letters.
    Json,
    /// In YAML within a kustomization: its lines are not those of the file.
    Inline,
    /// In YAML in a file.
    File,
}

/// Reads a list of operations.
pub(crate) fn parse(list: &Node, at: &Location, form: Form) -> Fallible<Vec<Operation>> {
    let mut operations = Vec::new();
    let mut problems = Vec::new();
    for (index, item) in list.items().iter().enumerate() {
        let file = at.file.clone().unwrap_or_default();
        let own = match form {
            Form::Json | Form::Inline => at.clone(),
            Form::File => place(&file, item).with_field(format!("[{index}]")),
        };
        match operation(index, item, &own, form) {
            Ok(operation) => operations.push(operation),
            Err(message) => {
                let message = format!("operation {index}: {message}");
                problems.push(Diagnostic::error(codes::PATCH_UNREADABLE, message).at(own));
            }
        }
    }
    if problems.is_empty() { Ok(operations) } else { Err(problems) }
}

fn operation(index: usize, item: &Node, at: &Location, form: Form) -> Result<Operation, Refusal> {
    let text = |key: &str| item.get(key).filter(|node| node.resolve() == Resolved::Str)?.as_str().map(str::to_owned);
    let needed = |key: &str| text(key).ok_or_else(|| format!("`{key}` is missing or no text"));
    let value = || -> Result<Node, Refusal> {
        let Some(node) = item.get("value") else { return Ok(Node::null()) };
        if form == Form::Json {
            return Ok(node.clone());
        }
        // The patch is read as Kubernetes reads YAML, the resource as Kustomize does.
        Ok(from_json(&to_json(node).map_err(|error| format!("`value` {}", error.message))?))
    };
    if !item.is_mapping() && !item.is_null() {
        return Err("an operation is a mapping".to_owned());
    }
    let value = value()?;
    let verb = || -> Result<Verb, Refusal> {
        needed("path")?;
        Ok(match needed("op")?.as_str() {
            "add" | "replace" if raw::is_beyond(&value) => return Err("a number is too large".to_owned()),
            "add" => Verb::Add(value),
            "remove" => Verb::Remove,
            "replace" => Verb::Replace(value),
            "move" => Verb::Move { from: needed("from")? },
            "copy" => Verb::Copy { from: needed("from")? },
            "test" => Verb::Test(value),
            other => return Err(format!("`{other}` is no operation")),
        })
    };
    let verb = verb().unwrap_or_else(|refusal| Verb::Broken(format!("operation {index}: {refusal}")));
    Ok(Operation { verb, path: text("path").unwrap_or_default(), at: at.clone() })
}

/// Applies operations in their order.
pub(crate) fn apply(view: &View<'_>, node: &mut Node, operations: &[Operation], target: &str) -> Fallible<()> {
    let json = to_json_with(node, Rules::Kustomize).or_else(|error| {
        let at = operations.first().map(|operation| operation.at.clone()).unwrap_or_default();
        let message = format!("`{target}` cannot be patched: at `{}` {}", error.path, error.message);
        fail(codes::NO_JSON_FORM, &at, message)
    })?;
    read_as(node, &json, CollectionStyle::Block, from_json);
    for operation in operations {
        let mut grown = 0;
        let result = run(node, operation, &mut grown, view.limits.depth_max);
        if let Err(refusal) = result {
            if matches!(operation.verb, Verb::Broken(_)) {
                return fail(codes::PATCH_UNREADABLE, &operation.at, refusal);
            }
            let at = operation.at.clone();
            return fail(codes::PATCH_FAILS, &at, format!("the patch does not fit `{target}`: {refusal}"));
        }
        view.count_growth(grown, &operation.at)?;
    }
    print_and_read(node);
    Ok(())
}

/// Makes a tree what it is when Kustomize, which has sent it through JSON, prints and reads it:
/// numbers are 64-bit floats, texts are in quotes only where they must be, only what is empty is in
/// brackets, keys are sorted, and no two values are one any more.
fn print_and_read(node: &mut Node) {
    node.set_anchor(None);
    node.set_tag(None);
    #[expect(clippy::cast_precision_loss, reason = "to lose it is the point")]
    let number = match node.resolve_with(Rules::Kustomize) {
        Some(Resolved::Int(value)) => Some(value as f64),
        Some(Resolved::Uint(value)) => Some(value as f64),
        Some(Resolved::Float(value)) => Some(value),
        Some(Resolved::Null | Resolved::Bool(_) | Resolved::Str | Resolved::NotScalar) | None => None,
    };
    match &mut node.kind {
        NodeKind::Scalar { text, .. } => {
            let text = std::mem::take(text);
            node.kind = match number {
                Some(number) => Node::plain(float_text(number)).kind,
                None if node.is_plain() && implied_tag(&text) != "!!str" => Node::plain(text).kind,
                None => printed_text(text).kind,
            };
        }
        NodeKind::Sequence { style, items } => {
            *style = printed_style(items.is_empty());
            items.iter_mut().for_each(print_and_read);
        }
        NodeKind::Mapping { style, entries } => {
            *style = printed_style(entries.is_empty());
            entries.iter_mut().for_each(|(_, value)| print_and_read(value));
            entries.sort_by(|(left, _), (right, _)| left.as_str().cmp(&right.as_str()));
        }
        NodeKind::Alias { .. } => {}
    }
}

/// There is no other way to write what is empty; what comes into it later is in brackets too.
fn printed_style(is_empty: bool) -> CollectionStyle {
    if is_empty { CollectionStyle::Flow } else { CollectionStyle::Block }
}

fn run(root: &mut Node, operation: &Operation, grown: &mut usize, depth_max: usize) -> Result<(), Refusal> {
    let path = operation.path.as_str();
    let fits = |value: &Node| {
        let depth = path.matches('/').count() + depth(value);
        if depth > depth_max { Err(format!("`{path}` would be nested more than {depth_max} deep")) } else { Ok(()) }
    };
    match &operation.verb {
        Verb::Add(value) => {
            fits(value)?;
            *grown = weight(value);
            add(root, path, value.clone())
        }
        Verb::Remove => take(root, path).map(|_| ()),
        Verb::Replace(value) => {
            fits(value)?;
            *grown = weight(value);
            replace(root, path, value.clone())
        }
        Verb::Move { from } => {
            let value = take(root, from)?;
            fits(&value)?;
            add(root, path, value)
        }
        Verb::Copy { from } => {
            let value = find(root, from)?.cloned().unwrap_or_else(Node::null);
            fits(&value)?;
            *grown = weight(&value);
            add(root, path, value)
        }
        Verb::Test(expected) => test(root, path, expected),
        Verb::Broken(refusal) => Err(refusal.clone()),
    }
}

/// How many levels a tree has.
fn depth(node: &Node) -> usize {
    let items = node.items().iter().map(depth).max().unwrap_or(0);
    let values = node.entries().iter().map(|(_, value)| depth(value)).max().unwrap_or(0);
    1 + items.max(values)
}

fn test(root: &Node, path: &str, expected: &Node) -> Result<(), Refusal> {
    let found = if path.is_empty() { Some(root) } else { find(root, path)? };
    let is_same = found.map_or(expected.is_null(), |found| raw::is_same(found, expected));
    if is_same { Ok(()) } else { Err(format!("`{path}` is not what `test` expects")) }
}

/// The last step of a path, in what holds it.
struct Slot<'a> {
    container: &'a Node,
    key: String,
}

impl<'a> Slot<'a> {
    fn value(&self) -> Option<&'a Node> {
        if self.container.is_sequence() {
            let index = index_of(&self.key, self.container.items().len()).ok()?;
            return self.container.items().get(index);
        }
        self.container.get(&self.key)
    }
}

fn find_container<'a>(root: &'a Node, path: &str) -> Result<Slot<'a>, Refusal> {
    let (front, key) = cut(path)?;
    let mut node = root;
    for part in front {
        let next = Slot { container: node, key: part }.value();
        node = next.filter(|next| !next.is_scalar()).ok_or_else(|| missing(path))?;
    }
    Ok(Slot { container: node, key })
}

fn find<'a>(root: &'a Node, path: &str) -> Result<Option<&'a Node>, Refusal> {
    let slot = find_container(root, path)?;
    let found = slot.value();
    if found.is_none() && slot.container.is_sequence() {
        return Err(missing(path));
    }
    Ok(found)
}

fn container_mut<'a>(root: &'a mut Node, path: &str) -> Result<(&'a mut Node, String), Refusal> {
    let (front, key) = cut(path)?;
    let mut node = root;
    for part in front {
        let next = if node.is_sequence() {
            let index = index_of(&part, node.items().len()).map_err(|_| missing(path))?;
            node.items_mut().and_then(|items| items.get_mut(index))
        } else {
            node.get_mut(&part)
        };
        node = next.filter(|next| !next.is_scalar()).ok_or_else(|| missing(path))?;
    }
    Ok((node, key))
}

fn add(root: &mut Node, path: &str, value: Node) -> Result<(), Refusal> {
    let (container, key) = container_mut(root, path)?;
    let Some(items) = container.items_mut() else {
        container.set(&key, value);
        return Ok(());
    };
    if key == "-" {
        items.push(value);
        return Ok(());
    }
    let index = index_of(&key, items.len() + 1).map_err(|refusal| format!("{refusal} in `{path}`"))?;
    items.insert(index, value);
    Ok(())
}

fn replace(root: &mut Node, path: &str, value: Node) -> Result<(), Refusal> {
    if path.is_empty() {
        if value.is_scalar() {
            return Err("the whole object can only be replaced by an object".to_owned());
        }
        *root = value;
        return Ok(());
    }
    let (container, key) = container_mut(root, path)?;
    let Some(items) = container.items_mut() else {
        container.set(&key, value);
        return Ok(());
    };
    let index = index_of(&key, items.len()).map_err(|refusal| format!("{refusal} in `{path}`"))?;
    match items.get_mut(index) {
        Some(item) => *item = value,
        None => return Err(missing(path)),
    }
    Ok(())
}

fn take(root: &mut Node, path: &str) -> Result<Node, Refusal> {
    let (container, key) = container_mut(root, path)?;
    let Some(items) = container.items_mut() else {
        return container.remove(&key).ok_or_else(|| missing(path));
    };
    let index = index_of(&key, items.len()).map_err(|refusal| format!("{refusal} in `{path}`"))?;
    if index < items.len() { Ok(items.remove(index)) } else { Err(missing(path)) }
}

/// The position that an index names among `length` places; below zero it counts from the end.
fn index_of(text: &str, length: usize) -> Result<usize, Refusal> {
    let number: i64 = text.parse().map_err(|_| format!("`{text}` is no index"))?;
    let length_signed = i64::try_from(length).unwrap_or(i64::MAX);
    let index = if number < 0 { number.saturating_add(length_signed) } else { number };
    match usize::try_from(index) {
        Ok(index) if index < length => Ok(index),
        Ok(_) | Err(_) => Err(format!("index {number} is out of range")),
    }
}

/// Cuts a pointer into the steps before the last, and the last; `~1` is `/`, `~0` is `~`.
fn cut(path: &str) -> Result<(Vec<String>, String), Refusal> {
    let Some(rest) = path.find('/').map(|index| &path[index + 1..]) else {
        return Err(format!("`{path}` is no path: it must begin with `/`"));
    };
    let mut parts: Vec<String> = rest.split('/').map(|part| part.replace("~1", "/").replace("~0", "~")).collect();
    let key = parts.pop().unwrap_or_default();
    Ok((parts, key))
}

fn missing(path: &str) -> Refusal {
    format!("there is no `{path}`")
}
