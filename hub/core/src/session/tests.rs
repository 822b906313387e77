use super::*;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use skerry_common::bundle::root::{BUNDLE_TYPE, BundleRoot, ROOT_SCHEMA};
use skerry_common::bundle::signature::{Signature, pre_authentication_encoding};
use skerry_common::id::{Epoch, Generation};
use skerry_common::journal::Event;

fn place(generation: u64) -> Place {
    Place { epoch: Epoch(1), generation: Generation(generation) }
}

fn mark(generation: u64) -> BundleMark {
    BundleMark { place: place(generation), root: Digest::of(&generation.to_be_bytes()) }
}

fn key() -> (Ed25519KeyPair, PublicKey) {
    let pair = Ed25519KeyPair::from_seed_unchecked(&[9; 32]).expect("a seed");
    let mut bytes = [0; 32];
    bytes.copy_from_slice(pair.public_key().as_ref());
    (pair, PublicKey::from_bytes(bytes))
}

fn signed_root(generation: u64, cluster: &str) -> Envelope {
    let root = BundleRoot {
        schema: ROOT_SCHEMA,
        fleet: FleetId::parse("harbour").expect("a name"),
        cluster: ClusterId::parse(cluster).expect("a name"),
        epoch: Epoch(1),
        generation: Generation(generation),
        parent: None,
        issued: "2026-01-01T00:00:00Z".into(),
        expires: "2026-02-01T00:00:00Z".into(),
        hub: "h".into(),
        renderer: "0".into(),
        sources: Vec::new(),
        applications: Vec::new(),
        key_blob: None,
        confirmations: Vec::new(),
        sync_requests: 0,
    };
    let payload = root.to_bytes().expect("bytes");
    let (pair, public) = key();
    let sig = pair.sign(&pre_authentication_encoding(BUNDLE_TYPE, &payload)).as_ref().to_vec();
    Envelope { payload_type: BUNDLE_TYPE.into(), payload, signatures: vec![Signature { keyid: public.id(), sig }] }
}

fn trust_root(version: u64) -> TrustRootMark {
    let envelope = Envelope { payload_type: "t".into(), payload: vec![0], signatures: Vec::new() };
    TrustRootMark { version, envelope }
}

fn known(target: Option<BundleMark>) -> Known {
    Known {
        fleet: FleetId::parse("harbour").expect("a name"),
        cluster: ClusterId::parse("c1").expect("a name"),
        bundle_keys: vec![key().1],
        floor: target.map(|target| target.place).unwrap_or_default(),
        target,
        trust_roots: vec![trust_root(1)].into(),
        journal: BTreeMap::from([(Incarnation(5), Sequence(10))]),
    }
}

fn introduction(current: Option<BundleMark>, highest: Option<Envelope>) -> Input {
    Input::Message(Box::new(AgentMessage::Introduction(Introduction {
        agent_version: "0.1.0".into(),
        bundle_schemas: vec![1],
        incarnation: Incarnation(5),
        journal_end: Sequence(12),
        current,
        highest,
        trust_version: 1,
        facts: Facts::default(),
    })))
}

struct Link {
    session: Session,
    now: Instant,
}

impl Link {
    fn new(known: Known) -> Self {
        let now = Instant::now();
        Self { session: Session::new(now, known), now }
    }

    fn open(target: Option<BundleMark>, current: Option<BundleMark>) -> Self {
        let mut link = Self::new(known(target));
        link.give(introduction(current, None));
        link
    }

    fn give(&mut self, input: Input) -> Vec<Output> {
        self.session.handle(self.now, input);
        std::iter::from_fn(|| self.session.poll_output()).collect()
    }

    fn journal(&mut self, entries: Vec<JournalEntry>) -> Vec<Output> {
        self.give(Input::Message(Box::new(AgentMessage::Journal { incarnation: Incarnation(5), entries })))
    }
}

fn entries(range: std::ops::RangeInclusive<u64>) -> Vec<JournalEntry> {
    let event = |sequence| JournalEntry {
        sequence: Sequence(sequence),
        at_unix_ms: 0,
        event: Event::Started { version: "0.1.0".into() },
    };
    range.map(event).collect()
}

fn overflow(sequence: u64) -> JournalEntry {
    JournalEntry { sequence: Sequence(sequence), at_unix_ms: 0, event: Event::Overflow { dropped: 3 } }
}

