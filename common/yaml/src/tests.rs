//! Text to JSON, and what is refused.

use crate::{Limits, ParseErrorKind, expand_aliases, parse, parse_bytes, to_json};

fn read(text: &str) -> Result<String, String> {
    let limits = Limits::default();
    let documents = parse(text, &limits).map_err(|error| error.to_string())?;
    let mut lines = Vec::new();
    for mut document in documents {
        expand_aliases(&mut document, &limits).map_err(|error| error.to_string())?;
        let value = to_json(&document.root).map_err(|error| error.to_string())?;
        lines.push(value.to_string());
    }
    Ok(lines.join("\n"))
}

#[track_caller]
fn check(text: &str, expected: &str) {
    assert_eq!(read(text).as_deref(), Ok(expected), "for:\n{text}");
}

#[track_caller]
fn check_error(text: &str, kind: ParseErrorKind, line: u32, column: u32) {
    let limits = Limits::default();
    let found = parse(text, &limits).and_then(|mut documents| {
        for document in &mut documents {
            expand_aliases(document, &limits)?;
        }
        Ok(documents)
    });
    match found {
        Ok(found) => panic!("no error for:\n{text}\nbut {found:?}"),
        Err(error) => assert_eq!(
            (error.kind, error.position.line, error.position.column),
            (kind, line, column),
            "{error} for:\n{text}"
        ),
    }
}

