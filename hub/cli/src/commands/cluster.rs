//! `skerry cluster`: registers, revokes and steers clusters.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use skerry_common::bundle::digest::Digest;
use skerry_common::diagnostic::ErrorClass;
use skerry_common::id::ClusterName;
use skerry_common::join::offline::{JoinReplyFile, JoinRequestFile, OFFLINE_BYTES_MAX};
use skerry_hub_core::view::{
    ConfirmRequest, Confirmed, JoinCommand, OfflineReply, OfflineRequest, RegisterRequest, SyncRequested,
};

use super::get::client;
use crate::args::Global;
use crate::args::cluster::{ClusterCommand, ConfirmPruneArgs, RegisterArgs, RejoinArgs};
use crate::args::parse::Labels;
use crate::client::Request;
use crate::config;
use crate::errors::{Failure, Stop, Verdict, codes};
use crate::output::age;
use crate::output::table::one_line;
use crate::output::{Format, Machine, Output};

/// What stands for stdout where a file is named.
const STDOUT: &str = "-";

/// Nothing to send.
const NOTHING: Option<&()> = None;

/// Does it.
pub async fn run(command: ClusterCommand, global: &Global, output: &mut Output) -> Result<Verdict, Stop> {
    match command {
        ClusterCommand::Register(args) => register(args, global, output).await,
        ClusterCommand::Rejoin(args) => rejoin(args, global, output).await,
        ClusterCommand::Revoke(args) => {
            let name = name(&args.name)?;
            let request = Request::api(&["clusters", name.as_str(), "revoke"]);
            let _: serde_json::Value = client(global)?.post(&request, NOTHING).await?;
            output.say(&format!("cluster `{name}` is revoked; what it runs stays as it is"));
            Ok(Verdict::Yes)
        }
        ClusterCommand::ConfirmPrune(args) => confirm_prune(&args, global, output).await,
        ClusterCommand::Sync(args) => {
            let name = name(&args.name)?;
            let request = Request::api(&["clusters", name.as_str(), "sync"]);
            let asked: SyncRequested = client(global)?.post(&request, NOTHING).await?;
            output.say(&format!("cluster `{name}` is asked for a full pass (request {})", asked.requests));
            output.say(&format!("  next: skerry wait cluster {name} --for=sync=current"));
            Ok(Verdict::Yes)
        }
    }
}

fn name(text: &str) -> Result<ClusterName, Stop> {
    ClusterName::parse(text).map_err(|error| {
        Failure::of(ErrorClass::NeedsUser, codes::REFUSED, &error).help("names are like `edge-01`").into()
    })
}

fn labels(given: Vec<Labels>) -> BTreeMap<String, String> {
    given.into_iter().flat_map(|labels| labels.0).collect()
}

async fn register(args: RegisterArgs, global: &Global, output: &mut Output) -> Result<Verdict, Stop> {
    let (name, labels) = (name(&args.name)?, labels(args.labels));
    if let (Some(request), Some(reply)) = (&args.request, &args.reply) {
        return enroll_offline(&name, labels, request, reply, global, output).await;
    }
    let token_life_seconds = args.expires.map(seconds).transpose()?;
    let body = RegisterRequest { name, labels, token_life_seconds };
    let joined: JoinCommand = client(global)?.post(&Request::api(&["clusters"]), Some(&body)).await?;
    tell(&joined, args.output, output)
}

async fn rejoin(args: RejoinArgs, global: &Global, output: &mut Output) -> Result<Verdict, Stop> {
    let name = name(&args.name)?;
    if let (Some(request), Some(reply)) = (&args.request, &args.reply) {
        return enroll_offline(&name, BTreeMap::new(), request, reply, global, output).await;
    }
    let request = Request::api(&["clusters", name.as_str(), "rejoin"]);
    let joined: JoinCommand = client(global)?.post(&request, NOTHING).await?;
    tell(&joined, args.output, output)
}

