//! Whether a ref went on, or was moved by force.

use std::collections::{BTreeSet, BinaryHeap};

use gix::{ObjectId, Repository};

/// Most commits that are looked at; beyond, a push counts as regular. Real pushes need a handful.
const COMMITS_WALKED_MAX: usize = 100_000;

/// What a walk through the ancestors found.
struct Walk {
    seen: BTreeSet<ObjectId>,
    /// Commits where the known history ends although the real one goes on.
    cut: Vec<ObjectId>,
    found: bool,
    complete: bool,
}

/// True when it is certain that `new` does not descend from `previous`.
///
/// Where the known history is cut (a shallow fetch) and nothing tells, the answer is `false`.
pub(super) fn was_forced(repository: &Repository, previous: ObjectId, new: ObjectId) -> bool {
    let forward = walk(repository, new, Some(previous));
    if forward.found || !forward.complete {
        return false;
    }
    if forward.cut.is_empty() {
        return true;
    }
    // What both know in common lies on this side of the cut: `previous` is no ancestor of it.
    let back = walk(repository, previous, None);
    forward.cut.iter().all(|cut| back.seen.contains(cut))
}

fn walk(repository: &Repository, start: ObjectId, goal: Option<ObjectId>) -> Walk {
    let mut walk = Walk { seen: BTreeSet::new(), cut: Vec::new(), found: false, complete: true };
    let shallow = repository.shallow_commits().ok().flatten();
    let mut queue = BinaryHeap::from([(i64::MAX, start)]);
    while let Some((_, id)) = queue.pop() {
        if Some(id) == goal {
            walk.found = true;
            return walk;
        }
        if !walk.seen.insert(id) {
            continue;
        }
        if walk.seen.len() > COMMITS_WALKED_MAX {
            walk.complete = false;
            return walk;
        }
        let Ok(commit) = repository.find_commit(id) else {
            walk.cut.push(id);
            continue;
        };
        if shallow.as_ref().is_some_and(|list| list.iter().any(|cut| *cut == id)) {
            walk.cut.push(id);
            continue;
        }
        for parent in commit.parent_ids().map(gix::Id::detach) {
            // Newest first: the previous tip is met after a few commits.
            let time = repository.find_commit(parent).ok().and_then(|parent| parent.time().ok());
            queue.push((time.map_or(i64::MIN, |time| time.seconds), parent));
        }
    }
    walk
}
