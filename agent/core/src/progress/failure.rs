//! Why an object could not be handled, and whether to try again.

use std::time::Duration;

use skerry_common::backoff::Backoff;
use skerry_common::diagnostic::ErrorClass;

/// Attempts within one pass; the next full pass begins anew.
const ATTEMPTS_MAX: u32 = 5;

/// The first delay of a retry.
const DELAY_FIRST: Duration = Duration::from_millis(250);

/// The longest delay of a retry: a pass that waits longer would hide what it waits for.
const DELAY_LONGEST: Duration = Duration::from_secs(10);

/// What went wrong, in words and by kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Of which kind.
    pub kind: FailureKind,
    /// What the API server said, redacted and clipped.
    pub message: String,
    /// How long the API server asked to wait.
    pub retry_after: Option<Duration>,
}

/// Kinds of failure, as far as they differ in what to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// The namespace does not exist (yet).
    NamespaceMissing,
    /// The kind is not served (any more).
    NotServed,
    /// An admission webhook could not be called.
    WebhookUnreachable,
    /// An admission webhook or policy said no.
    WebhookDenied,
    /// A precondition did not hold: the object is not the one that was planned for.
    Conflict,
    /// The server is busy, restarting or unreachable.
    Unavailable,
    /// The agent may not do that.
    Forbidden,
    /// The server refuses the object.
    Invalid,
    /// A definition was applied but is not established.
    NotEstablished,
    /// The agent's own store could not be written: nothing may be done that it would not remember.
    Store,
}

/// Whether to try again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// In this pass, after a delay.
    After(Duration),
    /// With a new plan.
    PlanAgain,
    /// With the next pass.
    Never,
}

impl Failure {
    /// A failure; the message is redacted and clipped.
    pub fn new(kind: FailureKind, message: &str) -> Self {
        let message = skerry_common::limits::clip(&skerry_common::redact::redact(message));
        Self { kind, message, retry_after: None }
    }

    /// Whether it may come right by itself.
    pub fn class(&self) -> ErrorClass {
        match self.kind {
            FailureKind::NamespaceMissing
            | FailureKind::NotServed
            | FailureKind::WebhookUnreachable
            | FailureKind::Conflict
            | FailureKind::Unavailable
            | FailureKind::NotEstablished
            | FailureKind::Store => ErrorClass::Retry,
            FailureKind::WebhookDenied | FailureKind::Forbidden | FailureKind::Invalid => ErrorClass::NeedsUser,
        }
    }

    /// What to do after so many attempts; `seed` decides the jitter.
    pub fn retry(&self, attempts: u32, seed: u64) -> Retry {
        match self.kind {
            FailureKind::Conflict | FailureKind::NotServed => Retry::PlanAgain,
            FailureKind::WebhookDenied
            | FailureKind::Forbidden
            | FailureKind::Invalid
            | FailureKind::NotEstablished
            | FailureKind::Store => Retry::Never,
            FailureKind::NamespaceMissing | FailureKind::WebhookUnreachable | FailureKind::Unavailable => {
                if attempts >= ATTEMPTS_MAX { Retry::Never } else { Retry::After(self.delay(attempts, seed)) }
            }
        }
    }

    fn delay(&self, attempts: u32, seed: u64) -> Duration {
        let asked = self.retry_after.unwrap_or_default().min(DELAY_LONGEST);
        let Ok(mut backoff) = Backoff::new(DELAY_FIRST, DELAY_LONGEST, seed) else { return DELAY_LONGEST };
        let mut own = backoff.next_delay();
        for _ in 1..attempts.min(ATTEMPTS_MAX) {
            own = backoff.next_delay();
        }
        own.max(asked)
    }
}
