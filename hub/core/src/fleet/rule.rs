//! What the texts in fleet documents must look like: one rule for reading and for the JSON Schema.

use std::time::Duration;

use skerry_common::id::SourceName;

use super::variables::Template;
use super::{selector, suggest};
use crate::source::{RefRange, check_ref_name};

/// Shortest poll interval: below it, a fleet of sources hammers a Git server for nothing, as
/// webhooks are faster anyway.
pub const INTERVAL_MIN: Duration = Duration::from_secs(5);

/// Longest poll interval: a source that nobody looks at for longer is a forgotten one.
pub const INTERVAL_MAX: Duration = Duration::from_secs(24 * 3600);

/// Longest path, URL or value, in bytes: that of a path on Linux.
const TEXT_LENGTH_MAX: usize = 4096;

/// What a text must look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// A DNS label: names of documents.
    Name,
    /// A namespace: a DNS label, possibly made by references.
    Namespace,
    /// `30s`, `5m`, `1h`, from [`INTERVAL_MIN`] to [`INTERVAL_MAX`].
    Interval,
    /// `https://`, `http://`, `ssh://` or `file://`, without credentials in it.
    Url,
    /// A branch or tag without `refs/heads/` or `refs/tags/`.
    RefName,
    /// A range of versions.
    Range,
    /// A whole commit id.
    Commit,
    /// A path inside a source, `/`-separated, possibly with references.
    Path,
    /// A JSON pointer that is not empty.
    Pointer,
    /// A key of a label.
    LabelKey,
    /// A value of a label.
    LabelValue,
    /// The name of a variable.
    Variable,
    /// Any text with references.
    Template,
    /// Any text that is not empty.
    Text,
    /// Any text.
    Any,
    /// One of these words.
    Word(&'static [&'static str]),
}

/// Why a text is refused: what is wrong, and what to write.
pub(super) type Refusal = (String, String);

impl Rule {
    /// Checks a text.
    pub(super) fn check(self, text: &str) -> Result<(), Refusal> {
        if text.len() > TEXT_LENGTH_MAX {
            let message = format!("the text has {} bytes: at most {TEXT_LENGTH_MAX} are allowed", text.len());
            return Err((message, "shorten it".to_owned()));
        }
        match self {
            Self::Name => check_name(text),
            Self::Namespace if text.contains("${") => check_template(text),
            Self::Namespace => check_name(text),
            Self::Interval => parse_interval(text).map(|_| ()),
            Self::Url => check_url(text),
            Self::RefName => check_ref_name(text)
                .map_err(|message| (message, "write the name alone, such as `main` or `v1.2.3`".to_owned())),
            Self::Range => RefRange::parse(text)
                .map(|_| ())
                .map_err(|error| (error.to_string(), "write a range such as `>=1.2 <2` or `~1.4`".to_owned())),
            Self::Commit => skerry_common::id::CommitId::parse(text)
                .map(|_| ())
                .map_err(|error| (error.to_string(), "write the whole id, as `git rev-parse HEAD` prints it".into())),
            Self::Path => check_template(text).and_then(|()| check_path(text)),
            Self::Pointer => check_pointer(text),
            Self::LabelKey => selector::check_key(text).map_err(|message| (message, "rename the label".to_owned())),
            Self::LabelValue => {
                selector::check_value(text).map_err(|message| (message, "write another value".to_owned()))
            }
            Self::Variable => check_variable(text),
            Self::Template => check_template(text),
            Self::Text if text.is_empty() => Err(("the text is empty".to_owned(), "write a value".to_owned())),
            Self::Text | Self::Any => Ok(()),
            Self::Word(words) if words.contains(&text) => Ok(()),
            Self::Word(words) => {
                Err((format!("`{text}` is not one of {}", suggest::quoted(words)), suggest::help(text, words)))
            }
        }
    }

    /// The same rule as a regular expression (ECMA-262), as far as one can say it.
    pub(crate) fn pattern(self) -> Option<&'static str> {
        match self {
            Self::Name => Some("^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$"),
            Self::Interval => Some("^[1-9][0-9]*(s|m|h)$"),
            Self::Url => Some("^(https?|ssh|file)://"),
            Self::Commit => Some("^([0-9a-f]{40}|[0-9a-f]{64})$"),
            Self::Pointer => Some("^/"),
            Self::LabelKey => Some("^([a-z0-9.-]{1,253}/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$"),
            Self::LabelValue => Some("^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$"),
            Self::Variable => Some("^[A-Za-z_][A-Za-z0-9_]*$"),
            Self::Path => Some("^[^/]"),
            Self::Namespace | Self::RefName | Self::Range | Self::Template | Self::Text | Self::Any => None,
            Self::Word(_) => None,
        }
    }
}

/// Checks a path in a source after references were replaced: relative, and never out of the tree.
pub fn check_path(path: &str) -> Result<(), Refusal> {
    let help = || "write a path from the root of the source, such as `apps/base`, or `.` for all of it".to_owned();
    if path.is_empty() || path.starts_with('/') || path.contains('\\') {
        return Err((format!("`{path}` is not a relative path"), help()));
    }
    if path != "." && path.split('/').any(|segment| matches!(segment, "" | "." | "..")) {
        return Err((format!("`{path}` has an empty, `.` or `..` part"), help()));
    }
    if path.chars().any(char::is_control) {
        return Err(("the path holds control characters".to_owned(), help()));
    }
    Ok(())
}

