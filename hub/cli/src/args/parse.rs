//! Small texts on the command line: durations, labels.

use std::time::Duration;

use skerry_hub_core::fleet::selector::{check_key, check_value};

/// Longest duration that is read: a year and a day, so that sums cannot overflow.
const DURATION_MAX: Duration = Duration::from_secs(366 * 24 * 60 * 60);

/// Reads `30s`, `5m`, `1h30m`, `2d`; a number alone is refused, because its unit is not known.
pub fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is no duration: write for example `30s`, `5m`, `1h30m` or `2d`");
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let mut total = Duration::ZERO;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
        let (number, tail) = rest.split_at(digits);
        let number: u32 = number.parse().map_err(|_| wrong())?;
        let letters = tail.find(|c: char| c.is_ascii_digit()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(letters);
        let unit = match unit {
            "ms" => Duration::from_millis(1),
            "s" => Duration::from_secs(1),
            "m" => Duration::from_secs(60),
            "h" => Duration::from_secs(60 * 60),
            "d" => Duration::from_secs(24 * 60 * 60),
            _ => return Err(wrong()),
        };
        total = unit.checked_mul(number).and_then(|part| total.checked_add(part)).ok_or_else(wrong)?;
        rest = tail;
    }
    if text.is_empty() { Err(wrong()) } else { Ok(total.min(DURATION_MAX)) }
}

/// Reads `key=value` labels, several with commas.
pub fn labels(text: &str) -> Result<Labels, String> {
    let mut pairs = Vec::new();
    for pair in text.split(',') {
        let (key, value) = pair.split_once('=').ok_or_else(|| format!("`{pair}` is no label: write `key=value`"))?;
        check_key(key)?;
        check_value(value)?;
        pairs.push((key.to_owned(), value.to_owned()));
    }
    Ok(Labels(pairs))
}

/// Reads `NAME=VALUE`.
pub fn variable(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        Some(_) | None => Err(format!("`{text}` is no variable: write `NAME=VALUE`")),
    }
}

/// Labels of one `-l`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Labels(pub Vec<(String, String)>);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_units() {
        let check =
            |text: &str, seconds: Option<u64>| assert_eq!(duration(text).ok().map(|d| d.as_secs()), seconds, "{text}");
        check("30s", Some(30));
        check("1h30m", Some(5_400));
        check("2d", Some(172_800));
        check("0", Some(0));
        check("500ms", Some(0));
        check("30", None);
        check("", None);
        check("s", None);
        check("-1s", None);
        check("1w", None);
        check("99999999999999999999s", None);
        check("4000000000d", Some(DURATION_MAX.as_secs()));
    }

    #[test]
    fn labels_are_checked() {
        assert_eq!(labels("a=b,c=").expect("fine").0, [("a".into(), "b".into()), ("c".into(), String::new())]);
        assert!(labels("a").is_err());
        assert!(labels("a b=c").is_err());
        assert!(labels("a=b c").is_err());
    }
}
