//! Floats as Go writes them.

use serde_json::Number;

/// The number that a float is after a way through JSON text; nothing for infinity and
/// not-a-number.
///
/// Go writes floats below 1e21 without an exponent, so one without a fraction is read back as
/// an integer where it fits into 64 bits with sign.
#[expect(clippy::cast_possible_truncation, reason = "the range is checked before the cast")]
pub(super) fn to_number(value: f64) -> Option<Number> {
    const TWO_POW_63: f64 = 9_223_372_036_854_775_808.0;
    if value.fract() == 0.0 && value >= -TWO_POW_63 && value < TWO_POW_63 {
        return Some(Number::from(value as i64));
    }
    Number::from_f64(value)
}

/// The shortest text that reads back as the same float, in the layout of Go's `g` format: an
/// exponent below 1e-4 and from 1e21 on, of at least two digits.
pub(crate) fn go_float(value: f64) -> String {
    layout(&format!("{value:e}"))
}

/// The text of a float that is a key: upstream rounds it to 32 bits.
#[expect(clippy::cast_possible_truncation, reason = "upstream rounds keys to 32 bits")]
pub(super) fn key_text(value: f64) -> String {
    if value.is_nan() {
        return ".nan".to_owned();
    }
    let value = value as f32;
    if value.is_infinite() {
        return if value > 0.0 { ".inf" } else { "-.inf" }.to_owned();
    }
    layout(&format!("{value:e}"))
}

/// Exponents outside this range are written as such.
const PLAIN_EXPONENTS: std::ops::Range<i32> = -4..21;

/// Turns `1.5e-7` into Go's layout.
fn layout(scientific: &str) -> String {
    let Some((mantissa, exponent)) = scientific.split_once('e') else {
        return scientific.to_owned();
    };
    let Ok(exponent) = exponent.parse::<i32>() else {
        return scientific.to_owned();
    };
    if !PLAIN_EXPONENTS.contains(&exponent) {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{mantissa}e{sign}{:02}", exponent.abs());
    }
    let (sign, mantissa) = match mantissa.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", mantissa),
    };
    let digits = mantissa.replace('.', "");
    let point = exponent + 1;
    let text = match usize::try_from(point) {
        Ok(point) if point >= digits.len() => {
            format!("{digits}{}", "0".repeat(point - digits.len()))
        }
        Ok(point) if point > 0 => format!("{}.{}", &digits[..point], &digits[point..]),
        _ => {
            let zeros = usize::try_from(-point).unwrap_or_default();
            format!("0.{}{digits}", "0".repeat(zeros))
        }
    };
    format!("{sign}{text}")
}
