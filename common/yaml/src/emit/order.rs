//! The order of keys in output that upstream sorts.

use std::cmp::Ordering;

/// Compares two keys as go-yaml sorts them: numbers inside of them by value, letters after
/// everything else.
pub fn compare_keys(left: &str, right: &str) -> Ordering {
    let mut same = left.bytes().zip(right.bytes()).take_while(|(left, right)| left == right).count();
    while !left.is_char_boundary(same) {
        same -= 1;
    }
    let (prefix, a) = left.split_at(same);
    let b = &right[same..];
    let (Some(left), Some(right)) = (a.chars().next(), b.chars().next()) else {
        return a.len().cmp(&b.len());
    };
    match (left.is_alphabetic(), right.is_alphabetic()) {
        (true, true) => return left.cmp(&right),
        (true, false) => return Ordering::Greater,
        (false, true) => return Ordering::Less,
        (false, false) => {}
    }
    // A zero inside of a number is a digit like others, one at its start is not.
    let inside =
        (left == '0' || right == '0') && prefix.bytes().rev().take_while(u8::is_ascii_digit).any(|byte| byte != b'0');
    number(a, inside).cmp(&number(b, inside)).then(left.cmp(&right))
}

/// The number that a text starts with, and its length.
fn number(text: &str, inside: bool) -> (i64, usize) {
    let mut value = i64::from(inside);
    let mut length = 0;
    for byte in text.bytes().take_while(u8::is_ascii_digit) {
        value = value.wrapping_mul(10).wrapping_add(i64::from(byte - b'0'));
        length += 1;
    }
    (value, length)
}
