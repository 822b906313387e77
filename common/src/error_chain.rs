//! Prints an error with all its causes, on one line.

use std::error::Error;
use std::fmt;

/// Deepest chain that is printed; a longer one is a loop.
const CAUSES_MAX: usize = 16;

/// Shows `error: cause: cause of the cause`, redacted.
pub struct Chain<'a>(pub &'a (dyn Error + 'a));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = self.0.to_string();
        let mut cause = self.0.source();
        for _ in 0..CAUSES_MAX {
            let Some(error) = cause else { break };
            let next = error.to_string();
            // Some libraries repeat their cause in their own text.
            if !text.ends_with(&next) {
                text.push_str(": ");
                text.push_str(&next);
            }
            cause = error.source();
        }
        f.write_str(&crate::redact::redact(&text))
    }
}
