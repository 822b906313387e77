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
//! `kubectl` and the API machinery (1.35) read YAML through `sigs.k8s.io/yaml` 1.6, which uses
//! go-yaml **v2** (YAML 1.1): `yes`, `no`, `on`, `off`, `y` and `n` are booleans, also as keys
//! (`y: 1` sets the key `true`). Kustomize (5.8) keeps its trees with go-yaml **v3**, for which
//! these are strings and dates are timestamps. [`Rules`] names the two; what else is read is the
//! same for both:
//!
//! | text | type |
//! |---|---|
//! | nothing, `~`, `null`, `Null`, `NULL` | null |
//! | `true`, `True`, `TRUE`, `false` … | boolean |
//! | `12`, `-12`, `+12`, `1_000` | integer |
//! | `0o14`, `014`, `0xC`, `0b1100` | integer (octal, octal, hexadecimal, binary) |
//! | up to 18446744073709551615 | integer, exact |
//! | beyond, `08`, `1.5`, `1e3`, `.5` | float |
//! | `.inf`, `-.inf`, `.nan` | float, which has no JSON form and is refused there |
//! | `12:30:45`, `2001-01-01` | string (with v3, a date in its long form) |
//! | `!!binary aGk=` | the string that it encodes |
//!
//! In JSON a float without a fraction is an integer, as it is after upstream's way through JSON
//! text. With [`Rules::Kustomize`] values are what they are after upstream's second reading of
//! its own output.
//!
//! # Deliberate differences
//! - A key twice in one mapping is refused, as by the strict readers; so are keys that become
//!   the same string in JSON, of which upstream drops one.
//! - What a mapping sets itself wins over `<<`, wherever that stands (v2: only if it stands
//!   below).
//! - Null keys are refused (Kustomize drops them).
//! - Anchors end with their document.
//! - `\/` in double quotes is read, as JSON needs it.
//! - A multi-line text that starts with a tab is printed in double quotes (v3 prints a block
//!   that it cannot read).

mod alias;
mod emit;
mod error;
mod go_sort;
mod json;
mod limits;
mod list;
mod node;
mod parser;
mod resolve;
mod scanner;
mod token;

pub use alias::expand_aliases;
pub use emit::{
    EmitOptions, SequenceIndent, compare_keys, emit, emit_documents, emit_node, json_to_yaml, json_to_yaml_in_order,
    print_sorted, print_sorted_behind,
};
pub use error::{ConvertError, ConvertErrorKind, ParseError, ParseErrorKind};
pub use go_sort::sort_as_go;
pub use json::{decode_binary, float_text, from_json, to_json, to_json_with};
pub use limits::Limits;
pub use list::List;
pub use node::{CollectionStyle, Comments, Document, Node, NodeKind, Position, ScalarStyle, Text};
pub use parser::{Duplicates, parse, parse_bytes, parse_bytes_with, parse_first};
pub use resolve::{Resolved, Rules, implied_tag};

#[cfg(test)]
mod convert_tests;
#[cfg(test)]
mod fuzz_tests;
#[cfg(test)]
mod golden_tests;
#[cfg(test)]
mod tests;
