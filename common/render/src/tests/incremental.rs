//! Incremental equals full: a renderer with a memory gives what a fresh render gives.

use std::collections::BTreeMap;

use super::edits::{BUILT, Edit, Random, edit, start};
use super::{rendered, tree};
use crate::{MemoLimits, MemoryTree, RenderRequest, Renderer, render};

#[test]
fn a_render_with_a_memory_gives_what_a_fresh_one_gives() {
    for seed in 1..=60_u64 {
        println!("seed {seed}");
        let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let mut tree = start();
        let mut renderer = Renderer::new(MemoLimits { builds_max: 6, results_max: 12 });
        let mut variables = BTreeMap::from([("V".to_owned(), "1".to_owned()), ("W".to_owned(), "2".to_owned())]);
        for step in 0..30 {
            match random.below(4) {
                0 => {
                    variables.insert(random.pick(&["V", "W", "X"]).to_owned(), random.pick(&["1", "2"]).to_owned());
                }
                1 => {}
                _ => {
                    edit(&mut random, &mut tree);
                }
            }
            for path in BUILT {
                let with = (random.below(3) > 0).then_some(&variables);
                let namespace = (random.below(3) == 0).then_some("n");
                let request = RenderRequest { variables: with, namespace, ..RenderRequest::new(path) };
                let fresh = render(&tree, &request);
                let remembered = renderer.render(&tree, &request).map(|rendered| (*rendered).clone());
                assert_eq!(remembered, fresh, "seed {seed}, step {step}, path {path}");
            }
        }
        assert!(renderer.counts().results_reused > 0, "seed {seed}: the memory was never used");
    }
}

/// What the read-set leaves out does not matter: any edit that keeps it true keeps the result.
#[test]
fn what_is_not_in_the_read_set_changes_nothing() {
    // By kind of edit: how often what was read still held, and how often not.
    let mut counts: BTreeMap<Edit, [usize; 2]> = BTreeMap::new();
    let (mut built, mut steps) = (0, 0);
    for seed in 1..=80_u64 {
        println!("seed {seed}");
        let mut random = Random(seed.wrapping_mul(0xD134_2543_DE82_EF95));
        let mut tree = start();
        for step in 0..12 {
            let before: Vec<_> = BUILT.iter().map(|path| render(&tree, &RenderRequest::new(path))).collect();
            let (kind, edited) = edit(&mut random, &mut tree);
            for (path, before) in BUILT.iter().zip(before) {
                steps += 1;
                let Ok(before) = before else { continue };
                built += 1;
                // A change is told by the paths alone, or by looking at all that was read.
                let is_touched = edited.iter().any(|path| before.reads.is_touched_by(path));
                let holds = before.reads.still_holds(&tree, None).expect("readable");
                let at = format!("seed {seed}, step {step}, `{path}` after {kind:?} of {edited:?}");
                assert!(is_touched || holds, "{at}: not told");
                counts.entry(kind).or_default()[usize::from(!holds)] += 1;
                if holds {
                    let after = render(&tree, &RenderRequest::new(path));
                    assert_eq!(after, Ok(before), "{at}");
                }
            }
        }
    }
    println!("{counts:?}");
    assert!(built * 2 > steps, "{built} of {steps} builds succeeded");
    for kind in Edit::ALL {
        assert!(counts.get(&kind).is_some_and(|counts| !counts.contains(&0)), "{kind:?} was not tried: {counts:?}");
    }
}

/// Nor does it hold more than what matters, but for folders of plain manifests: those are read whole.
#[test]
fn what_has_no_part_in_a_build_does_not_touch_it() {
    let tree = tree(&[
        ("app/kustomization.yaml", "resources: [../linked, a.yaml]\nconfigMapGenerator: [{name: g, files: [c/d]}]\n"),
        ("app/a.yaml", "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\n"),
        ("app/c/d", "x"),
        ("base/kustomization.yaml", "resources: [b.yaml]\n"),
        ("base/b.yaml", "apiVersion: v1\nkind: Secret\nmetadata: {name: b}\n"),
        ("plain/p.yaml", "apiVersion: v1\nkind: Secret\nmetadata: {name: p}\n"),
    ]);
    let check = |edit: &str, change: fn(&mut MemoryTree, &str), touched: &[&str]| {
        let (mut before, mut after) = (tree.clone(), tree.clone());
        for tree in [&mut before, &mut after] {
            tree.insert_symlink("linked", "base");
        }
        change(&mut after, edit);
        for path in ["app", "base", "plain"] {
            let reads = rendered(&before, path).reads;
            let holds = reads.still_holds(&after, None).expect("readable");
            assert_eq!(!holds, touched.contains(&path), "`{path}` after an edit of `{edit}`");
            assert!(holds || reads.is_touched_by(edit), "`{path}` is not told of `{edit}`");
        }
    };
    let write = |tree: &mut MemoryTree, path: &str| tree.insert(path, "K: V\n");
    check("base/b.yaml", write, &["app", "base"]);
    check("base/new.yaml", write, &[]);
    check("base/sub/new.yaml", write, &[]);
    check("base/kustomization.yml", write, &["app", "base"]);
    check("base/Chart.yaml", write, &[]);
    check("app/new.yaml", write, &[]);
    check("app/Kustomization", write, &["app"]);
    check("app/c/d", write, &["app"]);
    check("app/c/e", write, &[]);
    check("linked2", write, &[]);
    check("plain/new.yaml", write, &["plain"]);
    check("plain/sub/new.yaml", write, &["plain"]);
    check("plain2/new.yaml", write, &[]);
    check("app/c/d", MemoryTree::remove, &["app"]);
    check("plain/p.yaml", MemoryTree::remove, &["plain"]);
    check("base", MemoryTree::remove, &["app", "base"]);
    check("linked", |tree, path| tree.insert_symlink(path, "plain"), &["app"]);
    check("plain/q.yaml", |tree, path| tree.insert_symlink(path, "p.yaml"), &["plain"]);
    check("base/b.yaml", |tree, path| tree.insert_symlink(path, "c.yaml"), &["app", "base"]);
    let submodule_around = |tree: &mut MemoryTree, path: &str| {
        tree.remove(path);
        tree.insert_submodule("app/c");
    };
    check("app/c/d", submodule_around, &["app"]);
    check("other", |tree, path| tree.insert_submodule(path), &[]);
}
