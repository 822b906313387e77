use skerry_common::id::FleetId;
use time::Duration;

use super::*;

const NOW: OffsetDateTime = OffsetDateTime::UNIX_EPOCH.saturating_add(Duration::days(20_500));

struct Fleet {
    keys: KeyFolder,
    root: SigningKey,
    folder: tempfile::TempDir,
}

fn fleet() -> Fleet {
    let folder = tempfile::tempdir().expect("a folder");
    let keys = KeyFolder::new(&folder.path().join("keys"));
    let fleet = FleetId::parse("north").expect("a name");
    let root = keys.create(&fleet, &["hub.example:7443".to_owned()], NOW).expect("keys");
    Fleet { keys, root, folder }
}

fn addresses(list: &[&str]) -> Changes {
    Changes { addresses: Some(list.iter().map(|&it| it.to_owned()).collect()), ..Changes::default() }
}

impl Fleet {
    fn in_force(&self) -> TrustedRoot {
        self.keys.standing().expect("keys").0.newest().clone()
    }

    fn rotate(&self, changes: &Changes) -> Result<Rotated, RotateError> {
        rotate(&self.keys, std::slice::from_ref(&self.root), changes, NOW + Duration::DAY)
    }

    fn made(&self, changes: &Changes) -> TrustedRoot {
        match self.rotate(changes).expect("rotates") {
            Rotated::Made(trust) => trust,
            Rotated::Unchanged(trust) => panic!("nothing changed: {trust:?}"),
        }
    }
}

