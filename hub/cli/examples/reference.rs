//! Prints a reference: `cargo run -p skerry --example reference > docs/cli.md`, and with `errors` that of the errors.

use std::io::Write as _;

fn main() -> std::io::Result<()> {
    let text = match std::env::args().nth(1).as_deref() {
        Some("errors") => skerry_cli::reference::errors(),
        Some(_) | None => skerry_cli::reference::markdown(),
    };
    std::io::stdout().write_all(text.as_bytes())
}