#[test]
fn collections() {
    check("a: 1\nb:\n- x\n- k: z\n", r#"{"a":1,"b":["x",{"k":"z"}]}"#);
    check("a:\n  - - 1\n    - 2\n  -\n    b: c\n", r#"{"a":[[1,2],{"b":"c"}]}"#);
    check("{a: [1, 'x', \"y\"], b: {}}", r#"{"a":[1,"x","y"],"b":{}}"#);
    check("[a: 1, b]", r#"[{"a":1},"b"]"#);
    check("{\"a\":1,\"b\":[true,null]}", r#"{"a":1,"b":[true,null]}"#);
    check("? a\n: b\n? c\n", r#"{"a":"b","c":null}"#);
    check("a:\nb: ~\n", r#"{"a":null,"b":null}"#);
    check("- a\n-\n- b\n", r#"["a",null,"b"]"#);
}

#[test]
fn scalars_in_lines() {
    check("a: one\n  two\n\n  three\n", r#"{"a":"one two\nthree"}"#);
    check("a: 'it''s\n  b'\n", r#"{"a":"it's b"}"#);
    check("a: \"x\\ty\\\n   z \\u00e9\"\n", r#"{"a":"x\tyz é"}"#);
    check("a: |\n  x\n   y\n\nb: |-\n  z\nc: |+\n  w\n\n", "{\"a\":\"x\\n y\\n\",\"b\":\"z\",\"c\":\"w\\n\\n\"}");
    check("a: >\n  x\n  y\n\n  z\n   k\n  l\n", r#"{"a":"x y\nz\n k\nl\n"}"#);
    check("a: |2\n   x\n", r#"{"a":" x\n"}"#);
    check("http://x:80/#a", r#""http://x:80/#a""#);
}

#[test]
fn types() {
    check(
        "[yes, No, on, OFF, y, N, true, ~, Null, '', null, nul]",
        r#"[true,false,true,false,true,false,true,null,null,"",null,"nul"]"#,
    );
    check("[0o14, 014, 0xC, 0b11, 1_000, +1, -1, 08, 1e3, .5, 1., 0, -0]", "[12,12,12,3,1000,1,-1,8,1000,0.5,1,0,0]");
    check(
        "[9223372036854775807, 9223372036854775808, 18446744073709551615, 18446744073709551616]",
        "[9223372036854775807,9223372036854775808,18446744073709551615,1.8446744073709552e+19]",
    );
    check("[2001-01-01, 12:30:45, 1.2.3, 1e999]", r#"["2001-01-01","12:30:45","1.2.3","1e999"]"#);
    check("{1: a, yes: b, 1.5: c}", r#"{"1":"a","true":"b","1.5":"c"}"#);
    check("[!!str 1, !!int \"2\", !!float 3, ! 4, !!binary aGk=]", r#"["1",2,3,"4","hi"]"#);
}

#[test]
fn documents() {
    check("---\na: 1\n---\n# nothing\n---\n~\n...\n---\nb: 2\n", "{\"a\":1}\n{\"b\":2}");
    check("", "");
    check("# only a comment\n", "");
    check("\u{FEFF}%YAML 1.1\n---\r\na: 1\r\nb: |\r\n  x\r\n", r#"{"a":1,"b":"x\n"}"#);
}

#[test]
fn aliases() {
    check("a: &x [1, 2]\nb: *x\n", r#"{"a":[1,2],"b":[1,2]}"#);
    check("a: &x {p: 1, q: 2}\nb: {q: 3, <<: *x}\n", r#"{"a":{"p":1,"q":2},"b":{"q":3,"p":1}}"#);
    check("<<: [{a: 1}, {a: 2, b: 3}]\nc: 4\n", r#"{"a":1,"b":3,"c":4}"#);
}

#[test]
fn refused() {
    use ParseErrorKind as Kind;
    check_error("a: 1\nb: 2\na: 3\n", Kind::DuplicateKey, 3, 1);
    check_error("a:\n\tb: 1\n", Kind::Tab, 2, 1);
    check_error("a: b: c\n", Kind::Indentation, 1, 5);
    check_error("a: 'x\n", Kind::UnclosedQuote, 1, 4);
    check_error("a: [x\n", Kind::UnclosedFlow, 2, 1);
    check_error("a: *x\n", Kind::UndefinedAlias, 1, 4);
    check_error("a: &x [*x]\n", Kind::RecursiveAlias, 1, 8);
    check_error("a: \"\\q\"\n", Kind::BadEscape, 1, 5);
    check_error("a: @x\n", Kind::UnexpectedCharacter, 1, 4);
    check_error("a:\n  b: 1\n c: 2\n", Kind::Indentation, 3, 2);
    check_error("a: 1\nb\nc: 2\n", Kind::MissingColon, 2, 1);
    check_error("a: \u{1}\n", Kind::ControlCharacter, 1, 4);
    check_error("<<: 1\n", Kind::BadMerge, 1, 5);
    for bytes in [&b"a\0b\0"[..], b"\xff\xfe\0\0a\0\0\0", b"\xff\xfea", b"\xff\xfe\0\xd8"] {
        let wide = parse_bytes(bytes, &Limits::default());
        assert_eq!(wide.map_err(|error| error.kind), Err(Kind::Encoding), "{bytes:?}");
    }
}

#[test]
fn utf_16_is_read_by_its_mark() {
    for bytes in [&b"\xff\xfea\0:\0 \0\xe9\0"[..], b"\xfe\xff\0a\0:\0 \0\xe9"] {
        let documents = parse_bytes(bytes, &Limits::default()).unwrap();
        assert_eq!(documents[0].root.get("a").and_then(crate::Node::as_str), Some("é"));
    }
}

#[test]
fn expansion_is_bounded() {
    let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..12 {
        let below = level - 1;
        let list = vec![format!("*a{below}"); 10].join(", ");
        text.push_str(&format!("a{level}: &a{level} [{list}]\n"));
    }
    let mut documents = parse(&text, &Limits::default()).unwrap();
    let error = expand_aliases(&mut documents[0], &Limits::default()).unwrap_err();
    assert_eq!(error.kind, ParseErrorKind::TooManyNodes);
}

#[test]
fn depth_is_bounded() {
    for text in ["[".repeat(100_000), "- ".repeat(100_000), "{a: ".repeat(100_000)] {
        let error = parse(&text, &Limits::default()).unwrap_err();
        assert_eq!(error.kind, ParseErrorKind::TooDeep);
    }
}

#[test]
fn the_deepest_trees_fit_the_stack() {
    const DEPTH: usize = 500;
    let limits = Limits { depth_max: usize::MAX, ..Limits::default() };
    let lists = format!("{}{}", "[".repeat(DEPTH), "]".repeat(DEPTH));
    let mappings = format!("{}a{}", "{k: ".repeat(DEPTH), "}".repeat(DEPTH));
    let block = format!("{}a\n", "- ".repeat(DEPTH));
    let lines: Vec<String> = (0..DEPTH).map(|level| format!("{}k:\n", " ".repeat(level))).collect();
    assert_eq!(parse(&format!("[{lists}]"), &limits).unwrap_err().kind, ParseErrorKind::TooDeep);
    for text in [lists, mappings, block, lines.concat()] {
        let mut documents = parse(&text, &limits).unwrap();
        expand_aliases(&mut documents[0], &limits).unwrap();
        let copy = documents[0].clone();
        let printed = crate::emit_node(&copy.root, &crate::EmitOptions::default());
        assert!(!printed.is_empty());
        let value = to_json(&copy.root).unwrap();
        assert_eq!(crate::from_json(&value).is_sequence(), copy.root.is_sequence());
        assert!(!crate::json_to_yaml(&value).is_empty());
    }
}

#[test]
fn anchors_in_deep_values_are_bounded() {
    let mut text = String::from("- &a0 x\n");
    for level in 1..2_000 {
        text.push_str(&format!("- &a{level} {{k: *a{}}}\n", level - 1));
    }
    let mut documents = parse(&text, &Limits::default()).unwrap();
    let error = expand_aliases(&mut documents[0], &Limits::default()).unwrap_err();
    assert_eq!(error.kind, ParseErrorKind::TooDeep);
}

#[test]
fn empty_documents_and_limits() {
    let limits = Limits { documents_max: 2, ..Limits::default() };
    let error = parse("a: 1\n---\nb: 1\n---\nc: 1\n", &limits).unwrap_err();
    assert_eq!((error.kind, error.position.line), (ParseErrorKind::TooManyDocuments, 4));
    let limits = Limits { nodes_max: 3, ..Limits::default() };
    let error = parse("a: 1\nb: 2\n", &limits).unwrap_err();
    assert_eq!((error.kind, error.position.line), (ParseErrorKind::TooManyNodes, 2));
    let limits = Limits { bytes_max: 3, ..Limits::default() };
    assert_eq!(parse("a: 1", &limits).unwrap_err().kind, ParseErrorKind::TooLarge);
}

#[test]
fn nodes_are_changed_in_place() {
    let mut documents = parse("a: 1 # one\nb:\n  c: [x]\n", &Limits::default()).unwrap();
    let root = &mut documents[0].root;
    root.set("a", crate::Node::integer(2));
    root.set("d", crate::Node::string("yes"));
    root.get_mut("b").unwrap().set("c", crate::Node::null());
    assert!(root.get("b").unwrap().get("c").unwrap().is_null());
    assert_eq!(root.remove("missing"), None);
    let printed = crate::emit_node(root, &crate::EmitOptions::default());
    assert_eq!(printed, "a: 2\nb:\n  c: null\nd: \"yes\"\n");
}
