//! The small pools that names and values are drawn from, so that they meet each other.

use crate::random::Random;
use crate::yaml::{Value, list, map, raw};

pub(crate) const NAMES: &[&str] = &["web", "db", "cache", "api", "web-config"];
pub(crate) const NAMESPACES: &[&str] = &["shop", "other", "default"];
pub(crate) const IMAGES: &[&str] = &[
    "nginx",
    "nginx:1.25",
    "registry.example:5000/shop/api:v1",
    "postgres@sha256:2417",
    "shop/worker:latest@sha256:ab12",
    "busybox",
];
pub(crate) const LABELS: &[&str] = &["app", "tier", "example.com/team", "app.kubernetes.io/name"];

/// Texts that are texts wherever they stand.
const TEXTS: &[&str] = &[
    "plain",
    "two words",
    "'1'",
    "\"true\"",
    "\"yes\"",
    "'null'",
    "\"\"",
    "''",
    "\"a: b\"",
    "'# no comment'",
    "\"tab\\there\"",
    "\"two\\nlines\\n\"",
    "\"2001-01-01\"",
    "2001-01-01x",
    "'it''s'",
    "\"é ü ñ\"",
    "\"\\u0001\"",
    "!!str 5",
    "\"- x\"",
    "\"{}\"",
    "'{{ tpl }}'",
    "\"~\"",
    "\"1e3\"",
    "\"0x1f\"",
    "'*star'",
    "'&and'",
    "\"@at\"",
    "\"%percent\"",
    "'`tick`'",
    "\" leading\"",
    "\"trailing \"",
    "a#b",
    "http://host:80/path?x=y",
    "$(VAR)",
    "\"=\"",
    "a very long text that goes on and on and is certainly longer than eighty characters in all, with words",
    "\"a very long text in quotes: that goes on and on and is certainly longer than eighty characters in all\"",
    "\"\\\\back\\\\slash\"",
    "\"quote\\\"d\"",
    "y",
    "no",
    "on",
    "\"<<\"",
    "\"1_000\"",
    "\"+1\"",
    "\"1.0\"",
    "\".5\"",
    "'08'",
    "\"trailing newline\\n\"",
    "\"\\n\"",
    "\"a\\n\\nb\"",
    "\"\\ttab first\"",
    "emoji-☸",
    "\"x\\r\\ny\"",
    "'[a]'",
    "\"!tag\"",
    "$(VAR)-x and $$(VAR)",
    "$(VAR20) $(VAR40)",
    "$(VAR40)",
    "\"first\\n  indented\\n\"",
    "'two  spaces'",
    "\"no-break\\u00a0space\"",
    "\"line\\u2028separator\"",
    "'? x'",
    "\"0o17\"",
    "'12:30:45'",
    "\"2001-01-01T10:00:00Z\"",
    "\"-\"",
    "'1e'",
    "a,b",
    "\"a, [b]\"",
    "over two\n                                lines",
    "\"in quotes\n\n                                and lines\"",
    "trailing:colon",
    "'\"'",
    "\"'\"",
];

/// Scalars of every type.
const SCALARS: &[&str] = &[
    "1",
    "0",
    "-5",
    "+7",
    "1.50",
    "1e3",
    "1.5e300",
    ".5",
    "0x1f",
    "0o17",
    "017",
    "08",
    "1_000",
    "true",
    "False",
    "null",
    "~",
    "",
    "2001-01-01",
    "2001-01-01T10:00:00Z",
    "12:30:45",
    "9223372036854775807",
    "18446744073709551615",
    "1.0",
    "123456789012345678901234567890",
    "0.1",
    "-0",
    "1e-7",
    "yes",
    "Off",
    "0b11",
    "!!int \"3\"",
    "!!float 2",
    "100000000",
    "1234567.5",
    "0.00001",
    ".inf",
    "-.INF",
    "1e400",
    "0x",
    "1__0",
    "-0x1f",
    "+0b1",
    "!!bool \"true\"",
    "!!str true",
    "TRUE",
    "NULL",
    "1e+3",
    "5e-324",
    "9007199254740993",
    "-9223372036854775808",
    "18446744073709551616",
    "0777",
    "00",
    "1.",
    "2001-1-1",
    "=",
];

/// What is no text where a text would be usual.
const ODD: &[&str] = &["1", "0x1f", "1.50", "true", "1e3", "yes", "2001-01-01", "!!int \"3\"", "08", "1_000", "on"];

/// A text.
pub(crate) fn text(random: &mut Random) -> Value {
    match random.below(24) {
        0 | 1 => blocky(random),
        2 => odd(random),
        3..=11 => raw(random.word(TEXTS)),
        _ => raw(random.word(&["a", "b", "front", "back", "x-1", "v1.2.3", "some/path"])),
    }
}

/// What is no text where one would be usual.
pub(crate) fn odd(random: &mut Random) -> Value {
    raw(random.word(ODD))
}

/// A text of several lines, written as a block.
fn blocky(random: &mut Random) -> Value {
    let header = random.pick(&[&"|", &"|-", &"|+", &">", &">-", &">+"]);
    let lines: &[&[&str]] = &[
        &["key: value", "other: \"x\""],
        &["#!/bin/sh", "echo one", "", "  indented", "done"],
        &["one line"],
        &["a", "", "", "b", ""],
        &["trailing ", "x"],
        &["", "blank first"],
        &["more", "  indented", "less"],
        &["tab\tinside", "# no comment"],
        &["$(VAR)", "", ""],
        &["a folded text that is longer than eighty characters in all, so that it may be broken when printed", "next"],
    ];
    Value::Block(header, random.pick(lines).iter().map(|line| (*line).to_owned()).collect())
}

/// Any small value.
pub(crate) fn anything(random: &mut Random, depth: usize) -> Value {
    match random.below(if depth == 0 { 6 } else { 10 }) {
        0..=2 => raw(random.word(SCALARS)),
        3..=5 => text(random),
        6 | 7 => {
            let mut value = map([]);
            for _ in 0..random.below(4) {
                let key = random.word(&["name", "value", "kind", "a.b/c", "key", "on", "port", "items", "x y"]);
                value.put(key, anything(random, depth - 1));
            }
            value
        }
        _ => {
            let count = random.below(4);
            list((0..count).map(|_| anything(random, depth - 1)))
        }
    }
}

/// A mapping of texts to texts.
pub(crate) fn pairs(random: &mut Random, keys: &[&str], most: usize) -> Value {
    let mut value = map([]);
    for _ in 0..random.between(1, most) {
        let content = if random.percent(80) { raw(random.word(&["a", "b", "web", "front"])) } else { text(random) };
        value.put(random.word(keys), content);
    }
    value
}
