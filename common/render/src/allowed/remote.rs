//! Bases in other repositories: how an address is read, and who fetches.
//!
//! ```text
//! https://github.com/org/repo//path?ref=v1      git@host:org/repo.git/path?ref=v1
//! └── host ──────┘└─ repo ─┘  └path┘      └ref┘
//! ```
//! The repository ends at `_git/NAME`, at `//`, behind `.git`, or else after two parts (with
//! `file://`: nowhere). The query may hold `ref` (or `version`), `submodules` and `timeout`.

use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use thiserror::Error;

use crate::tree::SourceTree;

/// How long fetching may take when the address does not say.
const TIMEOUT: Duration = Duration::from_secs(27);

/// Parts of a path that name a repository, when nothing marks its end.
const REPOSITORY_PARTS: usize = 2;

const SCHEMES: &[&str] = &["ssh://", "https://", "http://", FILE];
const FILE: &str = "file://";

/// Fetches repositories. Whoever implements it uses the network and keeps what it fetched; for the
/// same base it gives the same tree as long as it lives.
pub trait RemoteSources: fmt::Debug + Send + Sync {
    /// The tree of a repository at a ref; the path of the base is not looked at.
    fn tree(&self, base: &RemoteBase) -> Result<Rc<dyn SourceTree>, RemoteError>;
}

/// Why a repository cannot be had.
#[derive(Debug, Error)]
pub enum RemoteError {
    /// The operator does not allow this one.
    #[error("the operator does not allow it: {why}")]
    NotAllowed {
        /// What is allowed instead.
        why: String,
    },
    /// It could not be fetched.
    #[error("it cannot be fetched")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// A base in another repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteBase {
    /// What `git clone` is given.
    pub repository: String,
    /// The folder of the base; empty for the root.
    pub path: String,
    /// A branch, tag or commit; empty for whatever the repository shows first.
    pub reference: String,
    /// Whether submodules are wanted.
    pub has_submodules: bool,
    /// How long fetching may take.
    pub timeout: Duration,
}

impl RemoteBase {
    /// Reads an entry of `resources` or `components`; nothing when it is a path.
    pub fn parse(text: &str) -> Option<Self> {
        if text.starts_with('/') {
            return None;
        }
        let (address, query) = text.split_once('?').unwrap_or((text, ""));
        let (host, rest) = split_host(address)?;
        let (repository, path) = split_path(&rest, host == FILE)?;
        if repository.is_empty() || leaves(path) {
            return None;
        }
        let query = Query::parse(query);
        Some(Self {
            repository: format!("{host}{repository}"),
            path: path.strip_prefix('/').unwrap_or(path).to_owned(),
            reference: query.reference,
            has_submodules: query.has_submodules,
            timeout: query.timeout,
        })
    }
}

/// Whether an address is that of one file, to be fetched over HTTP.
pub(crate) fn is_file(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    let is_web = lower.starts_with("https://") || lower.starts_with("http://");
    is_web && !lower.contains('?') && [".yaml", ".yml", ".json"].iter().any(|end| lower.ends_with(end))
}

/// Cuts what is before the path of the repository, made uniform, from the rest.
fn split_host(address: &str) -> Option<(String, String)> {
    let address = strip_prefix_any_case(address, "git::").unwrap_or(address);
    let found = SCHEMES.iter().find_map(|scheme| Some((*scheme, strip_prefix_any_case(address, scheme)?)));
    let (scheme, rest) = found.unwrap_or(("", address));
    let (user, rest) = split_user(rest);
    let is_github = ["github.com/", "github.com:"].iter().any(|host| strip_prefix_any_case(rest, host).is_some());
    let may_be_scp = scheme.is_empty() && (!user.is_empty() || is_github);
    if scheme.is_empty() && !may_be_scp {
        return None;
    }
    if scheme == FILE {
        return Some((FILE.to_owned(), format!("{user}{rest}")));
    }
    let slash = rest.find('/');
    let colon = rest.find(':').filter(|_| may_be_scp);
    let end = match (slash, colon) {
        (None, colon) => colon,
        (Some(slash), Some(colon)) if colon > 0 && colon < slash => Some(colon),
        (Some(slash), _) => Some(slash),
    };
    let (host, path) = end.map_or((rest, ""), |end| rest.split_at(end + 1));
    if is_github {
        // These have one form each for fetching with a key and without.
        let with_key = scheme == "ssh://" || !user.is_empty();
        let host = if with_key { format!("{user}github.com:") } else { "https://github.com/".to_owned() };
        return Some((host, path.to_owned()));
    }
    if host.is_empty() { None } else { Some((format!("{scheme}{user}{host}"), path.to_owned())) }
}