#[test]
fn a_new_address_reaches_agents_and_a_second_run_changes_nothing() {
    let fleet = fleet();
    let old = fleet.in_force();
    let wish = addresses(&["hub.example:8443", "[2001:db8::1]:7443"]);
    let made = fleet.made(&wish);
    assert_eq!(
        (made.root().version, made.root().epoch, &made.root().hubs),
        (2, Epoch(1), wish.addresses.as_ref().expect("set"))
    );
    assert_eq!(old.successor(made.envelope().clone()), Ok(made.clone()), "as an agent takes it");
    assert_eq!(fleet.rotate(&wish).expect("runs"), Rotated::Unchanged(made.clone()));
    assert_eq!(fleet.in_force(), made);
    let (line, signing) = fleet.keys.standing().expect("keys");
    assert_eq!(line.marks().iter().map(|mark| mark.version).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(made.root().bundle_keys, [signing.public_key()]);
}

#[test]
fn a_new_signing_key_is_used_from_then_on_and_the_one_before_stays_good_for_what_is_on_its_way() {
    let fleet = fleet();
    let old = fleet.keys.standing().expect("keys").1.public_key();
    let wish = Changes { new_signing_key: true, ..Changes::default() };
    let made = fleet.made(&wish);
    let new = fleet.keys.standing().expect("keys").1.public_key();
    assert_ne!(new, old);
    assert_eq!(made.root().bundle_keys, [new, old]);
    // After a compromise nothing but the newest counts.
    let raised = fleet.made(&Changes { epoch: Some(Epoch(2)), new_signing_key: true, ..Changes::default() });
    let newest = fleet.keys.standing().expect("keys").1.public_key();
    assert_eq!((raised.root().epoch, raised.root().bundle_keys.as_slice()), (Epoch(2), [newest].as_slice()));
    let again = Changes { epoch: Some(Epoch(2)), ..Changes::default() };
    assert_eq!(fleet.rotate(&again).expect("runs"), Rotated::Unchanged(raised));
}

#[test]
fn a_rotation_that_was_cut_off_is_completed() {
    let fleet = fleet();
    // Cut off before the trust root changed: the key that was made is the one that comes.
    let next = fleet.keys.next_signing_key().expect("a key").public_key();
    let in_use = fleet.keys.standing().expect("keys").1.public_key();
    assert_ne!(in_use, next, "it does not count yet");
    let made = fleet.made(&Changes { new_signing_key: true, ..Changes::default() });
    assert_eq!(made.root().bundle_keys, [next, in_use]);
    // Cut off after the trust root changed, before the key had its place.
    let current = fleet.in_force();
    let after = fleet.keys.next_signing_key().expect("a key").public_key();
    let document = TrustRoot { version: 3, bundle_keys: vec![after], ..current.root().clone() };
    let payload = skerry_common::canonical::of(&document).expect("JSON");
    let envelope = fleet.root.sign_envelope(TRUST_ROOT_TYPE, payload).expect("signs");
    fleet.keys.put_trust(&current, &current.successor(envelope).expect("follows")).expect("stores");
    assert_eq!(fleet.keys.standing().expect("keys").1.public_key(), after);
    assert!(matches!(fleet.rotate(&Changes::default()), Ok(Rotated::Unchanged(_))));
    assert_eq!(fleet.keys.standing().expect("keys").1.public_key(), after);
}

#[test]
fn root_keys_change_and_agents_that_were_away_follow_step_by_step() {
    let mut fleet = fleet();
    let first = fleet.in_force();
    let (second, third) = (SigningKey::generate().expect("a key"), SigningKey::generate().expect("a key"));
    let old = fleet.root.key_id();
    let replaced = Changes { added: vec![second], dropped: vec![old], ..Changes::default() };
    let two = fleet.made(&replaced);
    [fleet.root] = <[SigningKey; 1]>::try_from(replaced.added).expect("one");
    let added = Changes { added: vec![third], threshold: Some(2), ..Changes::default() };
    let three = fleet.made(&added);
    assert_eq!((three.root().version, three.root().root_keys.len(), three.root().threshold), (3, 2, 2));
    // One key is not enough any more, and a new version cannot be believed by who missed the second.
    let alone = fleet.rotate(&addresses(&["a:1"]));
    assert!(matches!(alone, Err(RotateError::TooFewKeys { given: 1, needed: 2, version: 3 })), "{alone:?}");
    assert!(first.successor(three.envelope().clone()).is_err());
    let line = fleet.keys.standing().expect("keys").0;
    let taken = line.marks().iter().try_fold(first.clone(), |taken, mark| taken.successor(mark.envelope.clone()));
    assert_eq!(taken, Ok(three));
    assert_eq!(TrustLine::new(first, &[]).follow(line.clone()), Ok(Some(line.clone())));
    assert_eq!(line.follow(line.clone()), Ok(None));
    assert!(TrustLine::new(two, &[]).follow(line).is_ok());
}

#[test]
fn wrong_wishes_are_refused_and_change_nothing() {
    let fleet = fleet();
    let before = fleet.in_force();
    let stranger = SigningKey::generate().expect("a key");
    let refused = rotate(&fleet.keys, &[stranger], &addresses(&["a:1"]), NOW);
    assert!(matches!(refused, Err(RotateError::NotARootKey { version: 1, .. })), "{refused:?}");
    let refused = rotate(&fleet.keys, &[], &addresses(&["a:1"]), NOW);
    assert!(matches!(refused, Err(RotateError::TooFewKeys { given: 0, needed: 1, version: 1 })), "{refused:?}");
    let check = |changes: Changes, fits: fn(&RotateError) -> bool| {
        let refused = fleet.rotate(&changes);
        assert!(refused.as_ref().is_err_and(fits), "{refused:?}");
    };
    check(addresses(&["no port"]), |error| matches!(error, RotateError::Address(_)));
    check(addresses(&["a:1"; ADDRESSES_MAX + 1]), |error| matches!(error, RotateError::Addresses(_)));
    check(Changes { epoch: Some(Epoch(0)), ..Changes::default() }, |error| matches!(error, RotateError::Epoch { .. }));
    check(Changes { threshold: Some(2), ..Changes::default() }, |error| matches!(error, RotateError::Threshold { .. }));
    let none = Changes { dropped: vec![fleet.root.key_id()], ..Changes::default() };
    check(none, |error| matches!(error, RotateError::Threshold { keys: 0, .. }));
    assert_eq!(fleet.in_force(), before);
}

#[test]
fn what_root_writes_belongs_to_whom_the_hub_runs_as() {
    use std::os::unix::fs::{MetadataExt as _, chown};
    const SOMEBODY: u32 = 12_345;
    let fleet = fleet();
    let keys = fleet.folder.path().join("keys");
    // Only root can give files away, and only then there is something to see.
    if chown(&keys, Some(SOMEBODY), Some(SOMEBODY)).is_err() {
        return;
    }
    fleet.made(&Changes { new_signing_key: true, ..Changes::default() });
    for name in ["trust-root.json", "trust-root.1.json", "bundle.key"] {
        let owner = std::fs::metadata(keys.join(name)).expect("is there").uid();
        assert_eq!(owner, SOMEBODY, "{name}");
    }
}
