//! What is refused, and how it reads: code, words, place.

use super::{shown, tree, variables};
use crate::{MemoryTree, RenderLimits, RenderRequest, render};

const CONFIG_MAP: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n";
const DEPLOYMENT: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {replicas: 1}\n";

fn refused(tree: &MemoryTree, request: &RenderRequest<'_>) -> String {
    match render(tree, request) {
        Ok(rendered) => panic!("renders {} objects", rendered.objects.len()),
        Err(problems) => shown(&problems),
    }
}

/// What comes of one file, `a.yaml`, in the root.
fn file(content: &str, expected: &str) {
    let message = refused(&tree(&[("a.yaml", content)]), &RenderRequest::new(""));
    assert!(message.starts_with(expected), "{content}\ngives {message}\nnot   {expected}");
}

/// What comes of `k/kustomization.yaml`, beside a manifest and a base.
fn kustomization(content: &str, expected: &str) {
    let files = [
        ("k/kustomization.yaml", content),
        ("k/a.yaml", CONFIG_MAP),
        ("k/web.yaml", DEPLOYMENT),
        ("k/broken.yaml", "a: [\n"),
        ("k/unnamed.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  labels: {}\n"),
        ("k/bad.env", "A=1\nA=2\n"),
        ("k/folder/x.txt", "x"),
        ("other/a.yaml", CONFIG_MAP),
        ("base/kustomization.yaml", "resources: [a.yaml]\n"),
        ("base/a.yaml", CONFIG_MAP),
        ("component/kustomization.yaml", "kind: Component\nnamePrefix: p-\n"),
        ("loop/kustomization.yaml", "resources: [../k]\n"),
    ];
    let message = refused(&tree(&files), &RenderRequest::new("k"));
    assert!(message.starts_with(expected), "{content}\ngives {message}\nnot   {expected}");
}

#[test]
fn documents() {
    file("a: [1\n", "error[SK0410]: ");
    file("a: 1\na: 2\n", "error[SK0410]: ");
    file("a: *b\n", "error[SK0410]: ");
    file("- a\n", "error[SK0411]: a Kubernetes object is needed here, a mapping\n  --> a.yaml:1\n");
    file("kind: A\n", "error[SK0412]: `apiVersion` is missing or not a text\n  --> a.yaml:1 (apiVersion)\n");
    file("apiVersion: v1\nkind:\n", "error[SK0412]: `kind` is missing or not a text\n  --> a.yaml:2 (kind)\n");
    let generated = "apiVersion: v1\nkind: Pod\nmetadata:\n  generateName: x\n";
    file(
        generated,
        "error[SK0412]: `metadata.name` is missing or not a text\n  --> a.yaml:4 (metadata.name)\n  \
         help: give the object a fixed `metadata.name` instead of `generateName`\n",
    );
    let twice = format!("{CONFIG_MAP}---\n{CONFIG_MAP}");
    file(
        &twice,
        "error[SK0413]: `ConfigMap/a` is declared twice, first in a.yaml:1\n  --> a.yaml:5\n  help: delete one of them\n",
    );
    file(
        "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: a\n  namespace: b\n",
        "error[SK0414]: `Namespace` is no namespaced kind, but names the namespace `b`\n  --> a.yaml:5 (metadata.namespace)\n",
    );
    file("apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nx: .nan\n", "error[SK0416]: ");
    file("\n", "error[SK0431]: ");
}

