//! The hub's side of one link, as a state machine: what is offered, stored and acknowledged.
//!
//! ```text
//!  AwaitingIntroduction ──Introduction──▶ Open ──violation, closed──▶ Closed
//!          └──nothing in time──▶ Closed
//! ```
//! Guarantees
//! - A journal batch is acknowledged only after the shell said that it is stored; an entry at or
//!   below the high-water mark is acknowledged and not stored again.
//! - Only the newest target is offered, and no root twice that the agent holds or refused.
//! - Nothing is offered that the agent must refuse because it has seen a higher place; its proof of
//!   that place raises the hub's floor instead.
//!
//! The content stream (`Fetch`) is served by the shell without a state machine: blobs are immutable.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use skerry_common::bundle::digest::Digest;
use skerry_common::bundle::signature::{Envelope, PublicKey};
use skerry_common::id::{ClusterId, FleetId, Incarnation, Place, Sequence};
use skerry_common::journal::JournalEntry;
use skerry_common::report::{BundleMark, Facts, StateReport};
use skerry_common::wire::v1::{AgentMessage, HubMessage, Introduction};

mod journal;
mod offer;
#[cfg(test)]
mod tests;

pub use journal::BATCHES_IN_FLIGHT_MAX;

/// How long an agent may take to introduce itself: a slow satellite link needs some seconds, and a
/// connection that never speaks must not cost memory for longer.
pub const INTRODUCTION_TIMEOUT: Duration = Duration::from_secs(15);

/// How long an agent that broke the protocol is asked to stay away: it is most likely of a wrong
/// version and will do the same again.
pub const VIOLATION_RETRY: Duration = Duration::from_secs(60);

/// What the hub knows when a connection is made.
#[derive(Debug, Clone)]
pub struct Known {
    /// The fleet.
    pub fleet: FleetId,
    /// Whose connection this is, by its certificate.
    pub cluster: ClusterId,
    /// Keys that may sign bundles.
    pub bundle_keys: Vec<PublicKey>,
    /// The highest place reserved or proven so far.
    pub floor: Place,
    /// The newest signed root for this cluster.
    pub target: Option<BundleMark>,
    /// The trust roots, oldest first; the last is in force. Shared by all sessions.
    pub trust_roots: Arc<Vec<TrustRootMark>>,
    /// How far the journal is stored, by incarnation.
    pub journal: BTreeMap<Incarnation, Sequence>,
}

impl Known {
    /// True when a proven root shows that this hub forgot something: a place above every one that it
    /// reserved, or another root at or above the place of its target (restored from a backup).
    fn is_behind(&self, place: Place, root: Digest) -> bool {
        let forked = |target: BundleMark| target.place <= place && target.root != root;
        place > self.floor || (place == self.floor && self.target.is_some_and(forked))
    }
}

/// A trust root and its version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustRootMark {
    /// Its version.
    pub version: u64,
    /// Its signed form.
    pub envelope: Envelope,
}

/// What happens to a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// A message came on the control stream.
    Message(Box<AgentMessage>),
    /// A newer root is signed and stored.
    Target(BundleMark),
    /// A newer trust root is in force: all of them, oldest first.
    TrustRoots(Arc<Vec<TrustRootMark>>),
    /// The last [`Output::PersistJournal`] is stored together with its high-water mark.
    JournalStored {
        /// Whose.
        incarnation: Incarnation,
        /// The new high-water mark.
        through: Sequence,
    },
    /// The state report of this version was taken.
    StateStored {
        /// Its version.
        version: u64,
    },
    /// Time passed.
    Tick,
    /// The connection is gone.
    Closed,
}

/// What the shell has to do, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Send this.
    Send(HubMessage),
    /// Build an offer of this root and send it; deltas may be made against `held`.
    Offer {
        /// What to offer.
        target: BundleMark,
        /// The root that the agent holds.
        held: Option<Digest>,
    },
    /// Store what the agent is.
    RecordIntroduction(Box<Introduced>),
    /// Store the facts of the cluster.
    RecordFacts(Facts),
    /// The agent has taken up a trust root of this version.
    RecordTrustRoot(u64),
    /// Store these entries and the new mark in one transaction, then say [`Input::JournalStored`].
    PersistJournal {
        /// Whose.
        incarnation: Incarnation,
        /// Ascending; all above the mark.
        entries: Vec<JournalEntry>,
    },
    /// Entries are missing before the first of this connection: this hub was restored from a backup
    /// made before it acknowledged them. Store that, for people.
    JournalGap {
        /// Whose.
        incarnation: Incarnation,
        /// The last entry stored.
        after: Sequence,
        /// The first entry at hand.
        before: Sequence,
    },
    /// Take a state report, then say [`Input::StateStored`].
    PersistState(StateReport),
    /// Store what became of an offer.
    RecordVerdict {
        /// The root.
        root: Digest,
        /// Why it was refused; `None` when it was accepted.
        refused: Option<String>,
    },
    /// The agent proved a place above ours: issue nothing at or below it, and issue anew above it.
    RaiseFloor {
        /// The proven place.
        place: Place,
        /// The proof.
        proof: Envelope,
    },
    /// The agent named a place that it cannot prove: to be told to people, not followed.
    UnprovenPlace {
        /// What is wrong with the proof.
        reason: String,
    },
    /// End the connection after what was sent; always the last output.
    Close {
        /// In words.
        reason: String,
    },
}

