//! YAML as a tree of nodes that keeps text, style, comments and lines.
//!
//! ```text
//! text ──parse──▶ documents of nodes ──expand_aliases──▶ no aliases ──to_json──▶ typed JSON
//!                        │  ▲                                                      │
//!                        ▼  └──────────────────── from_json ───────────────────────┘
//!                       emit ──▶ text
//! ```
//!
//! The scanner, the parser and the emitter are ours and behave like go-yaml, which Kubernetes
//! and Kustomize use, down to which node a comment belongs to. Text from outside never makes
//! them panic, recurse deeper than [`Limits::depth_max`], or take more than linear time.
//!
//! # Whose YAML
//! Kubernetes (1.35, `sigs.k8s.io/yaml` 1.6) reads with go-yaml v2, Kustomize (5.8) keeps trees
//! with go-yaml v3: see [`Rules`] for where they differ. Stricter than both by default are
//! duplicate keys, which are refused.

mod alias;
mod emit;
mod error;
mod json;
mod limits;
mod node;
mod parser;
mod resolve;
mod scanner;
mod token;

pub use alias::expand_aliases;
pub use emit::{
    EmitOptions, SequenceIndent, compare_keys, emit, emit_documents, emit_node, json_to_yaml, json_to_yaml_in_order,
};
pub use error::{ConvertError, ConvertErrorKind, ParseError, ParseErrorKind};
pub use json::{from_json, to_json, to_json_with};
pub use limits::Limits;
pub use node::{CollectionStyle, Comments, Document, Node, NodeKind, Position, ScalarStyle};
pub use parser::{parse, parse_bytes};
pub use resolve::{Resolved, Rules};

#[cfg(test)]
mod fuzz_tests;
#[cfg(test)]
mod golden_tests;
#[cfg(test)]
mod tests;
