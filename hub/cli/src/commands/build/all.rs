//! `skerry build --all`: every kustomization below a folder, in one process.
//!
//! ```text
//! kustomizations ──▶ workers (one a core, one memo) ──▶ in order: written, shown, counted
//! ```

use std::fs;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use serde::Serialize;
use skerry_common::diagnostic::Diagnostic;
use skerry_render::{Allowed, Memo, RenderLimits, build_kustomization_allowed, kustomizations};

use super::changed::Changes;
use super::destination::{Destinations, write_file};
use super::places::Places;
use super::{SEPARATOR, lines};
use crate::args::build::{BuildArgs, BuildFormat};
use crate::clock::now_unix_ms;
use crate::errors::{Failure, Stop, Verdict, codes};
use crate::folder::FolderTree;
use crate::output::{Machine, Output};

/// Most builds that wait for their turn to be printed: an early one that takes long holds up those
/// after it, each of some megabytes at most.
const WAITING_MAX: usize = 256;

/// Widest bar.
const BAR: usize = 30;

/// What became of one kustomization.
#[derive(Debug, Serialize)]
struct Outcome {
    path: String,
    objects: usize,
    bytes: usize,
    #[serde(skip)]
    yaml: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    problems: Vec<Diagnostic>,
    #[serde(skip)]
    warnings: Vec<Diagnostic>,
    /// Whether the changes that were asked for cannot touch it.
    #[serde(skip)]
    is_untouched: bool,
}

/// Builds all, and says what became of them.
pub(super) fn run(
    args: &BuildArgs,
    destinations: &Destinations<'_>,
    places: &Places,
    allowed: &Allowed,
    output: &mut Output,
) -> Result<Verdict, Stop> {
    let began = now_unix_ms();
    let changes = args.changed_since.as_deref().map(|commit| Changes::since(&places.root, commit)).transpose()?;
    let tree = FolderTree::new(places.root.clone());
    let memo = Memo::new();
    let paths = kustomizations(&memo, &tree, &places.path, RenderLimits::default()).map_err(Stop::Refused)?;
    if let Some(folder) = destinations.path {
        fs::create_dir_all(folder).map_err(|error| unwritable(folder, &error))?;
    }
    let build = |path: &str| outcome(&memo, &tree, path, allowed, changes.as_ref());
    let mut report = Report { destinations, outcomes: Vec::new(), total: paths.len(), done: 0, documents: 0 };
    in_parallel(&paths, build, |outcome| report.take(outcome, output))?;
    report.finish(now_unix_ms() - began, output)
}

fn outcome(memo: &Memo, tree: &FolderTree, path: &str, allowed: &Allowed, changes: Option<&Changes>) -> Outcome {
    let mut outcome = Outcome {
        path: path.to_owned(),
        objects: 0,
        bytes: 0,
        yaml: String::new(),
        problems: Vec::new(),
        warnings: Vec::new(),
        is_untouched: false,
    };
    let built = build_kustomization_allowed(Some(memo), tree, path, RenderLimits::default(), allowed);
    let printed = built.and_then(|built| {
        outcome.is_untouched = changes.is_some_and(|changes| !changes.touch(built.reads()));
        outcome.objects = built.documents().count();
        outcome.warnings = built.warnings().to_vec();
        if outcome.is_untouched { Ok(String::new()) } else { built.yaml() }
    });
    match printed {
        Ok(yaml) => (outcome.bytes, outcome.yaml) = (yaml.len(), yaml),
        Err(problems) => outcome.problems = problems,
    }
    outcome
}

/// Makes something of every path on all cores, and takes it in the order of the paths.
fn in_parallel<T: Send>(
    paths: &[String],
    make: impl Fn(&str) -> T + Sync,
    mut take: impl FnMut(T) -> Result<(), Stop>,
) -> Result<(), Stop> {
    let next = AtomicUsize::new(0);
    let workers = thread::available_parallelism().map_or(1, usize::from).min(paths.len().max(1));
    thread::scope(|scope| {
        // Each worker has a line of its own: who is ahead of the printing waits.
        let lines: Vec<Receiver<(usize, T)>> = (0..workers)
            .map(|_| {
                let (sender, receiver) = sync_channel(WAITING_MAX / workers + 1);
                scope.spawn(|| work(paths, &next, &make, sender));
                receiver
            })
            .collect();
        let mut heads: Vec<Option<(usize, T)>> = lines.iter().map(|line| line.recv().ok()).collect();
        for index in 0..paths.len() {
            let ready = heads.iter().position(|head| head.as_ref().is_some_and(|(own, _)| *own == index));
            let Some(worker) = ready else { continue };
            if let (Some(head), Some(line)) = (heads.get_mut(worker), lines.get(worker))
                && let Some((_, made)) = std::mem::replace(head, line.recv().ok())
            {
                take(made)?;
            }
        }
        Ok(())
    })
}

