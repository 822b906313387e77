//! Floats as Go writes them.

use serde_json::Number;

/// The number that a float is after a way through JSON text; nothing for infinity and
/// not-a-number.
///
/// Go writes floats below 1e21 without an exponent, in the shortest digits that stand for them,
/// so that one without a fraction is read back as an integer where it fits into 64 bits.
pub(super) fn to_number(value: f64) -> Option<Number> {
    if value.fract() == 0.0
        && let Ok(integer) = value.to_string().parse::<i64>()
    {
        return Some(Number::from(integer));
    }
    Number::from_f64(value)
}

/// The text of a float in emitted YAML: digits alone where they are an integer of 64 bits, else
/// the shortest text that reads back as the same float.
pub(super) fn emitted(value: f64) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    let digits = value.to_string();
    if digits.parse::<i64>().is_ok() || digits.parse::<u64>().is_ok() {
        return digits;
    }
    float_text(value)
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

/// The text of a float as Go's `%g` has it: the shortest that reads back as the same float.
pub fn float_text(value: f64) -> String {
    layout(&format!("{value:e}"))
}

/// Exponents outside this range are written as such, with two digits.
const PLAIN_EXPONENTS: std::ops::Range<i32> = -4..6;

/// Turns `1.5e-7` into Go's layout `1.5e-07`, and `1.5e2` into `150`.
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
