//! Output compared with what upstream's own programs print.
//!
//! `testdata/kustomize/CASE.out.yaml` is what `kustomize build` (v5.8.2) makes of a
//! kustomization whose only resource is `CASE.in.yaml`. `testdata/trees.jsonl` has texts, one
//! per line, with what a go-yaml v3 (3.0.5) decoder and encoder make of them, and what
//! `sigs.k8s.io/yaml` (1.6.0) makes of them as JSON and prints again.

use std::path::Path;

use serde_json::Value;

use crate::{EmitOptions, Limits, Rules, emit_documents, expand_aliases, json_to_yaml, parse, to_json, to_json_with};

#[track_caller]
fn check_build(case: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/kustomize");
    let input = std::fs::read_to_string(folder.join(format!("{case}.in.yaml"))).unwrap();
    let expected = std::fs::read_to_string(folder.join(format!("{case}.out.yaml"))).unwrap();
    let limits = Limits::default();
    let mut printed = Vec::new();
    for mut document in parse(&input, &limits).unwrap() {
        expand_aliases(&mut document, &limits).unwrap();
        let value = to_json_with(&document.root, Rules::Kustomize).unwrap();
        printed.push(json_to_yaml(&value));
    }
    assert_eq!(printed.join("---\n"), expected, "{case}");
}

#[test]
fn prints_as_kustomize_build() {
    for case in ["anchors", "blocks", "collections", "comments", "scalars", "strings", "tags"] {
        check_build(case);
    }
}

#[test]
fn keeps_trees_as_go_yaml() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/trees.jsonl");
    let lines = std::fs::read_to_string(path).unwrap();
    let limits = Limits::default();
    for line in lines.lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        let text = case["text"].as_str().unwrap();
        let mut documents = parse(text, &limits).unwrap();
        let emitted = emit_documents(&documents, &EmitOptions::default());
        assert_eq!(case["emitted"], emitted, "for:\n{text}");
        if documents.len() != 1 {
            continue;
        }
        expand_aliases(&mut documents[0], &limits).unwrap();
        let value = to_json(&documents[0].root).unwrap();
        assert_eq!(case["json"], value, "for:\n{text}");
        assert_eq!(case["printed"], json_to_yaml(&value), "for:\n{text}");
    }
}
