//! Incremental equals full: a renderer with a memory gives what a fresh render gives.

use std::collections::BTreeMap;

use crate::{MemoLimits, MemoryTree, RenderRequest, Renderer, render};

/// A small generator of pseudo-random numbers (xorshift): the seed makes a run repeatable.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % bound as u64).expect("fits")
    }

    fn pick<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[self.below(choices.len())]
    }
}

const PATHS: &[&str] = &[
    "base/kustomization.yaml",
    "base/a.yaml",
    "base/b.yaml",
    "one/kustomization.yaml",
    "one/patch.yaml",
    "two/kustomization.yml",
    "two/kustomization.yaml",
    "two/c.yaml",
    "plain/d.yaml",
    "plain/sub/e.yaml",
    "plain/sub/kustomization.yaml",
    "plain/Chart.yaml",
    "unread/f.yaml",
    "base/env",
];

const CONTENTS: &[&str] = &[
    "resources: [a.yaml]\n",
    "resources: [a.yaml, b.yaml]\nnamePrefix: p-\n",
    "resources: [../base]\nnameSuffix: -s\npatches: [{path: patch.yaml}]\n",
    "resources: [../base, c.yaml]\nnamespace: n\n",
    "resources: [../base]\nconfigMapGenerator: [{name: g, literals: [a=b]}]\n",
    "configMapGenerator: [{name: g, envs: [env]}]\n",
    "K=V\n",
    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {k: \"${V}\"}\n",
    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {k: w}\n",
    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: b}\ndata: {k: \"${W}\"}\n",
    "apiVersion: v1\nkind: Secret\nmetadata: {name: c}\n",
    "broken: [\n",
];

/// Changes, adds or takes away a file or a link; gives its path.
fn edit(random: &mut Random, tree: &mut MemoryTree) -> &'static str {
    let path = random.pick(PATHS);
    match random.below(8) {
        0 => tree.remove(path),
        1 => tree.insert_symlink(path, random.pick(&["../base/a.yaml", "a.yaml", "../base", "../../out"])),
        _ => tree.insert(path, random.pick(CONTENTS)),
    }
    path
}

fn start() -> MemoryTree {
    let mut tree = MemoryTree::new();
    for (path, content) in [
        ("base/kustomization.yaml", 0),
        ("base/a.yaml", 7),
        ("base/b.yaml", 9),
        ("one/kustomization.yaml", 2),
        ("one/patch.yaml", 8),
        ("two/kustomization.yml", 3),
        ("two/c.yaml", 10),
        ("plain/d.yaml", 9),
        ("plain/sub/e.yaml", 10),
        ("unread/f.yaml", 8),
    ] {
        tree.insert(path, CONTENTS[content]);
    }
    tree
}

#[test]
fn a_render_with_a_memory_gives_what_a_fresh_one_gives() {
    for seed in 1..=60_u64 {
        println!("seed {seed}");
        let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let mut tree = start();
        let mut renderer = Renderer::new(MemoLimits { builds_max: 6, results_max: 12 });
        let mut variables = BTreeMap::from([("V".to_owned(), "1".to_owned()), ("W".to_owned(), "2".to_owned())]);
        for step in 0..60 {
            match random.below(4) {
                0 => {
                    variables.insert(random.pick(&["V", "W", "X"]).to_owned(), random.pick(&["1", "2"]).to_owned());
                }
                1 => {}
                _ => {
                    edit(&mut random, &mut tree);
                }
            }
            for path in ["base", "one", "two", "plain"] {
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
    for seed in 1..=60_u64 {
        println!("seed {seed}");
        let mut random = Random(seed.wrapping_mul(0xD134_2543_DE82_EF95));
        let mut tree = start();
        for step in 0..40 {
            let path = random.pick(&["base", "one", "two", "plain"]);
            let before = render(&tree, &RenderRequest::new(path));
            let edited = edit(&mut random, &mut tree);
            let Ok(before) = before else { continue };
            // A change is told by the path alone, or by looking at all that was read.
            let is_touched = before.reads.is_touched_by(edited);
            let holds = before.reads.still_holds(&tree, None).expect("readable");
            assert!(is_touched || holds, "seed {seed}, step {step}: `{edited}` is not told");
            if holds {
                let after = render(&tree, &RenderRequest::new(path));
                assert_eq!(after.map(|after| after.objects), Ok(before.objects), "seed {seed}, step {step}");
            }
        }
    }
}
