//! `skerry-agent status`: what is in force here, from the agent that runs or from its store.

use std::fmt::Write as _;
use std::path::Path;

use super::failure::not_joined;
use super::told::data;
use super::{Failure, Place, StatusFormat, Verdict, codes};
use crate::admin::{self, StatusDocument};
use crate::agent::{identity_folder, store_folder};
use crate::identity::IdentityFolder;
use crate::tasks::keeper::Keeper;

/// Shows it.
pub(super) async fn status(state: &Path, format: StatusFormat) -> Result<Verdict, Failure> {
    let document = match Place::if_free(state)? {
        Some(_place) => stored(state).await?,
        None => running(state).await?,
    };
    match format {
        StatusFormat::Human => data(human(&document).trim_end()),
        StatusFormat::Json => {
            let text = serde_json::to_string_pretty(&document).map_err(|error| Failure::user(codes::BUG, &error))?;
            data(&text)
        }
    }
}

async fn running(state: &Path) -> Result<StatusDocument, Failure> {
    admin::ask(state, "/status").await.map_err(asked)
}

/// An agent runs and does not answer.
#[expect(clippy::needless_pass_by_value, reason = "it stands in `map_err`")]
pub(super) fn asked(error: std::io::Error) -> Failure {
    Failure::retry(codes::ADMIN, &error)
        .about("an agent runs here but cannot be asked")
        .help("run it with `--admin 127.0.0.1:9440`; with `--admin off` it tells its log and its hub only")
}

async fn stored(state: &Path) -> Result<StatusDocument, Failure> {
    let enrolled = IdentityFolder::open(&identity_folder(state))?.enrolled()?.ok_or_else(not_joined)?;
    let keeper = Keeper::open(&store_folder(state), super::run::seed()?)?;
    let read = keeper.call(|store| (*store.head(), store.unacknowledged().count(), store.inventory())).await?;
    let (head, journal_backlog, inventory) = read;
    let objects = match inventory.map_err(crate::tasks::keeper::KeeperError::Store)? {
        Some(bytes) => skerry_agent_core::inventory::Inventory::from_bytes(&bytes)
            .map_err(|error| Failure::user(codes::STATE, &error))?
            .len(),
        None => 0,
    };
    Ok(StatusDocument {
        fleet: enrolled.me.fleet,
        cluster: enrolled.me.cluster,
        name: enrolled.name,
        running: false,
        connected: false,
        journal_backlog,
        objects,
        current: head.current.map(|root| root.mark),
        applied: head.last_good.map(|root| root.mark),
        applications: Vec::new(),
        conditions: Vec::new(),
        held: Vec::new(),
    })
}

fn human(status: &StatusDocument) -> String {
    let place = |mark: Option<skerry_common::report::BundleMark>| {
        mark.map_or_else(|| "none".to_owned(), |mark| mark.place.to_string())
    };
    let mut text = format!("cluster     {} of fleet {}\n", status.name, status.fleet);
    let agent = match (status.running, status.connected) {
        (false, _) => "stopped",
        (true, true) => "running, connected to its hub",
        (true, false) => "running, without a hub",
    };
    // Writing to a String cannot fail.
    let _ = writeln!(text, "agent       {agent}");
    let _ = writeln!(text, "generation  {} in force, {} applied", place(status.current), place(status.applied));
    let _ = writeln!(text, "objects     {}", status.objects);
    let _ = writeln!(text, "journal     {} entries wait for the hub", status.journal_backlog);
    for application in &status.applications {
        let (sync, health) = (word(&application.sync), word(&application.health));
        let _ = write!(text, "\n{:<24} {sync:<10} {health:<12} {} drift", application.application, application.drift);
        if !application.reason.is_empty() {
            let _ = write!(text, "  {}", application.reason);
        }
        for object in &application.objects {
            let _ = write!(text, "\n  {}  {}  {}", object.object, word(&object.health), object.reason);
        }
    }
    for condition in status.conditions.iter().filter(|condition| condition.status) {
        let _ = write!(text, "\n{}: {}", condition.kind, condition.message);
    }
    for held in &status.held {
        let _ = write!(text, "\nheld: {} deletions of `{}`: {}", held.objects, held.application, held.reason);
        let _ = write!(text, "\n  next: skerry cluster confirm-prune {} at the hub", status.name);
    }
    text
}

/// The word of a value that serialises as one.
pub(super) fn word(value: &impl serde::Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}