fn acked(through: u64) -> Output {
    Output::Send(HubMessage::JournalAck { incarnation: Incarnation(5), through: Sequence(through) })
}

fn offers(outputs: &[Output]) -> Vec<BundleMark> {
    let offer = |output: &Output| if let Output::Offer { target, .. } = output { Some(*target) } else { None };
    outputs.iter().filter_map(offer).collect()
}

fn is_closed(outputs: &[Output]) -> bool {
    matches!(outputs.last(), Some(Output::Close { .. }))
}

#[test]
fn an_agent_that_does_not_speak_is_dropped() {
    let mut link = Link::new(known(None));
    let deadline = link.session.next_deadline().expect("a deadline");
    assert!(link.give(Input::Tick).is_empty());
    link.now = deadline;
    assert!(is_closed(&link.give(Input::Tick)));
    assert_eq!(link.session.next_deadline(), None);
}

#[test]
fn the_newest_target_is_offered_once() {
    let mut link = Link::new(known(Some(mark(3))));
    let outputs = link.give(introduction(Some(mark(2)), None));
    assert_eq!(offers(&outputs), [mark(3)]);
    let held = outputs.iter().find_map(|output| if let Output::Offer { held, .. } = output { *held } else { None });
    assert_eq!(held, Some(mark(2).root));
    assert!(offers(&link.give(Input::Target(mark(3)))).is_empty(), "repeated");
    assert_eq!(offers(&link.give(Input::Target(mark(4)))), [mark(4)]);
    assert!(offers(&link.give(Input::Target(mark(3)))).is_empty(), "older");
}

#[test]
fn what_the_agent_holds_or_refused_is_not_offered() {
    let mut link = Link::open(Some(mark(3)), Some(mark(3)));
    assert!(link.give(Input::Target(mark(3))).is_empty());
    assert_eq!(offers(&link.give(Input::Target(mark(4)))), [mark(4)]);
    let verdict = AgentMessage::Verdict { root: mark(4).root, refused: Some("no".into()) };
    let recorded = link.give(Input::Message(Box::new(verdict)));
    assert_eq!(recorded, [Output::RecordVerdict { root: mark(4).root, refused: Some("no".into()) }]);
    assert!(link.give(Input::Target(mark(4))).is_empty());
}

#[test]
fn a_proven_higher_place_raises_the_floor_and_stops_lower_offers() {
    let mut link = Link::new(known(Some(mark(3))));
    let outputs = link.give(introduction(None, Some(signed_root(7, "c1"))));
    assert!(matches!(&outputs[0], Output::RaiseFloor { place: raised, .. } if *raised == place(7)), "{outputs:?}");
    assert!(offers(&outputs).is_empty());
    assert_eq!(offers(&link.give(Input::Target(mark(8)))), [mark(8)]);
}

#[test]
fn another_root_at_the_same_place_is_a_hub_that_forgot() {
    let mut link = Link::new(known(Some(mark(3))));
    let outputs = link.give(introduction(None, Some(signed_root(3, "c1"))));
    assert!(matches!(&outputs[0], Output::RaiseFloor { place: raised, .. } if *raised == place(3)), "{outputs:?}");
    assert!(offers(&outputs).is_empty());
}

#[test]
fn the_same_highest_root_is_offered_again_when_it_is_not_held() {
    let envelope = signed_root(3, "c1");
    let target = BundleMark { place: place(3), root: envelope.digest() };
    let mut link = Link::new(known(Some(target)));
    assert_eq!(offers(&link.give(introduction(None, Some(envelope)))), [target]);
}

#[test]
fn a_place_without_proof_is_told_and_not_followed() {
    for envelope in [signed_root(7, "c2"), Envelope { payload: b"{}".to_vec(), ..signed_root(7, "c1") }] {
        let mut link = Link::new(known(Some(mark(3))));
        let outputs = link.give(introduction(None, Some(envelope)));
        assert!(matches!(&outputs[0], Output::UnprovenPlace { .. }), "{outputs:?}");
        assert_eq!(offers(&outputs), [mark(3)]);
    }
}

