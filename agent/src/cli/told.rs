//! What commands say: data on stdout, talk on stderr.

use std::io::Write as _;

use super::{Failure, codes};

/// How a command ended that did what it was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Done, or the answer is yes.
    Yes,
    /// The answer is no.
    No,
}

impl Verdict {
    /// The process exit code.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Yes => 0,
            Self::No => 1,
        }
    }
}

/// Prints data.
pub(crate) fn data(text: &str) -> Result<Verdict, Failure> {
    let written = writeln!(std::io::stdout(), "{text}");
    written.map(|()| Verdict::Yes).map_err(|error| Failure::retry(codes::FILE, &error).about("stdout"))
}

/// Talks to the person at the terminal; nobody may be there.
pub(crate) fn talk(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}
