use skerry_common::bundle::digest::BlobRef;
use skerry_common::journal::Event;
use skerry_common::limits::JOURNAL_BATCH_MAX;
use skerry_common::wire::latest::{OfferedBlob, OfferedRoot};

use super::*;

const LIFE: Incarnation = Incarnation(9);

fn introduction(end: u64) -> Input {
    Input::Connected(Box::new(Introduction {
        agent_version: "0".into(),
        bundle_schemas: vec![1],
        incarnation: LIFE,
        journal_end: Sequence(end),
        current: None,
        highest: None,
        trust_version: 1,
        facts: Facts::default(),
    }))
}

fn drain(session: &mut Session) -> Vec<Output> {
    std::iter::from_fn(|| session.poll_output()).collect()
}

fn open(now: Instant, end: u64) -> Session {
    let mut session = Session::new(now, 1, LIFE, Sequence(end)).expect("a session");
    session.handle(now, Input::Tick);
    assert_eq!(drain(&mut session), [Output::Connect]);
    session.handle(now, introduction(end));
    assert!(session.is_open());
    session
}

fn say(session: &mut Session, now: Instant, message: HubMessage) -> Vec<Output> {
    session.handle(now, Input::Message(Box::new(message)));
    drain(session)
}

fn entries(range: std::ops::RangeInclusive<u64>) -> Vec<JournalEntry> {
    let event = || Event::Started { version: "0".into() };
    range.map(|at| JournalEntry { sequence: Sequence(at), at_unix_ms: 0, event: event() }).collect()
}

fn sent_journal(outputs: &[Output]) -> Vec<u64> {
    let message = |output: &Output| match output {
        Output::Send(message) => Some(message.as_ref().clone()),
        Output::Connect
        | Output::Consider(_)
        | Output::ConsiderTrustRoot(_)
        | Output::ReadJournal { .. }
        | Output::JournalAcknowledged(..)
        | Output::Close { .. } => None,
    };
    let entries = outputs.iter().filter_map(message).filter_map(|message| match message {
        AgentMessage::Journal { entries, .. } => Some(entries),
        AgentMessage::Introduction(_)
        | AgentMessage::State(_)
        | AgentMessage::Verdict { .. }
        | AgentMessage::Fetch { .. }
        | AgentMessage::Facts(_)
        | AgentMessage::TrustRoot { .. } => None,
    });
    entries.flatten().map(|entry| entry.sequence.0).collect()
}

fn acknowledge(through: u64) -> HubMessage {
    HubMessage::JournalAck { incarnation: LIFE, through: Sequence(through) }
}

fn read(after: u64) -> Output {
    Output::ReadJournal { after: Sequence(after), entries_max: JOURNAL_BATCH_MAX }
}

#[test]
fn an_agent_introduces_itself_first_and_once() {
    let mut session = open(Instant::now(), 0);
    let outputs = drain(&mut session);
    assert!(matches!(&outputs[..], [Output::Send(message)] if matches!(**message, AgentMessage::Introduction(_))));
    session.handle(Instant::now(), introduction(0));
    assert!(drain(&mut session).is_empty());
}

#[test]
fn the_journal_travels_in_order_one_batch_at_a_time() {
    let now = Instant::now();
    let mut session = open(now, 3);
    assert_eq!(drain(&mut session)[1], read(0));
    session.handle(now, Input::JournalRead(entries(1..=3)));
    assert_eq!(sent_journal(&drain(&mut session)), [1, 2, 3]);
    session.handle(now, Input::JournalEnd(LIFE, Sequence(5)));
    assert!(drain(&mut session).is_empty(), "one batch is under way");
    let acknowledged = Output::JournalAcknowledged(LIFE, Sequence(3));
    assert_eq!(say(&mut session, now, acknowledge(3)), [acknowledged, read(3)]);
    session.handle(now, Input::JournalRead(entries(3..=5)));
    assert_eq!(sent_journal(&drain(&mut session)), [4, 5]);
    assert!(say(&mut session, now, acknowledge(99)).is_empty(), "nobody stored what was never written");
    assert_eq!(say(&mut session, now, acknowledge(5)), [Output::JournalAcknowledged(LIFE, Sequence(5))]);
}

#[test]
fn a_lost_acknowledgement_repeats_the_batch_on_the_next_connection() {
    let now = Instant::now();
    let mut session = open(now, 2);
    drain(&mut session);
    session.handle(now, Input::JournalRead(entries(1..=2)));
    session.handle(now, Input::Disconnected);
    drain(&mut session);
    let later = session.next_deadline().expect("a deadline");
    assert!(later > now && later <= now + RETRY_FIRST);
    session.handle(later, Input::Tick);
    session.handle(later, introduction(2));
    let outputs = drain(&mut session);
    assert_eq!((&outputs[0], &outputs[2]), (&Output::Connect, &read(0)));
    session.handle(later, Input::JournalRead(entries(1..=2)));
    assert_eq!(sent_journal(&drain(&mut session)), [1, 2]);
}