fn strip_prefix_any_case<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let front = text.get(..prefix.len())?;
    front.eq_ignore_ascii_case(prefix).then(|| &text[prefix.len()..])
}

/// Cuts `user@` from the rest.
fn split_user(text: &str) -> (&str, &str) {
    let is_name = |name: &str| {
        name.starts_with(|first: char| first.is_ascii_alphabetic())
            && name.chars().all(|char| char.is_ascii_alphanumeric() || char == '-')
    };
    match text.find('@') {
        Some(at) if is_name(&text[..at]) => text.split_at(at + 1),
        Some(_) | None => ("", text),
    }
}

/// Cuts the path of the repository from the path in it.
fn split_path(text: &str, is_file: bool) -> Option<(&str, &str)> {
    const AZURE: &str = "_git/";
    const SUFFIX: &str = ".git";
    if let Some(start) = text.find(AZURE) {
        let name = start + AZURE.len();
        let end = text[name..].find('/').map(|slash| name + slash);
        return Some(end.map_or((text, ""), |end| (&text[..end], &text[end + 1..])));
    }
    if let Some(parts) = text.split_once("//") {
        return Some(parts);
    }
    if let Some(start) = text.find(SUFFIX) {
        return Some(text.split_at(start + SUFFIX.len()));
    }
    if is_file {
        return Some((text, ""));
    }
    let mut ends = text.match_indices('/').map(|(index, _)| index).skip(REPOSITORY_PARTS - 1);
    if text.split('/').count() < REPOSITORY_PARTS {
        return None;
    }
    Some(ends.next().map_or((text, ""), |end| (&text[..end], &text[end + 1..])))
}

/// Whether a path leads out of where it begins.
fn leaves(path: &str) -> bool {
    let mut depth = 0_usize;
    path.split('/').any(|part| match part {
        "" | "." => false,
        ".." => match depth.checked_sub(1) {
            Some(less) => {
                depth = less;
                false
            }
            None => true,
        },
        _ => {
            depth += 1;
            false
        }
    })
}

struct Query {
    reference: String,
    has_submodules: bool,
    timeout: Duration,
}

impl Query {
    /// What cannot be read counts as not said.
    fn parse(text: &str) -> Self {
        let mut query = Self { reference: String::new(), has_submodules: true, timeout: TIMEOUT };
        let Some(pairs) = pairs(text) else { return query };
        let value = |name: &str| pairs.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.as_str());
        query.reference =
            [value("ref"), value("version")].into_iter().find(|value| !value.is_empty()).unwrap_or("").to_owned();
        query.timeout = timeout(value("timeout")).unwrap_or(TIMEOUT);
        let is_false = matches!(value("submodules"), "0" | "f" | "F" | "false" | "FALSE" | "False");
        query.has_submodules = !is_false;
        query
    }
}

fn pairs(text: &str) -> Option<Vec<(String, String)>> {
    if text.contains(';') {
        return None;
    }
    let pairs = text.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        Some((decoded(key)?, decoded(value)?))
    });
    pairs.collect()
}

/// Undoes `%20` and `+`.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || char::from(rest.next()?).to_digit(16);
                u8::try_from(digit()? * 16 + digit()?).ok()?
            }
            other => other,
        });
    }
    String::from_utf8(bytes).ok()
}

