//! Merging, cutting and comparing documents by their shape, the way server-side apply does.

use serde_json::{Map, Value};

use super::fieldset::{Element, FieldSet, element_of};
use super::shape::{ListRule, Shape, Step, step};

/// What is different between two documents.
#[derive(Debug, Default)]
pub(super) struct Difference {
    /// In the new one only.
    pub(super) added: FieldSet,
    /// In both, with another value.
    pub(super) modified: FieldSet,
    /// In the old one only.
    pub(super) removed: FieldSet,
}

/// The live document with everything that the applied one sets.
pub(super) fn merge(shape: &Shape, live: &Value, applied: &Value) -> Value {
    match (step(shape, applied), live, applied) {
        (Step::Fields(record), Value::Object(old), Value::Object(new)) => {
            merge_maps(old, new, |name| record.field(name))
        }
        (Step::Keys(inner), Value::Object(old), Value::Object(new)) => merge_maps(old, new, |_| Some(inner)),
        (Step::Items(inner, rule), Value::Array(old), Value::Array(new)) => {
            Value::Array(merge_lists(inner, rule, old, new))
        }
        _ => applied.clone(),
    }
}

fn merge_maps<'a>(
    old: &Map<String, Value>,
    new: &Map<String, Value>,
    shape: impl Fn(&str) -> Option<&'a Shape>,
) -> Value {
    let mut out = old.clone();
    for (name, value) in new {
        let merged = match (old.get(name), shape(name)) {
            (Some(live), Some(shape)) => merge(shape, live, value),
            _ => value.clone(),
        };
        out.insert(name.clone(), merged);
    }
    Value::Object(out)
}

/// Items of the applied list come in its order; items that only live has keep their place before the next one of both.
fn merge_lists(inner: &Shape, rule: &ListRule, old: &[Value], new: &[Value]) -> Vec<Value> {
    let named = |items: &[Value]| -> Vec<Option<Element>> { items.iter().map(|item| element_of(item, rule)).collect() };
    let (old_names, new_names) = (named(old), named(new));
    let mut out = Vec::with_capacity(old.len().max(new.len()));
    let mut at = 0;
    let mut keep_until = |out: &mut Vec<Value>, stop: Option<&Option<Element>>| {
        while at < old.len() && stop.is_none_or(|stop| old_names[at] != *stop) {
            if !new_names.contains(&old_names[at]) {
                out.push(old[at].clone());
            }
            at += 1;
        }
    };
    for (item, name) in new.iter().zip(&new_names) {
        match old_names.iter().position(|old_name| old_name == name) {
            Some(position) => {
                keep_until(&mut out, Some(name));
                out.push(merge(inner, &old[position], item));
            }
            None => out.push(item.clone()),
        }
    }
    keep_until(&mut out, None);
    out
}

/// The document without the members of a set.
pub(super) fn cut(shape: &Shape, value: &Value, set: &FieldSet) -> Value {
    match (step(shape, value), value) {
        (Step::Fields(record), Value::Object(map)) => cut_map(map, set, |name| record.field(name)),
        (Step::Keys(inner), Value::Object(map)) => cut_map(map, set, |_| Some(inner)),
        (Step::Items(inner, rule), Value::Array(items)) => {
            let keep = items.iter().filter_map(|item| match element_of(item, rule) {
                Some(element) if set.has(&element) => None,
                Some(element) => Some(cut_below(Some(inner), item, set.below(&element))),
                None => Some(item.clone()),
            });
            Value::Array(keep.collect())
        }
        _ => value.clone(),
    }
}

fn cut_map<'a>(map: &Map<String, Value>, set: &FieldSet, shape: impl Fn(&str) -> Option<&'a Shape>) -> Value {
    let mut out = Map::new();
    for (name, value) in map {
        let element = Element::Field(name.clone());
        if !set.has(&element) {
            out.insert(name.clone(), cut_below(shape(name), value, set.below(&element)));
        }
    }
    Value::Object(out)
}

fn cut_below(shape: Option<&Shape>, value: &Value, set: Option<&FieldSet>) -> Value {
    match (shape, set) {
        (Some(shape), Some(set)) => cut(shape, value, set),
        _ => value.clone(),
    }
}

/// What changed from one document to the next.
pub(super) fn compare(shape: &Shape, old: &Value, new: &Value) -> Difference {
    let mut out = Difference::default();
    match (step(shape, if new.is_null() { old } else { new }), old, new) {
        (Step::Fields(record), _, _) => compare_maps(&mut out, old, new, |name| record.field(name)),
        (Step::Keys(inner), _, _) => compare_maps(&mut out, old, new, |_| Some(inner)),
        (Step::Items(inner, rule), _, _) => compare_lists(&mut out, inner, rule, (old, new)),
        (Step::Leaf, _, _) => {}
    }
    out
}

