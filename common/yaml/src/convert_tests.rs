//! JSON that has no YAML and the other way round, and the two readings.

use crate::{
    ConvertErrorKind, EmitOptions, Limits, Node, Rules, SequenceIndent, compare_keys, emit, emit_node, from_json,
    json_to_yaml, parse, to_json, to_json_with,
};

#[track_caller]
fn check_error(text: &str, rules: Rules, kind: ConvertErrorKind, place: &str) {
    let documents = parse(text, &Limits::default()).unwrap();
    let error = to_json_with(&documents[0].root, rules).unwrap_err();
    let found = format!("{} at {}", error.position, error.path);
    assert_eq!((error.kind, found.as_str()), (kind, place), "{error}");
}

#[test]
fn errors_name_line_and_path() {
    use ConvertErrorKind as Kind;
    let rules = Rules::Kubernetes;
    check_error("a:\n- b: .nan\n", rules, Kind::NotFinite, "line 2, column 6 at /a/0/b");
    check_error("a:\n  ~: 1\n", rules, Kind::UnsupportedKey, "line 2, column 3 at /a/~0");
    check_error("{1: a, 0x1: b}", rules, Kind::DuplicateKey, "line 1, column 8 at /0x1");
    check_error("a: !!int x\n", rules, Kind::TagMismatch, "line 1, column 4 at /a");
    check_error("a: !!binary '?'\n", rules, Kind::Binary, "line 1, column 4 at /a");
    check_error("a: !!binary /w==\n", rules, Kind::Binary, "line 1, column 4 at /a");
    check_error("a: &x 1\nb: *x\n", rules, Kind::NotExpanded, "line 2, column 4 at /b");
    check_error("<<: {}\n", rules, Kind::NotExpanded, "line 1, column 1 at /<<");
    check_error("[{a: 1}, {? [x] : 1}]", rules, Kind::UnsupportedKey, "line 1, column 13 at /1/?");
    check_error("a: {1: x}\n", Rules::Kustomize, Kind::UnsupportedKey, "line 1, column 5 at /a/1");
}

#[test]
fn kustomize_reads_words_as_strings() {
    let documents = parse("a: yes\nb: 2001-1-2\nc: 0o-7\n", &Limits::default()).unwrap();
    let root = &documents[0].root;
    assert_eq!(to_json(root).unwrap().to_string(), r#"{"a":true,"b":"2001-1-2","c":"0o-7"}"#);
    let value = to_json_with(root, Rules::Kustomize).unwrap();
    assert_eq!(value.to_string(), r#"{"a":"yes","b":"2001-01-02T00:00:00Z","c":-7}"#);
}

/// No text says so: a patch can bring a block into brackets.
#[test]
fn folded_texts_in_brackets_stay_as_they_are() {
    let mut documents = parse("block: {}\nflow: {a: b}\nadded: >-\n  one\n\n    two\n", &Limits::default()).unwrap();
    let root = &mut documents[0].root;
    let added = root.remove("added").unwrap();
    root.set("block", added.clone());
    root.get_mut("flow").unwrap().set("a", added);
    let value = to_json_with(root, Rules::Kustomize).unwrap();
    assert_eq!(value.to_string(), r#"{"block":"one\n\n\n  two","flow":{"a":"one\n\n  two"}}"#);
}

#[test]
fn keys_are_sorted_as_upstream_sorts_them() {
    let mut keys = vec!["b", "a10", "a9", "a", "A", "1", "10", "9", "a-b", "_", "a01", "é", ""];
    keys.sort_by(|left, right| compare_keys(left, right));
    assert_eq!(keys, ["", "_", "1", "9", "10", "A", "a", "a-b", "a01", "a9", "a10", "b", "é"]);
}

#[test]
fn json_is_printed_in_order_or_sorted() {
    let value = serde_json::json!({"b": [1, {"y": "no", "x": 1.5}], "a": {}, "c": "x\ny\n"});
    let in_order = emit_node(&from_json(&value), &EmitOptions::default());
    assert_eq!(in_order, "b:\n- 1\n- \"y\": \"no\"\n  x: 1.5\na: {}\nc: |\n  x\n  y\n");
    assert_eq!(json_to_yaml(&value), "a: {}\nb:\n- 1\n- x: 1.5\n  \"y\": \"no\"\nc: |\n  x\n  y\n");
}

#[test]
fn lists_can_be_indented() {
    let documents = parse("a:\n- b\n- - c\n", &Limits::default()).unwrap();
    let options = EmitOptions { sequence_indent: SequenceIndent::Wide, ..EmitOptions::default() };
    let nodes = [documents[0].root.clone(), Node::string("x")];
    assert_eq!(emit(&nodes, &options), "a:\n  - b\n  - - c\n---\nx\n");
}

#[test]
fn nodes_are_small() {
    assert!(size_of::<Node>() <= 48, "{}", size_of::<Node>());
}
