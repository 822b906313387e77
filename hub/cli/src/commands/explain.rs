//! `skerry explain`: what an error code means, without a hub.

use skerry_common::diagnostic::Code;
use skerry_common::explain::Entry;

use crate::args::get::ExplainArgs;
use crate::errors::{Failure, Stop, Verdict, codes};
use crate::output::Output;
use crate::output::table::{Cell, Column, Headings, Shown, Table, column};

/// Columns of `--all`.
const COLUMNS: &[Column] = &[column("CODE"), column("TITLE")];

/// Width of a line of text, in characters.
const LINE_CHARS: usize = 80;

/// Most codes that are suggested for an unknown one.
const NEAR_MAX: usize = 3;

/// Explains a code, or lists them all.
pub fn run(args: &ExplainArgs, output: &mut Output) -> Result<Verdict, Stop> {
    let lists = codes::lists();
    let Some(text) = &args.code else {
        let mut entries: Vec<&Entry> = lists.into_iter().flatten().collect();
        entries.sort_unstable_by_key(|entry| entry.0);
        let row = |entry: &&Entry| vec![Cell::new(Code(entry.0).to_string()), Cell::new(entry.1)];
        let rows: Vec<Vec<Cell>> = entries.iter().map(row).collect();
        let text = Table::new(COLUMNS, output.layout(Headings::Shown, Shown::Always)).print(&rows);
        output.data(&text)?;
        return Ok(Verdict::Yes);
    };
    let found = parse(text).and_then(|number| skerry_common::explain::find(&lists, Code(number)));
    let Some((number, title, body)) = found else {
        let failure = Failure::user(codes::UNKNOWN_CODE, format!("there is no error `{text}`"));
        return Err(failure.help(suggestion(text, &lists)).into());
    };
    output.data(&format!("{}: {title}\n\n{}", Code(*number), wrap(body)))?;
    Ok(Verdict::Yes)
}

/// Reads `SK0412`, `sk412`, `412` and `error[SK0412]`.
fn parse(text: &str) -> Option<u16> {
    let text = text.trim().trim_start_matches("error[").trim_end_matches([']', ':']);
    let digits = text.strip_prefix("SK").or_else(|| text.strip_prefix("sk")).unwrap_or(text);
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if plain { digits.parse().ok() } else { None }
}

fn suggestion(text: &str, lists: &[&[Entry]]) -> String {
    let near = near(text, lists);
    if near.is_empty() {
        return "`skerry explain --all` lists every code".to_owned();
    }
    let near: Vec<String> = near.into_iter().map(|entry| format!("`{}` ({})", Code(entry.0), entry.1)).collect();
    format!("did you mean {}?", near.join(" or "))
}

/// Codes that differ in one digit, or in two that were swapped; else the nearest numbers of the same
/// hundred; else those whose title holds the text.
fn near<'a>(text: &str, lists: &[&'a [Entry]]) -> Vec<&'a Entry> {
    let all = || lists.iter().flat_map(|list| list.iter());
    let Some(number) = parse(text) else {
        let word = text.to_lowercase();
        return all()
            .filter(|entry| !word.is_empty() && entry.1.to_lowercase().contains(&word))
            .take(NEAR_MAX)
            .collect();
    };
    let typing: Vec<&Entry> = all().filter(|entry| is_typing_error(number, entry.0)).take(NEAR_MAX).collect();
    if !typing.is_empty() {
        return typing;
    }
    let mut family: Vec<&Entry> = all().filter(|entry| entry.0 / 100 == number / 100).collect();
    family.sort_by_key(|entry| entry.0.abs_diff(number));
    family.truncate(NEAR_MAX);
    family
}

fn is_typing_error(wanted: u16, known: u16) -> bool {
    let (wanted, known) = (format!("{wanted:04}"), format!("{known:04}"));
    if wanted.len() != known.len() {
        return false;
    }
    let different: Vec<(u8, u8)> = wanted.bytes().zip(known.bytes()).filter(|(a, b)| a != b).collect();
    match different.as_slice() {
        [_] => true,
        [(a, b), (c, d)] => a == d && b == c,
        _ => false,
    }
}

/// Breaks a text into lines of at most [`LINE_CHARS`] characters.
fn wrap(text: &str) -> String {
    let mut lines = String::new();
    let mut used = 0;
    for word in text.split_whitespace() {
        let length = word.chars().count();
        if used > 0 && used + 1 + length > LINE_CHARS {
            lines.push('\n');
            used = 0;
        }
        if used > 0 {
            lines.push(' ');
            used += 1;
        }
        lines.push_str(word);
        used += length;
    }
    lines.push('\n');
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &[Entry] =
        &[(412, "field missing", ""), (421, "malformed variable", ""), (430, "helm", ""), (505, "old", "")];

    #[test]
    fn codes_are_read_as_people_write_them() {
        let check = |text: &str, expected: Option<u16>| assert_eq!(parse(text), expected, "{text}");
        check("SK0412", Some(412));
        check("sk412", Some(412));
        check("412", Some(412));
        check("error[SK0412]:", Some(412));
        check("SK", None);
        check("SK04x2", None);
        check("SK99999", None);
    }

    #[test]
    fn near_codes_are_suggested() {
        let check = |text: &str, expected: &[u16]| {
            let found: Vec<u16> = near(text, &[LIST]).iter().map(|entry| entry.0).collect();
            assert_eq!(found, expected, "{text}");
        };
        check("SK0413", &[412]);
        check("SK0142", &[412]);
        check("SK0499", &[430, 421, 412]);
        check("variable", &[421]);
        check("SK9999", &[]);
    }

    #[test]
    fn long_texts_are_broken_between_words() {
        let text = wrap(&"word ".repeat(40));
        assert!(text.lines().all(|line| line.chars().count() <= LINE_CHARS && !line.ends_with(' ')));
        assert_eq!(text.split_whitespace().count(), 40);
    }
}
