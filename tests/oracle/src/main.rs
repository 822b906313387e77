//! Builds random trees with Skerry and with upstream's `kustomize`, and compares the bytes.
//!
//! ```text
//! seed ──▶ tree of files (random kustomizations over random objects) ──▶ both programs
//!                                                                           │
//!   report: fields, pairs of fields, share that builds ◀── same? ── no ──▶ shrink, print
//! ```
//! Each tree follows from the seed and its number alone, so `--seed S --first N --count 1` makes
//! it again. What is printed of a difference has the form of a case of the corpus.

mod arguments;
mod compare;
mod coverage;
mod fields;
mod folder;
mod objects;
mod random;
mod run;
mod shrink;
mod tree;
mod words;
mod yaml;

use std::io::Write;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments = match arguments::parse(std::env::args().skip(1)) {
        Ok(arguments) => arguments,
        Err(message) => {
            let _ = writeln!(std::io::stderr(), "oracle: {message}\n{}", arguments::USAGE);
            return ExitCode::from(2);
        }
    };
    match run::run(&arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "oracle: {error}");
            ExitCode::from(3)
        }
    }
}
