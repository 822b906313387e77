//! Measures Kustomize builds: in one process, as the hub makes them, and as programs side by side.
//!
//! `tests/bench kustomize` runs it. Prints a figure a line: name, value, unit, against what, and how many times as
//! fast or small; at the end, behind `#`, whether each bound was met. Milliseconds are those of one core, unless the
//! name ends in `wall`.

#![expect(clippy::print_stdout, reason = "figures are the output")]
#![expect(clippy::print_stderr, reason = "progress is talk")]

#[path = "kustomize/clock.rs"]
mod clock;
#[path = "kustomize/programs.rs"]
mod programs;
#[path = "kustomize/report.rs"]
mod report;
#[path = "kustomize/trees.rs"]
mod trees;

use std::path::{Path, PathBuf};

use clock::{best, memory, time};
use programs::Programs;
use report::Report;
use skerry_render::{
    Memo, MemoryTree, RenderLimits, RenderRequest, Renderer, SourceTree as _, build_kustomization,
    build_kustomization_with,
};

/// Most overlays over the one base.
const OVERLAYS: usize = 1_000;

/// Overlays of the whole tree.
const WHOLE: usize = 950;

/// One overlay over a base of some objects.
fn one(objects: usize, report: &mut Report) {
    let tree = trees::tree(objects, 1);
    let build = || build_kustomization(&tree, "overlays/o0", RenderLimits::default()).expect("it builds");
    report.milliseconds(&format!("build-{objects}"), best(5, build));
    let built = build();
    report.milliseconds(&format!("print-{objects}"), best(5, || built.yaml().expect("YAML").len()));
}

fn all_printed(tree: &MemoryTree, memo: &Memo, overlays: usize) -> usize {
    let limits = RenderLimits::default();
    (0..overlays)
        .map(|number| {
            let path = format!("overlays/o{number}");
            let built = build_kustomization_with(memo, tree, &path, limits).expect("it builds");
            built.yaml().expect("YAML").len()
        })
        .sum()
}

fn all_rendered(tree: &MemoryTree, renderer: &mut Renderer) -> usize {
    (0..OVERLAYS)
        .map(|number| {
            let path = format!("overlays/o{number}");
            renderer.render(tree, &RenderRequest::new(&path)).expect("it renders").objects.len()
        })
        .sum()
}

/// From 1 to 1,000 overlays over one base, built and printed as `skerry build --all` does.
fn printed(report: &mut Report) {
    for overlays in [1, 10, 100, OVERLAYS] {
        let (tree, memo) = (trees::tree(10, overlays), Memo::new());
        tree.entry("").expect("a root");
        let cold = time(|| all_printed(&tree, &memo, overlays)).0;
        report.milliseconds(&format!("overlays-{overlays}"), cold);
        report.milliseconds(&format!("overlays-{overlays}-again"), time(|| all_printed(&tree, &memo, overlays)).0);
        #[expect(clippy::cast_precision_loss, reason = "a mean")]
        let each = cold / overlays as f64;
        report.milliseconds(&format!("overlays-{overlays}-each"), each);
        report.overlay_in_process = each;
    }
}

/// Overlays rendered to objects, as the hub does, after changes.
fn rendered(report: &mut Report) {
    let mut tree = trees::tree(10, OVERLAYS);
    let mut renderer = Renderer::default();
    tree.entry("").expect("a root");
    report.milliseconds("hub-cold", time(|| all_rendered(&tree, &mut renderer)).0);
    report.kibibytes("hub-memory", memory("self", "VmRSS"));
    report.milliseconds("hub-nothing-changed", time(|| all_rendered(&tree, &mut renderer)).0);
    // A tree knows its ids when it comes: Git has made them.
    tree.insert("overlays/o7/patch.yaml", trees::patch(9));
    tree.entry("").expect("a root");
    let one = time(|| all_rendered(&tree, &mut renderer)).0;
    report.milliseconds("hub-one-overlay-changed", one);
    tree.insert("base/app-1.yaml", trees::application(1).replace("production", "staging"));
    tree.entry("").expect("a root");
    let all = time(|| all_rendered(&tree, &mut renderer)).0;
    report.milliseconds("hub-base-changed", all);
    report.below("one overlay of 1,000 changed", one, 5.0);
    report.below("one file of the base of 1,000 overlays changed", all, 500.0);
}

/// The tree of a platform team, in one process and on one core: first and again.
fn whole(report: &mut Report) {
    let (tree, memo) = (trees::whole(WHOLE), Memo::new());
    tree.entry("").expect("a root");
    report.milliseconds("whole-cold", time(|| all_printed(&tree, &memo, WHOLE)).0);
    let warm = time(|| all_printed(&tree, &memo, WHOLE)).0;
    report.milliseconds("whole-warm", warm);
    report.kibibytes("whole-memory", memory("self", "VmRSS"));
    report.below("950 overlays, 17 MB, again in the process", warm, 500.0);
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (paths, flags): (Vec<_>, Vec<_>) = arguments.iter().partition(|argument| !argument.starts_with('-'));
    let mut report = Report::default();
    for objects in [10, 100, 1_000, 5_000] {
        one(objects, &mut report);
    }
    printed(&mut report);
    rendered(&mut report);
    whole(&mut report);
    if let [skerry, others] = paths.as_slice() {
        let others = Path::new(others);
        let folder = std::env::temp_dir().join(format!("skerry-bench-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        let programs = Programs {
            skerry: PathBuf::from(skerry),
            kustomize: others.join("kustomize"),
            kubectl: others.join("kubectl"),
            folder: folder.clone(),
        };
        programs.one_overlay(flags.iter().any(|flag| *flag == "--long"), &mut report);
        programs.whole_tree(&mut report);
        std::fs::remove_dir_all(&folder).expect("removed");
    } else {
        eprintln!("no programs are compared: give `skerry` and the folder of kustomize and kubectl");
    }
    report.finish();
}
