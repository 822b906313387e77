//! The agent's side of the link, as a state machine.
//!
//! ```text
//! Away ──deadline──▶ Dialing ──Connected──▶ Open ──Disconnected, Goodbye, silence──▶ Away
//!   ▲                   └──Disconnected──────────────────────────────────────────────▲
//! ```
//! Guarantees
//! - Journal entries travel in order, at most one batch under way; the next batch begins after the
//!   hub's high-water mark, so a lost acknowledgement costs one batch sent twice, which the hub knows
//!   by its sequence numbers.
//! - State is told by [`Teller`]: changed sections only, everything on a new connection.
//! - Of several offers only the newest is considered; one that nobody took up is dropped.
//! - Nothing here touches what is in force: with the hub gone, only this machine waits.
//!
//! Hellos are exchanged before ([`skerry_common::wire::negotiate`]); content travels on a stream of
//! its own, which the shell reads.

mod journal;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use skerry_common::backoff::Backoff;
use skerry_common::bundle::digest::Digest;
use skerry_common::bundle::signature::Envelope;
use skerry_common::id::{Incarnation, Sequence};
use skerry_common::journal::JournalEntry;
use skerry_common::limits::clip;
use skerry_common::report::Facts;
use skerry_common::wire::latest::{AgentMessage, HubMessage, Introduction, Offer};

use crate::report::{Snapshot, Teller};
use journal::JournalWindow;

/// The first pause after a broken connection.
const RETRY_FIRST: Duration = Duration::from_millis(500);

/// The longest pause: a hub that comes back is found within half a minute, by many agents spread out.
const RETRY_LONGEST: Duration = Duration::from_secs(30);

/// The longest that a hub may ask to stay away: past that, a mistake of its would look like an outage.
const GOODBYE_LONGEST: Duration = Duration::from_secs(3600);

/// How long a hub may take to acknowledge: it stores before it does, and is not that slow.
pub const ACKNOWLEDGE_TIMEOUT: Duration = Duration::from_secs(60);

/// What happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// A connection is up and the version agreed; this is how the agent introduces itself.
    Connected(Box<Introduction>),
    /// The connection is gone, or could not be made.
    Disconnected,
    /// The hub said something on the control stream.
    Message(Box<HubMessage>),
    /// What an offer came to: `None` when it is in force, else why it was refused.
    Verdict {
        /// The root that was offered.
        root: Digest,
        /// Why not.
        refused: Option<String>,
    },
    /// The state of the cluster, as it was observed at an instant.
    Observed(Box<Snapshot>, Instant),
    /// Facts of the cluster changed.
    Facts(Facts),
    /// A trust root of this version was taken up.
    TrustRoot(u64),
    /// The journal's newest entry.
    JournalEnd(Incarnation, Sequence),
    /// The answer to [`Output::ReadJournal`]: entries after the sequence asked for, ascending.
    JournalRead(Vec<JournalEntry>),
    /// Time passed.
    Tick,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Connect to a hub; answer with [`Input::Connected`] or [`Input::Disconnected`].
    Connect,
    /// Send on the control stream.
    Send(Box<AgentMessage>),
    /// Judge this offer, fetch what is missing, and answer with [`Input::Verdict`]. It replaces an
    /// offer that is still being considered.
    Consider(Box<Offer>),
    /// Judge this successor of the trust root.
    ConsiderTrustRoot(Envelope),
    /// Read journal entries; answer with [`Input::JournalRead`].
    ReadJournal {
        /// Only later ones.
        after: Sequence,
        /// At most so many.
        entries_max: usize,
    },
    /// The hub has every entry up to this one: they may be forgotten.
    JournalAcknowledged(Incarnation, Sequence),
    /// End the connection; no [`Input::Disconnected`] is waited for.
    Close {
        /// Why, in words.
        reason: String,
    },
}

/// Where a session is.
#[derive(Debug)]
enum State {
    /// Waits to try again.
    Away { until: Instant },
    /// Waits for a connection; a failure leads to [`State::Away`].
    Dialing,
    /// Talks; silence where an answer is due leads to [`State::Away`].
    Open(Box<Open>),
}

/// What one connection remembers.
#[derive(Debug, Default)]
struct Open {
    teller: Teller,
    told_at: Option<Instant>,
    has_heard: bool,
}

/// The state machine.
#[derive(Debug)]
pub struct Session {
    state: State,
    backoff: Backoff,
    journal: JournalWindow,
    snapshot: Option<(Box<Snapshot>, Instant)>,
    outputs: VecDeque<Output>,
}

