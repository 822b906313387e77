//! A commit over 1,000 clusters: one application that all share, and an overlay of its own for each, over one base.
//!
//! Time is that of all cores that the process uses: on a store in memory it is what the hub computes, on SQLite
//! everything. Clusters are on paper: nobody fetches what is published.

use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};
use skerry_hub::store::memory::MemoryStore;
use skerry_hub::store::sqlite::SqliteStore;
use skerry_hub::store::{BlobStore, HubStore};
use skerry_render::{Entry, MemoryTree, SourceTree as _};
use skerry_tests::git::WorkTree;
use skerry_tests::paper::PaperFleet;

use crate::Figure;

#[path = "kustomize/trees.rs"]
#[expect(dead_code, reason = "the other benchmark builds more of them")]
mod trees;

const CLUSTERS: usize = 1_000;

/// How often each change is made; the median counts.
const ROUNDS: usize = 5;

/// What is measured of a change.
macro_rules! figures {
    ($($name:literal),+) => {[$([
        concat!($name, "-core"),
        concat!($name, "-sqlite-core"),
        concat!($name, "-sqlite-wall"),
        concat!($name, "-git-folders"),
        concat!($name, "-git-files"),
    ]),+]};
}

const OF_CHANGES: [[&str; 5]; 4] = figures!["publish-first", "publish-overlay", "publish-base", "publish-elsewhere"];

const MEMORY: &str = "publish-memory";

/// Where groups are looked up by the beginning of a name.
pub(crate) const NAMES: [&str; 5] = [OF_CHANGES[0][0], OF_CHANGES[1][0], OF_CHANGES[2][0], OF_CHANGES[3][0], MEMORY];

/// Each before a commit; the first is made once.
const CHANGES: [fn(&WorkTree, usize); 4] = [
    |work, _| {
        let tree = trees::tree(10, CLUSTERS);
        write(work, &tree, "");
        let shared = "resources: [../base]\nnamespace: shared\nnamePrefix: shared-\n";
        work.write("shared/kustomization.yaml", shared);
    },
    |work, round| {
        work.write("overlays/o7/patch.yaml", trees::patch(10 + round));
    },
    |work, round| {
        let changed = trees::application(1).replace("production", &format!("staging-{round}"));
        work.write("base/app-1.yaml", changed);
    },
    |work, round| {
        work.write("docs/readme.md", format!("round {round}\n"));
    },
];

/// What a look of the publisher took.
struct Took {
    core: Duration,
    wall: Duration,
    folders: u64,
    files: u64,
}

pub(crate) async fn measure() -> Vec<Figure> {
    let folder = tempfile::tempdir().expect("a folder");
    let store = SqliteStore::open(&folder.path().join("hub.db")).await.expect("a store");
    let before = resident();
    let (sqlite, memory) = play(store, before).await;
    let (computed, _) = play(MemoryStore::new(), before).await;
    let mut figures = Vec::new();
    for (names, (sqlite, computed)) in OF_CHANGES.iter().zip(sqlite.iter().zip(&computed)) {
        figures.push(Figure::milliseconds(names[0], computed.core));
        figures.push(Figure::milliseconds(names[1], sqlite.core));
        figures.push(Figure::milliseconds(names[2], sqlite.wall));
        #[expect(clippy::cast_precision_loss, reason = "thousands")]
        figures.extend(
            [(names[3], sqlite.folders as f64), (names[4], sqlite.files as f64)]
                .map(|(name, value)| Figure::new(name, value, "reads")),
        );
    }
    figures.push(Figure::mebibytes(MEMORY, memory));
    figures
}

/// Makes every change; gives what each took, and how much memory the first two need.
async fn play<S: HubStore + BlobStore>(store: S, before: u64) -> (Vec<Took>, u64) {
    let mut fleet = PaperFleet::of(CLUSTERS, store).await;
    let (mut all, mut memory) = (Vec::new(), 0);
    for (number, change) in CHANGES.iter().enumerate() {
        let mut took = Vec::new();
        for round in 0..if number == 0 { 1 } else { ROUNDS } {
            change(&fleet.work, round);
            fleet.push();
            took.push(look(&mut fleet).await);
        }
        took.sort_by_key(|took| took.core);
        all.push(took.swap_remove(took.len() / 2));
        memory = resident().saturating_sub(before).max(memory);
        eprintln!("{}: {:?} on a core, {:?} by the clock", OF_CHANGES[number][0], all[number].core, all[number].wall);
    }
    (all, memory)
}

async fn look<S: HubStore + BlobStore>(fleet: &mut PaperFleet<S>) -> Took {
    let before = fleet.done();
    let (began, core) = (Instant::now(), on_cores());
    fleet.publish().await;
    let (wall, core) = (began.elapsed(), on_cores().saturating_sub(core));
    let done = fleet.done().since(before);
    assert_eq!(done.drafts, CLUSTERS as u64);
    let (folders, files) = (done.git.folders_read, done.git.files_read);
    Took { core, wall, folders, files }
}

fn write(work: &WorkTree, tree: &MemoryTree, folder: &str) {
    for (name, entry) in tree.list(folder).expect("a folder") {
        let path = if folder.is_empty() { name } else { format!("{folder}/{name}") };
        match entry {
            Entry::Directory { .. } => write(work, tree, &path),
            Entry::File { .. } | Entry::Symlink { .. } | Entry::Submodule => {
                work.write(&path, tree.read(&path).expect("a file"));
            }
        }
    }
}

/// Time that this process has had on all cores.
fn on_cores() -> Duration {
    let now = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(u64::try_from(now.tv_sec).expect("it grows"), u32::try_from(now.tv_nsec).expect("below a second"))
}

/// Memory of this process.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("its memory is told");
    line.split_whitespace().next().and_then(|it| it.parse::<u64>().ok()).expect("a number") * 1024
}
