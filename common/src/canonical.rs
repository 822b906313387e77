//! The one JSON form that is hashed and signed.
//!
//! Rules: object keys sorted by their UTF-8 bytes; no insignificant space; integers of the int64
//! and uint64 ranges exactly, without exponent; other numbers in the shortest decimal form that
//! reads back to the same double, as `serde_json` writes it, `-0.0` as `0.0`; strings escape `"`,
//! `\` and control characters below U+0020 only (`\b \t \n \f \r`, else `\u00xx`, lower-case
//! hexadecimal), everything else is plain UTF-8. NaN and infinities do not exist in JSON.
//!
//! This differs from RFC 8785 on purpose: that sorts keys by UTF-16 units and turns every number
//! into a double, which loses Kubernetes' 64-bit integers.

use serde::Serialize;
use serde_json::Value;

/// Deepest nesting that is read or written: the Kubernetes API server's own limit is 10,000, and
/// nothing in use comes near; ours keeps recursion off the end of a small stack.
pub const DEPTH_MAX: usize = 200;

/// Writes a value in its canonical form.
pub fn to_bytes(value: &Value) -> Vec<u8> {
    let mut out = Vec::with_capacity(256);
    write(value, &mut out);
    out
}

/// Writes anything serialisable in its canonical form.
pub fn of<T: Serialize>(value: &T) -> Result<Vec<u8>, serde_json::Error> {
    serde_json::to_value(value).map(|value| to_bytes(&value))
}

fn write(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        Value::Number(number) => match number.as_f64() {
            Some(zero) if number.is_f64() && zero == 0.0 => out.extend_from_slice(b"0.0"),
            _ => out.extend_from_slice(number.to_string().as_bytes()),
        },
        Value::String(text) => write_text(text, out),
        Value::Array(items) => {
            out.push(b'[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                write(item, out);
            }
            out.push(b']');
        }
        Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_unstable_by(|a, b| a.0.as_bytes().cmp(b.0.as_bytes()));
            out.push(b'{');
            for (index, (key, item)) in entries.into_iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                write_text(key, out);
                out.push(b':');
                write(item, out);
            }
            out.push(b'}');
        }
    }
}

fn write_text(text: &str, out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    out.push(b'"');
    for byte in text.bytes() {
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0x08 => out.extend_from_slice(b"\\b"),
            0x0c => out.extend_from_slice(b"\\f"),
            0..0x20 => {
                out.extend_from_slice(b"\\u00");
                out.push(HEX[usize::from(byte >> 4)]);
                out.push(HEX[usize::from(byte & 15)]);
            }
            _ => out.push(byte),
        }
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn one_value_has_one_form() {
        let check = |value: Value, expected: &str| {
            assert_eq!(String::from_utf8(to_bytes(&value)).expect("utf-8"), expected);
        };
        check(json!({"b": 1, "a": [true, null], "ä": "x", "Z": {}}), r#"{"Z":{},"a":[true,null],"b":1,"ä":"x"}"#);
        check(json!(u64::MAX), "18446744073709551615");
        check(json!(i64::MIN), "-9223372036854775808");
        check(json!(0.5), "0.5");
        check(json!(-0.0), "0.0");
        check(json!(1e100), "1e+100");
        check(json!("\u{1}\u{7f}\"\\/é\n"), "\"\\u0001\u{7f}\\\"\\\\/é\\n\"");
    }

    #[test]
    fn the_form_reads_back_to_itself() {
        let value = json!({"n": [1.5, 2e-7, 123456789012345678u64], "s": "a\u{0}b"});
        let bytes = to_bytes(&value);
        let again: Value = serde_json::from_slice(&bytes).expect("valid JSON");
        assert_eq!(to_bytes(&again), bytes);
    }
}