fn compare_maps<'a>(out: &mut Difference, old: &Value, new: &Value, shape: impl Fn(&str) -> Option<&'a Shape>) {
    let (old, new) = (old.as_object(), new.as_object());
    for (name, value) in new.into_iter().flatten() {
        if let Some(shape) = shape(name) {
            compare_one(out, shape, Element::Field(name.clone()), (old.and_then(|old| old.get(name)), Some(value)));
        }
    }
    for (name, value) in old.into_iter().flatten() {
        if let Some(shape) = shape(name)
            && new.is_none_or(|new| !new.contains_key(name))
        {
            compare_one(out, shape, Element::Field(name.clone()), (Some(value), None));
        }
    }
}

fn compare_lists(out: &mut Difference, inner: &Shape, rule: &ListRule, (old, new): (&Value, &Value)) {
    let named = |list: &'_ Value| -> Vec<(Element, Value)> {
        let items = list.as_array().into_iter().flatten();
        items.filter_map(|item| Some((element_of(item, rule)?, item.clone()))).collect()
    };
    let (old, new) = (named(old), named(new));
    let find = |items: &[(Element, Value)], element: &Element| {
        items.iter().find(|(name, _)| name == element).map(|(_, item)| item.clone())
    };
    for (element, item) in &new {
        compare_one(out, inner, element.clone(), (find(&old, element).as_ref(), Some(item)));
    }
    for (element, item) in old.iter().filter(|(element, _)| find(&new, element).is_none()) {
        compare_one(out, inner, element.clone(), (Some(item), None));
    }
}

fn compare_one(out: &mut Difference, shape: &Shape, element: Element, (old, new): (Option<&Value>, Option<&Value>)) {
    let one = new.or(old).unwrap_or(&Value::Null);
    let empty = |value: Option<&Value>| {
        value.is_none_or(|value| match value {
            Value::Object(map) => map.is_empty(),
            Value::Array(items) => items.is_empty(),
            Value::Null => true,
            Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
        })
    };
    let leaf = matches!(step(shape, one), Step::Leaf) || (empty(old) && empty(new));
    match (old, new) {
        (None, Some(_)) => out.added.insert(element.clone()),
        (Some(_), None) => out.removed.insert(element.clone()),
        (Some(old), Some(new)) if leaf && old != new => out.modified.insert(element.clone()),
        (Some(_), Some(_)) | (None, None) => {}
    }
    if !leaf {
        let below = compare(shape, old.unwrap_or(&Value::Null), new.unwrap_or(&Value::Null));
        out.added.graft(element.clone(), below.added);
        out.modified.graft(element.clone(), below.modified);
        out.removed.graft(element, below.removed);
    }
}

/// Drops `null`s below named fields: to the API server a field that is null is absent.
pub(super) fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|_, inner| !inner.is_null());
            map.values_mut().for_each(drop_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_nulls),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn lists_are_merged_by_their_keys() {
        let shape = Shape::Named("PodSpec");
        let live =
            json!({"containers": [{"name": "sidecar", "image": "s"}, {"name": "web", "image": "a", "tty": true}]});
        let applied = json!({"containers": [{"name": "web", "image": "b"}, {"name": "new"}], "tolerations": []});
        let expected = json!({"containers": [
            {"name": "sidecar", "image": "s"}, {"name": "web", "image": "b", "tty": true}, {"name": "new"}
        ], "tolerations": []});
        assert_eq!(merge(&shape, &live, &applied), expected);
    }

    #[test]
    fn differences_name_every_field() {
        let shape = Shape::Named("ConfigMap");
        let old = json!({"data": {"a": "1", "b": "2"}});
        let new = json!({"data": {"a": "3", "c": "4"}, "metadata": {"labels": {"x": "y"}}});
        let out = compare(&shape, &old, &new);
        assert_eq!(out.modified.to_json(), json!({"f:data": {"f:a": {}}}));
        assert_eq!(out.removed.to_json(), json!({"f:data": {"f:b": {}}}));
        let added = json!({"f:data": {"f:c": {}}, "f:metadata": {".": {}, "f:labels": {".": {}, "f:x": {}}}});
        assert_eq!(out.added.to_json(), added);
        assert_eq!(cut(&shape, &new, &out.added), json!({"data": {"a": "3"}}));
    }
}