#[test]
fn bombs_and_bounds() {
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..12 {
        let before = format!("*a{}", level - 1);
        bomb.push_str(&format!("a{level}: &a{level} [{}]\n", [before.as_str(); 10].join(", ")));
    }
    file(&bomb, "error[SK0405]: ");
    file(&"[".repeat(5_000), "error[SK0405]: ");
    let check = |limits: RenderLimits, expected: &str| {
        let tree = tree(&[("a.yaml", CONFIG_MAP), ("b/c/d/e.yaml", CONFIG_MAP)]);
        let message = refused(&tree, &RenderRequest { limits, ..RenderRequest::new("") });
        assert!(message.starts_with(expected), "{message}");
    };
    let limits = RenderLimits::default();
    check(
        RenderLimits { file_bytes_max: 20, ..limits },
        "error[SK0405]: the file has 51 bytes, at most 20 are read\n  --> a.yaml\n",
    );
    check(RenderLimits { total_bytes_max: 60, ..limits }, "error[SK0405]: more than 60 bytes are read in all");
    check(RenderLimits { documents_max: 1, ..limits }, "error[SK0415]: more than 1 documents are read in all");
    check(RenderLimits { builds_max: 2, ..limits }, "error[SK0444]: more than 2 folders are built in all");
    check(RenderLimits { nesting_max: 2, ..limits }, "error[SK0444]: folders are nested more than 2 deep");
    let copies: String = (0..40).map(|n| format!("    - {{op: copy, from: /data, path: /data/x{n}}}\n")).collect();
    let content = format!(
        "resources: [a.yaml]\npatches:\n- target: {{kind: ConfigMap}}\n  patch: |-\n    - {{op: add, path: /data, value: {{y: z}}}}\n{copies}"
    );
    kustomization(&content, "error[SK0405]: transformers add more than");
    let deeper = "    - {op: copy, from: /data, path: /data/x}\n".repeat(200);
    kustomization(&content.replace(&copies, &deeper), "error[SK0452]: the patch does not fit `ConfigMap a`: `/data/x`");
    let path = "a/".repeat(100);
    kustomization(
        &format!("resources: [a.yaml]\nlabels: [{{pairs: {{a: b}}, fields: [{{path: {path}, create: true}}]}}]\n"),
        "error[SK0440]: the path has more than 64 parts",
    );
}

#[test]
fn paths() {
    let check = |path: &str, expected: &str| {
        let mut tree = tree(&[
            ("app/a.yaml", CONFIG_MAP),
            ("lfs/a.yaml", "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n"),
            ("chart/Chart.yaml", "name: x\n"),
            ("two/kustomization.yaml", ""),
            ("two/Kustomization", ""),
        ]);
        tree.insert_symlink("out/a.yaml", "../../etc/passwd");
        tree.insert_symlink("absolute/a.yaml", "/etc/passwd");
        tree.insert_symlink("dangling/a.yaml", "nothing.yaml");
        tree.insert_symlink("circle/a.yaml", "b.yaml");
        tree.insert_symlink("circle/b.yaml", "a.yaml");
        tree.insert_symlink("inward/below/again", "..");
        tree.insert_submodule("vendor/lib");
        let message = refused(&tree, &RenderRequest::new(path));
        assert!(message.starts_with(expected), "{path}\ngives {message}\nnot   {expected}");
    };
    check("nothing", "error[SK0400]: the source has no `nothing`\n");
    check("../x", "error[SK0401]: `../x` leads out of the source\n");
    check("/x", "error[SK0401]: `/x` is absolute; paths are relative\n");
    check(
        "out",
        "error[SK0402]: the symbolic link `out/a.yaml` leaves the source: `../../etc/passwd`\n  --> out/a.yaml\n",
    );
    check("absolute", "error[SK0402]: the symbolic link `absolute/a.yaml` leaves the source: `/etc/passwd`\n");
    check("dangling", "error[SK0402]: the symbolic link `dangling/a.yaml` leads to nothing: `nothing.yaml`\n");
    check("circle", "error[SK0402]: `circle/a.yaml` leads through more than 40 symbolic links\n");
    check("inward", "error[SK0443]: a symbolic link below `inward` leads back to it\n");
    check("vendor", "error[SK0403]: `vendor/lib` lies in the submodule `vendor/lib`\n");
    check("vendor/lib/x", "error[SK0403]: `vendor/lib/x` lies in the submodule `vendor/lib`\n");
    check("lfs", "error[SK0404]: `lfs/a.yaml` is a Git LFS pointer, not the file itself\n  --> lfs/a.yaml\n");
    check(
        "chart",
        "error[SK0430]: `chart` is a Helm chart; name it in the `helmCharts` of a kustomization\n  --> chart/Chart.yaml\n",
    );
    check("two", "error[SK0461]: both `two/kustomization.yaml` and `two/Kustomization` exist\n");
}

