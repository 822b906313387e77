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
#[path = "../../../common/render/src/tests/cases.rs"]
mod cases;
mod compare;
mod corpus;
mod coverage;
mod fields;
mod folder;
mod handwriting;
mod links;
mod merge_keys;
mod objects;
mod random;
mod run;
mod shrink;
mod tree;
mod words;
mod yaml;

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use corpus::Mode;

fn main() -> ExitCode {
    let arguments = match arguments::parse(std::env::args().skip(1)) {
        Ok(arguments) => arguments,
        Err(message) => {
            let _ = writeln!(std::io::stderr(), "oracle: {message}\n{}", arguments::USAGE);
            return ExitCode::from(2);
        }
    };
    let result = match arguments.verb.as_str() {
        "fuzz" => run::run(&arguments),
        "print" => run::print(&arguments).map(|()| true),
        "check" => corpus::run(&arguments.program, Mode::Check, arguments.part.as_deref()),
        "record" => corpus::run(&arguments.program, Mode::Record, arguments.part.as_deref()),
        "try" => corpus::attempt(&arguments.program, Path::new(arguments.part.as_deref().unwrap_or("."))),
        verb => Err(std::io::Error::other(format!("there is no `{verb}`: fuzz, print, check, record or try"))),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "oracle: {error}");
            ExitCode::from(3)
        }
    }
}
