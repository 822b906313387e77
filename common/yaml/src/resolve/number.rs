//! Numbers as Go reads them.

use std::borrow::Cow;

use super::{Resolved, Rules};

/// The number that a text starting with a digit, a sign or a point is, or a string.
pub(crate) fn parse_number(text: &str, rules: Rules) -> Resolved {
    if let Some(value) = special_float(text) {
        return Resolved::Float(value);
    }
    if text.starts_with('.') {
        return parse_fraction(text).map_or(Resolved::Str, Resolved::Float);
    }
    let plain = if text.contains('_') { Cow::Owned(text.replace('_', "")) } else { Cow::Borrowed(text) };
    parse_integer(&plain)
        .or_else(|| parse_float(&plain).map(Resolved::Float))
        .or_else(|| parse_prefixed(&plain, rules))
        .unwrap_or(Resolved::Str)
}

fn special_float(text: &str) -> Option<f64> {
    match text {
        ".nan" | ".NaN" | ".NAN" => Some(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => Some(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => Some(f64::NEG_INFINITY),
        _ => None,
    }
}

fn parse_integer(text: &str) -> Option<Resolved> {
    let (sign, digits) = split_sign(text);
    let (radix, digits) = match digits.as_bytes() {
        [b'0', b'x' | b'X', _, ..] => (16, &digits[2..]),
        [b'0', b'o' | b'O', _, ..] => (8, &digits[2..]),
        [b'0', b'b' | b'B', _, ..] => (2, &digits[2..]),
        [b'0'] => (10, digits),
        [b'0', ..] => (8, &digits[1..]),
        _ => (10, digits),
    };
    signed(sign, magnitude(digits, radix)?)
}

/// A sign between the prefix and the digits, such as `0b-1`: odd, but read as a number.
fn parse_prefixed(text: &str, rules: Rules) -> Option<Resolved> {
    let (negative, rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (radix, digits) = match rest.get(..2)? {
        "0b" => (2, &rest[2..]),
        "0o" if rules == Rules::Kustomize => (8, &rest[2..]),
        _ => return None,
    };
    let (sign, digits) = split_sign(digits);
    if negative && sign.is_some() {
        return None;
    }
    let sign = if negative { Some('-') } else { sign };
    signed(sign, magnitude(digits, radix)?)
}

fn split_sign(text: &str) -> (Option<char>, &str) {
    match text.as_bytes() {
        [b'+', ..] => (Some('+'), &text[1..]),
        [b'-', ..] => (Some('-'), &text[1..]),
        _ => (None, text),
    }
}

fn magnitude(digits: &str, radix: u32) -> Option<u64> {
    if digits.starts_with(['+', '-']) {
        return None;
    }
    u64::from_str_radix(digits, radix).ok()
}

fn signed(sign: Option<char>, magnitude: u64) -> Option<Resolved> {
    if sign == Some('-') {
        return 0_i64.checked_sub_unsigned(magnitude).map(Resolved::Int);
    }
    match i64::try_from(magnitude) {
        Ok(value) => Some(Resolved::Int(value)),
        Err(_) => sign.is_none().then_some(Resolved::Uint(magnitude)),
    }
}

/// Digits with at most one point and one exponent; what is too large is no number.
fn parse_float(text: &str) -> Option<f64> {
    let (_, rest) = split_sign(text);
    let mantissa = match rest.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => {
            let (_, digits) = split_sign(exponent);
            if !is_digits(digits) {
                return None;
            }
            mantissa
        }
        None => rest,
    };
    let fits = match mantissa.split_once('.') {
        Some(("", fraction)) => is_digits(fraction),
        Some((whole, fraction)) => is_digits(whole) && fraction.bytes().all(|byte| byte.is_ascii_digit()),
        None => is_digits(mantissa),
    };
    if !fits {
        return None;
    }
    text.parse().ok().filter(|value: &f64| value.is_finite())
}

/// A number that starts with its point: here Go allows `_` between two digits only.
fn parse_fraction(text: &str) -> Option<f64> {
    if !text.contains('_') {
        return parse_float(text);
    }
    let bytes = text.as_bytes();
    let is_digit = |index: usize| bytes.get(index).is_some_and(u8::is_ascii_digit);
    let between_digits = bytes
        .iter()
        .enumerate()
        .filter(|(_, byte)| **byte == b'_')
        .all(|(index, _)| index > 0 && is_digit(index - 1) && is_digit(index + 1));
    between_digits.then(|| parse_float(&text.replace('_', ""))).flatten()
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}
