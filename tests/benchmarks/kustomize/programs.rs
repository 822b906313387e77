//! The programs side by side: ours, `kustomize build` and `kubectl kustomize`.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::clock::{Took, in_children, memory};
use super::report::Report;
use super::trees;
use skerry_render::{MemoryTree, SourceTree as _};

/// How often a program is asked for its memory.
const LOOK_EVERY: std::time::Duration = std::time::Duration::from_micros(200);

/// Overlays of the whole tree, and how many of them the other programs build: what one takes does
/// not depend on the others.
const WHOLE: (usize, usize) = (950, 20);

/// The programs that are compared, and where they work.
pub(crate) struct Programs {
    pub(crate) skerry: PathBuf,
    pub(crate) kustomize: PathBuf,
    pub(crate) kubectl: PathBuf,
    pub(crate) folder: PathBuf,
}

/// What a run of a program took.
struct Run {
    took: Took,
    /// Most memory, in KiB.
    memory: u64,
    output: Vec<u8>,
}

/// Runs a program; its output goes to a file.
fn start(program: &Path, arguments: &[&str], folder: &Path) -> std::process::Child {
    let file = std::fs::File::create(folder.join("output")).expect("a file");
    let mut command = Command::new(program);
    let command = command.args(arguments).current_dir(folder).stdin(Stdio::null()).stderr(Stdio::null());
    command.stdout(file).spawn().expect("it runs")
}

/// Runs a program some times, and once more to see its memory.
fn run(program: &Path, arguments: &[&str], folder: &Path, times: u32) -> Run {
    let took = in_children(|| {
        for _ in 0..times {
            let status = start(program, arguments, folder).wait().expect("waited");
            assert!(status.success(), "{} {arguments:?}", program.display());
        }
    });
    let mut child = start(program, arguments, folder);
    let mut most = 0;
    while child.try_wait().expect("waited").is_none() {
        most = most.max(memory(&child.id().to_string(), "VmHWM"));
        std::thread::park_timeout(LOOK_EVERY);
    }
    let times = f64::from(times);
    let took = Took { core: took.core / times, wall: took.wall / times };
    Run { took, memory: most, output: std::fs::read(folder.join("output")).expect("output") }
}

impl Programs {
    /// Trees of one overlay over a base of more and more objects.
    pub(crate) fn one_overlay(&self, is_long: bool, report: &mut Report) {
        for (objects, ours, theirs) in [(10, 200, 20), (100, 200, 20), (1_000, 20, 2), (5_000, 5, 1)] {
            eprintln!("programs, {objects} objects …");
            let at = self.folder.join(format!("objects-{objects}"));
            write(&trees::tree(objects, 1), &at);
            // Ours in two halves, before and after: the machine may be slower at one time than at another.
            let first = run(&self.skerry, &["build", "overlays/o0"], &at, ours / 2 + 1);
            let compares = objects < 5_000 || is_long;
            let others = compares.then(|| {
                let kustomize = run(&self.kustomize, &["build", "overlays/o0"], &at, theirs);
                let kubectl = run(&self.kubectl, &["kustomize", "overlays/o0"], &at, theirs);
                (kustomize, kubectl)
            });
            let second = run(&self.skerry, &["build", "overlays/o0"], &at, ours / 2 + 1);
            let core = (first.took.core + second.took.core) / 2.0;
            let wall = (first.took.wall + second.took.wall) / 2.0;
            let ours = Run { took: Took { core, wall }, ..second };
            let name = format!("program-{objects}");
            let Some((kustomize, kubectl)) = others else {
                alone(&name, &ours, report);
                continue;
            };
            assert!(ours.output == kustomize.output, "the output is another than that of kustomize");
            compared(&name, &ours, &[("kustomize", &kustomize), ("kubectl", &kubectl)], report);
            if objects == 100 {
                report.at_least(
                    "as a program, 100 objects, against kustomize",
                    kustomize.took.core / ours.took.core,
                    20.0,
                );
            }
            if objects == 10 {
                report.overlay_by_kustomize = kustomize.took.core;
            }
        }
    }

    /// Every overlay of a tree: ours at once, the others one by one.
    pub(crate) fn whole_tree(&self, report: &mut Report) {
        eprintln!("a tree of {} overlays …", WHOLE.0);
        let at = self.folder.join("whole");
        write(&trees::whole(WHOLE.0), &at);
        let ours = run(&self.skerry, &["build", "--all", "overlays", "--root", "."], &at, 3);
        let documents = String::from_utf8_lossy(&ours.output).matches("\n---\n").count() + 1;
        let name = format!("all-{}-objects-{}-KiB", documents, ours.output.len() / 1024);
        #[expect(clippy::cast_precision_loss, reason = "a ratio")]
        let scale = WHOLE.0 as f64 / WHOLE.1 as f64;
        let each = |program: &Path, verb: &str| {
            let runs: Vec<Run> =
                (0..WHOLE.1).map(|number| run(program, &[verb, &format!("overlays/o{number}")], &at, 1)).collect();
            let sum = |of: fn(&Took) -> f64| runs.iter().map(|run| of(&run.took)).sum::<f64>() * scale;
            let memory = runs.iter().map(|run| run.memory).max().unwrap_or(0);
            let took = Took { core: sum(|took| took.core), wall: sum(|took| took.wall) };
            Run { took, memory, output: Vec::new() }
        };
        let (kustomize, kubectl) = (each(&self.kustomize, "build"), each(&self.kubectl, "kustomize"));
        compared(&name, &ours, &[("kustomize", &kustomize), ("kubectl", &kubectl)], report);
        report.below("`--all` as a program, by the clock", ours.took.wall, 2_000.0);
    }
}

/// Writes a tree, as a work tree of Git: nothing leads out of one.
fn write(tree: &MemoryTree, folder: &Path) {
    std::fs::create_dir_all(folder.join(".git")).expect("made");
    for path in tree.paths() {
        let file = folder.join(path);
        std::fs::create_dir_all(file.parent().expect("a parent")).expect("made");
        std::fs::write(file, tree.read(path).expect("a file")).expect("written");
    }
}

fn alone(name: &str, ours: &Run, report: &mut Report) {
    report.milliseconds(name, ours.took.core);
    report.milliseconds(&format!("{name}-wall"), ours.took.wall);
    report.kibibytes(&format!("{name}-memory"), ours.memory);
}

/// Prints ours, against theirs.
fn compared(name: &str, ours: &Run, theirs: &[(&str, &Run)], report: &mut Report) {
    for (program, run) in theirs {
        report.against(name, "ms", ours.took.core, program, run.took.core);
        report.against(&format!("{name}-wall"), "ms", ours.took.wall, program, run.took.wall);
        #[expect(clippy::cast_precision_loss, reason = "a ratio")]
        let (ours, theirs) = (ours.memory as f64, run.memory as f64);
        report.against(&format!("{name}-memory"), "KiB", ours, program, theirs);
    }
}