/// What an agent said of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Introduced {
    /// Version of its program.
    pub agent_version: String,
    /// Bundle schemas that it reads.
    pub bundle_schemas: Vec<u32>,
    /// The life of its journal.
    pub incarnation: Incarnation,
    /// The newest entry of its journal.
    pub journal_end: Sequence,
    /// The target in force there.
    pub current: Option<BundleMark>,
    /// Version of its trust root.
    pub trust_version: u64,
    /// Facts of the cluster.
    pub facts: Facts,
}

/// One link.
#[derive(Debug)]
pub struct Session {
    known: Known,
    state: State,
    outputs: VecDeque<Output>,
}

/// Where a session stands.
#[derive(Debug)]
enum State {
    /// Waits for the first message until the deadline; then it closes.
    AwaitingIntroduction { deadline: Instant },
    /// Talks until somebody closes.
    Open(Box<Open>),
    /// Takes nothing any more.
    Closed,
}

/// What an open session remembers.
#[derive(Debug)]
struct Open {
    offers: offer::Offers,
    journal: journal::Journal,
    /// Version of the last state report taken.
    state_version: Option<u64>,
    trust_version: u64,
}

/// The agent did what the protocol does not allow.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Violation(String);

impl Session {
    /// Begins with what the hub knows; the agent speaks first.
    pub fn new(now: Instant, known: Known) -> Self {
        let state = State::AwaitingIntroduction { deadline: now + INTRODUCTION_TIMEOUT };
        Self { known, state, outputs: VecDeque::new() }
    }

    /// Takes one input.
    pub fn handle(&mut self, now: Instant, input: Input) {
        let done = match input {
            Input::Closed => {
                self.state = State::Closed;
                Ok(())
            }
            Input::Tick => self.tick(now),
            Input::Message(message) => self.message(*message),
            Input::Target(target) => {
                self.target(target);
                Ok(())
            }
            Input::TrustRoots(trust_roots) => {
                self.known.trust_roots = trust_roots;
                self.send_trust_roots();
                Ok(())
            }
            Input::JournalStored { incarnation, through } => {
                self.journal_stored(incarnation, through);
                Ok(())
            }
            Input::StateStored { version } => {
                if matches!(self.state, State::Open(_)) {
                    self.outputs.push_back(Output::Send(HubMessage::StateAck { version }));
                }
                Ok(())
            }
        };
        if let Err(violation) = done {
            self.close(violation);
        }
    }

    /// The next thing to do, if there is one.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When [`Input::Tick`] is due at the latest.
    pub fn next_deadline(&self) -> Option<Instant> {
        match &self.state {
            State::AwaitingIntroduction { deadline } => Some(*deadline),
            State::Open(_) | State::Closed => None,
        }
    }

    /// True while the shell should read no further message: as much is being stored as may be.
    pub fn is_busy(&self) -> bool {
        match &self.state {
            State::Open(open) => open.journal.is_full(),
            State::AwaitingIntroduction { .. } | State::Closed => false,
        }
    }

