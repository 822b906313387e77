//! From the bytes of a file to its documents.

use std::sync::Arc;

use skerry_common::diagnostic::{Code, Diagnostic, Location};
use skerry_yaml::{
    Document, Duplicates, Limits, Node, ParseError, ParseErrorKind, Rules, decode_binary, expand_aliases,
    parse_bytes_with, parse_first,
};

use crate::codes::{self, Fallible, fail, problem};
use crate::limits::RenderLimits;
use crate::separators;
use crate::through_json::list_item;
use crate::tree::{Found, View};
use crate::twin_keys::{self, parse_objects};

/// One document, with the file that it came from; its line is that of its node.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    pub(crate) node: Node,
    pub(crate) file: Arc<str>,
    /// Whose reading of YAML gives its types.
    pub(crate) rules: Rules,
}

impl Source {
    /// An empty document of the same file.
    fn clone_place(&self) -> Self {
        Self { node: Node::null(), file: self.file.clone(), rules: self.rules }
    }

    /// Where it begins.
    pub(crate) fn location(&self) -> Location {
        place(&self.file, &self.node)
    }
}

/// The place of a node.
pub(crate) fn place(file: &str, node: &Node) -> Location {
    Location::file(file, (node.position.line > 0).then_some(node.position.line))
}

/// Reads every document of a file that is not empty.
pub(crate) fn read_documents(view: &View<'_>, found: &Found, rules: Rules) -> Fallible<Vec<Source>> {
    let nodes = view.shared(
        |memo| &memo.documents,
        &found.path,
        &[],
        || {
            let content = view.read(found)?;
            let (mut nodes, warning) = match rules {
                Rules::Kustomize => parse_objects(&content, &found.path, &view.limits)?,
                Rules::Kubernetes => (parse_nodes(&content, &found.path, &view.limits)?, None),
            };
            warning.into_iter().for_each(|warning| view.warn(warning));
            nodes.retain(|node| !node.is_sequence() || !node.items().is_empty());
            view.count_documents(nodes.len(), &Location::file(&found.path, None))?;
            Ok(nodes)
        },
    )?;
    let nodes = Arc::try_unwrap(nodes).unwrap_or_else(|shared| (*shared).clone());
    let file: Arc<str> = Arc::from(found.path.as_str());
    Ok(nodes.into_iter().map(|node| Source { node, file: file.clone(), rules }).collect())
}

/// Parses a text of documents that are parted as Kustomize parts objects.
pub(crate) fn parse_pieces(content: &[u8], file: &str, limits: &RenderLimits) -> Fallible<Vec<Node>> {
    parse_pieces_with(content, file, limits, Duplicates::Refused)
}

/// Likewise, and what becomes of keys that stand twice.
pub(crate) fn parse_pieces_with(
    content: &[u8],
    file: &str,
    limits: &RenderLimits,
    duplicates: Duplicates,
) -> Fallible<Vec<Node>> {
    let settled = separators::settle(content)
        .or_else(|refusal| fail(codes::NOT_YAML, &Location::file(file, Some(refusal.line)), refusal.message))?;
    if settled.windows(2).filter(|part| *part == b"<<").nth(1).is_some() {
        twin_keys::refuse_merges(&settled, file, limits)?;
    }
    parse_nodes_with(&settled, file, limits, duplicates)
}

/// Parses a text of one or more documents, aliases expanded, empty documents left out.
pub(crate) fn parse_nodes(content: &[u8], file: &str, limits: &RenderLimits) -> Fallible<Vec<Node>> {
    parse_nodes_with(content, file, limits, Duplicates::Refused)
}

fn parse_nodes_with(content: &[u8], file: &str, limits: &RenderLimits, duplicates: Duplicates) -> Fallible<Vec<Node>> {
    let limits = limits.yaml();
    let refuse = |error| refused(file, error);
    let documents = parse_bytes_with(content, &limits, duplicates).map_err(refuse)?;
    let mut nodes = Vec::with_capacity(documents.len());
    for document in documents {
        let node = expanded(document, &limits).map_err(refuse)?;
        if !is_empty(&node) {
            nodes.push(node);
        }
    }
    Ok(if stands_alone(content) { nodes.into_iter().flat_map(unwrapped).collect() } else { nodes })
}

/// Whether nothing in a file separates documents. Only then Kustomize takes a `List` for what it
/// holds; one among others it rewrites (see [`flatten_lists`]).
fn stands_alone(content: &[u8]) -> bool {
    let mut lines = content.split(|byte| *byte == b'\n').skip(1).peekable();
    while let Some(line) = lines.next() {
        if line.starts_with(b"---") && lines.peek().is_some() {
            return false;
        }
    }
    true
}