#[test]
fn a_journal_is_acknowledged_only_when_it_is_stored() {
    let mut link = Link::open(None, None);
    let batch = entries(11..=12);
    let persist = Output::PersistJournal { incarnation: Incarnation(5), entries: batch.clone() };
    assert_eq!(link.journal(batch.clone()), [persist]);
    assert!(link.journal(batch).is_empty(), "handed on twice");
    let stored = Input::JournalStored { incarnation: Incarnation(5), through: Sequence(12) };
    assert_eq!(link.give(stored.clone()), [acked(12)]);
    assert!(link.give(stored).is_empty());
}

#[test]
fn stored_entries_are_acknowledged_again_and_not_stored_again() {
    let mut link = Link::open(None, None);
    assert_eq!(link.journal(entries(9..=10)), [acked(10)]);
    let new = Output::PersistJournal { incarnation: Incarnation(5), entries: entries(11..=11) };
    assert_eq!(link.journal(entries(9..=11)), [new]);
}

#[test]
fn the_last_acknowledgement_is_repeated_at_once() {
    let mut link = Link::new(known(None));
    assert!(link.give(introduction(None, None)).contains(&acked(10)));
}

#[test]
fn gaps_need_an_overflow() {
    let mut link = Link::open(None, None);
    link.journal(entries(11..=12));
    let outputs = link.journal(vec![overflow(16)]);
    assert!(matches!(&outputs[..], [Output::PersistJournal { .. }]), "{outputs:?}");
    assert!(is_closed(&link.journal(entries(18..=18))));

    let mut link = Link::open(None, None);
    let mut batch = entries(11..=11);
    batch.extend(entries(13..=13));
    assert!(is_closed(&link.journal(batch)));
}

#[test]
fn a_hub_restored_from_an_old_backup_takes_the_journal_and_says_so() {
    let mut link = Link::open(None, None);
    let outputs = link.journal(entries(50..=51));
    let gap = Output::JournalGap { incarnation: Incarnation(5), after: Sequence(10), before: Sequence(50) };
    assert_eq!(outputs[0], gap);
    assert!(matches!(&outputs[1], Output::PersistJournal { .. }));
}

#[test]
fn batches_in_flight_are_bounded() {
    let mut link = Link::open(None, None);
    for batch in 0..BATCHES_IN_FLIGHT_MAX as u64 {
        assert!(!link.session.is_busy());
        link.journal(entries(11 + batch..=11 + batch));
    }
    assert!(link.session.is_busy());
    link.give(Input::JournalStored { incarnation: Incarnation(5), through: Sequence(11) });
    assert!(!link.session.is_busy());
}

#[test]
fn state_reports_begin_full_and_grow() {
    let report = |version, full| {
        Input::Message(Box::new(AgentMessage::State(StateReport { version, full, ..StateReport::default() })))
    };
    let mut link = Link::open(None, None);
    assert!(matches!(&link.give(report(1, true))[..], [Output::PersistState(_)]));
    let ack = Output::Send(HubMessage::StateAck { version: 1 });
    assert_eq!(link.give(Input::StateStored { version: 1 }), [ack]);
    assert!(matches!(&link.give(report(2, false))[..], [Output::PersistState(_)]));
    assert!(is_closed(&link.give(report(2, false))));
    assert!(is_closed(&Link::open(None, None).give(report(1, false))));
}

#[test]
fn a_newer_trust_root_is_sent_once() {
    let mut link = Link::open(None, None);
    let newer = Input::TrustRoots(vec![trust_root(1), trust_root(2)].into());
    let sent = Output::Send(HubMessage::TrustRoot(trust_root(2).envelope));
    assert_eq!(link.give(newer.clone()), [sent]);
    assert!(link.give(newer).is_empty());
}

#[test]
fn what_the_protocol_does_not_allow_ends_the_session() {
    let fetch = || Input::Message(Box::new(AgentMessage::Fetch { blobs: Vec::new() }));
    assert!(is_closed(&Link::new(known(None)).give(fetch())));
    assert!(is_closed(&Link::open(None, None).give(fetch())));
    assert!(is_closed(&Link::open(None, None).give(introduction(None, None))));
    assert!(is_closed(&Link::open(None, None).journal(Vec::new())));
    assert!(is_closed(&Link::open(None, None).journal(entries(0..=1))));
    let mut link = Link::open(None, None);
    link.give(Input::Closed);
    assert!(link.give(Input::Target(mark(4))).is_empty());
    assert!(link.session.is_closed());
}
