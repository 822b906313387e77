//! JSON as Go writes it: keys sorted, `<`, `>`, `&` and two separators escaped.

use std::fmt::Write as _;

use serde_json::Value;

/// How much each level is indented.
const INDENT: &str = "  ";

/// Writes without any space.
pub(crate) fn compact(out: &mut String, json: &Value) {
    write(out, json, None);
}

/// Writes one entry per line.
pub(crate) fn pretty(out: &mut String, json: &Value) {
    write(out, json, Some(0));
}

/// Writes a value; `level` is how deep it stands when it is indented at all.
fn write(out: &mut String, json: &Value, level: Option<usize>) {
    let below = level.map(|level| level + 1);
    match json {
        Value::Null | Value::Bool(_) => {
            let _ = write!(out, "{json}");
        }
        Value::Number(number) => match number.as_f64().filter(|_| number.is_f64()) {
            Some(float) => self::float(out, float),
            None => {
                let _ = write!(out, "{number}");
            }
        },
        Value::String(text) => string(out, text),
        Value::Array(items) if items.is_empty() => out.push_str("[]"),
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                next_entry(out, index, below);
                write(out, item, below);
            }
            break_line(out, level);
            out.push(']');
        }
        Value::Object(map) if map.is_empty() => out.push_str("{}"),
        Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_unstable_by_key(|(key, _)| *key);
            out.push('{');
            for (index, (key, item)) in entries.into_iter().enumerate() {
                next_entry(out, index, below);
                string(out, key);
                out.push_str(if level.is_some() { ": " } else { ":" });
                write(out, item, below);
            }
            break_line(out, level);
            out.push('}');
        }
    }
}

fn next_entry(out: &mut String, index: usize, level: Option<usize>) {
    if index > 0 {
        out.push(',');
    }
    break_line(out, level);
}

fn break_line(out: &mut String, level: Option<usize>) {
    if let Some(level) = level {
        out.push('\n');
        out.extend(std::iter::repeat_n(INDENT, level));
    }
}

/// Writes a float in its shortest digits, with an exponent where it is very small or large.
fn float(out: &mut String, number: f64) {
    let size = number.abs();
    if size == 0.0 || (1e-6..1e21).contains(&size) {
        let _ = write!(out, "{number}");
        return;
    }
    let text = format!("{number:e}");
    let sign = if size >= 1.0 { "e+" } else { "e" };
    out.push_str(&text.replace('e', sign));
}

/// A float as Go writes one of 32 bits in as few digits as possible: with an exponent below 1e-4 and
/// from 1e6 on.
pub(crate) fn short_float(number: f64) -> String {
    #[expect(clippy::cast_possible_truncation, reason = "to lose digits is the point")]
    let number = number as f32;
    let text = format!("{number:e}");
    let Some((digits, exponent)) = text.split_once('e') else { return text };
    let size: i32 = exponent.parse().unwrap_or(0);
    if (-4..6).contains(&size) {
        return number.to_string();
    }
    let sign = if size < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", size.abs())
}

/// Writes a string with its quotes.
pub(crate) fn string(out: &mut String, text: &str) {
    out.push('"');
    for char in text.chars() {
        match char {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' | '\0'..='\u{1f}' => {
                let _ = write!(out, "\\u{:04x}", u32::from(char));
            }
            _ => out.push(char),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_escaped_as_go_does() {
        let mut out = String::new();
        string(&mut out, "a<b>&\"\\\n\u{1}\u{7f}é\u{2028}");
        assert_eq!(out, "\"a\\u003cb\\u003e\\u0026\\\"\\\\\\n\\u0001\u{7f}é\\u2028\"");
    }

    #[test]
    fn floats_are_written_as_go_does() {
        let check = |number: f64, expected: &str| {
            let mut out = String::new();
            compact(&mut out, &serde_json::json!(number));
            assert_eq!(out, expected);
        };
        check(1.5, "1.5");
        check(1e20, "100000000000000000000");
        check(1.25e21, "1.25e+21");
        check(-1.5e-7, "-1.5e-7");
    }

    #[test]
    fn entries_are_sorted_and_indented() {
        let json = serde_json::json!({"b": [1, {}], "a": {"c": []}});
        let (mut short, mut long) = (String::new(), String::new());
        compact(&mut short, &json);
        pretty(&mut long, &json);
        assert_eq!(short, r#"{"a":{"c":[]},"b":[1,{}]}"#);
        assert_eq!(long, "{\n  \"a\": {\n    \"c\": []\n  },\n  \"b\": [\n    1,\n    {}\n  ]\n}");
    }
}