/// The items of a `List`, of which a scalar has none, else the document as it is.
fn unwrapped(mut node: Node) -> Vec<Node> {
    let is_list = matches!(node.get("kind").and_then(Node::as_str), Some("List" | "ResourceList"));
    let items = node.get("items");
    // A list of resources has none where it names none, if it has a function's configuration.
    let has_none = items.map_or(node.get("functionConfig").is_some(), |items| !items.is_sequence());
    if is_list && has_none && (items.is_some() || node.get("kind").and_then(Node::as_str) == Some("ResourceList")) {
        return Vec::new();
    }
    match node.get_mut("items").and_then(Node::items_mut) {
        Some(items) if is_list => std::mem::take(items).into_iter().filter(|item| !is_empty(item)).collect(),
        Some(_) | None => vec![node],
    }
}

/// Parses the first document of a text, aliases expanded: Kustomize looks at no other in files
/// that say what to do, and of two values of one key takes the last. There is none when it is empty.
pub(crate) fn parse_one(content: &[u8], file: &str, limits: &RenderLimits) -> Fallible<Option<Node>> {
    parse_one_with(content, file, limits, Duplicates::LastWins)
}

/// Likewise, but that no key may be there twice.
pub(crate) fn parse_one_strictly(content: &[u8], file: &str, limits: &RenderLimits) -> Fallible<Option<Node>> {
    parse_one_with(content, file, limits, Duplicates::Refused)
}

fn parse_one_with(content: &[u8], file: &str, limits: &RenderLimits, duplicates: Duplicates) -> Fallible<Option<Node>> {
    let limits = limits.yaml();
    let document = parse_first(content, &limits, duplicates).map_err(|error| refused(file, error))?;
    let node =
        document.filter(|document| !document.root.is_null()).map(|document| expanded(document, &limits)).transpose();
    let mut node = node.map_err(|error| refused(file, error))?;
    const BINARY: &[u8] = b"!!binary";
    if content.windows(BINARY.len()).any(|part| part == BINARY) {
        node.as_mut().into_iter().for_each(decode_binary);
    }
    Ok(node)
}

fn expanded(mut document: Document, limits: &Limits) -> Result<Node, ParseError> {
    expand_aliases(&mut document, limits)?;
    if document.comments.foot.is_some() {
        document.root.comments_mut().foot = document.comments.foot;
    }
    Ok(document.root)
}

fn refused(file: &str, error: ParseError) -> Vec<Diagnostic> {
    let at = Location::file(file, Some(error.position.line).filter(|line| *line > 0));
    problem(code_of(error.kind), &at, error.message)
}

fn is_empty(node: &Node) -> bool {
    node.is_null() || (node.is_mapping() && node.entries().is_empty())
}

fn code_of(kind: ParseErrorKind) -> Code {
    #[expect(clippy::wildcard_enum_match_arm, reason = "the enum is non-exhaustive: all other kinds are grammar")]
    match kind {
        ParseErrorKind::TooLarge | ParseErrorKind::TooDeep | ParseErrorKind::TooManyNodes => codes::TOO_LARGE,
        ParseErrorKind::TooManyDocuments => codes::TOO_MANY_DOCUMENTS,
        _ => codes::NOT_YAML,
    }
}

/// Whether a document is a list of nothing, which Kustomize passes over.
pub(crate) fn is_empty_list(node: &Node) -> bool {
    node.is_sequence() && node.items().is_empty()
}

/// Replaces lists of objects (`kind: List`, `kind: ConfigMapList` … with `items`) by what they
/// hold. As in Kustomize, the items of a list come after the documents that follow it.
pub(crate) fn flatten_lists(sources: Vec<Source>) -> Fallible<Vec<Source>> {
    let mut queue = std::collections::VecDeque::from(sources);
    let mut flat = Vec::with_capacity(queue.len());
    while let Some(source) = queue.pop_front() {
        let is_list = source.node.get("kind").and_then(Node::as_str).is_some_and(|kind| kind.ends_with("List"));
        let Some(items) = source.node.get("items").filter(|_| is_list) else {
            flat.push(source);
            continue;
        };
        if items.is_null() {
            continue;
        }
        if !items.is_sequence() {
            let at = place(&source.file, items).with_field("items");
            return fail(codes::NOT_AN_OBJECT, &at, "`items` of a list of objects is no list");
        }
        for item in items.items().iter().filter(|item| !is_empty(item) && !is_empty_list(item)) {
            let node = match source.rules {
                Rules::Kubernetes => item.clone(),
                Rules::Kustomize => list_item(item).or_else(|error| {
                    let at = place(&source.file, item).with_field(error.path);
                    fail(codes::NO_JSON_FORM, &at, format!("an item of a list cannot be read: {}", error.message))
                })?,
            };
            queue.push_back(Source { node, ..source.clone_place() });
        }
    }
    Ok(flat)
}

/// Whether a text is a field that names an object: present, a string, not empty.
pub(crate) fn text_at<'a>(node: &'a Node, path: &[&str]) -> Option<&'a str> {
    path.iter().try_fold(node, |node, key| node.get(key))?.as_str()
}
