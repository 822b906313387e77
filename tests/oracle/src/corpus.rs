//! The corpus of `common/render/testdata`, recorded by upstream's program and checked against it.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::cases::{self, Case};
use crate::compare::{Oracle, Outcome, build_with};
use crate::tree::Tree;

/// What to do with what upstream gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Say where it is not what is recorded.
    Check,
    /// Record it.
    Record,
}

/// Builds every case with upstream's program; whether each gave what is recorded.
pub(crate) fn run(program: &Path, mode: Mode, only: Option<&str>) -> io::Result<bool> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../common/render/testdata");
    let folder = std::env::temp_dir().join(format!("skerry-corpus-{}", std::process::id()));
    let mut cases = cases::below(&root);
    cases.retain(|case| only.is_none_or(|only| case.place.to_string_lossy().contains(only)));
    let mut out = io::stdout().lock();
    let mut texts: BTreeMap<PathBuf, String> = BTreeMap::new();
    let mut differ = 0;
    for case in &cases {
        let printed = build_with(program, &folder, &case.files, &case.links)?.ok();
        if printed != case.expected {
            differ += 1;
            writeln!(out, "{} · {}: upstream gives something else", case.place.display(), case.name)?;
        }
        match &case.text {
            Some(text) => texts.entry(case.place.clone()).or_default().push_str(&recorded(text, printed.as_deref())),
            None if mode == Mode::Record => record_folder(case, printed.as_deref())?,
            None => {}
        }
    }
    if mode == Mode::Record {
        for (path, text) in texts {
            std::fs::write(path, text)?;
        }
    }
    let _ = std::fs::remove_dir_all(&folder);
    writeln!(out, "{} cases, {differ} differed from what was recorded", cases.len())?;
    Ok(differ == 0 || mode == Mode::Record)
}

/// Builds cases that are written somewhere else with both programs; whether they agree on all.
///
/// A link `shared` beside the cases lets them use the files of the corpus.
pub(crate) fn attempt(program: &Path, root: &Path) -> io::Result<bool> {
    let folder = std::env::temp_dir().join(format!("skerry-cases-{}", std::process::id()));
    let oracle = Oracle::new(program, folder);
    let mut out = io::stdout().lock();
    let mut differ = 0;
    for case in cases::below(root) {
        let files = case.files.into_iter();
        let files = files.map(|(path, content)| (path, String::from_utf8_lossy(&content).into_owned())).collect();
        let said = match oracle.compare(&Tree { files, links: case.links, ..Tree::default() })? {
            Outcome::Same => "same".to_owned(),
            Outcome::BothRefuse(said) => format!("both refuse: {said}"),
            Outcome::Deliberate(name) => format!("differs on purpose: {name}"),
            Outcome::NotYet(said) => format!("not yet: {said}"),
            Outcome::Differ(difference) => {
                differ += 1;
                format!("DIFFERS, {}", difference.shown())
            }
        };
        writeln!(out, "{}: {said}", case.name)?;
    }
    Ok(differ == 0)
}

fn recorded(text: &str, printed: Option<&str>) -> String {
    match printed {
        Some(printed) => format!("{text}-- expected --\n{printed}"),
        None => format!("{text}-- refused --\n"),
    }
}

fn record_folder(case: &Case, printed: Option<&str>) -> io::Result<()> {
    let path = case.place.join("expected.yaml");
    match printed {
        Some(printed) => std::fs::write(path, printed),
        None if path.exists() => std::fs::remove_file(path),
        None => Ok(()),
    }
}