/// The retry bounds are constants that fit together; this names the case that they do not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the bounds of reconnecting do not fit together")]
pub struct SessionError(#[source] skerry_common::backoff::BackoffError);

impl Session {
    /// A session that connects at once; `seed` spreads agents that lost their hub together.
    pub fn new(now: Instant, seed: u64, incarnation: Incarnation, end: Sequence) -> Result<Self, SessionError> {
        let backoff = Backoff::new(RETRY_FIRST, RETRY_LONGEST, seed).map_err(SessionError)?;
        let journal = JournalWindow::new(incarnation, end);
        Ok(Self { state: State::Away { until: now }, backoff, journal, snapshot: None, outputs: VecDeque::new() })
    }

    /// Takes what happened at `now`.
    pub fn handle(&mut self, now: Instant, input: Input) {
        match input {
            Input::Connected(introduction) => self.connected(*introduction),
            Input::Disconnected => self.leave(now, Duration::ZERO),
            Input::Message(message) => self.message(now, *message),
            Input::Verdict { root, refused } => {
                let refused = refused.map(|reason| clip(&reason));
                self.send(AgentMessage::Verdict { root, refused });
            }
            Input::Observed(snapshot, at) => self.snapshot = Some((snapshot, at)),
            Input::Facts(facts) => self.send(AgentMessage::Facts(facts)),
            Input::TrustRoot(version) => self.send(AgentMessage::TrustRoot { version }),
            Input::JournalEnd(incarnation, end) => self.journal.grew(incarnation, end),
            Input::JournalRead(entries) => {
                if let (State::Open(_), Some((incarnation, entries))) = (&self.state, self.journal.batch(now, entries))
                {
                    self.send(AgentMessage::Journal { incarnation, entries });
                }
            }
            Input::Tick => {}
        }
        self.advance(now);
    }

    /// The next effect, if there is one.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When [`Input::Tick`] is due.
    pub fn next_deadline(&self) -> Option<Instant> {
        match &self.state {
            State::Away { until } => Some(*until),
            State::Dialing => None,
            State::Open(open) => {
                let waits = open.told_at.into_iter().chain(self.journal.sent_at());
                waits.min().map(|since| since + ACKNOWLEDGE_TIMEOUT)
            }
        }
    }

    /// Whether a connection is up.
    pub fn is_open(&self) -> bool {
        matches!(self.state, State::Open(_))
    }

    fn send(&mut self, message: AgentMessage) {
        if self.is_open() {
            self.outputs.push_back(Output::Send(Box::new(message)));
        }
    }

    fn connected(&mut self, introduction: Introduction) {
        if !matches!(self.state, State::Dialing) {
            return;
        }
        self.journal.grew(introduction.incarnation, introduction.journal_end);
        self.journal.start_over();
        self.state = State::Open(Box::default());
        self.send(AgentMessage::Introduction(introduction));
    }

    /// Ends a connection, and tries again not before `at_least`.
    fn leave(&mut self, now: Instant, at_least: Duration) {
        if matches!(self.state, State::Away { .. }) {
            return;
        }
        // What was to be sent or considered belongs to the connection that is gone.
        self.outputs.retain(|output| matches!(output, Output::JournalAcknowledged(..)));
        let pause = self.backoff.next_delay().max(at_least.min(GOODBYE_LONGEST));
        self.state = State::Away { until: now + pause };
    }

    fn close(&mut self, now: Instant, reason: &str, at_least: Duration) {
        self.leave(now, at_least);
        self.outputs.push_back(Output::Close { reason: clip(reason) });
    }

    fn message(&mut self, now: Instant, message: HubMessage) {
        let State::Open(open) = &mut self.state else { return };
        if !open.has_heard {
            // Only a hub that talks counts as found: one that hangs up at once is tried ever later.
            open.has_heard = true;
            self.backoff.reset();
        }
        match message {
            HubMessage::Offer(offer) => {
                self.outputs.retain(|output| !matches!(output, Output::Consider(_)));
                self.outputs.push_back(Output::Consider(Box::new(offer)));
            }
            HubMessage::TrustRoot(envelope) => self.outputs.push_back(Output::ConsiderTrustRoot(envelope)),
            HubMessage::StateAck { version } => {
                open.teller.acknowledged(version);
                if !open.teller.is_waiting() {
                    open.told_at = None;
                }
            }
            HubMessage::JournalAck { incarnation, through } => {
                if let Some(through) = self.journal.acknowledged(incarnation, through) {
                    self.outputs.push_back(Output::JournalAcknowledged(incarnation, through));
                }
            }
            HubMessage::Goodbye { reason, retry_after_ms } => {
                self.close(now, &reason, Duration::from_millis(retry_after_ms));
            }
            HubMessage::BlobChunk { .. } | HubMessage::BlobMissing { .. } | HubMessage::FetchDone => {
                self.close(now, "the hub sent content on the control stream", RETRY_LONGEST);
            }
        }
    }

    fn advance(&mut self, now: Instant) {
        match &self.state {
            State::Away { until } if *until <= now => {
                self.state = State::Dialing;
                self.outputs.push_back(Output::Connect);
            }
            State::Away { .. } | State::Dialing => {}
            State::Open(_) if self.next_deadline().is_some_and(|deadline| deadline <= now) => {
                self.close(now, "the hub does not acknowledge", Duration::ZERO);
            }
            State::Open(_) => self.tell(now),
        }
    }

    fn tell(&mut self, now: Instant) {
        let State::Open(open) = &mut self.state else { return };
        if let Some((snapshot, at)) = &self.snapshot {
            let age = now.saturating_duration_since(*at).as_millis();
            if let Some(report) = open.teller.next(snapshot, u64::try_from(age).unwrap_or(u64::MAX)) {
                open.told_at = Some(now);
                self.outputs.push_back(Output::Send(Box::new(AgentMessage::State(report))));
            }
        }
        self.outputs.extend(self.journal.wants());
    }
}
