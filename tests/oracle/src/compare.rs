//! One tree, built by both.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use skerry_render::{RenderLimits, build_documents, print_documents};

use crate::tree::Tree;

/// What of ours is not there yet, by its code.
const NOT_SUPPORTED_YET: u16 = 442;

/// Which of the two refuses what the other builds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Ours,
    Theirs,
}

/// A difference that `docs/kustomize.md` lists, known by its cause: by everything that the side
/// that refuses says, and by what one of the files holds or the other side prints.
struct Exception {
    name: &'static str,
    side: Side,
    said: &'static [&'static str],
    shown: fn(text: &str) -> bool,
}

const EXCEPTIONS: &[Exception] = &[
    Exception {
        name: "a text whose first line begins with a tab",
        side: Side::Theirs,
        said: &["found a tab character where an indentation space is expected"],
        // What a text begins with in double quotes, and a file that becomes one.
        shown: |text| text.contains("\"\\t") || text.starts_with('\t'),
    },
    Exception {
        name: "upstream crashes",
        side: Side::Theirs,
        said: &["panic: ", "goroutine 1 [running]:"],
        shown: |_| true,
    },
    Exception {
        name: "a digest of upstream's own tree",
        side: Side::Ours,
        said: &["only a ConfigMap or Secret can have a digest in its name, not a "],
        shown: |_| true,
    },
];

/// The exception that a refusal is, if it is one.
fn exception(side: Side, said: &str, tree: &Tree, printed: &str) -> Option<&'static str> {
    let is_meant = |exception: &&Exception| {
        let mut texts = tree.files.values().map(String::as_str).chain([printed]);
        exception.side == side && exception.said.iter().all(|text| said.contains(text)) && texts.any(exception.shown)
    };
    EXCEPTIONS.iter().find(is_meant).map(|exception| exception.name)
}

/// What came of comparing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Both give the same bytes.
    Same,
    /// Both refuse.
    BothRefuse(String),
    /// We refuse on purpose what upstream builds, or the other way round: why.
    Deliberate(&'static str),
    /// We say that we cannot yet.
    NotYet(String),
    Differ(Difference),
}

/// How the two differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Difference {
    /// Upstream builds, with what we say.
    WeRefuse(String),
    /// We build, with what upstream says.
    TheyRefuse(String),
    /// Both build: ours, theirs.
    Output(String, String),
}

impl Difference {
    /// Whether two differences are of one sort, so that shrinking does not slide into another.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::WeRefuse(left), Self::WeRefuse(right)) => code(left) == code(right),
            (Self::TheyRefuse(left), Self::TheyRefuse(right)) => ending(left) == ending(right),
            (Self::Output(..), Self::Output(..)) => true,
            (Self::WeRefuse(_) | Self::TheyRefuse(_) | Self::Output(..), _) => false,
        }
    }

    /// What refusals are told apart by; outputs are by the tree that remains.
    pub(crate) fn sort(&self) -> Option<String> {
        match self {
            Self::WeRefuse(said) => Some(format!("we: {}", code(said))),
            Self::TheyRefuse(said) => Some(format!("they: {}", ending(said))),
            Self::Output(..) => None,
        }
    }

    pub(crate) fn shown(&self) -> String {
        match self {
            Self::WeRefuse(said) => format!("we refuse what upstream builds: {said}"),
            Self::TheyRefuse(said) => format!("we build what upstream refuses: {said}"),
            Self::Output(ours, theirs) => format!("-- ours --\n{ours}-- theirs --\n{theirs}"),
        }
    }
}

fn code(said: &str) -> &str {
    said.split_once(']').map_or(said, |(code, _)| code)
}

/// The last clause of a chain of causes, without names and numbers.
fn ending(said: &str) -> String {
    let last = said.trim().rsplit(": ").next().unwrap_or(said);
    last.chars().filter(|char| char.is_ascii_alphabetic() || *char == ' ').take(25).collect()
}

/// Upstream's program, and a folder of its own to build in.
pub(crate) struct Oracle {
    program: PathBuf,
    folder: PathBuf,
}

