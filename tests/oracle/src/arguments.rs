//! The command line.

use std::path::PathBuf;
use std::time::Duration;

pub(crate) const USAGE: &str = "\
usage: oracle fuzz KUSTOMIZE [--seed N] [--first N] [--count N] [--seconds N] [--threads N] [--show N] [--without FIELD]…
       oracle print KUSTOMIZE …    the trees instead of comparing
       oracle check KUSTOMIZE [PART]    whether upstream still gives what the corpus says
       oracle record KUSTOMIZE [PART]   write what it gives into the corpus
       oracle try KUSTOMIZE [FOLDER]    cases that are written elsewhere, with both programs
  KUSTOMIZE   upstream's program, 5.8.2: `tests/controlplane/build kustomize` says in which folder it is
  --show      how many differences are shrunk and printed before the run stops (5)
  --without   leave out fields whose name begins like this";

/// What to do.
#[derive(Debug, Clone)]
pub(crate) struct Arguments {
    pub(crate) program: PathBuf,
    pub(crate) seed: u64,
    pub(crate) first: u64,
    pub(crate) count: u64,
    pub(crate) time: Option<Duration>,
    pub(crate) threads: usize,
    pub(crate) show: usize,
    pub(crate) without: Vec<String>,
    pub(crate) verb: String,
    pub(crate) part: Option<String>,
}

/// Reads the command line.
pub(crate) fn parse(mut words: impl Iterator<Item = String>) -> Result<Arguments, String> {
    let verb = words.next().ok_or("what to do?")?;
    let mut arguments = Arguments {
        program: PathBuf::from(words.next().ok_or("which program?")?),
        seed: 1,
        first: 0,
        count: 300,
        time: None,
        threads: 2,
        show: 5,
        without: Vec::new(),
        verb,
        part: None,
    };
    while let Some(word) = words.next() {
        if !word.starts_with("--") {
            arguments.part = Some(word);
            continue;
        }
        let value = words.next().ok_or_else(|| format!("{word} needs a value"))?;
        if word == "--without" {
            arguments.without.push(value);
            continue;
        }
        let number: u64 = value.parse().map_err(|_| format!("`{value}` is no number"))?;
        let size = usize::try_from(number).map_err(|_| format!("`{value}` is too large"))?;
        match word.as_str() {
            "--seed" => arguments.seed = number,
            "--first" => arguments.first = number,
            "--count" => arguments.count = number,
            "--seconds" => arguments.time = Some(Duration::from_secs(number)),
            "--threads" => arguments.threads = size.max(1),
            "--show" => arguments.show = size,
            _ => return Err(format!("unknown argument `{word}`")),
        }
    }
    Ok(arguments)
}
