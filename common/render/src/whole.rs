//! Every kustomization of a tree.

use skerry_common::diagnostic::{Diagnostic, Location};
use skerry_common::error_chain::Chain;

use crate::codes;
use crate::limits::RenderLimits;
use crate::memo::Memo;
use crate::plain::{KUSTOMIZATION_NAMES, below};
use crate::tree::{Entry, SourceTree, TreeError, View};
use crate::{kustomize, tree};

/// Most folders that are looked into: a monorepo has some ten thousand.
const FOLDERS_MAX: usize = 500_000;

/// The folders below one, itself included, that have a kustomization and are no component, sorted.
/// What begins with a dot is left out, and links are not followed. A file that cannot be read
/// counts: its build says what is wrong.
pub fn kustomizations(
    memo: &Memo,
    tree: &dyn SourceTree,
    folder: &str,
    limits: RenderLimits,
) -> Result<Vec<String>, Vec<Diagnostic>> {
    let at = Location::file(folder, None);
    let start = tree::join("", folder).map_err(|problem| {
        let message = crate::build::leaves(folder, problem);
        codes::problem(codes::LEAVES_SOURCE, &at, message)
    })?;
    let unreadable = |error: TreeError| codes::problem(codes::UNREADABLE, &at, Chain(&error).to_string());
    let mut found = Vec::new();
    let mut waiting = vec![start];
    let mut seen = 0;
    while let Some(folder) = waiting.pop() {
        seen += 1;
        if seen > FOLDERS_MAX {
            let message = format!("more than {FOLDERS_MAX} folders are looked into");
            return Err(codes::problem(codes::TOO_LARGE, &at, message));
        }
        let mut is_kustomization = false;
        for (name, entry) in tree.list(&folder).map_err(unreadable)? {
            is_kustomization |= KUSTOMIZATION_NAMES.contains(&name.as_str());
            if let (Entry::Directory { .. }, false) = (&entry, name.starts_with('.')) {
                waiting.push(below(&folder, &name));
            }
        }
        if is_kustomization && !kustomize::is_component(&View::with_memo(tree, limits, memo), &folder) {
            found.push(folder);
        }
    }
    found.sort_unstable();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MemoryTree;

    #[test]
    fn components_and_folders_without_one_are_left_out() {
        let mut tree = MemoryTree::new();
        tree.insert("a/kustomization.yaml", "resources: [x.yaml]\n");
        tree.insert("a/b/Kustomization", "namePrefix: p-\n");
        tree.insert(
            "c/kustomization.yml",
            "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nnamePrefix: p-\n",
        );
        tree.insert("d/kustomization.yaml", "broken: [\n");
        tree.insert("plain/x.yaml", "a: 1\n");
        tree.insert(".hidden/kustomization.yaml", "namePrefix: p-\n");
        let all =
            |folder: &str| kustomizations(&Memo::new(), &tree, folder, RenderLimits::default()).expect("readable");
        assert_eq!(all(""), ["a", "a/b", "d"]);
        assert_eq!(all("a/b"), ["a/b"]);
    }
}
