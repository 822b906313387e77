//! Renders again only what a change touches.
//!
//! ```text
//! path ──build──▶ documents ──variables, checks──▶ objects
//!        memo: read-set (paths)      memo: + namespace and used variables
//! ```
//! A result is taken from the memo when everything that it read is unchanged in the tree at hand;
//! tree and blob ids make that a handful of look-ups. A path is built once however many clusters
//! share it, and its variables are replaced once per distinct set of used values. What comes from
//! the memo is the same, byte for byte, as what a fresh render gives.

use std::collections::VecDeque;
use std::sync::Arc;

use skerry_common::diagnostic::{Diagnostic, Location};

use crate::allowed::Allowed;
use crate::build::{Build, build, finish};
use crate::codes;
use crate::limits::RenderLimits;
use crate::request::{RenderRequest, Rendered};
use crate::tree::{SourceTree, View};

/// How much a renderer remembers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemoLimits {
    /// Most builds (a path at a state of its files).
    pub builds_max: usize,
    /// Most results (a build with a namespace and variables).
    pub results_max: usize,
}

impl Default for MemoLimits {
    /// The builds of a fleet with some hundred applications, each with a few variants.
    fn default() -> Self {
        Self { builds_max: 1_024, results_max: 4_096 }
    }
}

/// A render with a memory.
#[derive(Debug, Default)]
pub struct Renderer {
    limits: MemoLimits,
    allowed: Allowed,
    builds: VecDeque<BuildEntry>,
    results: VecDeque<ResultEntry>,
    counts: MemoCounts,
}

/// How often the memo helped, since the renderer was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MemoCounts {
    /// Results taken as they were.
    pub results_reused: u64,
    /// Builds taken as they were.
    pub builds_reused: u64,
    /// Builds made.
    pub builds_made: u64,
}

#[derive(Debug)]
struct BuildEntry {
    path: String,
    limits: RenderLimits,
    build: Arc<Build>,
}

#[derive(Debug)]
struct ResultEntry {
    path: String,
    limits: RenderLimits,
    namespace: Option<String>,
    /// Whether variables are replaced at all.
    replaces: bool,
    rendered: Arc<Rendered>,
}

impl Renderer {
    /// A renderer that remembers nothing yet.
    pub fn new(limits: MemoLimits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// The same renderer, allowed more than to read. What it remembers stays: ask for it at once.
    #[must_use]
    pub fn allowing(self, allowed: Allowed) -> Self {
        Self { allowed, ..self }
    }

    /// How often the memo helped.
    pub fn counts(&self) -> MemoCounts {
        self.counts
    }

    /// Renders; the result equals that of [`crate::render`].
    pub fn render(
        &mut self,
        tree: &dyn SourceTree,
        request: &RenderRequest<'_>,
    ) -> Result<Arc<Rendered>, Vec<Diagnostic>> {
        if let Some(rendered) = self.known_result(tree, request)? {
            self.counts.results_reused += 1;
            return Ok(rendered);
        }
        let build = self.build(tree, request)?;
        let rendered = Arc::new(finish(&build, request.namespace, request.variables)?);
        self.results.push_front(ResultEntry {
            path: request.path.to_owned(),
            limits: request.limits,
            namespace: request.namespace.map(str::to_owned),
            replaces: request.variables.is_some(),
            rendered: rendered.clone(),
        });
        self.results.truncate(self.limits.results_max);
        Ok(rendered)
    }

    fn known_result(
        &mut self,
        tree: &dyn SourceTree,
        request: &RenderRequest<'_>,
    ) -> Result<Option<Arc<Rendered>>, Vec<Diagnostic>> {
        let mut found = None;
        for (index, entry) in self.results.iter().enumerate() {
            let same = entry.path == request.path
                && entry.limits == request.limits
                && entry.namespace.as_deref() == request.namespace
                && entry.replaces == request.variables.is_some()
                && entry.rendered.reads.variables_hold(request.variables);
            if same && holds(entry.rendered.reads.paths_hold(tree), request.path)? {
                found = Some(index);
                break;
            }
        }
        let Some(entry) = found.and_then(|index| self.results.remove(index)) else { return Ok(None) };
        let rendered = entry.rendered.clone();
        self.results.push_front(entry);
        Ok(Some(rendered))
    }

    fn build(&mut self, tree: &dyn SourceTree, request: &RenderRequest<'_>) -> Result<Arc<Build>, Vec<Diagnostic>> {
        let mut found = None;
        for (index, entry) in self.builds.iter().enumerate() {
            let same = entry.path == request.path && entry.limits == request.limits;
            if same && holds(entry.build.reads.paths_hold(tree), request.path)? {
                found = Some(index);
                break;
            }
        }
        let entry = match found.and_then(|index| self.builds.remove(index)) {
            Some(entry) => {
                self.counts.builds_reused += 1;
                entry
            }
            None => {
                self.counts.builds_made += 1;
                let build = Arc::new(build(View::new(tree, request.limits).allowing(&self.allowed), request.path)?);
                BuildEntry { path: request.path.to_owned(), limits: request.limits, build }
            }
        };
        let build = entry.build.clone();
        self.builds.push_front(entry);
        self.builds.truncate(self.limits.builds_max);
        Ok(build)
    }
}

fn holds(answer: Result<bool, crate::tree::TreeError>, path: &str) -> Result<bool, Vec<Diagnostic>> {
    answer.map_err(|error| {
        let message = skerry_common::error_chain::Chain(&error).to_string();
        vec![Diagnostic::error(codes::UNREADABLE, message).at(Location::file(path, None))]
    })
}
