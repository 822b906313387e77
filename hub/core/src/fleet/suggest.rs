//! «Did you mean»: the known word that a typing error most likely stands for.

/// Most edits between a word and what it may have been meant to be: two typing errors. Words of up
/// to four letters get one, or every short word would look like every other.
const EDITS_MAX: usize = 2;

/// Longest word that is compared: the cost grows with the square.
const WORD_BYTES_MAX: usize = 64;

/// The closest of some known words, if one is close enough; the first of several.
pub fn closest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if word.is_empty() || word.len() > WORD_BYTES_MAX {
        return None;
    }
    let allowed = if word.chars().count() <= 4 { 1 } else { EDITS_MAX };
    let mut best: Option<(usize, &str)> = None;
    for candidate in known {
        let edits = if candidate.eq_ignore_ascii_case(word) { 0 } else { distance(word, candidate) };
        if edits <= allowed && best.is_none_or(|(least, _)| edits < least) {
            best = Some((edits, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

/// A help text: the closest word, else the list of all.
pub fn help(word: &str, known: &[&str]) -> String {
    match closest(word, known.iter().copied()) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None if known.is_empty() => "remove it".to_owned(),
        None => format!("known here: {}", quoted(known)),
    }
}

/// Words in backticks, separated by commas.
pub fn quoted(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

/// Edits (insert, delete, replace, swap neighbours) that turn one word into the other: the optimal
/// string alignment distance.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let replace = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut least = replace.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(before_last[j - 2] + 1);
            }
            row.push(least);
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typing_errors_find_the_word_that_was_meant() {
        let known = ["branch", "tag", "semver", "commit", "selfHeal"];
        let check = |word: &str, expected: Option<&str>| assert_eq!(closest(word, known), expected, "{word}");
        check("brnach", Some("branch"));
        check("branche", Some("branch"));
        check("selfheal", Some("selfHeal"));
        check("sever", Some("semver"));
        check("tga", Some("tag"));
        check("revision", None);
        check("xyz", None);
        check("", None);
        check(&"b".repeat(1000), None);
    }

    #[test]
    fn without_a_close_word_all_are_listed() {
        assert_eq!(help("zzzzz", &["tag", "branch"]), "known here: `tag`, `branch`");
        assert_eq!(help("tgg", &["tag", "branch"]), "did you mean `tag`?");
    }
}
