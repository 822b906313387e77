//! Every case of `testdata` gives, byte for byte, what `kustomize build` 5.8.2 prints.

use std::path::Path;

use super::cases::{self, Case};
use super::shown;
use crate::{MemoryTree, RenderLimits, build_documents, print_documents};

/// Cases that are only to be looked at: a part of their place or name.
const ONLY: Option<&str> = option_env!("SKERRY_CASE");

/// What is wrong with one case.
fn problem_of(case: &Case) -> Option<String> {
    let mut tree = MemoryTree::new();
    for (path, content) in &case.files {
        tree.insert(path.clone(), content);
    }
    for (path, target) in &case.links {
        tree.insert_symlink(path.clone(), target.clone());
    }
    let ours = build_documents(&tree, "in", RenderLimits::default()).and_then(|built| print_documents(&built));
    match (ours, &case.expected) {
        (Err(_), None) => None,
        (Ok(_), None) => Some("builds, but must be refused".to_owned()),
        (Err(problems), Some(_)) => Some(format!("is refused:\n{}", shown(&problems))),
        (Ok(ours), Some(expected)) if ours == *expected => None,
        (Ok(ours), Some(expected)) => Some(format!("differs\n--- ours\n{ours}--- expected\n{expected}")),
    }
}

#[test]
fn every_case_gives_what_kustomize_gives() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata");
    let mut cases = cases::below(&root);
    cases
        .retain(|case| ONLY.is_none_or(|only| case.name.contains(only) || case.place.to_string_lossy().contains(only)));
    assert!(!cases.is_empty());
    let mut problems = String::new();
    for case in &cases {
        if let Some(problem) = problem_of(case) {
            problems.push_str(&format!("{} · {}: {problem}\n", case.place.display(), case.name));
        }
    }
    assert!(problems.is_empty(), "{problems}");
}