fn work<T>(paths: &[String], next: &AtomicUsize, make: &(impl Fn(&str) -> T + Sync), line: SyncSender<(usize, T)>) {
    let each = || {
        let index = next.fetch_add(1, Ordering::Relaxed);
        match paths.get(index) {
            // Nobody listens when printing has failed.
            Some(path) if line.send((index, make(path))).is_ok() => ControlFlow::Continue(()),
            Some(_) | None => ControlFlow::Break(()),
        }
    };
    while each().is_continue() {}
}

struct Report<'a> {
    destinations: &'a Destinations<'a>,
    outcomes: Vec<Outcome>,
    total: usize,
    done: usize,
    documents: usize,
}

impl Report<'_> {
    fn take(&mut self, mut outcome: Outcome, output: &mut Output) -> Result<(), Stop> {
        self.done += 1;
        self.draw(output);
        if outcome.is_untouched {
            return Ok(());
        }
        if !outcome.problems.is_empty() {
            output.wipe_line();
            output.say(&one_line(&outcome));
        }
        for warning in &outcome.warnings {
            output.wipe_line();
            output.say(&warning.to_string());
        }
        let yaml = std::mem::take(&mut outcome.yaml);
        match self.destinations.path {
            Some(folder) if outcome.problems.is_empty() => write_below(folder, &outcome.path, &yaml)?,
            None if self.destinations.format.unwrap_or_default() == BuildFormat::Yaml && !yaml.is_empty() => {
                let separator = if self.documents > 0 { SEPARATOR } else { "" };
                output.data(separator)?;
                output.data(&yaml)?;
            }
            Some(_) | None => {}
        }
        self.documents += outcome.objects;
        self.outcomes.push(outcome);
        Ok(())
    }

    /// A bar on a terminal, drawn for every hundredth.
    fn draw(&self, output: &mut Output) {
        let step = (self.total / 100).max(1);
        if self.done.is_multiple_of(step) {
            let full = BAR * self.done / self.total.max(1);
            let bar = format!("{}{}", "█".repeat(full), "░".repeat(BAR - full));
            output.draw_line(&format!("{bar} {} of {}", self.done, self.total));
        }
    }

    fn finish(self, milliseconds: i64, output: &mut Output) -> Result<Verdict, Stop> {
        output.wipe_line();
        let failed = self.outcomes.iter().filter(|outcome| !outcome.problems.is_empty()).count();
        match self.destinations.format {
            Some(BuildFormat::Json) => output.value(&self.outcomes, Machine::Json)?,
            Some(BuildFormat::Name) => {
                output.data(&lines(self.outcomes.iter().map(|outcome| outcome.path.clone())))?;
            }
            Some(BuildFormat::Yaml) | None => {}
        }
        let untouched = self.done - self.outcomes.len();
        let untouched = if untouched > 0 { format!(", {untouched} not touched") } else { String::new() };
        let bytes: usize = self.outcomes.iter().map(|outcome| outcome.bytes).sum();
        output.say(&format!(
            "{} built, {failed} failed{untouched}: {} objects, {} KiB in {}.{:03} s",
            self.outcomes.len() - failed,
            self.documents,
            bytes.div_ceil(1024),
            milliseconds / 1000,
            milliseconds % 1000,
        ));
        if failed > 0 { Err(Stop::Told) } else { Ok(Verdict::Yes) }
    }
}

/// What is wrong with one, in a line.
fn one_line(outcome: &Outcome) -> String {
    let Some(first) = outcome.problems.first() else { return outcome.path.clone() };
    let more = outcome.problems.len() - 1;
    let more = if more > 0 { format!(" (and {more} more)") } else { String::new() };
    let line = format!("error[{}]: {}: {}{more} --> {}", first.code, outcome.path, first.message, first.location);
    crate::output::table::one_line(&skerry_common::redact::redact(&line))
}

/// `FOLDER/apps/production.yaml` for the kustomization of `apps/production`.
fn write_below(folder: &Path, path: &str, yaml: &str) -> Result<(), Stop> {
    let name = if path.is_empty() { "kustomization" } else { path };
    let file = folder.join(format!("{name}.yaml"));
    if let Some(parent) = file.parent() {
        fs::create_dir_all(parent).map_err(|error| unwritable(parent, &error))?;
    }
    write_file(&file, yaml)
}

fn unwritable(folder: &Path, error: &std::io::Error) -> Stop {
    Failure::user(codes::FILE, format!("`{}` cannot be made: {error}", folder.display())).into()
}
