//! Renders plain YAML and Kustomize trees to Kubernetes objects, without IO.
//!
//! ```text
//! SourceTree ──▶ View (links, bounds, read-set)
//!                  │
//!        ┌─────────┴──────────┐
//!   plain folder         kustomization ──▶ accumulate ▸ generate ▸ components ▸ transform
//!        │                    │             ▸ hash ▸ name references
//!        └────── documents ───┘
//!                  │ variables (when given)
//!                  ▼
//!            lint ──▶ typed objects, each with its key and its place
//! ```
//!
//! What a folder is, is told by what it holds: a `kustomization.yaml` (or `.yml`, or
//! `Kustomization`) makes it a kustomization, a `Chart.yaml` a Helm chart (refused for now),
//! anything else a folder of manifests. See [`render`] for the one entry, [`Renderer`] for the one
//! with a memory, and [`CODES`] for what can be wrong.
//!
//! # Guarantees
//! * Nothing outside the [`SourceTree`] is read, but what [`Allowed`] hands out: no disk, network,
//!   clock or environment.
//! * No path leaves the root of the tree, whatever `..` and symbolic links say.
//! * [`RenderLimits`] bound what is read and made; bytes from outside never cause a panic.
//! * The same tree, request and version give the same bytes, in memory or not.

mod allowed;
mod build;
mod built;
mod codes;
mod document;
mod explain;
mod kustomize;
mod limits;
mod lint;
mod memo;
mod plain;
mod read_set;
mod renderer;
mod request;
mod scope;
mod separators;
mod suggest;
mod through_json;
mod tree;
mod twin_keys;
mod variables;
mod whole;

pub use allowed::{
    Allowed, ChartError, ChartFlag, ChartRenderer, ChartRequest, ChartSource, FileScope, RemoteBase, RemoteError,
    RemoteSources,
};
pub use build::{build_allowed, build_documents, render};
pub use built::{
    Built, BuiltFile, build_kustomization, build_kustomization_allowed, build_kustomization_with, print_documents,
};
pub use codes::CODES;
pub use explain::{
    Asked, Explained, ExplainedField, RenderedExplained, SetBy, explain, explain_allowed, explain_rendered,
};
pub use limits::RenderLimits;
pub use memo::Memo;
pub use read_set::ReadSet;
pub use renderer::{MemoCounts, MemoLimits, Renderer};
pub use request::{RenderRequest, Rendered, RenderedObject};
pub use tree::{Entry, MemoryTree, SourceTree, TreeError};
pub use whole::kustomizations;

#[cfg(test)]
mod tests;
