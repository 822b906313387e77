//! Whether a condition is met, is not met yet, or cannot be met any more.
//!
//! ```text
//!                    met when                         never when
//! sync=current       the newest target is applied     refused · not rendered · revoked
//! sync=WORD          sync is WORD                     revoked
//! health=WORD        health is WORD                   revoked
//! generation=N       N is applied                     a higher one exists · N refused · revoked
//! commit=C           a target made of C is applied    C was in the target and is no more
//!                                                     · C not rendered · refused · revoked
//! ```
//! What is too old to be believed meets no `sync` or `health`: unknown is not healthy. That something
//! was applied stays true.

use std::fmt;

use skerry_common::diagnostic::Diagnostic;
use skerry_common::status::{Contact, Sync};
use skerry_hub_core::view::{BundleView, ClusterView};

use crate::args::wait::Condition;

/// What of earlier looks matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Memory {
    /// The commit was part of the target once.
    targeted: bool,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It is so.
    Met,
    /// Not yet, and why, in words.
    NotYet(String),
    /// Not any more.
    Never(Never),
}

/// Why something can no longer become true.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Never {
    /// A higher generation took its place.
    Superseded(u64),
    /// What Git says cannot be published.
    NotRendered(String),
    /// The agent refused the bundle.
    Refused(String),
    /// The cluster is shut out.
    Revoked,
}

impl fmt::Display for Never {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Superseded(by) => write!(f, "generation {by} took its place"),
            Self::NotRendered(why) => write!(f, "rendering failed: {why}"),
            Self::Refused(why) => write!(f, "the agent refused it: {why}"),
            Self::Revoked => f.write_str("the cluster is revoked"),
        }
    }
}

/// Judges one condition.
pub fn decide(condition: &Condition, view: &ClusterView, memory: &mut Memory) -> Answer {
    if view.contact == Contact::Revoked {
        return Answer::Never(Never::Revoked);
    }
    match condition {
        Condition::Sync(wanted) => sync(*wanted, view),
        Condition::Health(wanted) => {
            let found = view.counted_health();
            if found == *wanted {
                Answer::Met
            } else {
                Answer::NotYet(with_contact(view, &format!("health is {found}")))
            }
        }
        Condition::Generation(wanted) => generation(*wanted, view),
        Condition::Commit(wanted) => commit(wanted, view, memory),
    }
}

fn sync(wanted: Sync, view: &ClusterView) -> Answer {
    let found = view.counted_sync();
    if found == wanted {
        return Answer::Met;
    }
    if wanted == Sync::Current {
        if let Some(why) = &view.refused {
            return Answer::Never(Never::Refused(why.clone()));
        }
        if let Some(error) = view.errors.iter().find(|error| error.is_error()) {
            return Answer::Never(Never::NotRendered(summary(error)));
        }
    }
    let why = if view.reason.is_empty() { String::new() } else { format!(": {}", view.reason) };
    Answer::NotYet(with_contact(view, &format!("sync is {found}{why}")))
}

fn generation(wanted: u64, view: &ClusterView) -> Answer {
    let of = |bundle: Option<BundleView>| bundle.map_or(0, |bundle| bundle.generation);
    let (applied, target) = (of(view.applied), of(view.target));
    if applied == wanted {
        return Answer::Met;
    }
    let newest = applied.max(target);
    if newest > wanted {
        return Answer::Never(Never::Superseded(newest));
    }
    match &view.refused {
        Some(why) if target == wanted => Answer::Never(Never::Refused(why.clone())),
        Some(_) | None => Answer::NotYet(with_contact(view, &format!("it runs {applied}, its target is {target}"))),
    }
}

fn commit(wanted: &str, view: &ClusterView, memory: &mut Memory) -> Answer {
    let is_wanted = |commit: &str| commit.starts_with(wanted);
    let target = view.target.map_or(0, |target| target.generation);
    if view.sources.iter().any(|source| is_wanted(source.commit.as_str())) {
        memory.targeted = true;
        let applied =
            view.applied.is_some() && view.applied.map(|bundle| bundle.root) == view.target.map(|bundle| bundle.root);
        return match &view.refused {
            _ if applied => Answer::Met,
            Some(why) => Answer::Never(Never::Refused(why.clone())),
            None => {
                Answer::NotYet(with_contact(view, &format!("generation {target} is made of it and is not applied")))
            }
        };
    }
    if memory.targeted {
        return Answer::Never(Never::Superseded(target));
    }
    let failed = |error: &&Diagnostic| error.is_error() && error.location.commit.as_deref().is_some_and(is_wanted);
    match view.errors.iter().find(failed) {
        Some(error) => Answer::Never(Never::NotRendered(summary(error))),
        None => Answer::NotYet(with_contact(view, "no target is made of it")),
    }
}

fn summary(error: &Diagnostic) -> String {
    let place = if error.location.is_empty() { String::new() } else { format!(" ({})", error.location) };
    format!("{}{place}", error.message)
}

/// What is said of a silent cluster is what was known last.
fn with_contact(view: &ClusterView, text: &str) -> String {
    match view.contact {
        Contact::Connected => text.to_owned(),
        Contact::Late | Contact::Offline | Contact::Revoked | Contact::Pending => {
            format!("{text} (cluster is {})", view.contact)
        }
    }
}

#[cfg(test)]
mod tests;
