//! `skerry-agent diff` and `skerry-agent drift`: what is not as it should be, and what was not. Neither needs a hub.

use std::fmt::Write as _;
use std::path::Path;

use skerry_agent_core::plan::{Decision, Planned};
use skerry_common::diagnostic::ErrorClass;
use skerry_common::journal::FieldDrift;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::failure::not_joined;
use super::status::{asked, word};
use super::told::data;
use super::{Failure, Place, StatusFormat, Verdict, codes};
use crate::admin::{self, DriftLine, PlanDocument};
use crate::agent::{identity_folder, store_folder};
use crate::identity::IdentityFolder;
use crate::tasks::keeper::Keeper;

/// Shows what the running agent would do, or refuses to do; the answer is no when there is anything.
pub(super) async fn diff(state: &Path, format: StatusFormat) -> Result<Verdict, Failure> {
    if Place::if_free(state)?.is_some() {
        let words = "no agent runs here, and only a running one has looked at its cluster";
        return Err(Failure::words(ErrorClass::Retry, codes::ADMIN, words).help("start it with `skerry-agent run`"));
    }
    let plan: PlanDocument = admin::ask(state, "/diff").await.map_err(asked)?;
    show(format, &plan, || plan.objects.iter().map(planned_line).collect())?;
    Ok(if plan.objects.is_empty() { Verdict::Yes } else { Verdict::No })
}

/// Shows the drifts that no hub has taken yet, from the agent that runs or from its store; the answer is no while one
/// is open.
pub(super) async fn drift(state: &Path, format: StatusFormat) -> Result<Verdict, Failure> {
    let drifts: Vec<DriftLine> = match Place::if_free(state)? {
        Some(_place) => {
            IdentityFolder::open(&identity_folder(state))?.enrolled()?.ok_or_else(not_joined)?;
            let keeper = Keeper::open(&store_folder(state), super::run::seed()?)?;
            keeper.call(|store| admin::drifts(store.unacknowledged())).await?
        }
        None => admin::ask(state, "/drift").await.map_err(asked)?,
    };
    show(format, &drifts, || drifts.iter().map(drift_line).collect())?;
    Ok(if drifts.iter().all(|drift| drift.outcome.is_some()) { Verdict::Yes } else { Verdict::No })
}

fn show(
    format: StatusFormat,
    document: &impl serde::Serialize,
    lines: impl FnOnce() -> Vec<String>,
) -> Result<(), Failure> {
    let text = match format {
        StatusFormat::Human => lines().join("\n"),
        StatusFormat::Json => {
            serde_json::to_string_pretty(document).map_err(|error| Failure::user(codes::BUG, &error))?
        }
    };
    if text.is_empty() { Ok(()) } else { data(&text).map(|_| ()) }
}

fn planned_line(planned: &Planned) -> String {
    let (what, why) = match &planned.decision {
        Decision::Create { reason } => ("create", word(reason)),
        Decision::Change { reasons, .. } => ("change", reasons.iter().map(word).collect::<Vec<_>>().join(", ")),
        Decision::Inspect { .. } => ("inspect", "somebody wrote to it".into()),
        Decision::Keep => ("keep", String::new()),
        Decision::Prune { .. } => ("delete", "it left the bundle".into()),
        Decision::Release { .. } => ("release", "it left the bundle".into()),
        Decision::Forget => ("forget", "it left and is gone".into()),
        Decision::Refused { why } => ("refused", why.to_string()),
        Decision::Held { guard, .. } => ("held", guard.to_string()),
    };
    format!("{what:<8} {}  {why}", planned.key)
}

fn drift_line(drift: &DriftLine) -> String {
    let nanos = i128::from(drift.at_unix_ms) * 1_000_000;
    let at = OffsetDateTime::from_unix_timestamp_nanos(nanos).ok().and_then(|at| at.format(&Rfc3339).ok());
    let outcome = drift.outcome.as_ref().map_or_else(|| "open".to_owned(), word);
    let mut line = format!("{}  {:<9} {}", at.unwrap_or_default(), outcome, drift.object);
    for FieldDrift { path, kind, manager } in &drift.fields {
        let by = if manager.is_empty() { String::new() } else { format!(" by {manager}") };
        // Writing to a String cannot fail.
        let _ = write!(line, "\n  {} {path}{by}", word(kind));
    }
    // Names and paths come from the cluster: no line breaks of theirs, no terminal codes.
    let is_hostile = |c: char| c.is_control() && c != '\n';
    line.replace(is_hostile, " ")
}
