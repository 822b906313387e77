//! How commands end: exit codes 0 to 4, and errors that say what to do next.
//!
//! ```text
//! error[SK0903]: the hub `https://hub.example:8443` cannot be reached: connection refused
//!   --> context `production` in `/home/ana/.config/skerry/config.yaml`
//!   help: run `skerry context list`, and check that the hub runs
//! ```

use std::error::Error;

use skerry_common::diagnostic::{Code, Diagnostic, ErrorClass};
use skerry_common::error_chain::Chain;
use skerry_common::redact::redact;

use crate::output::table::Tone;
use crate::output::{Output, OutputError};

pub mod codes;

/// The answer of a command that did what it was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Done, equal, healthy. Exit code 0.
    Yes,
    /// It differs, is unhealthy, will not happen. Exit code 1.
    No,
}

impl Verdict {
    /// The process exit code.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Yes => 0,
            Self::No => ErrorClass::No.exit_code(),
        }
    }

    /// `Yes` when it holds.
    pub fn of(holds: bool) -> Self {
        if holds { Self::Yes } else { Self::No }
    }
}

/// An error for a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Decides the exit code.
    pub class: ErrorClass,
    /// Stable code.
    pub code: Code,
    /// What is wrong.
    pub message: String,
    /// Where, in words.
    pub place: Option<String>,
    /// What to do; one line each.
    pub help: Vec<String>,
}

/// Why a command did not give its answer.
#[derive(Debug)]
pub enum Stop {
    /// Nobody reads on: the end, but no failure.
    Closed,
    /// An error for a person.
    Failed(Box<Failure>),
    /// Diagnostics for a person, as renderers give them.
    Refused(Vec<Diagnostic>),
    /// The caller must change something, and was told already.
    Told,
}

impl Failure {
    /// The caller must change something.
    pub fn user(code: Code, message: impl Into<String>) -> Self {
        Self::new(ErrorClass::NeedsUser, code, message)
    }

    /// Any failure.
    pub fn new(class: ErrorClass, code: Code, message: impl Into<String>) -> Self {
        Self { class, code, message: message.into(), place: None, help: Vec::new() }
    }

    /// A failure with the text of an error and its causes.
    pub fn of(class: ErrorClass, code: Code, error: &(dyn Error + 'static)) -> Self {
        Self::new(class, code, Chain(error).to_string())
    }

    /// Says where.
    #[must_use]
    pub fn at(mut self, place: impl Into<String>) -> Self {
        self.place = Some(place.into());
        self
    }

    /// Says what to do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help.push(help.into());
        self
    }

    /// What follows the heading.
    fn details(&self) -> String {
        let place = self.place.iter().map(|place| format!("\n  --> {}", redact(place)));
        let help = self.help.iter().map(|help| format!("\n  help: {}", redact(help)));
        place.chain(help).collect()
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "error[{}]: {}{}", self.code, redact(&self.message), self.details())
    }
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failed(Box::new(failure))
    }
}

impl From<OutputError> for Stop {
    fn from(error: OutputError) -> Self {
        match error {
            OutputError::Closed => Self::Closed,
            OutputError::Write(_) => Failure::of(ErrorClass::NeedsUser, codes::FILE, &error).into(),
            OutputError::Json(_) => Failure::of(ErrorClass::Bug, codes::BUG, &error).help(REPORT).into(),
        }
    }
}

/// What to do about a bug.
pub const REPORT: &str = "this is a mistake in Skerry: please report it with the output of `skerry version` and the \
                          command that you ran";

/// Says why a command stopped; returns the exit code.
pub fn tell(stop: &Stop, output: &mut Output) -> u8 {
    match stop {
        Stop::Closed => 0,
        Stop::Failed(failure) => {
            let rest = format!(": {}{}", redact(&failure.message), failure.details());
            output.say_toned(&format!("error[{}]", failure.code), Tone::Bad, &rest);
            failure.class.exit_code()
        }
        Stop::Told => ErrorClass::NeedsUser.exit_code(),
        Stop::Refused(diagnostics) => {
            for diagnostic in diagnostics {
                output.say(&diagnostic.to_string());
            }
            ErrorClass::NeedsUser.exit_code()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_says_what_where_and_what_to_do() {
        let failure =
            Failure::user(codes::NO_HUB, "no hub is configured").at("`config.yaml`").help("run `skerry context add`");
        let expected = "error[SK0901]: no hub is configured\n  --> `config.yaml`\n  help: run `skerry context add`";
        assert_eq!(failure.to_string(), expected);
    }

    #[test]
    fn nothing_hostile_and_no_credential_is_shown() {
        let failure = Failure::user(codes::FILE, "x\u{1b}[2J https://ana:pw@host/").at("\u{202e}");
        assert_eq!(failure.to_string(), "error[SK0910]: x\\u{1b}[2J https://‹redacted›@host/\n  --> \\u{202e}");
    }

    #[test]
    fn exit_codes_are_those_of_the_design() {
        assert_eq!([Verdict::Yes, Verdict::No].map(Verdict::exit_code), [0, 1]);
        let classes = [ErrorClass::No, ErrorClass::NeedsUser, ErrorClass::Retry, ErrorClass::Bug];
        assert_eq!(classes.map(ErrorClass::exit_code), [1, 2, 3, 4]);
    }
}
