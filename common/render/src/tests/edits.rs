//! A tree that uses whatever a build may read, and random edits of it.

use crate::MemoryTree;

/// A small generator of pseudo-random numbers (xorshift): the seed makes a run repeatable.
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % bound as u64).expect("fits")
    }

    pub(super) fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }
}

/// What is built.
pub(super) const BUILT: &[&str] = &["base", "one", "two", "three", "plain"];

/// Files, each with what it may hold; it begins with the first.
const FILES: &[(&str, &[&str])] = &[
    (
        "base/kustomization.yaml",
        &[
            "resources: [a.yaml, b.yaml]\nnamePrefix: p-\n",
            "resources: [a.yaml]\n",
            "resources: [a.yaml, more]\n",
            "resources: [link.yaml, b.yaml]\n",
        ],
    ),
    (
        "base/a.yaml",
        &[
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {k: \"${V}\"}\n",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {k: w}\n",
        ],
    ),
    (
        "base/b.yaml",
        &[
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: b}\nspec: {replicas: 1}\n",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: b}\ndata: {k: \"${W}\"}\n",
        ],
    ),
    ("base/more/kustomization.yaml", &["resources: [c.yaml]\n", "resources: [c.yaml]\nnameSuffix: -m\n"]),
    ("base/more/c.yaml", &["apiVersion: v1\nkind: Secret\nmetadata: {name: c}\n"]),
    (
        "one/kustomization.yaml",
        &[
            "resources: [../base]\npatches: [{path: patch.yaml}]\ncomponents: [../part]\n",
            "resources: [../base]\nconfigMapGenerator: [{name: g, files: [conf/app.conf, k=conf/other], envs: [env]}]\n",
            "resources: [../linked]\nreplacements: [{path: replace.yaml}]\nnamespace: n\n",
            "resources: [../linked, ../base/more]\n",
        ],
    ),
    (
        "one/patch.yaml",
        &[
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {more: x}\n",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {k: null}\n",
        ],
    ),
    ("one/conf/app.conf", &["listen 1\n", "listen 2\n"]),
    ("one/conf/other", &["o\n", "p\n"]),
    ("one/env", &["K=V\n", "K=W\nL=M\n"]),
    (
        "one/replace.yaml",
        &[
            "source: {kind: ConfigMap, fieldPath: metadata.name}\ntargets: [{select: {kind: Deployment}, fieldPaths: \
             [metadata.labels.l], options: {create: true}}]\n",
            "source: {kind: Deployment, fieldPath: metadata.name}\ntargets: [{select: {kind: ConfigMap}, fieldPaths: \
             [data.k]}]\n",
        ],
    ),
    (
        "part/kustomization.yaml",
        &[
            "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nlabels: [{pairs: {l: m}}]\n",
            "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nconfigMapGenerator: [{name: part, literals: \
             [a=b]}]\n",
        ],
    ),
    (
        "two/kustomization.yml",
        &[
            "resources: [../way, d.yaml]\ntransformers: [label.yaml, ../plugins]\n",
            "resources: [d.yaml]\nconfigurations: [config.yaml]\nnameSuffix: -t\ncrds: [crd.json]\n",
            "resources: [d.yaml, ../base/more]\nopenapi: {path: schema.json}\nvalidators: [../plugins/label.yaml]\n",
            "resources: [d.yaml]\ngenerators: [generate.yaml]\n",
        ],
    ),
    (
        "two/d.yaml",
        &[
            "apiVersion: example.com/v1\nkind: Widget\nmetadata: {name: w}\nspec: {friend: w, label: x}\n",
            "apiVersion: example.com/v1\nkind: Widget\nmetadata: {name: v}\nspec: {friend: w}\n",
        ],
    ),
    (
        "two/label.yaml",
        &[
            "apiVersion: builtin\nkind: LabelTransformer\nmetadata: {name: l}\nlabels: {own: \"1\"}\nfieldSpecs: [{path: \
           metadata/labels, create: true}]\n",
        ],
    ),
    ("two/generate.yaml", &["apiVersion: builtin\nkind: ConfigMapGenerator\nmetadata: {name: s}\nliterals: [a=b]\n"]),
    (
        "two/config.yaml",
        &[
            "nameSuffix: [{path: spec/friend, kind: Widget}]\n",
            "nameReference: [{kind: Widget, fieldSpecs: [{path: spec/friend, kind: Widget}]}]\n",
        ],
    ),
    ("two/crd.json", &["{}", "{\"example.com/v1.Widget\": {\"Schema\": {\"properties\": {}}}}"]),
    (
        "two/schema.json",
        &["{\"definitions\": {\"Widget\": {\"properties\": {}, \"x-kubernetes-group-version-kind\": [{\"group\": \
             \"example.com\", \"version\": \"v1\", \"kind\": \"Widget\"}]}}}"],
    ),
    ("plugins/kustomization.yaml", &["resources: [label.yaml]\n"]),
    (
        "plugins/label.yaml",
        &[
            "apiVersion: builtin\nkind: AnnotationsTransformer\nmetadata: {name: n}\nannotations: {n: \"1\"}\nfieldSpecs: \
             [{path: metadata/annotations, create: true}]\n",
            "apiVersion: builtin\nkind: AnnotationsTransformer\nmetadata: {name: n}\nannotations: {n: \"2\"}\nfieldSpecs: \
             [{path: metadata/annotations, create: true}]\n",
        ],
    ),
    ("three/kustomization.yaml", &["resources: [../one]\nnamePrefix: t-\n", "resources: [../way/more, ../two]\n"]),
    ("plain/d.yaml", &["apiVersion: v1\nkind: ConfigMap\nmetadata: {name: d}\n", "{}\n---\n"]),
    ("plain/sub/e.yaml", &["apiVersion: v1\nkind: ConfigMap\nmetadata: {name: e}\n"]),
    ("unread/f.yaml", &["apiVersion: v1\nkind: ConfigMap\nmetadata: {name: f}\n", "broken: [\n"]),
];