#[test]
fn variables_are_strict() {
    let check = |written: &str, expected: &str| {
        let content = format!("{CONFIG_MAP}data:\n  k: {written}\n");
        let values = variables(&[("REPLICAS", "1")]);
        let request = RenderRequest { variables: Some(&values), ..RenderRequest::new("") };
        let message = refused(&tree(&[("a.yaml", &content)]), &request);
        assert!(message.starts_with(expected), "{written} gives {message}");
    };
    check(
        "${REPLICA}",
        "error[SK0420]: unknown variable `REPLICA`\n  --> a.yaml:5 (data.k)\n  help: did you mean `${REPLICAS}`?",
    );
    check("\"a ${X:-1}\"", "error[SK0421]: `${` is not followed by a name and `}`\n  --> a.yaml:5 (data.k)\n");
    check("\"${X\"", "error[SK0421]: ");
}

#[test]
fn kustomization_files() {
    kustomization("", "error[SK0440]: the kustomization is empty\n  --> k/kustomization.yaml:1\n");
    kustomization(
        "resources: a.yaml\n",
        "error[SK0440]: `resources` must be a list\n  --> k/kustomization.yaml:1 (resources)\n",
    );
    kustomization(
        "namePrefix: 1\n",
        "error[SK0440]: `namePrefix` must be a text\n  --> k/kustomization.yaml:1 (namePrefix)\n  help: write it in quotes: \"1\"\n",
    );
    kustomization("kind: Other\nnamePrefix: a\n", "error[SK0440]: `kind` must be `Kustomization` or `Component`\n");
    kustomization("apiVersion: v9\nnamePrefix: a\n", "error[SK0440]: `apiVersion` of a `Kustomization` must be");
    kustomization(
        "\nresource: [a.yaml]\n",
        "error[SK0441]: unknown field `resource`\n  --> k/kustomization.yaml:2\n  help: did you mean `resources`?\n",
    );
    kustomization(
        "patches:\n- {pathc: a}\n",
        "error[SK0441]: unknown field `pathc`\n  --> k/kustomization.yaml:2 (patches[0])\n  help: did you mean `path`?\n",
    );
}

#[test]
fn kustomization_resources() {
    let at = "  --> k/kustomization.yaml:1 (resources[0])\n";
    let check = |entry: &str, expected: &str| {
        kustomization(&format!("resources: [\"{entry}\"]\n"), &format!("{expected}\n{at}"));
    };
    check("none.yaml", "error[SK0400]: `none.yaml` does not exist");
    check("../../x", "error[SK0401]: `../../x` leads out of the source");
    check("/x", "error[SK0401]: `/x` is absolute; paths are relative");
    check("../other/a.yaml", "error[SK0446]: the file `../other/a.yaml` lies outside the folder of the kustomization");
    check("folder", "error[SK0445]: the folder `k/folder` has no kustomization");
    check("../component", "error[SK0448]: `component` is a component");
    check(
        "https://git.example/x?ref=v1",
        "error[SK0449]: `https://git.example/x?‹redacted›` is remote; it is not fetched",
    );
    check(".", "error[SK0443]: folders include each other: `k` → `k`");
    kustomization(
        "resources: [../loop]\n",
        "error[SK0443]: folders include each other: `k` → `loop` → `k`\n  --> loop/kustomization.yaml:1 (resources[0])\n",
    );
    kustomization("resources: [broken.yaml]\n", "error[SK0410]: ");
    kustomization(
        "resources: [unnamed.yaml]\n",
        "error[SK0412]: `metadata.name` is missing or not a text\n  --> k/unnamed.yaml:1 (metadata.name)\n",
    );
    kustomization(
        "resources: [a.yaml, ../base]\n",
        "error[SK0447]: `ConfigMap a` is declared twice, first in k/a.yaml:1\n  --> base/a.yaml:1\n",
    );
    kustomization("components: [../base]\n", "error[SK0448]: `base` is no component\n");
}

