//! JSON that keeps how it is written. The library that Kustomize uses compares the letters of a
//! `test` with those that it has: to a patch in JSON, `1.0` is not `1` and `"\u0061"` not `"a"`.
//!
//! A scalar that Go would write otherwise keeps its letters in its anchor, which nothing made of JSON
//! has, and which no node has any more once a patch is done.

use skerry_yaml::{Node, Rules, from_json, to_json_with};

use crate::kustomize::go_json;

/// Makes a tree of a text that is JSON.
pub(super) fn read(text: &str) -> Node {
    Reader { rest: text }.value()
}

/// Whether a number in a tree is beyond those of 64 bits: it was read as nothing.
pub(super) fn is_beyond(node: &Node) -> bool {
    (node.is_null() && node.anchor().is_some())
        || node.items().iter().any(is_beyond)
        || node.entries().iter().any(|(_, value)| is_beyond(value))
}

/// Whether two trees are one value, written alike; the order of fields does not count.
pub(super) fn is_same(left: &Node, right: &Node) -> bool {
    if left.is_sequence() && right.is_sequence() {
        let (left, right) = (left.items(), right.items());
        return left.len() == right.len() && left.iter().zip(right).all(|(left, right)| is_same(left, right));
    }
    if left.is_mapping() && right.is_mapping() {
        let is_in = |key: &Node, value: &Node| {
            let other = key.as_str().and_then(|key| right.get(key));
            other.is_some_and(|other| is_same(value, other))
        };
        return left.entries().len() == right.entries().len()
            && left.entries().iter().all(|(key, value)| is_in(key, value));
    }
    left.is_scalar() && right.is_scalar() && written(left) == written(right)
}

/// A scalar as it is written, or as Go writes it.
fn written(node: &Node) -> String {
    if let Some(raw) = node.anchor() {
        return raw.to_owned();
    }
    let mut out = String::new();
    go_json::compact(&mut out, &to_json_with(node, Rules::Kustomize).unwrap_or_default());
    out
}

struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    fn value(&mut self) -> Node {
        self.space();
        match self.rest.as_bytes().first() {
            Some(b'[') => {
                let mut list = Node::sequence();
                self.entries(']', &mut |reader| {
                    let item = reader.value();
                    list.items_mut().into_iter().for_each(|items| items.push(item.clone()));
                });
                list
            }
            Some(b'{') => {
                let mut mapping = Node::mapping();
                self.entries('}', &mut |reader| {
                    let key = scalar(reader.string());
                    reader.space();
                    reader.skip(1);
                    mapping.set(key.as_str().unwrap_or_default(), reader.value());
                });
                mapping
            }
            Some(b'"') => scalar(self.string()),
            Some(_) | None => {
                let end = self.rest.find([',', ']', '}', ' ', '\t', '\r', '\n']);
                scalar(self.skip(end.unwrap_or(self.rest.len())))
            }
        }
    }

    /// Reads what stands between two brackets, up to the one that closes.
    fn entries(&mut self, close: char, read: &mut dyn FnMut(&mut Self)) {
        self.skip(1);
        loop {
            self.space();
            let is_over = self.rest.is_empty() || self.rest.starts_with(close);
            if is_over || self.rest.starts_with(',') {
                self.skip(1);
                if is_over {
                    return;
                }
                self.space();
            }
            let before = self.rest.len();
            read(self);
            if self.rest.len() == before {
                return;
            }
        }
    }

    /// A string with its quotes.
    fn string(&mut self) -> &'a str {
        self.space();
        let mut is_escaped = false;
        let end = self.rest.bytes().skip(1).position(|byte| {
            let is_end = byte == b'"' && !is_escaped;
            is_escaped = byte == b'\\' && !is_escaped;
            is_end
        });
        self.skip(end.map_or(self.rest.len(), |end| end + 2))
    }

    fn space(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\r', '\n']);
    }

    fn skip(&mut self, bytes: usize) -> &'a str {
        let (skipped, rest) = self.rest.split_at_checked(bytes).unwrap_or((self.rest, ""));
        self.rest = rest;
        skipped
    }
}

fn scalar(raw: &str) -> Node {
    let mut node = from_json(&serde_json::from_str(raw).unwrap_or_default());
    if written(&node) != raw {
        node.set_anchor(Some(raw.to_owned()));
    }
    node
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_read_with_its_letters() {
        let text = r#" [ {"a" : 1.0, "b\"]": ["x", {}, [], null ,true], "a": "<\u0061"} ,-2 ] "#;
        let node = read(text);
        let first = &node.items()[0];
        assert_eq!(first.get("a").and_then(Node::as_str), Some("<a"));
        assert_eq!(first.get("a").and_then(Node::anchor), Some("\"<\\u0061\""));
        assert_eq!(first.get("b\"]").map(|list| list.items().len()), Some(5));
        assert_eq!(node.items()[1].as_str(), Some("-2"));
    }

    #[test]
    fn letters_count_and_order_does_not() {
        let check = |left: &str, right: &str, same: bool| {
            assert_eq!(is_same(&read(left), &read(right)), same, "{left} and {right}");
        };
        check(r#"{"a":1,"b":[2]}"#, r#"{"b": [2], "a": 1}"#, true);
        check("1", "1.0", false);
        check(r#""a""#, r#""\u0061""#, false);
        check("{}", "[]", false);
        check("1.0", "1.0", true);
    }
}