fn seconds(life: Duration) -> Result<u32, Stop> {
    let seconds = u32::try_from(life.as_secs()).ok().filter(|seconds| *seconds > 0);
    seconds.ok_or_else(|| Failure::user(codes::REFUSED, "`--expires` must be a second or more").into())
}

/// The command is data: `skerry cluster register … | ssh …` works. What it means is talk.
fn tell(joined: &JoinCommand, format: Format, output: &mut Output) -> Result<Verdict, Stop> {
    match format {
        Format::Json => output.value(joined, Machine::Json)?,
        Format::Yaml => output.value(joined, Machine::Yaml)?,
        Format::Name => output.data(&format!("cluster/{}\n", joined.name))?,
        Format::Table | Format::Wide => {
            // Rounded up: 24h is what was asked for, though the answer took some milliseconds.
            let life = age::since(crate::clock::now_unix_ms(), joined.expires_at.0.saturating_add(999));
            output.say(&format!("cluster `{}` is registered; run this on its side within {life}, once:", joined.name));
            output.data(&format!("{}\n", one_line(&joined.command)))?;
        }
    }
    Ok(Verdict::Yes)
}

async fn enroll_offline(
    name: &ClusterName,
    labels: BTreeMap<String, String>,
    request: &Path,
    reply: &Path,
    global: &Global,
    output: &mut Output,
) -> Result<Verdict, Stop> {
    let bytes = config::read_bounded(request, OFFLINE_BYTES_MAX as u64).map_err(|source| unusable(request, &source))?;
    JoinRequestFile::parse(&bytes).map_err(|error| unusable(request, &error))?;
    let text = String::from_utf8(bytes).map_err(|error| unusable(request, &error))?;
    let to_stdout = reply.as_os_str() == STDOUT;
    if !to_stdout && reply.exists() {
        let failure = Failure::user(codes::FILE, format!("`{}` exists already", reply.display()));
        return Err(failure.help("name another file with `--reply`").into());
    }
    let address = Request::api(&["clusters", name.as_str(), "offline"]);
    let body = OfflineRequest { labels, request: text };
    let answer: OfflineReply = client(global)?.post(&address, Some(&body)).await?;
    // What an agent could not read is not handed out.
    JoinReplyFile::parse(answer.reply.as_bytes()).map_err(|error| {
        Failure::of(ErrorClass::NeedsUser, codes::ANSWER, &error).help("compare the versions: `skerry version`")
    })?;
    if to_stdout {
        output.data(&answer.reply)?;
        return Ok(Verdict::Yes);
    }
    config::file::write_private(reply, answer.reply.as_bytes()).map_err(|source| unusable(reply, &source))?;
    output.say(&format!("cluster `{name}` is admitted; carry `{}` to its agent", reply.display()));
    output.say(&format!("  next: skerry bundle export {name} {name}.tar"));
    Ok(Verdict::Yes)
}

fn unusable(path: &Path, error: &(dyn std::error::Error + 'static)) -> Failure {
    let failure = Failure::of(ErrorClass::NeedsUser, codes::FILE, error);
    let message = format!("`{}` cannot be used: {}", path.display(), failure.message);
    Failure { message, ..failure }
}

async fn confirm_prune(args: &ConfirmPruneArgs, global: &Global, output: &mut Output) -> Result<Verdict, Stop> {
    let name = name(&args.name)?;
    let list = args.list.as_deref().map(str::parse::<Digest>).transpose();
    let list = list.map_err(|error| {
        Failure::of(ErrorClass::NeedsUser, codes::REFUSED, &error)
            .help(format!("`skerry describe cluster {name}` shows it"))
    })?;
    let request = Request::api(&["clusters", name.as_str(), "confirm-prune"]);
    let confirmed: Confirmed = client(global)?.post(&request, Some(&ConfirmRequest { list })).await?;
    for list in &confirmed.lists {
        output.data(&format!("{list}\n"))?;
    }
    if confirmed.lists.is_empty() {
        output.say(&format!("cluster `{name}` holds no deletion"));
    } else {
        output.say(&format!("confirmed for cluster `{name}`; it travels in the next generation"));
    }
    Ok(Verdict::Yes)
}
