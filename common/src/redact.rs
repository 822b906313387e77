//! Secrets whose mask is part of their type, and the one redactor for URLs and messages.

use std::borrow::Cow;
use std::fmt;

/// What stands for a hidden value.
pub const MASK: &str = "‹redacted›";

/// A value that no formatting shows; reading it is spelled out with [`Redacted::expose`].
#[derive(Clone, PartialEq, Eq)]
pub struct Redacted<T>(T);

impl<T> Redacted<T> {
    /// Hides a value.
    pub fn new(value: T) -> Self {
        Self(value)
    }

    /// Gives the value to code that must have it.
    pub fn expose(&self) -> &T {
        &self.0
    }
}

impl<T> fmt::Debug for Redacted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

impl<T> fmt::Display for Redacted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

/// Removes credentials from every URL in a text: `https://user:token@host/` becomes
/// `https://‹redacted›@host/`, and so do the values of query parameters.
///
/// Also escapes control characters, so that what Git or a cluster said cannot drive a terminal.
pub fn redact(text: &str) -> String {
    escape_controls(&redact_urls(text)).into_owned()
}

fn redact_urls(text: &str) -> Cow<'_, str> {
    if !text.contains("://") {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        out.push_str(before);
        let end = after.find(|c: char| c.is_whitespace() || "\"'`<>)".contains(c)).unwrap_or(after.len());
        let (url, tail) = after.split_at(end);
        redact_one(url, &mut out);
        rest = tail;
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// `url` begins after `://`.
fn redact_one(url: &str, out: &mut String) {
    let authority_end = url.find(['/', '?', '#']).unwrap_or(url.len());
    let (authority, rest) = url.split_at(authority_end);
    match authority.rfind('@') {
        Some(at) => {
            let user = &authority[..at];
            // `git@` of an SSH address is no secret; anything with a password or a token-like user is.
            if user == "git" {
                out.push_str(user)
            } else {
                out.push_str(MASK)
            }
            out.push_str(&authority[at..]);
        }
        None => out.push_str(authority),
    }
    match rest.find('?') {
        Some(at) => {
            out.push_str(&rest[..=at]);
            out.push_str(MASK);
        }
        None => out.push_str(rest),
    }
}

/// Escapes control characters other than newline and tab as `\u{1b}`, and the Unicode
/// direction overrides that make text read other than it is.
pub fn escape_controls(text: &str) -> Cow<'_, str> {
    let hostile = |c: char| {
        (c.is_control() && c != '\n' && c != '\t')
            || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' | '\u{feff}')
    };
    if !text.chars().any(hostile) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if hostile(c) { out.extend(c.escape_unicode()) } else { out.push(c) }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_in_urls_are_masked() {
        let check = |text: &str, expected: &str| assert_eq!(redact(text), expected);
        check("https://a:b@h/x", "https://‹redacted›@h/x");
        check("fetch `https://tok@h/x.git` failed", "fetch `https://‹redacted›@h/x.git` failed");
        check("https://h/x?token=1 and https://u:p@i", "https://h/x?‹redacted› and https://‹redacted›@i");
        check("ssh://git@h/x", "ssh://git@h/x");
        check("https://u:p@q@h/", "https://‹redacted›@h/");
        check("no url", "no url");
    }

    #[test]
    fn control_characters_are_escaped() {
        assert_eq!(escape_controls("a\u{1b}[31mb\n"), "a\\u{1b}[31mb\n");
        assert_eq!(escape_controls("x\u{202e}y"), "x\\u{202e}y");
        assert!(matches!(escape_controls("plain"), Cow::Borrowed(_)));
    }

    #[test]
    fn redacted_values_never_show() {
        let secret = Redacted::new("hunter2");
        assert_eq!(format!("{secret:?} {secret}"), format!("{MASK} {MASK}"));
    }
}