/// Symbolic links, with what they may lead to; they begin with the first.
const LINKS: &[(&str, &[&str])] = &[
    ("linked", &["base", "base/more", "nowhere"]),
    ("way", &["linked", "base"]),
    ("base/link.yaml", &["a.yaml", "more/c.yaml", "../../out"]),
    ("plain/link.yaml", &["../base/more/c.yaml", "../base/a.yaml"]),
];

/// What is not there at the beginning. Each of them may be looked for, or its folder listed, or nothing.
const NEW: &[&str] = &[
    "base/kustomization.yml",
    "base/unlisted.yaml",
    "base/more/Kustomization",
    "one/Kustomization",
    "one/conf/more",
    "linked.yaml",
    "two/kustomization.yaml",
    "plain/new.yaml",
    "plain/sub/deep/new.yaml",
    "plain/sub/kustomization.yaml",
    "plain/Chart.yaml",
    "plain/.hidden",
    "unread/new.yaml",
];

/// The tree at its beginning.
pub(super) fn start() -> MemoryTree {
    let mut tree = MemoryTree::new();
    FILES.iter().for_each(|(path, contents)| tree.insert(*path, contents[0]));
    LINKS.iter().for_each(|(path, targets)| tree.insert_symlink(*path, targets[0]));
    tree
}

/// What an edit was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Edit {
    /// A file has other content, or is there again.
    File,
    /// A link leads elsewhere, or stands where a file did.
    Link,
    /// Something is gone.
    Gone,
    /// A file is there that was not, in a folder that was or was not.
    New,
    /// A folder stands where a file did, a file where a folder did.
    Kind,
    /// A submodule stands where something else did.
    Submodule,
}

impl Edit {
    pub(super) const ALL: [Self; 6] = [Self::File, Self::Link, Self::Gone, Self::New, Self::Kind, Self::Submodule];
}

/// Makes an edit; gives what it was, and every path that is no longer what it was.
pub(super) fn edit(random: &mut Random, tree: &mut MemoryTree) -> (Edit, Vec<String>) {
    let (file, contents) = random.pick(FILES);
    let (link, targets) = random.pick(LINKS);
    let new = random.pick(NEW);
    let mut paths = Vec::new();
    let kind = match random.below(16) {
        0 | 1 => {
            make_way(tree, link, &mut paths);
            tree.insert_symlink(link, random.pick(targets));
            Edit::Link
        }
        2 => {
            let target = random.pick(&["../base/a.yaml", "a.yaml", "../plugins/label.yaml", "../../out"]);
            make_way(tree, file, &mut paths);
            tree.insert_symlink(file, target);
            Edit::Link
        }
        3 => {
            make_way(tree, random.pick(&[file, file, link, "part", "base/more", "one/conf"]), &mut paths);
            Edit::Gone
        }
        4 | 5 => {
            make_way(tree, new, &mut paths);
            tree.insert(new, random.pick(contents));
            Edit::New
        }
        6 => {
            let inside = format!("{file}/x");
            let path = random.pick(&[inside.as_str(), inside.as_str(), "base/more", "linked/x"]);
            make_way(tree, path, &mut paths);
            tree.insert(path, contents[0]);
            Edit::Kind
        }
        7 => {
            let path = random.pick(&[file, "base/more", "part", "linked"]);
            make_way(tree, path, &mut paths);
            tree.insert_submodule(path);
            Edit::Submodule
        }
        8 => {
            make_way(tree, new, &mut paths);
            Edit::Gone
        }
        _ => {
            make_way(tree, file, &mut paths);
            tree.insert(file, random.pick(contents));
            Edit::File
        }
    };
    (kind, paths)
}

/// Takes away what is at a path, below it, and what is no folder around it; notes all of it, and the path.
fn make_way(tree: &mut MemoryTree, path: &str, paths: &mut Vec<String>) {
    let below = format!("{path}/");
    let is_gone = |leaf: &&str| *leaf == path || leaf.starts_with(&below) || path.starts_with(&format!("{leaf}/"));
    paths.extend(tree.paths().filter(is_gone).map(str::to_owned));
    paths.iter().for_each(|gone| tree.remove(gone));
    paths.push(path.to_owned());
}
