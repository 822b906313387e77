//! Plain folders: what is read, what is left out, variables, namespaces.

use serde_json::{Value, json};

use super::{rendered, shown, tree, variables};
use crate::{RenderRequest, render};

fn config_map(name: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\n")
}

fn names(tree: &crate::MemoryTree, path: &str) -> Vec<String> {
    rendered(tree, path).objects.into_iter().map(|object| object.key.name).collect()
}

#[test]
fn manifests_are_read_in_order_of_their_paths() {
    let tree = tree(&[
        ("app/b.yml", &config_map("b")),
        ("app/a.yaml", &format!("{}---\n# nothing\n---\n{}", config_map("a1"), config_map("a2"))),
        ("app/c/d.json", r#"{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "d"}}"#),
        ("app/.hidden/x.yaml", "not: [an object"),
        ("app/.x.yaml", "neither"),
        ("app/notes.txt", "text"),
        ("other/e.yaml", &config_map("e")),
    ]);
    assert_eq!(names(&tree, "app"), ["a1", "a2", "b", "d"]);
    assert_eq!(names(&tree, "app/b.yml"), ["b"]);
    assert_eq!(names(&tree, "./app/c/"), ["d"]);
}

#[test]
fn lists_are_taken_apart() {
    let list = "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: ConfigMap, metadata: {name: a}}\n\
                - {apiVersion: v1, kind: ConfigMap, metadata: {name: b}}\n";
    assert_eq!(names(&tree(&[("l.yaml", list)]), ""), ["a", "b"]);
}

#[test]
fn a_folder_below_with_a_kustomization_is_built_as_such() {
    let tree = tree(&[
        ("a.yaml", &config_map("a")),
        ("k/kustomization.yaml", "namePrefix: p-\nresources: [b.yaml]\n"),
        ("k/b.yaml", &config_map("b")),
        ("k/ignored.yaml", &config_map("c")),
    ]);
    assert_eq!(names(&tree, ""), ["a", "p-b"]);
}

#[test]
fn links_inside_the_tree_are_followed() {
    let mut tree = tree(&[("real/a.yaml", &config_map("a")), ("app/b.yaml", &config_map("b"))]);
    tree.insert_symlink("app/c.yaml", "../real/a.yaml");
    tree.insert_symlink("link", "app");
    assert_eq!(names(&tree, "link"), ["b", "a"]);
}

#[test]
fn yaml_is_read_as_kubernetes_reads_it() {
    let text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\nx: {yes: on, big: 9223372036854775807, o: 010}\n";
    let object = rendered(&tree(&[("a.yaml", text)]), "").objects.remove(0);
    assert_eq!(object.value["x"], json!({"true": true, "big": 9_223_372_036_854_775_807_i64, "o": 8}));
    assert_eq!(object.origin.to_string(), "a.yaml:1");
}

#[test]
fn a_namespace_is_given_to_built_in_kinds_that_need_one() {
    let text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n---\napiVersion: v1\nkind: Namespace\n\
                metadata: {name: ns}\n---\napiVersion: x.dev/v1\nkind: Widget\nmetadata: {name: w}\n---\n\
                apiVersion: v1\nkind: Secret\nmetadata: {name: s, namespace: own}\n";
    let tree = tree(&[("a.yaml", text)]);
    let request = RenderRequest { namespace: Some("shop"), ..RenderRequest::new("") };
    let keys: Vec<String> =
        render(&tree, &request).expect("renders").objects.iter().map(|object| object.key.to_string()).collect();
    assert_eq!(keys, ["ConfigMap/shop/a", "Namespace/ns", "Widget.x.dev/w", "Secret/own/s"]);
}

#[test]
fn status_is_left_out_with_a_warning() {
    let text = "apiVersion: v1\nkind: Pod\nmetadata: {name: a, creationTimestamp: null}\nstatus: {phase: Running}\n";
    let rendered = rendered(&tree(&[("a.yaml", text)]), "");
    assert_eq!(rendered.objects[0].value, json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}}));
    assert_eq!(shown(&rendered.warnings), "warning[SK0417]: `status` is ignored\n  --> a.yaml:4 (status)\n");
}

#[test]
fn variables_are_replaced_in_scalars_only() {
    let check = |written: &str, value: &str, expected: Value| {
        let text = format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a}}\nx: {written}\n");
        let variables = variables(&[("X", value), ("cluster.labels.env", "prod")]);
        let request = RenderRequest { variables: Some(&variables), ..RenderRequest::new("") };
        let rendered = render(&tree(&[("a.yaml", &text)]), &request);
        let rendered = rendered.unwrap_or_else(|problems| panic!("{written}: {}", shown(&problems)));
        assert_eq!(rendered.objects[0].value["x"], expected, "{written} with {value}");
    };
    check("${X}", "2", json!(2));
    check("${X}", "true", json!(true));
    check("${X}", "a: {b: c}", json!("a: {b: c}"));
    check("${X}", "[1, 2]", json!("[1, 2]"));
    check("${X}", "two\nlines", json!("two\nlines"));
    check("\"${X}\"", "2", json!("2"));
    check("${X}${X}", "2", json!("22"));
    check("a-${X}-${cluster.labels.env}", "b", json!("a-b-prod"));
    check("$${X} and $5 and $(X)", "b", json!("${X} and $5 and $(X)"));
    check("{\"${X}\": \"${X}\"}", "3", json!({"3": "3"}));
    check("|\n  one ${X}\n  two", "b", json!("one b\ntwo\n"));
}

#[test]
fn without_variables_the_text_stays() {
    let text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\nx: $${X} ${Y}\n";
    let rendered = rendered(&tree(&[("a.yaml", text)]), "");
    assert_eq!(rendered.objects[0].value["x"], json!("$${X} ${Y}"));
}

#[test]
fn the_read_set_names_what_mattered() {
    let tree = tree(&[
        ("app/kustomization.yaml", "resources: [a.yaml, ../base]\n"),
        ("app/a.yaml", &config_map("\"a${V}\"")),
        ("base/kustomization.yml", "resources: [b.yaml]\n"),
        ("base/b.yaml", &config_map("b")),
        ("base/unread.yaml", "x"),
    ]);
    let variables = variables(&[("V", "1"), ("W", "2")]);
    let request = RenderRequest { variables: Some(&variables), ..RenderRequest::new("app") };
    let reads = render(&tree, &request).expect("renders").reads;
    let paths: Vec<(&str, bool)> = reads.paths.iter().map(|(path, id)| (path.as_str(), id.is_some())).collect();
    let expected = [
        ("app", true),
        ("app/Kustomization", false),
        ("app/a.yaml", true),
        ("app/kustomization.yaml", true),
        ("app/kustomization.yml", false),
        ("base", true),
        ("base/Kustomization", false),
        ("base/b.yaml", true),
        ("base/kustomization.yaml", false),
        ("base/kustomization.yml", true),
    ];
    assert_eq!(paths, expected);
    assert_eq!(reads.variables.keys().collect::<Vec<_>>(), ["V"]);
    assert!(reads.still_holds(&tree, Some(&variables)).expect("readable"));
    let mut changed = tree.clone();
    changed.insert("base/unread.yaml", "y");
    assert!(reads.still_holds(&changed, Some(&variables)).expect("readable"));
    changed.insert("base/b.yaml", config_map("c"));
    assert!(!reads.still_holds(&changed, Some(&variables)).expect("readable"));
}