impl Oracle {
    pub(crate) fn new(program: &Path, folder: PathBuf) -> Self {
        Self { program: program.to_owned(), folder }
    }

    /// Compares the two builds of a tree.
    pub(crate) fn compare(&self, tree: &Tree) -> io::Result<Outcome> {
        let ours = build_documents(&tree.in_memory(), "in", RenderLimits::default())
            .and_then(|documents| print_documents(&documents));
        let ours = match ours {
            Ok(text) => Ok(text),
            Err(problems) => {
                let said: Vec<_> = problems.iter().map(ToString::to_string).collect();
                if problems.iter().any(|problem| problem.code.0 == NOT_SUPPORTED_YET) {
                    return Ok(Outcome::NotYet(said.join("; ")));
                }
                Err(said.join("; "))
            }
        };
        let theirs = build_with(&self.program, &self.folder, &tree.files, &tree.links)?;
        Ok(match (ours, theirs) {
            (Ok(ours), Ok(theirs)) if ours == theirs => Outcome::Same,
            (Ok(ours), Ok(theirs)) => Outcome::Differ(Difference::Output(ours, theirs)),
            (Err(said), Err(_)) => Outcome::BothRefuse(said),
            (Err(said), Ok(theirs)) => match exception(Side::Ours, &said, tree, &theirs) {
                Some(name) => Outcome::Deliberate(name),
                None => Outcome::Differ(Difference::WeRefuse(said)),
            },
            (Ok(ours), Err(said)) => match exception(Side::Theirs, &said, tree, &ours) {
                Some(name) => Outcome::Deliberate(name),
                None => Outcome::Differ(Difference::TheyRefuse(said)),
            },
        })
    }
}

/// What upstream's program prints for files and links that are laid into an empty folder, or what it says.
pub(crate) fn build_with(
    program: &Path,
    folder: &Path,
    files: &BTreeMap<String, impl AsRef<[u8]>>,
    links: &BTreeMap<String, String>,
) -> io::Result<Result<String, String>> {
    if folder.exists() {
        std::fs::remove_dir_all(folder)?;
    }
    let place = |path: &str| -> io::Result<PathBuf> {
        let path = folder.join(path);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        Ok(path)
    };
    for (path, content) in files {
        std::fs::write(place(path)?, content)?;
    }
    for (path, target) in links {
        std::os::unix::fs::symlink(target, place(path)?)?;
    }
    // Short runs need no garbage collector; they are a third faster without.
    let mut command = Command::new(program);
    command.arg("build").arg(folder.join("in")).env("GOGC", "off").stdin(Stdio::null());
    let output = command.output()?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok(if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) })
}

impl Drop for Oracle {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_listed_is_an_exception() {
        let tab = "Error: yaml: line 3: found a tab character where an indentation space is expected";
        let is_exception = |side, said, printed| exception(side, said, &Tree::default(), printed).is_some();
        assert!(is_exception(Side::Theirs, tab, "data:\n  a: \"\\tx\\ny\"\n"));
        assert!(!is_exception(Side::Theirs, tab, "data:\n  a: b\n"), "a tab in the input");
        let mut tree = Tree::default();
        tree.files.insert("in/tabs.txt".to_owned(), "\tx\n".to_owned());
        assert!(exception(Side::Theirs, tab, &tree, "data: null\n").is_some(), "a patch has taken it away");
        assert!(!is_exception(Side::Ours, tab, "data:\n  a: \"\\tx\\ny\"\n"));
        assert!(is_exception(Side::Theirs, "panic: x\n\ngoroutine 1 [running]:\n", ""));
        assert!(!is_exception(Side::Theirs, "Error: the text is `panic: x`", ""));
        let digest = "error[SK0455]: only a ConfigMap or Secret can have a digest in its name, not a `Widget`";
        assert!(is_exception(Side::Ours, digest, ""));
        assert!(!is_exception(Side::Theirs, digest, ""));
    }
}
