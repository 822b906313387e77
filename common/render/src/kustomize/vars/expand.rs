//! `$(NAME)` inside a text, as Kubernetes itself writes and escapes it.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// What a variable stands for.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Text(String),
    Integer(i64),
    Float(f64),
    Bool(bool),
    /// A list or mapping, which cannot stand inside a text.
    Other,
}

/// What a text becomes.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Expanded {
    Text(String),
    /// The text was one variable and nothing else: its type is kept.
    Value(Value),
}

/// Expands a text. `$$` is a `$`; a name that is not known stays as it is written.
pub(super) fn expand<'a>(text: &str, values: &BTreeMap<&'a str, Value>, used: &mut BTreeSet<&'a str>) -> Expanded {
    let mut out: Vec<u8> = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find('$') {
        out.extend_from_slice(&rest.as_bytes()[..start]);
        let after = &rest[start + 1..];
        if after.is_empty() {
            rest = "$";
            break;
        }
        let name = after.strip_prefix('(').and_then(|inner| inner.split_once(')'));
        if let Some((name, tail)) = name {
            let value = values.get_key_value(name).filter(|(_, value)| **value != Value::Other);
            if let Some((name, value)) = value {
                used.insert(name);
                if start == 0 && tail.is_empty() && rest.len() == text.len() {
                    return Expanded::Value(value.clone());
                }
                out.extend_from_slice(shown(value).as_bytes());
            } else {
                out.extend_from_slice(format!("$({name})").as_bytes());
            }
            rest = tail;
            continue;
        }
        out.extend_from_slice(if after.starts_with('$') { b"" } else { b"$" });
        // As in Kustomize, what follows is one byte, taken for a letter.
        let byte = after.as_bytes().first().copied().unwrap_or_default();
        let mut buffer = [0; 4];
        out.extend_from_slice(char::from(byte).encode_utf8(&mut buffer).as_bytes());
        if byte.is_ascii() {
            rest = &after[1..];
            continue;
        }
        // Behind that byte the rest is no UTF-8 any more; it holds no ASCII `$` before its next letter.
        let width = after.chars().next().map_or(1, char::len_utf8);
        out.extend_from_slice(&after.as_bytes()[1..width]);
        rest = &after[width..];
    }
    out.extend_from_slice(rest.as_bytes());
    Expanded::Text(String::from_utf8(out).unwrap_or_else(|error| STANDARD.encode(error.as_bytes())))
}

/// A value inside a text, as Go prints it.
fn shown(value: &Value) -> String {
    match value {
        Value::Text(text) => text.clone(),
        Value::Integer(number) => number.to_string(),
        Value::Bool(flag) => flag.to_string(),
        Value::Float(number) => skerry_yaml::float_text(*number),
        Value::Other => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_replaced_and_dollars_escaped() {
        let values = BTreeMap::from([
            ("A", Value::Text("x".to_owned())),
            ("N", Value::Integer(7)),
            ("F", Value::Float(1e-7)),
            ("G", Value::Float(1_234_567.5)),
            ("O", Value::Other),
        ]);
        let check = |text: &str, expected: &str| {
            assert_eq!(expand(text, &values, &mut BTreeSet::new()), Expanded::Text(expected.to_owned()), "{text}");
        };
        check("$(A) and $(N), $(F)", "x and 7, 1e-07");
        check("=$(G)", "=1.2345675e+06");
        check("$$(A) $$$(A)", "$(A) $x");
        check("$(B) $(O) ${A} $( $", "$(B) $(O) ${A} $( $");
        check("$", "$");
        check("a$é", &STANDARD.encode(b"a$\xc3\x83\xa9"));
        let whole = expand("$(N)", &values, &mut BTreeSet::new());
        assert_eq!(whole, Expanded::Value(Value::Integer(7)));
        check("$(N)$(N)", "77");
    }
}
