//! What a source points to.
//!
//! # Which commit a ref means
//! - `branch` and `tag`: that name, below `refs/heads/` and `refs/tags/`; an annotated tag means the
//!   commit that it points to.
//! - `commit`: that commit; no ref needs to name it.
//! - `semver`: the highest tag in the range, by the precedence of Semantic Versioning 2.0.0 §11. A
//!   tag counts when it is a full version `1.2.3`, with or without a leading `v`. A pre-release
//!   counts only when the range itself names a pre-release of the same `major.minor.patch`
//!   (`>=1.2.3-rc.1`). Of tags with equal precedence the one that sorts last by name wins, so that
//!   the choice does not depend on the order in which a server lists them.
//!
//! A ref that is not there is an error and never «no content»: what is published stays.

use std::fmt;

use semver::{Version, VersionReq};
use skerry_common::diagnostic::Code;
use skerry_common::explain::Entry;
use skerry_common::id::CommitId;
use thiserror::Error;

use crate::fleet::suggest;

/// Most refs that are looked at: the largest public repositories have some hundred thousand.
pub const REFS_MAX: usize = 1_000_000;

/// Which commit of a source is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GitRef {
    /// The tip of a branch.
    Branch(String),
    /// A tag.
    Tag(String),
    /// The highest tag in a range of versions.
    Semver(RefRange),
    /// One commit.
    Commit(CommitId),
}

impl fmt::Display for GitRef {
    /// As bundle roots say it: `branch main`, `tag v1`, `semver >=1`, `commit …`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Branch(name) => write!(f, "branch {name}"),
            Self::Tag(name) => write!(f, "tag {name}"),
            Self::Semver(range) => write!(f, "semver {range}"),
            Self::Commit(id) => write!(f, "commit {id}"),
        }
    }
}

/// A range of versions, as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefRange {
    text: String,
    range: VersionReq,
}

/// The text is no range of versions.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{text}` is not a range of versions: {reason}")]
pub struct RefRangeError {
    text: String,
    reason: String,
}

impl RefRange {
    /// Reads a range: comparators separated by commas or spaces, all of which must hold.
    pub fn parse(text: &str) -> Result<Self, RefRangeError> {
        let error = |reason: String| RefRangeError { text: text.chars().take(80).collect(), reason };
        if text.trim().is_empty() {
            return Err(error("it is empty".to_owned()));
        }
        let range = VersionReq::parse(&with_commas(text)).map_err(|cause| error(cause.to_string()))?;
        Ok(Self { text: text.trim().to_owned(), range })
    }

    /// True when a version is in the range.
    pub fn contains(&self, version: &Version) -> bool {
        self.range.matches(version)
    }
}

impl fmt::Display for RefRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Turns `>=1.2 <2` into `>=1.2,<2`; an operator may be set off from its version.
fn with_commas(text: &str) -> String {
    let mut out = String::new();
    for token in text.split_whitespace() {
        let before_needs = out.ends_with(|c: char| c.is_alphanumeric() || c == '*');
        let begins = !token.starts_with(',');
        if before_needs && begins {
            out.push(',');
        }
        out.push_str(token);
    }
    out
}

/// A ref as a server lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteRef {
    /// Full name: `refs/heads/main`.
    pub name: String,
    /// The commit that it points to; an annotated tag is followed to its commit.
    pub commit: CommitId,
}

/// Why no commit was chosen.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ChooseError {
    /// No such branch.
    #[error("the repository has no branch `{name}`")]
    NoBranch {
        /// Its name.
        name: String,
        /// A branch of nearly that name.
        meant: Option<String>,
    },
    /// No such tag.
    #[error("the repository has no tag `{name}`")]
    NoTag {
        /// Its name.
        name: String,
        /// A tag of nearly that name.
        meant: Option<String>,
    },
    /// No tag in the range.
    #[error("no tag of the repository is a version in `{range}`: {versions} tags are versions")]
    NoVersion {
        /// The range.
        range: String,
        /// How many tags are versions at all.
        versions: usize,
    },
    /// More refs than are looked at.
    #[error("the repository has {0} refs: at most {REFS_MAX} are read")]
    TooMany(usize),
}

impl ChooseError {
    /// Stable code.
    pub fn code(&self) -> Code {
        Code(match self {
            Self::NoBranch { .. } => 340,
            Self::NoTag { .. } => 341,
            Self::NoVersion { .. } => 342,
            Self::TooMany(_) => 343,
        })
    }

    /// What to change.
    pub fn help(&self) -> String {
        match self {
            Self::NoBranch { meant: Some(meant), .. } | Self::NoTag { meant: Some(meant), .. } => {
                format!("did you mean `{meant}`?")
            }
            Self::NoBranch { .. } => "push the branch, or change `spec.git.ref.branch` of the Source".to_owned(),
            Self::NoTag { .. } => "push the tag, or change `spec.git.ref.tag` of the Source".to_owned(),
            Self::NoVersion { .. } => {
                "push a tag such as `v1.2.3`; pre-releases count only when the range names one".to_owned()
            }
            Self::TooMany(_) => "use a repository with fewer refs".to_owned(),
        }
    }
}

/// Titles and explanations of this module's codes.
pub const CODES: &[Entry] = &[
    (
        340,
        "branch not found",
        "The branch that a Source follows is not in the repository: it was deleted, renamed or never pushed. What is published stays in force and is healed; nothing is pruned.",
    ),
    (341, "tag not found", "The tag that a Source names is not in the repository. What is published stays in force."),
    (
        342,
        "no version in range",
        "No tag of the repository is a semantic version within the range. Tags count with or without a leading `v`; pre-releases only when the range itself names a pre-release of the same version.",
    ),
    (
        343,
        "too many refs",
        "The repository lists more refs than the hub reads. Use a repository of its own for what is deployed.",
    ),
];

