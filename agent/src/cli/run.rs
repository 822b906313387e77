//! `skerry-agent run`: joins when it must, then reconciles until it is told to stop.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use skerry_certs::tls::WallClock;
use skerry_common::backoff::Backoff;
use skerry_common::diagnostic::ErrorClass;
use skerry_common::error_chain::Chain;
use skerry_common::join::JoinToken;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{info, warn};

use super::failure::not_joined;
use super::{AccessArgs, AdminAddress, Failure, Place, RunArgs, Verdict, codes, inbox, system_clock};
use crate::admin::{self, Admin};
use crate::agent::{Agent, AgentOptions, identity_folder};
use crate::cluster::kube::{Access, KubeCluster};
use crate::identity::IdentityFolder;
use crate::join::{self, JoinError};

/// Pauses between attempts to join: a hub that restarts is back in seconds, a satellite in minutes.
const JOIN_RETRY: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(60));

/// How long stopping may take: less than the 30 s after which Kubernetes kills.
const STOP_TIMEOUT: Duration = Duration::from_secs(20);

/// Runs until SIGTERM or SIGINT.
pub(super) async fn run(state: &Path, args: RunArgs) -> Result<Verdict, Failure> {
    let _place = Place::wait(state).await?;
    let stop = stop_on_signals().map_err(|error| Failure::retry(codes::BUG, &error))?;
    let clock = system_clock();
    let access = access(&args.access)?;
    let listener = match args.admin {
        AdminAddress::Off => None,
        AdminAddress::At(address) => Some(listen(state, address).await?),
    };
    if !joined(state, &args, &clock, &stop).await? {
        return Ok(Verdict::Yes);
    }
    let cluster = Arc::new(KubeCluster::new(&access).await?);
    let options = AgentOptions {
        state_folder: state.to_owned(),
        namespaces: args.namespaces.into_iter().filter(|namespace| !namespace.is_empty()).collect(),
        own_namespace: args.own_namespace,
        online: !args.offline,
        seed: seed()?,
    };
    let agent = Agent::start(&options, cluster, clock).await?;
    let tasks = TaskTracker::new();
    tasks.spawn(inbox::serve(state.to_owned(), agent.targets.clone(), stop.clone()));
    if let Some(listener) = listener {
        tasks.spawn(admin::serve(listener, Admin::of(&agent), stop.clone()));
    }
    tasks.close();
    info!(version = crate::transport::quic::PROGRAM_VERSION, online = options.online, "the agent runs");
    let ended = tokio::select! {
        () = stop.cancelled() => Ok(Verdict::Yes),
        () = agent.broken() => {
            stop.cancel();
            // A panic was told already.
            Err(Failure::words(ErrorClass::Bug, codes::BUG, "a task of the agent ended: it cannot go on"))
        }
    };
    info!("stopping");
    let stopped = async {
        tasks.wait().await;
        agent.stop().await;
    };
    if tokio::time::timeout(STOP_TIMEOUT, stopped).await.is_err() {
        // Everything durable is durable at any instruction: the next start takes up from there.
        warn!("not everything stopped in time");
    }
    admin::forget_address(state);
    ended
}

async fn listen(state: &Path, address: std::net::SocketAddr) -> Result<TcpListener, Failure> {
    let failed = |error: std::io::Error| {
        let failure = Failure::user(codes::ADMIN, &error).about(&format!("the admin address `{address}`"));
        failure.help("choose another address with `--admin ADDRESS`, or `--admin off`")
    };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    if let Err(error) = admin::remember_address(state, listener.local_addr().map_err(failed)?) {
        // On a full disk, say: the cluster is kept all the same.
        warn!(error = %Chain(&error), "`skerry-agent status` will not find this agent");
    }
    Ok(listener)
}

/// Joins if needed and possible; false when told to stop meanwhile.
async fn joined(state: &Path, args: &RunArgs, clock: &WallClock, stop: &CancellationToken) -> Result<bool, Failure> {
    let folder = IdentityFolder::open(&identity_folder(state))?;
    if folder.enrolled()?.is_some() {
        return Ok(true);
    }
    let token = args.token.as_deref().filter(|token| !token.is_empty()).ok_or_else(not_joined)?;
    let token = JoinToken::parse(token)?;
    let mut backoff =
        Backoff::new(JOIN_RETRY.0, JOIN_RETRY.1, seed()?).map_err(|error| Failure::user(codes::BUG, &error))?;
    loop {
        let mut told = |step: join::Step| info!("{step}");
        let pause = tokio::select! {
            () = stop.cancelled() => return Ok(false),
            joined = join::join(&folder, &token, clock, &mut told) => match joined {
                Ok(_) => return Ok(true),
                Err(error @ (JoinError::Connect(_) | JoinError::Busy(_))) => {
                    warn!(error = %Chain(&error), "not joined yet");
                    backoff.next_delay()
                }
                Err(error) => return Err(error.into()),
            },
        };
        tokio::select! {
            () = stop.cancelled() => return Ok(false),
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// How the API server is found: a kubeconfig, or the pod's service account.
pub(crate) fn access(args: &AccessArgs) -> Result<Access, Failure> {
    if let Some(path) = args.kubeconfig.clone() {
        return Ok(Access::Kubeconfig { path, context: None });
    }
    let host = args.kubernetes_host.as_deref().filter(|host| !host.is_empty()).ok_or_else(|| {
        Failure::words(ErrorClass::NeedsUser, codes::KUBERNETES, "no Kubernetes API is named, and this is no pod")
            .help("give `--kubeconfig FILE`")
    })?;
    let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    let folder = args.token_file.parent().unwrap_or(Path::new("/")).to_owned();
    Ok(Access::ServiceAccount { server: format!("https://{host}:{}", args.kubernetes_port), folder })
}

/// A number of this process alone.
pub(super) fn seed() -> Result<u64, Failure> {
    let mut bytes = [0; 8];
    aws_lc_rs::rand::fill(&mut bytes)
        .map_err(|_| Failure::words(ErrorClass::Bug, codes::BUG, "the machine gives no random bytes"))?;
    Ok(u64::from_le_bytes(bytes))
}

fn stop_on_signals() -> Result<CancellationToken, std::io::Error> {
    let stop = CancellationToken::new();
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let told = stop.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        told.cancel();
    });
    Ok(stop)
}
