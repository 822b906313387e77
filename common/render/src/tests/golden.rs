//! Cases of `testdata`: each a tree, and what `kustomize build` 5.8.2 prints for its `in` folder.
//!
//! `testdata/record` records them anew. Compared are the documents, in their order, as JSON.

use std::path::Path;

use serde_json::Value;
use skerry_yaml::{Limits, Rules, to_json_with};

use super::shown;
use crate::{MemoryTree, RenderLimits, build_documents};

fn load(tree: &mut MemoryTree, root: &Path, folder: &Path) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            load(tree, root, &path);
            continue;
        }
        let name = path.strip_prefix(root).expect("below").to_str().expect("UTF-8").to_owned();
        tree.insert(name, std::fs::read(&path).expect("a file"));
    }
}

fn documents(text: &str) -> Vec<Value> {
    let documents = skerry_yaml::parse(text, &Limits::default()).expect("YAML");
    documents.iter().map(|document| to_json_with(&document.root, Rules::Kustomize).expect("JSON")).collect()
}

/// What is wrong with one case.
fn problem_of(case: &Path) -> Option<String> {
    let mut tree = MemoryTree::new();
    load(&mut tree, case, case);
    let ours = build_documents(&tree, "in", RenderLimits::default());
    let expected = std::fs::read_to_string(case.join("expected.yaml"));
    match (ours, expected) {
        (Err(_), Err(_)) => None,
        (Ok(_), Err(_)) => Some("builds, but must be refused".to_owned()),
        (Err(problems), Ok(_)) => Some(format!("is refused:\n{}", shown(&problems))),
        (Ok(ours), Ok(expected)) => {
            let ours: Vec<Value> =
                ours.iter().map(|node| to_json_with(node, Rules::Kustomize).expect("JSON")).collect();
            let expected = documents(&expected);
            let pretty = |values: &[Value]| serde_json::to_string_pretty(values).expect("JSON");
            let same = ours.len() == expected.len() && ours.iter().zip(&expected).all(|(a, b)| a == b);
            (!same).then(|| format!("differs\n--- ours\n{}\n--- expected\n{}", pretty(&ours), pretty(&expected)))
        }
    }
}

#[test]
fn every_case_gives_what_kustomize_gives() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata");
    let mut cases: Vec<_> =
        std::fs::read_dir(&root).expect("testdata").map(|entry| entry.expect("entry").path()).collect();
    cases.retain(|path| path.join("in").is_dir());
    cases.sort();
    assert!(!cases.is_empty());
    let mut problems = String::new();
    for case in &cases {
        if let Some(problem) = problem_of(case) {
            problems.push_str(&format!("{}: {problem}\n", case.display()));
        }
    }
    assert!(problems.is_empty(), "{problems}");
}
