//! Keeps the connection to a hub: offers down, state and journal up.
//!
//! ```text
//!               ┌────────── inputs ◀── messages, snapshot, journal, facts, time, verdicts
//!               ▼
//! core's session ─▶ outputs ─▶ connect · send · consider an offer · read the journal · forget · close
//! ```
//! What to say and when is the core's to decide ([`skerry_agent_core::session`]); this task does it.
//! An offer is considered beside the session, so that a long fetch holds up nothing. The certificate
//! is renewed in between ([`renew`]). Without a hub this task waits and tries; nothing else in the
//! agent notices.

mod fetch;
mod renew;

use std::sync::Arc;
use std::time::Instant;

use quinn::VarInt;
use skerry_agent_core::session::{Input, Output, Session};
use skerry_certs::tls::{LinkProtocol, WallClock};
use skerry_common::bundle::delta::DeltaError;
use skerry_common::bundle::signature::Envelope;
use skerry_common::error_chain::Chain;
use skerry_common::id::{Incarnation, Sequence};
use skerry_common::report::Facts;
use skerry_common::wire::v1::{self, HubMessage, Introduction, Offer};
use skerry_link::{FrameReader, FrameWriter, LinkError};
use thiserror::Error;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};
use tracing::{debug, error, info, warn};

use super::keeper::{Keeper, KeeperError};
use crate::identity::{Enrolled, IdentityFolder};
use crate::snapshot::Snapshot;
use crate::target::{TargetError, Targets};
use crate::transport::quic::{ConnectError, HubConnection, PROGRAM_VERSION, connect};
use crate::trust::{ConsiderError, Trust};
use fetch::Fetcher;
use renew::{Renewal, Step};

/// Messages read ahead.
const MESSAGES_AHEAD_MAX: usize = 4;

/// Application close code: nothing is wrong with the connection itself.
const CLOSE_DONE: VarInt = VarInt::from_u32(0);

