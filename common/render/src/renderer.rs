//! Renders again only what a change touches.
//!
//! ```text
//! path ──build──▶ documents ──variables, checks──▶ objects
//!        memo: read-set (paths)      memo: + namespace and used variables
//! ```
//! A result is taken from the memo when everything that it read is unchanged in the tree at hand;
//! tree and blob ids make that a handful of look-ups. A path is built once however many clusters
//! share it, and its variables are replaced once per distinct set of used values. What comes from
//! the memo is the same, byte for byte, as what a fresh render gives. Below that, builds share
//! parsed files and bases: see [`Memo`].

use std::sync::Arc;

use skerry_common::diagnostic::{Diagnostic, Location};

use crate::allowed::Allowed;
use crate::build::{Build, build, finish};
use crate::codes;
use crate::limits::RenderLimits;
use crate::memo::{Memo, Seen, Store};
use crate::request::{RenderRequest, Rendered};
use crate::tree::{SourceTree, TreeError, View};

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
#[derive(Debug)]
pub struct Renderer {
    allowed: Allowed,
    memo: Memo,
    builds: Store<KnownBuild>,
    results: Store<KnownResult>,
    counts: MemoCounts,
}

impl Default for Renderer {
    fn default() -> Self {
        Self::new(MemoLimits::default())
    }
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
struct KnownBuild {
    limits: RenderLimits,
    build: Arc<Build>,
    seen: Seen,
}

#[derive(Debug)]
struct KnownResult {
    limits: RenderLimits,
    namespace: Option<String>,
    /// Whether variables are replaced at all.
    replaces: bool,
    rendered: Arc<Rendered>,
    seen: Seen,
}

impl Renderer {
    /// A renderer that remembers nothing yet.
    pub fn new(limits: MemoLimits) -> Self {
        Self {
            memo: Memo::new(),
            allowed: Allowed::default(),
            builds: Store::new(limits.builds_max, limits.builds_max),
            results: Store::new(limits.results_max, limits.results_max),
            counts: MemoCounts::default(),
        }
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
        let number = readable(self.memo.number_of(tree), request.path)?;
        if let Some(rendered) = self.known_result(tree, request, number)? {
            self.counts.results_reused += 1;
            return Ok(rendered);
        }
        let build = self.build(tree, request, number)?;
        let rendered = Arc::new(finish(&build, request.namespace, request.variables)?);
        let known = KnownResult {
            limits: request.limits,
            namespace: request.namespace.map(str::to_owned),
            replaces: request.variables.is_some(),
            seen: Seen::new(number, tree, &rendered.reads),
            rendered: rendered.clone(),
        };
        self.results.insert(request.path, Arc::new(known));
        Ok(rendered)
    }

    fn known_result(
        &self,
        tree: &dyn SourceTree,
        request: &RenderRequest<'_>,
        number: u64,
    ) -> Result<Option<Arc<Rendered>>, Vec<Diagnostic>> {
        for known in self.results.of(request.path) {
            let reads = &known.rendered.reads;
            let same = known.limits == request.limits
                && known.namespace.as_deref() == request.namespace
                && known.replaces == request.variables.is_some()
                && reads.variables_hold(request.variables);
            if same && readable(known.seen.holds(number, tree, reads), request.path)? {
                return Ok(Some(known.rendered.clone()));
            }
        }
        Ok(None)
    }

    fn build(
        &mut self,
        tree: &dyn SourceTree,
        request: &RenderRequest<'_>,
        number: u64,
    ) -> Result<Arc<Build>, Vec<Diagnostic>> {
        for known in self.builds.of(request.path) {
            let holds = || known.seen.holds(number, tree, &known.build.reads);
            if known.limits == request.limits && readable(holds(), request.path)? {
                self.counts.builds_reused += 1;
                return Ok(known.build.clone());
            }
        }
        self.counts.builds_made += 1;
        let view = View::with_memo(tree, request.limits, &self.memo).allowing(&self.allowed);
        let build = Arc::new(build(view, request.path)?);
        let seen = Seen::new(number, tree, &build.reads);
        let known = KnownBuild { limits: request.limits, build: build.clone(), seen };
        self.builds.insert(request.path, Arc::new(known));
        Ok(build)
    }
}

fn readable<T>(answer: Result<T, TreeError>, path: &str) -> Result<T, Vec<Diagnostic>> {
    answer.map_err(|error| {
        let message = skerry_common::error_chain::Chain(&error).to_string();
        vec![Diagnostic::error(codes::UNREADABLE, message).at(Location::file(path, None))]
    })
}