#[test]
fn kustomization_transformers() {
    let with =
        |fields: &str, expected: &str| kustomization(&format!("resources: [a.yaml, web.yaml]\n{fields}"), expected);
    let patch = |text: &str, expected: &str| {
        let lines: String = text.lines().map(|line| format!("    {line}\n")).collect();
        with(&format!("patches:\n- target: {{kind: Deployment}}\n  patch: |\n{lines}"), expected);
    };
    let place = "  --> k/kustomization.yaml:3 (patches[0])\n";
    with("patches: [{path: x, patch: z}]\n", "error[SK0440]: exactly one of `path` and `patch` is needed\n");
    with("patchesJson6902: [{patch: \"[]\", target: {name: web}}]\n", "error[SK0450]: the patch has no operations\n");
    with("patches: [{patch: \"- {op: remove, path: /a}\"}]\n", "error[SK0450]: a JSON 6902 patch needs a `target`\n");
    with("patches: [{path: broken.yaml}]\n", "error[SK0450]: the patch is no YAML");
    with("patches: [{path: ../other/a.yaml}]\n", "error[SK0446]: ");
    with(
        "patches: [{patch: \"{apiVersion: v1, kind: Pod, metadata: {name: x}}\"}]\n",
        "error[SK0451]: no resource matches the patch for `Pod x` (v1)\n  --> k/kustomization.yaml:2\n",
    );
    patch("- {op: jump, path: /a}", &format!("error[SK0450]: operation 0: `jump` is no operation\n{place}"));
    patch(
        "- {op: remove, path: /spec/x}",
        &format!("error[SK0452]: the patch does not fit `Deployment web`: there is no `/spec/x`\n{place}"),
    );
    patch(
        "- {op: test, path: /spec/replicas, value: 2}",
        "error[SK0452]: the patch does not fit `Deployment web`: `/spec/replicas` is not what `test` expects\n",
    );
    patch(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: x}\nspec: text",
        "error[SK0452]: the patch does not fit `Deployment web`: the patch has another shape: text, list and mapping cannot be merged\n  --> k/kustomization.yaml:3 (spec)\n",
    );
    with(
        "patches: [{path: a.yaml, target: {name: \"[\"}}]\n",
        "error[SK0453]: `[` is no regular expression: a bracket is not closed\n  --> k/kustomization.yaml:2 (patches[0].target.name)\n",
    );
    with(
        "patches: [{path: a.yaml, target: {labelSelector: \"a in b\"}}]\n",
        "error[SK0453]: `a in b` is no selector: values in parentheses are needed\n",
    );
    with(
        "replicas: [{name: nope, count: 1}]\n",
        "error[SK0457]: no resource that has replicas is called `nope`\n  --> k/kustomization.yaml:2 (replicas[0])\n",
    );
    with(
        "configMapGenerator: [{name: g, literals: [x]}]\n",
        "error[SK0455]: a literal is written `KEY=VALUE`\n  --> k/kustomization.yaml:2 (configMapGenerator[0].literals[0])\n",
    );
    with(
        "configMapGenerator: [{name: g, envs: [bad.env]}]\n",
        "error[SK0455]: the key `A` is given twice\n  --> k/bad.env:2\n",
    );
    with(
        "configMapGenerator: [{name: g, files: [a=b=c]}]\n",
        "error[SK0455]: a file is written `PATH` or `KEY=PATH`\n",
    );
    with(
        "configMapGenerator: [{name: a, literals: [x=y]}]\n",
        "error[SK0456]: `ConfigMap a` exists already; set `behavior` to `merge` or `replace`\n",
    );
    with(
        "configMapGenerator: [{name: z, behavior: merge}]\n",
        "error[SK0456]: there is no `ConfigMap z` to merge into or to replace\n",
    );
    with(
        "patches:\n- target: {kind: Deployment}\n  patch: |-\n    - {op: replace, path: /metadata/labels, value: [x]}\ncommonLabels: {a: b}\n",
        "error[SK0459]: ",
    );
}

