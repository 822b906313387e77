use std::time::{Duration, Instant};

use skerry_common::journal::{DriftKind, Event, FieldDrift};
use skerry_common::object::ObjectKey;

use crate::drift::{FIGHT_RETAKES, FIGHT_WINDOW, Fights, Retaken};

fn key(name: &str) -> ObjectKey {
    ObjectKey { group: String::new(), kind: "ConfigMap".into(), namespace: None, name: name.into() }
}

fn field() -> FieldDrift {
    FieldDrift { path: "/a".into(), kind: DriftKind::Changed, manager: "other".into() }
}

fn retake(fights: &mut Fights, now: Instant, times: usize, every: Duration) -> (Instant, Retaken) {
    (1..times).fold((now, fights.retaken(now, &key("a"), &field())), |(now, _), _| {
        (now + every, fights.retaken(now + every, &key("a"), &field()))
    })
}

#[test]
fn five_retakes_in_ten_minutes_are_a_fight() {
    let start = Instant::now();
    let mut fights = Fights::default();
    let (now, last) = retake(&mut fights, start, FIGHT_RETAKES - 1, Duration::from_secs(1));
    assert_eq!(last, Retaken::Quietly);
    assert_eq!(fights.paused_until(now, &key("a")), None);
    let fight = Event::Fight { object: key("a"), field: "/a".into(), manager: "other".into() };
    assert_eq!(fights.retaken(now, &key("a"), &field()), Retaken::Fight(fight));
    assert_eq!(fights.paused_until(now, &key("a")), Some(now + Duration::from_secs(60)));
    assert_eq!(fights.next_deadline(now), Some(now + Duration::from_secs(60)));
    assert_eq!(fights.paused_until(now + Duration::from_secs(60), &key("a")), None);
    assert_eq!(fights.paused_until(now, &key("b")), None);
}

#[test]
fn slow_retakes_are_none() {
    let (_, last) = retake(&mut Fights::default(), Instant::now(), 20, FIGHT_WINDOW / 3);
    assert_eq!(last, Retaken::Quietly);
}

#[test]
fn pauses_grow_and_end_with_peace() {
    let mut fights = Fights::default();
    let (now, _) = retake(&mut fights, Instant::now(), FIGHT_RETAKES, Duration::from_secs(1));
    let (now, last) = retake(&mut fights, now + Duration::from_secs(61), FIGHT_RETAKES, Duration::from_secs(1));
    assert!(matches!(last, Retaken::Fight(_)));
    assert_eq!(fights.paused_until(now, &key("a")), Some(now + Duration::from_secs(120)));
    let peace = now + FIGHT_WINDOW * 2;
    let (now, _) = retake(&mut fights, peace, FIGHT_RETAKES, Duration::from_secs(1));
    assert_eq!(fights.paused_until(now, &key("a")), Some(now + Duration::from_secs(60)));
}
