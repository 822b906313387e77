//! Trees on their way through JSON, which Kustomize sends some of them on. Where a value was
//! written stays known.

use serde_json::Value;
use skerry_yaml::{CollectionStyle, ConvertError, Node, NodeKind, Rules, ScalarStyle, from_json, to_json_with};

/// Makes a tree what its JSON says, the leaves in the way of `leaf`.
pub(crate) fn read_as(node: &mut Node, json: &Value, style: CollectionStyle, leaf: fn(&Value) -> Node) {
    node.clear_comments();
    match (&mut node.kind, json) {
        (NodeKind::Sequence { items, style: old }, Value::Array(values)) => {
            *old = style;
            items.iter_mut().zip(values).for_each(|(item, value)| read_as(item, value, style, leaf));
        }
        (NodeKind::Mapping { entries, style: old }, Value::Object(values)) => {
            *old = style;
            for (key, value) in entries {
                let Some(name) = key.as_str().map(str::to_owned) else { continue };
                if let Some(json) = values.get(&name) {
                    read_as(value, json, style, leaf);
                }
                read_as(key, &Value::String(name), style, leaf);
            }
        }
        _ => {
            let mut new = leaf(json);
            new.position = node.position;
            *node = new;
        }
    }
}

/// An item of a `List`: Kustomize writes it as JSON and reads that as YAML, so that every text is
/// in quotes and everything in brackets.
pub(crate) fn list_item(node: &Node) -> Result<Node, ConvertError> {
    let mut item = node.clone();
    // The item is not printed before, which would change texts that are folded or in brackets.
    unfold(&mut item);
    let json = to_json_with(&item, Rules::Kustomize)?;
    read_as(&mut item, &json, CollectionStyle::Flow, quoted);
    Ok(item)
}

fn quoted(json: &Value) -> Node {
    match json {
        Value::String(text) => Node::new(NodeKind::Scalar { text: text.into(), style: ScalarStyle::DoubleQuoted }),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => from_json(json),
    }
}

fn unfold(node: &mut Node) {
    match &mut node.kind {
        NodeKind::Scalar { style, .. } => {
            if *style == ScalarStyle::Folded {
                *style = ScalarStyle::Literal;
            }
        }
        NodeKind::Sequence { style, items } => {
            *style = CollectionStyle::Block;
            items.iter_mut().for_each(unfold);
        }
        NodeKind::Mapping { style, entries } => {
            *style = CollectionStyle::Block;
            entries.iter_mut().for_each(|(_, value)| unfold(value));
        }
        NodeKind::Alias { .. } => {}
    }
}
