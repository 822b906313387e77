//! Ages as kubectl prints them: two units at most, and only as exact as anybody needs.

use std::time::Duration;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
const YEAR: u64 = 365 * DAY;

/// How one span of ages is printed.
struct Span {
    /// The span ends before this many seconds.
    below: u64,
    /// The unit, in seconds, and its letter.
    unit: (u64, &'static str),
    /// A second unit, left out when it is zero.
    rest: Option<(u64, &'static str)>,
}

/// The spans of `k8s.io/apimachinery/pkg/util/duration.HumanDuration`.
const SPANS: [Span; 8] = [
    Span { below: 2 * MINUTE, unit: (1, "s"), rest: None },
    Span { below: 10 * MINUTE, unit: (MINUTE, "m"), rest: Some((1, "s")) },
    Span { below: 3 * HOUR, unit: (MINUTE, "m"), rest: None },
    Span { below: 8 * HOUR, unit: (HOUR, "h"), rest: Some((MINUTE, "m")) },
    Span { below: 2 * DAY, unit: (HOUR, "h"), rest: None },
    Span { below: 8 * DAY, unit: (DAY, "d"), rest: Some((HOUR, "h")) },
    Span { below: 2 * YEAR, unit: (DAY, "d"), rest: None },
    Span { below: 8 * YEAR, unit: (YEAR, "y"), rest: Some((DAY, "d")) },
];

/// Prints a duration: `45s`, `3m`, `2h5m`, `6d23h`, `400d`.
pub fn human(age: Duration) -> String {
    let seconds = age.as_secs();
    let Some(span) = SPANS.iter().find(|span| seconds < span.below) else {
        return format!("{}y", seconds / YEAR);
    };
    let (size, letter) = span.unit;
    let whole = format!("{}{letter}", seconds / size);
    match span.rest.map(|(part, letter)| (seconds % size / part, letter)) {
        Some((rest, letter)) if rest > 0 => format!("{whole}{rest}{letter}"),
        Some(_) | None => whole,
    }
}

/// Prints how long ago an instant was, both in Unix milliseconds.
///
/// Two clocks are involved: an instant less than two seconds ahead is now, a later one cannot be.
pub fn since(at_unix_ms: i64, now_unix_ms: i64) -> String {
    let age = now_unix_ms.saturating_sub(at_unix_ms);
    match u64::try_from(age) {
        Ok(age) => human(Duration::from_millis(age)),
        Err(_) if age > -2_000 => "0s".to_owned(),
        Err(_) => "<invalid>".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_read_as_in_kubectl() {
        let check =
            |seconds: u64, expected: &str| assert_eq!(human(Duration::from_secs(seconds)), expected, "{seconds}");
        check(0, "0s");
        check(1, "1s");
        check(119, "119s");
        check(120, "2m");
        check(121, "2m1s");
        check(9 * MINUTE + 59, "9m59s");
        check(10 * MINUTE + 59, "10m");
        check(3 * HOUR - 1, "179m");
        check(3 * HOUR, "3h");
        check(3 * HOUR + MINUTE, "3h1m");
        check(2 * HOUR + 5 * MINUTE, "125m");
        check(8 * HOUR - 1, "7h59m");
        check(8 * HOUR + 59 * MINUTE, "8h");
        check(2 * DAY - 1, "47h");
        check(2 * DAY, "2d");
        check(2 * DAY + HOUR, "2d1h");
        check(8 * DAY, "8d");
        check(2 * YEAR - 1, "729d");
        check(2 * YEAR, "2y");
        check(2 * YEAR + DAY, "2y1d");
        check(8 * YEAR, "8y");
        check(9 * YEAR + 5 * DAY, "9y");
    }

    #[test]
    fn clocks_may_differ_a_little() {
        assert_eq!(since(1_000, 61_000), "60s");
        assert_eq!(since(2_000, 1_000), "0s");
        assert_eq!(since(9_000, 1_000), "<invalid>");
    }
}
