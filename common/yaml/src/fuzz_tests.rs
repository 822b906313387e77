//! Nothing panics, and what is printed is read back as the same tree.
//!
//! Failures print their seed and are kept in `proptest-regressions`.

use proptest::collection::vec;
use proptest::prelude::*;

use crate::{
    CollectionStyle, EmitOptions, Limits, Node, NodeKind, Position, Rules, ScalarStyle, SequenceIndent, emit_node,
    expand_aliases, from_json, json_to_yaml, json_to_yaml_in_order, parse, parse_bytes, print_sorted, to_json,
    to_json_with,
};

/// Pieces that the grammar cares about.
const PIECES: &[&str] = &[
    "a",
    "key: ",
    "- ",
    "? ",
    ": ",
    ":",
    "\n",
    "\n\n",
    "  ",
    "    ",
    "\t",
    "# c",
    " #",
    "'",
    "\"",
    "\\",
    "\\n",
    "\\x",
    "|",
    "|2-\n",
    ">",
    ">+\n",
    "&a ",
    "*a",
    "!!str ",
    "!t!x ",
    "!<",
    "[",
    "]",
    "{",
    "}",
    ", ",
    "---",
    "---\n",
    "...\n",
    "%YAML 1.1\n",
    "%TAG ! x\n",
    "<<: ",
    "~",
    "yes",
    "0x1F",
    "1.5e3",
    "2001-01-01",
    "é",
    "\u{1F600}",
    "\u{85}",
    "\u{2028}",
    "\u{FEFF}",
    "\r\n",
    "\r",
    "\u{7F}",
    "@",
    "`",
    "!!binary ",
    "!!int ",
];

fn exercise(text: &str) {
    let limits = Limits { nodes_max: 10_000, ..Limits::default() };
    let Ok(documents) = parse(text, &limits) else {
        return;
    };
    for options in
        [EmitOptions::default(), EmitOptions { rules: Rules::Kubernetes, sequence_indent: SequenceIndent::Wide }]
    {
        crate::emit_documents(&documents, &options);
    }
    for mut document in documents {
        if expand_aliases(&mut document, &limits).is_err() {
            continue;
        }
        for rules in [Rules::Kustomize, Rules::Kubernetes] {
            prints_what_its_json_is(&document.root, rules);
        }
        if let Ok(value) = to_json(&document.root) {
            json_to_yaml(&value);
            from_json(&value);
        }
    }
}

/// Printing a tree at once gives what printing its JSON gives.
fn prints_what_its_json_is(node: &Node, rules: Rules) {
    let through_json = to_json_with(node, rules).map(|value| json_to_yaml(&value));
    let at_once = print_sorted(node, rules);
    assert_eq!(at_once.is_ok(), through_json.is_ok());
    if let Ok(expected) = through_json {
        assert_eq!(at_once, Ok(expected));
    }
}

/// Removes what printing does not keep.
fn bare(node: &mut Node) {
    node.position = Position::default();
    node.clear_comments();
    if let Some(items) = node.items_mut() {
        items.iter_mut().for_each(bare);
    }
    if let Some(entries) = node.entries_mut() {
        for (key, value) in entries {
            bare(key);
            bare(value);
        }
    }
}

fn has_folded(node: &Node) -> bool {
    node.is_folded()
        || node.items().iter().any(has_folded)
        || node.entries().iter().any(|(key, value)| has_folded(key) || has_folded(value))
}

fn text() -> impl Strategy<Value = String> {
    vec(
        prop_oneof![
            4 => proptest::sample::select(PIECES).prop_map(str::to_owned),
            1 => any::<char>().prop_map(String::from),
        ],
        0..8,
    )
    .prop_map(|pieces| pieces.concat())
}

fn scalar() -> impl Strategy<Value = Node> {
    let style = proptest::sample::select(vec![
        ScalarStyle::Plain,
        ScalarStyle::SingleQuoted,
        ScalarStyle::DoubleQuoted,
        ScalarStyle::Literal,
    ]);
    (text(), style).prop_map(|(text, style)| {
        let mut node = Node::string(text.as_str());
        if style != ScalarStyle::Plain {
            node.kind = NodeKind::Scalar { text: text.into(), style };
        }
        node
    })
}

