//! A run over many trees, on a few threads.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use crate::arguments::Arguments;
use crate::compare::{Difference, Oracle, Outcome};
use crate::coverage::Coverage;
use crate::folder;
use crate::links;
use crate::merge_keys;
use crate::random::Random;
use crate::shrink::shrink;
use crate::tree::Tree;

/// A run of so many trees has drawn every pair of fields; in a shorter one some may be missing.
const COVERED_FROM: u64 = 2_000;

/// From so many trees on at least half must build: about 52 in 100 do, so that chance alone leaves
/// shorter runs below half now and then.
const BUILT_FROM: u64 = 10_000;

/// How often a long run says how far it is.
const PROGRESS_EACH: u64 = 1_000;

#[derive(Debug, Default)]
struct Tally {
    compared: u64,
    same: u64,
    refused: u64,
    /// By the first code that we say.
    codes: BTreeMap<String, u64>,
    not_yet: u64,
    /// By their cause: the numbers of the trees.
    deliberate: BTreeMap<&'static str, Vec<u64>>,
    differences: usize,
    /// Sorts of differences that were shown.
    shown: BTreeSet<String>,
    coverage: Coverage,
}

/// Runs; whether every tree agreed, each field and pair occurred, and enough trees were built.
pub(crate) fn run(arguments: &Arguments) -> io::Result<bool> {
    let next = AtomicU64::new(arguments.first);
    let stop = AtomicBool::new(false);
    let tally = Mutex::new(Tally::default());
    let start = Instant::now();
    let is_over = || arguments.time.is_some_and(|time| start.elapsed() > time);
    let work = |thread: usize| -> io::Result<()> {
        let folder = std::env::temp_dir().join(format!("skerry-oracle-{}-{thread}", std::process::id()));
        let oracle = Oracle::new(&arguments.program, folder);
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= arguments.first + arguments.count || is_over() || stop.load(Ordering::Relaxed) {
                return Ok(());
            }
            let tree = tree(arguments, index);
            let outcome = oracle.compare(&tree)?;
            note(&tally, index, &tree, &outcome);
            if let Outcome::Differ(difference) = outcome {
                let seen = show(&tally, &oracle, index, tree, difference)?;
                if seen >= arguments.show {
                    stop.store(true, Ordering::Relaxed);
                }
            }
        }
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..arguments.threads).map(|thread| scope.spawn(move || work(thread))).collect();
        threads.into_iter().try_for_each(|thread| match thread.join() {
            Ok(result) => result,
            Err(_) => Err(io::Error::other("a thread has panicked")),
        })
    })?;
    let tally = tally.into_inner().unwrap_or_else(PoisonError::into_inner);
    report(arguments, &tally, start.elapsed().as_secs())
}

fn tree(arguments: &Arguments, index: u64) -> Tree {
    let mut random = Random::new(arguments.seed, index);
    let mut tree = folder::tree(&mut random, &arguments.without);
    let wants = |field: &str| !arguments.without.iter().any(|name| field.starts_with(name.as_str()));
    if wants("mergeKeys") {
        merge_keys::scatter(&mut tree, &mut random);
    }
    if wants("links") {
        links::scatter(&mut tree, &mut random);
    }
    tree
}

fn note(tally: &Mutex<Tally>, index: u64, tree: &Tree, outcome: &Outcome) {
    let mut tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
    tally.coverage.count(&tree.fields);
    tally.compared += 1;
    if tally.compared.is_multiple_of(PROGRESS_EACH) {
        let _ = writeln!(
            io::stderr(),
            "{} trees, {} built alike, {} differ",
            tally.compared,
            tally.same,
            tally.differences
        );
    }
    match outcome {
        Outcome::Same => tally.same += 1,
        Outcome::BothRefuse(said) => {
            tally.refused += 1;
            let code = said.split(']').next().unwrap_or_default().trim_start_matches("error[").to_owned();
            *tally.codes.entry(code).or_default() += 1;
        }
        Outcome::Deliberate(name) => tally.deliberate.entry(name).or_default().push(index),
        Outcome::NotYet(_) => tally.not_yet += 1,
        Outcome::Differ(_) => tally.differences += 1,
    }
}

/// Shrinks and prints a difference, unless one of its sort was shown; how many sorts were.
fn show(tally: &Mutex<Tally>, oracle: &Oracle, index: u64, tree: Tree, difference: Difference) -> io::Result<usize> {
    let is_new = |sort: &Option<String>| {
        let tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
        sort.as_ref().is_none_or(|sort| !tally.shown.contains(sort))
    };
    if !is_new(&difference.sort()) {
        return Ok(tally.lock().unwrap_or_else(PoisonError::into_inner).shown.len());
    }
    let (tree, difference) = shrink(oracle, tree, difference)?;
    let sort = difference.sort().unwrap_or_else(|| tree.sort());
    let mut tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
    if tally.shown.insert(sort) {
        let mut out = io::stdout().lock();
        writeln!(out, "==== tree {index} ====\n{}{}", tree.shown(), difference.shown())?;
        out.flush()?;
    }
    Ok(tally.shown.len())
}

/// Prints the trees of a run.
pub(crate) fn print(arguments: &Arguments) -> io::Result<()> {
    let mut out = io::stdout().lock();
    for index in arguments.first..arguments.first + arguments.count {
        writeln!(out, "==== tree {index} ====\n{}", tree(arguments, index).shown())?;
    }
    Ok(())
}

fn report(arguments: &Arguments, tally: &Tally, seconds: u64) -> io::Result<bool> {
    let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    let deliberate = count(tally.deliberate.values().map(Vec::len).sum());
    let total = tally.same + tally.refused + tally.not_yet + deliberate + count(tally.differences);
    let mut out = io::stdout().lock();
    let (table, pairs_missing) = tally.coverage.shown(&arguments.without);
    write!(out, "{table}")?;
    let codes: Vec<_> = tally.codes.iter().map(|(code, count)| format!("{code} {count}")).collect();
    writeln!(out, "refused by both, by our code: {}", codes.join(", "))?;
    for (name, trees) in &tally.deliberate {
        let first: Vec<_> = trees.iter().take(5).map(u64::to_string).collect();
        writeln!(out, "on purpose: {name}: {} trees, the first {}", trees.len(), first.join(", "))?;
    }
    writeln!(
        out,
        "seed {}, {total} trees in {seconds} s: {} built alike, {} refused by both, {} not supported yet, {} differ on purpose, {} differ",
        arguments.seed, tally.same, tally.refused, tally.not_yet, deliberate, tally.differences
    )?;
    let is_covered = pairs_missing == 0 || total < COVERED_FROM;
    let is_built = tally.same * 2 >= total || total < BUILT_FROM;
    Ok(tally.differences == 0 && is_covered && is_built)
}