/// Chooses the commit that a ref means.
pub fn choose(wanted: &GitRef, refs: &[RemoteRef]) -> Result<CommitId, ChooseError> {
    if refs.len() > REFS_MAX {
        return Err(ChooseError::TooMany(refs.len()));
    }
    let below = |prefix: &'static str| {
        refs.iter().filter_map(move |remote| remote.name.strip_prefix(prefix).map(|name| (name, &remote.commit)))
    };
    let (heads, tags) = ("refs/heads/", "refs/tags/");
    let find = |prefix, name: &str| below(prefix).find(|(found, _)| *found == name).map(|(_, commit)| commit.clone());
    let near = |prefix, name| suggest::closest(name, below(prefix).map(|(found, _)| found)).map(str::to_owned);
    match wanted {
        GitRef::Commit(id) => Ok(id.clone()),
        GitRef::Branch(name) => {
            find(heads, name).ok_or_else(|| ChooseError::NoBranch { name: name.clone(), meant: near(heads, name) })
        }
        GitRef::Tag(name) => {
            find(tags, name).ok_or_else(|| ChooseError::NoTag { name: name.clone(), meant: near(tags, name) })
        }
        GitRef::Semver(range) => {
            let versions: Vec<_> = below(tags).filter_map(|(name, id)| Some((version(name)?, name, id))).collect();
            let matching = versions.iter().filter(|(version, ..)| range.contains(version));
            let highest = matching.max_by(|a, b| a.0.cmp_precedence(&b.0).then_with(|| a.1.cmp(b.1)));
            highest
                .map(|(_, _, commit)| (*commit).clone())
                .ok_or_else(|| ChooseError::NoVersion { range: range.to_string(), versions: versions.len() })
        }
    }
}

fn version(tag: &str) -> Option<Version> {
    Version::parse(tag.strip_prefix('v').unwrap_or(tag)).ok()
}

/// Says what is wrong with a branch's or tag's name, by the rules of `git check-ref-format`.
pub fn check_ref_name(name: &str) -> Result<(), String> {
    let forbidden = |c: char| c.is_control() || c.is_whitespace() || "~^:?*[\\".contains(c);
    let wrong = name.is_empty()
        || name.starts_with(['/', '-'])
        || name.ends_with(['/', '.'])
        || name.contains("..")
        || name.contains("//")
        || name.contains("@{")
        || name == "@"
        || name.contains(forbidden)
        || name.split('/').any(|part| part.starts_with('.') || part.ends_with(".lock"));
    if wrong {
        return Err(format!("`{name}` is not the name of a branch or tag"));
    }
    if name.starts_with("refs/") {
        return Err(format!("`{name}` is a full ref"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn commit(digit: char) -> CommitId {
        CommitId::parse(&digit.to_string().repeat(40)).expect("a commit")
    }

    fn refs(names: &[(&str, char)]) -> Vec<RemoteRef> {
        names.iter().map(|(name, digit)| RemoteRef { name: (*name).to_owned(), commit: commit(*digit) }).collect()
    }

    fn semver(text: &str) -> GitRef {
        GitRef::Semver(RefRange::parse(text).expect("a range"))
    }

    #[test]
    fn the_highest_version_in_the_range_wins() {
        let refs = refs(&[
            ("refs/tags/v1.2.0", 'a'),
            ("refs/tags/1.10.0", 'b'),
            ("refs/tags/v1.9.9", 'c'),
            ("refs/tags/v2.0.0-rc.1", 'd'),
            ("refs/tags/nightly", 'e'),
            ("refs/heads/3.0.0", 'f'),
        ]);
        let check = |range: &str, expected: Option<char>| {
            assert_eq!(choose(&semver(range), &refs).ok(), expected.map(commit), "{range}");
        };
        check(">=1.2 <2", Some('b'));
        check(">= 1.2, < 1.10", Some('c'));
        check("~1.2", Some('a'));
        check("*", Some('b'));
        check(">=2.0.0-rc.0", Some('d'));
        check(">=2", None);
        assert!(RefRange::parse("").is_err());
        assert!(RefRange::parse(">=1 || <3").is_err());
    }

    #[test]
    fn equal_versions_are_chosen_by_name_and_not_by_order() {
        let mut refs = refs(&[("refs/tags/v1.0.0", 'a'), ("refs/tags/1.0.0", 'b'), ("refs/tags/1.0.0+x", 'c')]);
        let chosen = choose(&semver("1"), &refs);
        refs.reverse();
        assert_eq!(choose(&semver("1"), &refs), chosen);
        assert_eq!(chosen, Ok(commit('a')));
    }

    #[test]
    fn branches_and_tags_are_different_things() {
        let refs = refs(&[("refs/heads/main", 'a'), ("refs/tags/main", 'b')]);
        assert_eq!(choose(&GitRef::Branch("main".into()), &refs), Ok(commit('a')));
        assert_eq!(choose(&GitRef::Tag("main".into()), &refs), Ok(commit('b')));
        assert_eq!(choose(&GitRef::Commit(commit('c')), &refs), Ok(commit('c')));
        let error = choose(&GitRef::Branch("mian".into()), &refs).expect_err("not there");
        assert_eq!(error.help(), "did you mean `main`?");
    }

    #[test]
    fn ref_names_follow_git() {
        for name in ["main", "feature/x", "v1.2.3", "a@b"] {
            assert_eq!(check_ref_name(name), Ok(()), "{name}");
        }
        for name in ["", "-x", "a..b", "a b", "refs/heads/main", "a/.b", "x.lock", "a~1", "@", "a/"] {
            assert!(check_ref_name(name).is_err(), "{name}");
        }
    }
}