/// A message names places and keys, never what a Secret holds.
#[test]
fn no_message_shows_a_secret() {
    let check = |content: &str| {
        let message = refused(&tree(&[("kustomization.yaml", content)]), &RenderRequest::new(""));
        assert!(!message.contains("marker"), "{message}");
    };
    check("secretGenerator: [{name: s, literals: [a=marker, a=marker]}]\n");
    check("secretGenerator: [{name: s, literals: [marker]}]\n");
    check(
        "secretGenerator: [{name: s, literals: [a=marker]}]\npatches:\n- target: {kind: Secret}\n  patch: |-\n    - {op: test, path: /data/a, value: marker}\n",
    );
}

#[test]
fn replacements() {
    let with = |entry: &str| format!("resources: [a.yaml, web.yaml]\nreplacements:\n- {entry}\n");
    let check = |entry: &str, expected: &str| kustomization(&with(entry), expected);
    check("{source: {kind: ConfigMap}}", "error[SK0480]: `targets` is missing: it says where the value goes\n");
    check("{path: a.yaml, source: {}}", "error[SK0480]: either a `path` or `source` and `targets` are needed");
    check("{path: nothing.yaml}", "error[SK0400]: `nothing.yaml` does not exist\n  --> k/kustomization.yaml:3");
    check("{sourceValue: a, targets: [{}]}", "error[SK0480]: `select` is missing: it says which resources are meant\n");
    check(
        "{source: {kind: ConfigMap, fieldPath: data.x}, targets: [{select: {}}]}",
        "error[SK0481]: `ConfigMap a` has no value at `data.x`\n  --> k/kustomization.yaml:3 (replacements[0])\n",
    );
    check(
        "{source: {kind: ConfigMap}, targets: [{select: {kind: Deployment}, fieldPaths: [\"spec.[a=^b]\"], options: {create: true}}]}",
        "error[SK0482]: `spec.[a=^b]` of `Deployment web` cannot be replaced: a list is needed for `[a=^b]`\n",
    );
    check(
        "{source: {kind: ConfigMap}, targets: [{select: {kind: Deployment}, fieldPaths: [\"spec.x.[a=^b]\"], options: {create: true}}]}",
        "error[SK0482]: `spec.x.[a=^b]` of `Deployment web` cannot be replaced: an entry made for `[a=^b]` does not match it\n",
    );
    check(
        &format!("{{sourceValue: a, targets: [{{select: {{}}, fieldPaths: [{}]}}]}}", "a.".repeat(80)),
        "error[SK0480]: the path has more than 64 parts",
    );
}

#[test]
fn variables_and_what_transformers_know() {
    let check =
        |fields: &str, expected: &str| kustomization(&format!("resources: [a.yaml, web.yaml]\n{fields}\n"), expected);
    check(
        "vars: [{name: A, objref: {kind: Service, name: a}}]",
        "error[SK0483]: the variable `A` is of a resource that is not there: `a`\n  --> k/kustomization.yaml:2 (vars[0])\n",
    );
    let a = "{name: A, objref: {apiVersion: v1, kind: ConfigMap, name: a}}";
    check(
        &format!("vars: [{a}, {a}]"),
        "error[SK0483]: the variable `A` is declared twice, first in k/kustomization.yaml:2",
    );
    check(
        "vars: [{name: A, objref: {apiVersion: v1, kind: ConfigMap, name: a}, fieldref: {fieldPath: data.x}}]",
        "error[SK0483]: the variable `A` has no value: `ConfigMap a` has no usable `data.x`\n",
    );
    check("vars: [{nam: A}]", "error[SK0441]: unknown field `nam`\n");
    check("configurations: [a.yaml]", "error[SK0441]: unknown field `apiVersion`\n  --> k/a.yaml:1\n");
    check("crds: [a.yaml]", "error[SK0486]: `k/a.yaml` is no file of OpenAPI definitions");
    check(
        "openapi: {version: v1.2.3}",
        "error[SK0486]: there is no built-in schema `v1.2.3`, only `v1.21.2`\n  --> k/kustomization.yaml:2 (openapi)\n",
    );
    check("openapi: {path: a.yaml, version: v1.21.2}", "error[SK0486]: either a `path` or a `version` can be named");
    check(
        "openapi: {path: folder/x.txt}\npatches: [{patch: '{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}'}]",
        "error[SK0486]: the schema in `k/folder/x.txt` cannot be used: it is no OpenAPI document",
    );
}