#[test]
fn batches_are_bounded_and_without_gaps() {
    let now = Instant::now();
    let mut session = open(now, 1000);
    drain(&mut session);
    session.handle(now, Input::JournalRead(entries(1..=1000)));
    assert_eq!(sent_journal(&drain(&mut session)).len(), JOURNAL_BATCH_MAX);
    let mut session = open(now, 9);
    drain(&mut session);
    session.handle(now, Input::JournalRead([entries(4..=5), entries(8..=9)].concat()));
    assert_eq!(sent_journal(&drain(&mut session)), [4, 5], "what was folded away is skipped, once, at the front");
    let mut session = open(now, 9);
    drain(&mut session);
    session.handle(now, Input::JournalRead(Vec::new()));
    assert!(drain(&mut session).is_empty(), "an empty journal is not asked for again");
}

#[test]
fn state_is_told_once_and_whole_on_each_connection() {
    let now = Instant::now();
    let mut session = open(now, 0);
    drain(&mut session);
    let observe = |session: &mut Session, now| {
        session.handle(now, Input::Observed(Box::default(), now));
        drain(session).len()
    };
    assert_eq!(observe(&mut session, now), 1);
    assert_eq!(observe(&mut session, now), 0);
    say(&mut session, now, HubMessage::StateAck { version: 1 });
    assert_eq!(observe(&mut session, now), 0);
    assert_eq!(session.next_deadline(), None);
    session.handle(now, Input::Disconnected);
    let later = session.next_deadline().expect("a deadline");
    session.handle(later, Input::Tick);
    session.handle(later, introduction(0));
    assert_eq!(drain(&mut session).len(), 3, "connect, introduction, full report");
}

fn offer(seed: u8) -> HubMessage {
    let payload = OfferedBlob { content: BlobRef::of(&[seed]), base: None, zstd: Vec::new() };
    HubMessage::Offer(Offer {
        root: OfferedRoot { payload, keyid: String::new(), signature: Vec::new() },
        blobs: Vec::new(),
    })
}

#[test]
fn the_newest_offer_wins() {
    let now = Instant::now();
    let mut session = open(now, 0);
    drain(&mut session);
    session.handle(now, Input::Message(Box::new(offer(1))));
    let outputs = say(&mut session, now, offer(2));
    let [Output::Consider(considered)] = &outputs[..] else { panic!("{outputs:?}") };
    assert_eq!(considered.root.payload.content, BlobRef::of(&[2]));
}

#[test]
fn a_silent_hub_is_left_and_tried_ever_later() {
    let mut now = Instant::now();
    let mut session = open(now, 1);
    drain(&mut session);
    session.handle(now, Input::JournalRead(entries(1..=1)));
    drain(&mut session);
    now += ACKNOWLEDGE_TIMEOUT;
    assert_eq!(session.next_deadline(), Some(now));
    session.handle(now, Input::Tick);
    assert!(matches!(drain(&mut session)[..], [Output::Close { .. }]));
    let mut pauses = Vec::new();
    for _ in 0..12 {
        let until = session.next_deadline().expect("a deadline");
        pauses.push(until - now);
        now = until;
        session.handle(now, Input::Tick);
        session.handle(now, Input::Disconnected);
        drain(&mut session);
    }
    assert!(pauses.iter().all(|pause| *pause <= RETRY_LONGEST));
    assert!(pauses[11] >= RETRY_LONGEST / 2, "{pauses:?}");
}

#[test]
fn a_goodbye_is_heeded_within_reason() {
    for (asked_ms, at_least, at_most) in [(10_000, 10, 11), (u64::MAX, 3600, 3601)] {
        let now = Instant::now();
        let mut session = open(now, 0);
        drain(&mut session);
        let outputs = say(&mut session, now, HubMessage::Goodbye { reason: "busy".into(), retry_after_ms: asked_ms });
        assert_eq!(outputs, [Output::Close { reason: "busy".into() }]);
        let pause = session.next_deadline().expect("a deadline") - now;
        assert!(pause >= Duration::from_secs(at_least) && pause < Duration::from_secs(at_most), "{pause:?}");
    }
}

#[test]
fn content_on_the_control_stream_ends_the_session() {
    let now = Instant::now();
    let mut session = open(now, 0);
    drain(&mut session);
    assert!(matches!(say(&mut session, now, HubMessage::FetchDone)[..], [Output::Close { .. }]));
    assert!(!session.is_open());
}
