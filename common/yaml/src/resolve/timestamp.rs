//! Timestamps as go-yaml reads them.

/// Most digits of the fraction of a second.
const NANOSECOND_DIGITS: usize = 9;

/// The RFC 3339 form of a timestamp, or nothing when the text is none.
///
/// Known are `2001-1-2`, `2001-1-2 3:4:5.6` (taken as UTC) and `2001-1-2T3:4:5.6Z` or with an
/// offset.
pub(crate) fn parse_timestamp(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    if bytes.get(4) != Some(&b'-') || !bytes[..4].iter().all(u8::is_ascii_digit) {
        return None;
    }
    let mut rest = &text[5..];
    let year: u32 = text[..4].parse().ok()?;
    let month = take_number(&mut rest, 12)?;
    expect(&mut rest, "-")?;
    let day = take_number(&mut rest, 31)?;
    if month == 0 || day == 0 || day > days_in(year, month) {
        return None;
    }
    let date = format!("{year:04}-{month:02}-{day:02}");
    if rest.is_empty() {
        return Some(format!("{date}T00:00:00Z"));
    }
    let separator = rest.chars().next()?;
    expect(&mut rest, &separator.to_string())?;
    if separator == ' ' {
        rest = rest.trim_start_matches(' ');
    }
    let hour = take_number(&mut rest, 23)?;
    expect(&mut rest, ":")?;
    let minute = take_number(&mut rest, 59)?;
    expect(&mut rest, ":")?;
    let second = take_number(&mut rest, 59)?;
    let fraction = take_fraction(&mut rest)?;
    let zone = match (separator, rest) {
        (' ', "") => "Z",
        ('T' | 't', "Z") => "Z",
        ('T' | 't', zone) => offset(zone)?,
        _ => return None,
    };
    Some(format!("{date}T{hour:02}:{minute:02}:{second:02}{fraction}{zone}"))
}

/// One or two digits.
fn take_number(rest: &mut &str, largest: u32) -> Option<u32> {
    let digits = rest.bytes().take(2).take_while(u8::is_ascii_digit).count();
    let value = rest.get(..digits)?.parse().ok()?;
    *rest = &rest[digits..];
    (value <= largest).then_some(value)
}

fn expect(rest: &mut &str, prefix: &str) -> Option<()> {
    *rest = rest.strip_prefix(prefix)?;
    Some(())
}

/// A fraction without its trailing zeros.
fn take_fraction(rest: &mut &str) -> Option<String> {
    let Some(tail) = rest.strip_prefix(['.', ',']) else {
        return Some(String::new());
    };
    let digits = tail.bytes().take_while(u8::is_ascii_digit).count();
    if digits == 0 {
        return None;
    }
    *rest = &tail[digits..];
    let kept = tail[..digits.min(NANOSECOND_DIGITS)].trim_end_matches('0');
    Some(if kept.is_empty() { String::new() } else { format!(".{kept}") })
}

/// An offset such as `+02:00`; the offset of zero is UTC.
fn offset(zone: &str) -> Option<&str> {
    let bytes = zone.as_bytes();
    let [b'+' | b'-', h1, h2, b':', m1, m2] = bytes else {
        return None;
    };
    if ![h1, h2, m1, m2].iter().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let (hours, minutes): (u32, u32) = (zone[1..3].parse().ok()?, zone[4..6].parse().ok()?);
    if hours > 24 || minutes > 60 {
        return None;
    }
    Some(if hours == 0 && minutes == 0 { "Z" } else { zone })
}

fn days_in(year: u32, month: u32) -> u32 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        _ => 31,
    }
}
