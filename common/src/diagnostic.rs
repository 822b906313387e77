//! Errors that a user can act on: a code, a place, and what to change.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A stable code, shown as `SK0412` and explained by `skerry explain`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Code(pub u16);

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SK{:04}", self.0)
    }
}

impl Code {
    /// Puts the code into what a parser of command lines says, which begins with `error: `. Anything else, such as help
    /// that is shown for want of a command, stays as it is.
    pub fn in_usage(self, said: &str) -> String {
        match said.strip_prefix("error: ") {
            Some(rest) => format!("error[{self}]: {rest}"),
            None => said.to_owned(),
        }
    }
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Works, but somebody should look.
    Warning,
    /// Refused: the last good state stays in force.
    Error,
}

/// Where in Git something is wrong. Every part is filled in by whoever knows it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Location {
    /// Name of the source, or its URL without credentials.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// Commit id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// Path from the root of the source, `/`-separated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Line, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// Field, in JSONPath-like form: `spec.git.ref.branch`, `patches[2].target`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
}

impl Location {
    /// A place in a file.
    pub fn file(file: impl Into<String>, line: Option<u32>) -> Self {
        Self { file: Some(file.into()), line, ..Self::default() }
    }

    /// The same place, with the field.
    #[must_use]
    pub fn with_field(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }

    /// The same place, in the repository and at the commit of another.
    #[must_use]
    pub fn in_commit_of(mut self, other: &Self) -> Self {
        self.repository.clone_from(&other.repository);
        self.commit.clone_from(&other.commit);
        self
    }

    /// True when nothing is known of the place.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl fmt::Display for Location {
    /// `shop@0123456789 apps/web.yaml:12 (spec.replicas)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut space = "";
        if let Some(repository) = &self.repository {
            f.write_str(&crate::redact::redact(repository))?;
            if let Some(commit) = &self.commit {
                write!(f, "@{}", commit.get(..10).unwrap_or(commit))?;
            }
            space = " ";
        }
        if let Some(file) = &self.file {
            write!(f, "{space}{}", crate::redact::escape_controls(file))?;
            if let Some(line) = self.line {
                write!(f, ":{line}")?;
            }
            space = " ";
        }
        if let Some(field) = &self.field {
            write!(f, "{space}({})", crate::redact::escape_controls(field))?;
        }
        Ok(())
    }
}

/// One thing that is wrong, for a person.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Diagnostic {
    /// Stable code.
    pub code: Code,
    /// How bad.
    pub severity: Severity,
    /// What is wrong: lower-case, no full stop, names in backticks.
    pub message: String,
    /// Where.
    #[serde(default, skip_serializing_if = "Location::is_empty")]
    pub location: Location,
    /// What to change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}

impl Diagnostic {
    /// An error without a place yet.
    pub fn error(code: Code, message: impl Into<String>) -> Self {
        let message = crate::limits::clip(&message.into());
        Self { code, severity: Severity::Error, message, location: Location::default(), help: None }
    }

    /// A warning without a place yet.
    pub fn warning(code: Code, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, message) }
    }

    /// Says where.
    #[must_use]
    pub fn at(mut self, location: Location) -> Self {
        self.location = location;
        self
    }

    /// Says what to change.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// True when nothing may be published from what this is about.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

impl fmt::Display for Diagnostic {
    /// `error[SK0412]: message`, then `  --> place`, then `  help: …`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self.severity {
            Severity::Warning => "warning",
            Severity::Error => "error",
        };
        write!(f, "{word}[{}]: {}", self.code, crate::redact::redact(&self.message))?;
        if !self.location.is_empty() {
            write!(f, "\n  --> {}", self.location)?;
        }
        if let Some(help) = &self.help {
            write!(f, "\n  help: {}", crate::redact::redact(help))?;
        }
        Ok(())
    }
}

/// What kind of failure an error is, for retries and exit codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorClass {
    /// The answer is no. Exit code 1.
    No,
    /// The caller must change something. Exit code 2.
    NeedsUser,
    /// Not possible now; trying again may help. Exit code 3.
    Retry,
    /// A bug. Exit code 4.
    Bug,
}

impl ErrorClass {
    /// The process exit code.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::No => 1,
            Self::NeedsUser => 2,
            Self::Retry => 3,
            Self::Bug => 4,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usage_errors_carry_their_code_and_help_stays_as_it_is() {
        assert_eq!(
            Code(905).in_usage("error: no such flag\n\nUsage: x\n"),
            "error[SK0905]: no such flag\n\nUsage: x\n"
        );
        assert_eq!(Code(905).in_usage("Usage: x\n"), "Usage: x\n");
    }

    #[test]
    fn an_error_reads_what_where_and_what_to_do() {
        let location = Location {
            repository: Some("https://u:p@h/shop.git".into()),
            commit: Some("0123456789abcdef".into()),
            ..Location::file("a.yaml", Some(3)).with_field("spec.replicas")
        };
        let shown = Diagnostic::error(Code(412), "no").at(location).help("write a number").to_string();
        let expected = "error[SK0412]: no\n  --> https://‹redacted›@h/shop.git@0123456789 a.yaml:3 (spec.replicas)\n  help: write a number";
        assert_eq!(shown, expected);
    }
}