fn tree() -> impl Strategy<Value = Node> {
    let style =
        || proptest::sample::select(vec![CollectionStyle::Block, CollectionStyle::Block, CollectionStyle::Flow]);
    scalar().prop_recursive(4, 40, 4, move |inner| {
        prop_oneof![
            (vec(inner.clone(), 0..4), style())
                .prop_map(|(items, style)| Node::new(NodeKind::Sequence { items: items.into(), style })),
            (vec((text(), inner), 0..4), style()).prop_map(|(members, style)| {
                let mut entries: Vec<(Node, Node)> = Vec::new();
                for (key, value) in members {
                    if entries.iter().all(|(name, _)| name.as_str() != Some(&key)) {
                        entries.push((Node::string(key), value));
                    }
                }
                Node::new(NodeKind::Mapping { entries: entries.into(), style })
            }),
        ]
    })
}

/// Whether two trees have the same values, however they are written.
fn same_values(left: &Node, right: &Node) -> bool {
    match (&left.kind, &right.kind) {
        (NodeKind::Scalar { text: a, .. }, NodeKind::Scalar { text: b, .. }) => {
            a == b && left.resolve() == right.resolve()
        }
        (NodeKind::Sequence { items: a, .. }, NodeKind::Sequence { items: b, .. }) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same_values(a, b))
        }
        (NodeKind::Mapping { entries: a, .. }, NodeKind::Mapping { entries: b, .. }) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same_values(&a.0, &b.0) && same_values(&a.1, &b.1))
        }
        _ => false,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn any_bytes(bytes in vec(any::<u8>(), 0..200)) {
        let _ = parse_bytes(&bytes, &Limits::default());
    }

    #[test]
    fn any_pieces(pieces in vec(proptest::sample::select(PIECES), 0..30)) {
        exercise(&pieces.concat());
    }

    #[test]
    fn printed_trees_are_read_back(node in tree()) {
        for options in [
            EmitOptions::default(),
            EmitOptions { sequence_indent: SequenceIndent::Wide, ..EmitOptions::default() },
            EmitOptions { rules: Rules::Kubernetes, ..EmitOptions::default() },
        ] {
            let printed = emit_node(&node, &options);
            let documents = parse(&printed, &Limits::default());
            let documents = documents.map_err(|error| TestCaseError::fail(format!("{error}\n{printed}")))?;
            let [document] = documents.as_slice() else {
                return Err(TestCaseError::fail(printed));
            };
            prop_assert!(same_values(&node, &document.root), "{}\n{:?}", printed, document.root);
        }
    }

    #[test]
    fn read_trees_are_printed_and_read_back(pieces in vec(proptest::sample::select(PIECES), 0..30)) {
        let Ok(documents) = parse(&pieces.concat(), &Limits::default()) else {
            return Ok(());
        };
        for mut document in documents {
            bare(&mut document.root);
            // Upstream's layout of folded blocks does not keep all of their text.
            if has_folded(&document.root) {
                continue;
            }
            let printed = emit_node(&document.root, &EmitOptions::default());
            let again = parse(&printed, &Limits::default());
            let again = again.map_err(|error| TestCaseError::fail(format!("{error}\n{printed}")))?;
            let twice = again.first().map(|document| emit_node(&document.root, &EmitOptions::default()));
            prop_assert_eq!(twice, Some(printed));
        }
    }

    #[test]
    fn json_survives(node in tree()) {
        prints_what_its_json_is(&node, Rules::Kustomize);
        if let Ok(value) = to_json(&node) {
            for printed in [json_to_yaml(&value), json_to_yaml_in_order(&value)] {
                let documents = parse(&printed, &Limits::default()).unwrap();
                let again = documents.first().map(|document| to_json(&document.root).unwrap());
                prop_assert_eq!(again.unwrap_or_default(), value.clone(), "{}", printed);
            }
        }
    }
}