/// Seconds, or numbers with units such as `1m30s`; more than nothing.
fn timeout(text: &str) -> Option<Duration> {
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Duration::from_secs(seconds)).filter(|time| !time.is_zero());
    }
    let mut total = Duration::ZERO;
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find(|char: char| !char.is_ascii_digit() && char != '.')?;
        let number: f64 = rest[..end].parse().ok()?;
        rest = &rest[end..];
        let units = [("ms", 0.001), ("us", 0.000_001), ("ns", 0.000_000_001), ("h", 3600.0), ("m", 60.0), ("s", 1.0)];
        let (unit, seconds) = units.into_iter().find(|(unit, _)| rest.starts_with(unit))?;
        rest = &rest[unit.len()..];
        total = total.checked_add(Duration::try_from_secs_f64(number * seconds).ok()?)?;
    }
    Some(total).filter(|time| !time.is_zero())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_cut_where_kustomize_cuts_them() {
        let check = |text: &str, expected: Option<(&str, &str, &str)>| {
            let base = RemoteBase::parse(text);
            let parts = base.as_ref().map(|base| (&*base.repository, &*base.path, &*base.reference));
            assert_eq!(parts, expected, "{text}");
        };
        check("../base", None);
        check("base.yaml", None);
        check("/abs/path", None);
        check("a/b/c?ref=v1", None);
        check("example.org/a/b", None);
        check("https://example.org/team/shop?ref=v1", Some(("https://example.org/team/shop", "", "v1")));
        check("https://example.org/team/shop/a/b?version=v2", Some(("https://example.org/team/shop", "a/b", "v2")));
        check(
            "https://example.org/x/team/shop//a?ref=v1&version=v2",
            Some(("https://example.org/x/team/shop", "a", "v1")),
        );
        check("https://example.org/x/team/shop.git/a", Some(("https://example.org/x/team/shop.git", "a", "")));
        check("HTTPS://Example.org/a/b", Some(("https://Example.org/a/b", "", "")));
        check("github.com/team/shop/a?ref=v1", Some(("https://github.com/team/shop", "a", "v1")));
        check("GitHub.com:team/shop", Some(("https://github.com/team/shop", "", "")));
        check("git@github.com:team/shop.git//a", Some(("git@github.com:team/shop.git", "a", "")));
        check("ssh://git@github.com/team/shop", Some(("git@github.com:team/shop", "", "")));
        check("git@example.org:team/shop/a", Some(("git@example.org:team/shop", "a", "")));
        check("ssh://git@example.org:22/team/shop", Some(("ssh://git@example.org:22/team/shop", "", "")));
        check("git::https://example.org/team/shop", Some(("https://example.org/team/shop", "", "")));
        check("https://org@dev.example/org/p/_git/shop/a", Some(("https://org@dev.example/org/p/_git/shop", "a", "")));
        check("file:///srv/git/shop", Some(("file:///srv/git/shop", "", "")));
        check("file:///srv/git/shop//a/../b?ref=x%2Fy", Some(("file:///srv/git/shop", "a/../b", "x/y")));
        check("https://example.org/team/shop//../x", None);
        check("https://example.org/team", None);
        check("https://example.org", None);
    }

    #[test]
    fn queries_fall_back_where_they_cannot_be_read() {
        let check = |query: &str, seconds: f64, submodules: bool| {
            let base = RemoteBase::parse(&format!("https://example.org/a/b?{query}")).expect("an address");
            assert_eq!((base.timeout.as_secs_f64(), base.has_submodules), (seconds, submodules), "{query}");
        };
        check("", 27.0, true);
        check("timeout=61", 61.0, true);
        check("timeout=1m30s&submodules=false", 90.0, false);
        check("timeout=0&submodules=maybe", 27.0, true);
        check("timeout=1.5h", 5400.0, true);
        check("timeout=x", 27.0, true);
        check("timeout=9;submodules=false", 27.0, true);
        check("timeout=%zz&submodules=0", 27.0, true);
    }

    #[test]
    fn files_are_told_from_repositories() {
        assert!(is_file("https://example.org/a/b/c.yaml"));
        assert!(!is_file("https://example.org/a/b//c.yaml?ref=v1") && !is_file("a.yaml"));
    }
}
