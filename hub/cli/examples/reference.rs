//! Prints the reference of the command line: `cargo run -p skerry --example reference > docs/cli.md`.

use std::io::Write as _;

fn main() -> std::io::Result<()> {
    std::io::stdout().write_all(skerry_cli::reference::markdown().as_bytes())
}