    /// True when nothing can happen any more.
    pub fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed)
    }

    fn tick(&mut self, now: Instant) -> Result<(), Violation> {
        match &self.state {
            State::AwaitingIntroduction { deadline } if now >= *deadline => {
                Err(Violation("the agent did not introduce itself in time".into()))
            }
            State::AwaitingIntroduction { .. } | State::Open(_) | State::Closed => Ok(()),
        }
    }

    fn message(&mut self, message: AgentMessage) -> Result<(), Violation> {
        let open = match (&mut self.state, message) {
            (State::Closed, _) => return Ok(()),
            (State::AwaitingIntroduction { .. }, AgentMessage::Introduction(introduction)) => {
                return self.introduce(introduction);
            }
            (State::AwaitingIntroduction { .. }, _) => {
                return Err(Violation("the first message must be an introduction".into()));
            }
            (State::Open(open), message) => (open, message),
        };
        match open {
            (_, AgentMessage::Introduction(_)) => Err(Violation("a second introduction".into())),
            (_, AgentMessage::Fetch { .. }) => {
                Err(Violation("content is asked for on the content stream, not here".into()))
            }
            (_, AgentMessage::TrustRoot { version }) => {
                self.outputs.push_back(Output::RecordTrustRoot(version));
                Ok(())
            }
            (_, AgentMessage::Facts(facts)) => {
                self.outputs.push_back(Output::RecordFacts(facts));
                Ok(())
            }
            (open, AgentMessage::State(report)) => {
                open.take_report(&report)?;
                self.outputs.push_back(Output::PersistState(report));
                Ok(())
            }
            (open, AgentMessage::Verdict { root, refused }) => {
                open.offers.verdict(root, refused.is_some());
                self.outputs.push_back(Output::RecordVerdict { root, refused });
                Ok(())
            }
            (open, AgentMessage::Journal { incarnation, entries }) => {
                open.journal.take(incarnation, entries, &mut self.outputs)
            }
        }
    }

    fn introduce(&mut self, introduction: Introduction) -> Result<(), Violation> {
        let known = &self.known;
        let mark = known.journal.get(&introduction.incarnation).copied().unwrap_or_default();
        let proof = introduction.highest.map(|envelope| offer::prove(known, envelope));
        let offers = offer::Offers::new(introduction.current, proof.as_ref());
        match proof {
            Some(offer::Proof::Proven { place, root, envelope }) if known.is_behind(place, root) => {
                self.known.floor = self.known.floor.max(place);
                self.outputs.push_back(Output::RaiseFloor { place, proof: envelope });
            }
            Some(offer::Proof::Unproven { reason }) => self.outputs.push_back(Output::UnprovenPlace { reason }),
            Some(offer::Proof::Proven { .. }) | None => {}
        }
        let incarnation = introduction.incarnation;
        self.outputs.push_back(Output::RecordIntroduction(Box::new(Introduced {
            agent_version: introduction.agent_version,
            bundle_schemas: introduction.bundle_schemas,
            incarnation,
            journal_end: introduction.journal_end,
            current: introduction.current,
            trust_version: introduction.trust_version,
            facts: introduction.facts,
        })));
        let journal = journal::Journal::new(incarnation, mark);
        let trust_version = introduction.trust_version;
        self.state = State::Open(Box::new(Open { offers, journal, state_version: None, trust_version }));
        // The agent deletes what is acknowledged: it may have missed the last acknowledgement.
        if mark > Sequence(0) {
            self.outputs.push_back(Output::Send(HubMessage::JournalAck { incarnation, through: mark }));
        }
        self.send_trust_roots();
        if let Some(target) = self.known.target {
            self.target(target);
        }
        Ok(())
    }

    fn target(&mut self, target: BundleMark) {
        if self.known.target.is_none_or(|newest| newest.place <= target.place) {
            self.known.target = Some(target);
        }
        let State::Open(open) = &mut self.state else { return };
        if let Some(newest) = self.known.target
            && open.offers.offer(newest)
        {
            self.outputs.push_back(Output::Offer { target: newest, held: open.offers.held() });
        }
    }

    /// Sends what the agent lacks, each of which is signed by keys of the one before.
    fn send_trust_roots(&mut self) {
        let State::Open(open) = &mut self.state else { return };
        for TrustRootMark { version, envelope } in self.known.trust_roots.iter() {
            if *version > open.trust_version {
                open.trust_version = *version;
                self.outputs.push_back(Output::Send(HubMessage::TrustRoot(envelope.clone())));
            }
        }
    }

    fn journal_stored(&mut self, incarnation: Incarnation, through: Sequence) {
        let State::Open(open) = &mut self.state else { return };
        if let Some(through) = open.journal.stored(incarnation, through) {
            self.outputs.push_back(Output::Send(HubMessage::JournalAck { incarnation, through }));
        }
    }

    fn close(&mut self, Violation(reason): Violation) {
        self.state = State::Closed;
        let retry_after_ms = u64::try_from(VIOLATION_RETRY.as_millis()).unwrap_or(u64::MAX);
        self.outputs.push_back(Output::Send(HubMessage::Goodbye { reason: reason.clone(), retry_after_ms }));
        self.outputs.push_back(Output::Close { reason });
    }
}

impl Open {
    /// The first report of a connection is whole, and versions grow.
    fn take_report(&mut self, report: &StateReport) -> Result<(), Violation> {
        match self.state_version {
            None if !report.full => {
                return Err(Violation("the first state report of a connection must be full".into()));
            }
            Some(last) if report.version <= last => {
                return Err(Violation(format!("state report {} after {last}", report.version)));
            }
            None | Some(_) => {}
        }
        self.state_version = Some(report.version);
        Ok(())
    }
}
