//! `skerry wait`: until something is true of a cluster, or cannot become true any more.

use std::time::Duration;

use skerry_common::diagnostic::ErrorClass;
use skerry_common::id::ClusterName;
use skerry_hub_core::view::ClusterView;
use tokio::time::Instant;

use super::get::client;
use crate::args::Global;
use crate::args::target::ResourceKind;
use crate::args::wait::{Condition, WaitArgs};
use crate::client::Request;
use crate::errors::{Failure, Stop, Verdict, codes};
use crate::output::Output;
use crate::output::age;

pub mod decide;

use decide::{Answer, Memory, decide};

/// How often the hub is asked. It answers from memory; a script notices no shorter pause.
const PAUSE: Duration = Duration::from_millis(500);

/// Waits.
pub async fn run(args: &WaitArgs, global: &Global, output: &mut Output) -> Result<Verdict, Stop> {
    let name = cluster_name(args)?;
    let client = client(global)?;
    let request = Request::api(&["clusters", name.as_str()]);
    let deadline = Instant::now() + args.timeout;
    let mut memory = Memory::default();
    let mut seen = false;
    loop {
        let missing = match client.get::<ClusterView>(&request).await {
            Ok(view) => {
                seen = true;
                match judge(&args.conditions, &view, &mut memory) {
                    Ok(()) => {
                        output.data(&format!("cluster/{name} condition met\n"))?;
                        return Ok(Verdict::Yes);
                    }
                    Err(Unmet::NotYet(missing)) => missing,
                    Err(Unmet::Never(condition, why)) => return Err(never(&name, &condition, &why)),
                }
            }
            Err(error) if error.is_not_found() && seen => return Err(never(&name, "anything", "it was removed")),
            // A hub that restarts is waited for; one that was never there is told at once.
            Err(error) if error.is_passing() && seen => Failure::from(error).message,
            Err(error) => return Err(error.into()),
        };
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(timed_out(&name, args, &missing));
        }
        tokio::time::sleep(PAUSE.min(left)).await;
    }
}

fn cluster_name(args: &WaitArgs) -> Result<ClusterName, Stop> {
    if args.target.kind != ResourceKind::Clusters {
        let message = format!("{} cannot be waited for", args.target.kind.plural());
        return Err(Failure::user(codes::REFUSED, message)
            .help("wait for a cluster: `skerry wait cluster NAME`")
            .into());
    }
    let Some(name) = args.target.name.as_ref().or(args.name.as_ref()) else {
        let failure = Failure::user(codes::REFUSED, "which cluster?");
        return Err(failure.help("`skerry wait cluster NAME --for=sync=current`").into());
    };
    ClusterName::parse(name).map_err(|error| {
        Failure::of(ErrorClass::NeedsUser, codes::NOT_FOUND, &error).help("`skerry get clusters` lists them").into()
    })
}

/// Why not every condition is met.
enum Unmet {
    NotYet(String),
    Never(String, String),
}

fn judge(conditions: &[Condition], view: &ClusterView, memory: &mut Memory) -> Result<(), Unmet> {
    let mut missing = None;
    for condition in conditions {
        match decide(condition, view, memory) {
            Answer::Met => {}
            Answer::NotYet(why) => missing = missing.or(Some(format!("{condition}: {why}"))),
            Answer::Never(why) => return Err(Unmet::Never(condition.to_string(), why.to_string())),
        }
    }
    missing.map_or(Ok(()), |missing| Err(Unmet::NotYet(missing)))
}

fn never(name: &ClusterName, condition: &str, why: &str) -> Stop {
    let message = format!("cluster `{name}` will not reach {condition}: {why}");
    let failure = Failure::new(ErrorClass::No, codes::NEVER, message);
    failure.help(format!("skerry describe cluster {name}")).into()
}

fn timed_out(name: &ClusterName, args: &WaitArgs, missing: &str) -> Stop {
    let message = format!("cluster `{name}` did not get there in {}: {missing}", age::human(args.timeout));
    let failure = Failure::new(ErrorClass::No, codes::TIMEOUT, message);
    failure.help(format!("skerry describe cluster {name}")).into()
}