/// Reads `30s`, `5m` or `1h`.
pub(super) fn parse_interval(text: &str) -> Result<Duration, Refusal> {
    let help = || "write a number and `s`, `m` or `h`, from `5s` to `24h`".to_owned();
    let wrong = || (format!("`{text}` is not an interval"), help());
    let unit_at = text.len().checked_sub(1).filter(|at| text.is_char_boundary(*at)).ok_or_else(wrong)?;
    let (number, unit) = text.split_at(unit_at);
    let seconds: u64 = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => return Err(wrong()),
    };
    if number.is_empty() || !number.bytes().all(|b| b.is_ascii_digit()) {
        return Err(wrong());
    }
    let count: u64 = number.parse().map_err(|_| wrong())?;
    let interval = Duration::from_secs(count.saturating_mul(seconds));
    if (INTERVAL_MIN..=INTERVAL_MAX).contains(&interval) {
        Ok(interval)
    } else {
        Err((format!("the interval `{text}` is out of bounds"), help()))
    }
}

fn check_name(text: &str) -> Result<(), Refusal> {
    // Names of all kinds follow the same rule; the words of the error are chosen here.
    SourceName::parse(text).map(|_| ()).map_err(|_| {
        let help = "use 1 to 63 lower-case letters, digits and `-`, beginning and ending with a letter or digit";
        (format!("`{text}` is not a valid name"), help.to_owned())
    })
}

fn check_template(text: &str) -> Result<(), Refusal> {
    Template::parse(text).map(|_| ()).map_err(|error| (error.to_string(), error.help()))
}

fn check_url(text: &str) -> Result<(), Refusal> {
    let known = ["https://", "http://", "ssh://", "file://"];
    let Some(rest) = known.iter().find_map(|scheme| text.strip_prefix(scheme)) else {
        let help = if text.contains('@') && text.contains(':') {
            "write `ssh://git@host/path.git` instead of `git@host:path.git`".to_owned()
        } else {
            format!("begin with {}", suggest::quoted(&known))
        };
        return Err(("the URL has no scheme that is supported".to_owned(), help));
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let user = authority.rsplit_once('@').map(|(user, _)| user);
    let secret_in_user = user.is_some_and(|user| user.contains(':') || !text.starts_with("ssh://"));
    if secret_in_user || text.contains('?') || text.contains('#') {
        let help = "name them in `credentials` and keep them in the hub's configuration";
        return Err(("the URL carries credentials or parameters".to_owned(), help.to_owned()));
    }
    if rest.is_empty() || text.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err(("the URL is incomplete".to_owned(), "write the address of a repository".to_owned()));
    }
    Ok(())
}

fn check_pointer(text: &str) -> Result<(), Refusal> {
    let escapes_fine = text.split('~').skip(1).all(|after| after.starts_with(['0', '1']));
    if text.len() > 1 && text.starts_with('/') && escapes_fine {
        return Ok(());
    }
    let help = "write a JSON pointer such as `/spec/replicas`; `~1` stands for `/` and `~0` for `~` in a name";
    Err((format!("`{text}` is not a JSON pointer"), help.to_owned()))
}

fn check_variable(text: &str) -> Result<(), Refusal> {
    let first = text.bytes().next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_');
    if first && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
        return Ok(());
    }
    let help = "use letters, digits and `_`, not beginning with a digit";
    Err((format!("`{text}` is not the name of a variable"), help.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(rule: Rule, text: &str, fine: bool) {
        assert_eq!(rule.check(text).is_ok(), fine, "{rule:?} {text:?} {:?}", rule.check(text));
    }

    #[test]
    fn intervals_have_units_and_bounds() {
        for (text, seconds) in [("5s", 5), ("30s", 30), ("5m", 300), ("24h", 86400)] {
            assert_eq!(parse_interval(text), Ok(Duration::from_secs(seconds)));
        }
        for text in ["", "s", "4s", "25h", "30", "30 s", "1d", "+5s", "é", "99999999999999999999h", "1.5m"] {
            check(Rule::Interval, text, false);
        }
    }

    #[test]
    fn urls_carry_no_secrets() {
        for text in ["https://git.example/x.git", "ssh://git@git.example/x", "file:///srv/x", "http://h:3000/x"] {
            check(Rule::Url, text, true);
        }
        for text in ["https://u:p@h/x", "https://tok@h/x", "ssh://u:p@h/x", "git@h:x", "ftp://h/x", "https://h/x?t=1"] {
            check(Rule::Url, text, false);
        }
        let (message, _) = Rule::Url.check("https://u:hunter2@h/x").expect_err("refused");
        assert!(!message.contains("hunter2"));
    }

    #[test]
    fn paths_stay_inside_the_source() {
        for text in [".", "apps/base", "apps/${cluster.labels.env}", "a.b/..c"] {
            check(Rule::Path, text, true);
        }
        for text in ["", "/apps", "../x", "a/../b", "a//b", "a/", "./a", "a\\b", "${cluster.nope}"] {
            check(Rule::Path, text, false);
        }
    }

    #[test]
    fn pointers_and_words() {
        check(Rule::Pointer, "/spec/replicas", true);
        check(Rule::Pointer, "/metadata/annotations/a~1b", true);
        check(Rule::Pointer, "spec", false);
        check(Rule::Pointer, "/a~2", false);
        check(Rule::Pointer, "/", false);
        check(Rule::Word(&["apply", "observe"]), "observe", true);
        let refused = Rule::Word(&["apply", "observe"]).check("aply").expect_err("refused");
        assert_eq!(refused.1, "did you mean `apply`?");
    }
}