/// Why a session ended.
#[derive(Debug, Error)]
pub enum SessionError {
    /// No hub answered.
    #[error("no hub can be reached")]
    Connect(#[from] ConnectError),
    /// The link broke.
    #[error("the link to the hub broke")]
    Link(#[from] LinkError),
    /// Our store.
    #[error("the agent's store failed")]
    Store(#[from] KeeperError),
    /// A bundle could not be taken, for a reason of ours.
    #[error("a bundle could not be taken")]
    Target(#[source] TargetError),
    /// Offered content that cannot be unpacked.
    #[error("offered content is damaged")]
    Delta(#[from] DeltaError),
    /// A delta against something that is not here.
    #[error("the offer is a delta against {0}, which is not here")]
    Base(skerry_common::bundle::digest::Digest),
    /// The hub does not have what it offered.
    #[error("the hub does not have {0}")]
    Missing(skerry_common::bundle::digest::Digest),
    /// The hub said something that does not fit.
    #[error("the hub broke the protocol: {0}")]
    Protocol(&'static str),
    /// The reader, or what considered an offer, is gone.
    #[error("the session ended")]
    Ended,
}

/// What a link is made from.
pub struct Link {
    /// Who we are; certificate and trust root may be replaced.
    pub enrolled: Enrolled,
    /// Where they are kept.
    pub identity: IdentityFolder,
    /// The store.
    pub keeper: Keeper,
    /// The bundle in force.
    pub targets: Targets,
    /// What is said of the cluster.
    pub snapshot: watch::Receiver<Arc<Snapshot>>,
    /// Facts of the cluster.
    pub facts: watch::Receiver<Facts>,
    /// The trust root in force, for everybody.
    pub trust: Trust,
    /// Whether a session is up, for people.
    pub connected: watch::Sender<bool>,
    /// The time.
    pub clock: WallClock,
    /// Decides jitter.
    pub seed: u64,
}

impl Link {
    /// Connects, and connects again, until told to stop.
    pub async fn run(self, stop: CancellationToken) {
        let tasks = TaskTracker::new();
        let driving = async {
            match Driver::new(self, tasks.clone()).await {
                Ok(mut driver) => driver.drive().await,
                Err(error) => error!(error = %Chain(&error), "no hub will be looked for"),
            }
        };
        tokio::select! {
            () = driving => {}
            () = stop.cancelled() => {}
        }
        // Somebody else may open the store as soon as this agent has ended.
        tasks.close();
        tasks.wait().await;
    }
}

/// A connection that is up.
struct Line {
    hub: Arc<HubConnection>,
    writer: FrameWriter<quinn::SendStream>,
    messages: mpsc::Receiver<HubMessage>,
    reading: AbortOnDropHandle<Result<(), LinkError>>,
    /// The offer that is being considered; its answer is a verdict.
    considering: Option<AbortOnDropHandle<Result<Input, SessionError>>>,
}

/// Gives the core what happens, and does what it asks for.
struct Driver {
    link: Link,
    session: Session,
    incarnation: Incarnation,
    line: Option<Line>,
    renewal: Renewal,
    /// What of an offer outlives its session: storing what has come.
    tasks: TaskTracker,
}

impl Driver {
    async fn new(link: Link, tasks: TaskTracker) -> Result<Self, DriverError> {
        let (incarnation, end): (Incarnation, Sequence) = link.keeper.call(|store| store.journal_mark()).await?;
        let session = Session::new(Instant::now(), link.seed, incarnation, end)?;
        let renewal = Renewal::new(&link.enrolled.tls);
        Ok(Self { link, session, incarnation, line: None, renewal, tasks })
    }

    /// Runs for as long as the agent's other tasks do.
    async fn drive(&mut self) {
        let mut journal_end = self.link.keeper.journal_end();
        let first = observed(&mut self.link.snapshot);
        self.take(first).await;
        loop {
            let deadline = self.session.next_deadline();
            let input = tokio::select! {
                heard = hear(&mut self.line) => match heard {
                    Ok(input) => input,
                    Err(error) => self.hang_up(&error),
                },
                changed = self.link.snapshot.changed() => {
                    if changed.is_err() { return }
                    observed(&mut self.link.snapshot)
                }
                changed = journal_end.changed() => {
                    if changed.is_err() { return }
                    Input::JournalEnd(self.incarnation, *journal_end.borrow_and_update())
                }
                changed = self.link.facts.changed() => {
                    if changed.is_err() { return }
                    Input::Facts(self.link.facts.borrow_and_update().clone())
                }
                () = until(deadline) => Input::Tick,
                step = self.renewal.step(&self.link.clock) => {
                    self.renew(step);
                    Input::Tick
                }
            };
            self.take(input).await;
        }
    }

    /// Gives the core an input and does everything that it asks for.
    async fn take(&mut self, input: Input) {
        self.session.handle(Instant::now(), input);
        while let Some(output) = self.session.poll_output() {
            let answer = match self.execute(output).await {
                Ok(answer) => answer,
                Err(error) => Some(self.hang_up(&error)),
            };
            if let Some(answer) = answer {
                self.session.handle(Instant::now(), answer);
            }
        }
        let is_open = self.session.is_open();
        self.link.connected.send_if_modified(|known| std::mem::replace(known, is_open) != is_open);
    }

    async fn execute(&mut self, output: Output) -> Result<Option<Input>, SessionError> {
        match output {
            Output::Connect => return self.connect().await.map(Some),
            Output::Send(message) => {
                if let Some(line) = &mut self.line {
                    line.writer.message(&*message).await?;
                }
            }
            Output::Consider(offer) => self.consider(*offer),
            Output::ConsiderTrustRoot(envelope) => return self.trust_root(envelope),
            Output::ReadJournal { after, entries_max } => {
                let read = self.link.keeper.call(move |store| {
                    let later = store.deliverable().filter(|entry| entry.sequence > after);
                    later.take(entries_max).cloned().collect()
                });
                return Ok(Some(Input::JournalRead(read.await?)));
            }
            Output::JournalAcknowledged(incarnation, through) => {
                self.link.keeper.call(move |store| store.acknowledge(incarnation, through)).await?;
            }
            Output::Close { reason } => {
                warn!(reason, "the session with the hub ends");
                if let Some(line) = self.line.take() {
                    line.hub.connection.close(CLOSE_DONE, reason.as_bytes());
                }
            }
        }
        Ok(None)
    }

    /// Drops what is left of a connection.
    fn hang_up(&mut self, error: &SessionError) -> Input {
        debug!(error = %Chain(error), "no session with a hub");
        if let Some(line) = self.line.take() {
            self.heed_close(&line.hub);
        }
        Input::Disconnected
    }

    fn heed_close(&mut self, hub: &HubConnection) {
        if renew::is_expired_for(hub, &self.link.enrolled) {
            self.renewal.expired(&self.link.enrolled.tls, self.link.clock.now());
        }
    }

    async fn connect(&mut self) -> Result<Input, SessionError> {
        // An archive may have brought another one.
        self.link.enrolled.trust = self.link.trust.newest();
        if self.renewal.is_due(self.link.clock.now()) {
            self.renew(Step::Due);
        }
        if let Some(ended) = self.renewal.ended().await {
            self.renew(ended);
        }
        let hub = Arc::new(connect(&self.link.enrolled, &self.link.clock, LinkProtocol::Session).await?);
        let (reader, writer) = match hub.greeted_stream().await {
            Ok(stream) => stream,
            Err(error) => {
                self.heed_close(&hub);
                return Err(error.into());
            }
        };
        let introduction = self.introduction().await?;
        info!(hub = hub.hub, "connected to the hub");
        let (inbox, messages) = mpsc::channel(MESSAGES_AHEAD_MAX);
        let reading = AbortOnDropHandle::new(tokio::spawn(read(reader, inbox)));
        self.line = Some(Line { hub, writer, messages, reading, considering: None });
        Ok(Input::Connected(Box::new(introduction)))
    }

    async fn introduction(&mut self) -> Result<Introduction, SessionError> {
        let (incarnation, journal_end, current, highest) = self
            .link
            .keeper
            .call(|store| {
                let (incarnation, end) = store.journal_mark();
                let highest = store.head().highest;
                let envelope = highest.map(|root| store.root(&root)).transpose().map(Option::flatten);
                (incarnation, end, store.head().current.map(|root| root.mark), envelope)
            })
            .await?;
        Ok(Introduction {
            agent_version: PROGRAM_VERSION.to_owned(),
            bundle_schemas: vec![skerry_common::bundle::root::ROOT_SCHEMA],
            incarnation,
            journal_end,
            current,
            highest: highest.map_err(KeeperError::Store)?,
            trust_version: self.link.enrolled.trust.root().version,
            facts: self.link.facts.borrow_and_update().clone(),
        })
    }

    /// Considers an offer beside the session; one that was being considered is left.
    fn consider(&mut self, offer: Offer) {
        let Some(line) = &mut self.line else { return };
        let (keeper, targets) = (self.link.keeper.clone(), self.link.targets.clone());
        let fetcher = Fetcher { hub: line.hub.clone(), keeper, targets, tasks: self.tasks.clone() };
        line.considering = Some(AbortOnDropHandle::new(tokio::spawn(fetcher.consider(offer))));
    }

    /// Takes up a trust root; the hub learns which is in force then.
    fn trust_root(&mut self, envelope: Envelope) -> Result<Option<Input>, SessionError> {
        match self.link.trust.consider(envelope) {
            Ok(()) => self.link.enrolled.trust = self.link.trust.newest(),
            Err(ConsiderError::Store(error)) => return Err(ConnectError::Identity(error).into()),
            Err(error @ ConsiderError::Refused(_)) => {
                warn!(error = %Chain(&error), "a trust root was refused");
                return Ok(None);
            }
        }
        Ok(Some(Input::TrustRoot(self.link.enrolled.trust.root().version)))
    }

    /// Begins or ends a renewal of the certificate; the next session uses the new one.
    fn renew(&mut self, step: Step) {
        let (enrolled, identity) = (&mut self.link.enrolled, &self.link.identity);
        match step {
            Step::Due => self.renewal.begin(enrolled, identity, &self.link.clock),
            Step::Ended(ended) => {
                let now = self.link.clock.now();
                let stored = ended.and_then(|grant| Ok(identity.store_renewed(&grant, enrolled, now)?));
                if let Some(tls) = self.renewal.end(stored, now) {
                    enrolled.tls = tls;
                }
            }
        }
    }
}

/// No hub can be looked for.
#[derive(Debug, Error)]
enum DriverError {
    /// Our store.
    #[error("the agent's store failed")]
    Store(#[from] KeeperError),
    /// The core.
    #[error("the session's settings cannot be used")]
    Session(#[from] skerry_agent_core::session::SessionError),
}

fn observed(snapshot: &mut watch::Receiver<Arc<Snapshot>>) -> Input {
    let snapshot = snapshot.borrow_and_update();
    Input::Observed(Box::new(snapshot.told.clone()), snapshot.observed)
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
        None => std::future::pending().await,
    }
}

/// Waits for what comes over the connection, or of it; for ever while there is none.
async fn hear(line: &mut Option<Line>) -> Result<Input, SessionError> {
    let Some(line) = line else { return std::future::pending().await };
    tokio::select! {
        message = line.messages.recv() => match message {
            Some(message) => Ok(Input::Message(Box::new(message))),
            None => match (&mut line.reading).await {
                Ok(Err(error)) => Err(error.into()),
                Ok(Ok(())) | Err(_) => Err(SessionError::Ended),
            },
        },
        considered = considered(&mut line.considering) => {
            line.considering = None;
            considered
        }
    }
}

async fn considered(task: &mut Option<AbortOnDropHandle<Result<Input, SessionError>>>) -> Result<Input, SessionError> {
    match task {
        Some(task) => task.await.unwrap_or(Err(SessionError::Ended)),
        None => std::future::pending().await,
    }
}

async fn read(mut reader: FrameReader<quinn::RecvStream>, inbox: mpsc::Sender<HubMessage>) -> Result<(), LinkError> {
    loop {
        let message = reader.message().await?;
        if inbox.send(message).await.is_err() {
            return Ok(());
        }
    }
}

const _: () = assert!(v1::VERSION == 1, "the driver speaks version 1");
