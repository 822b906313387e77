//! What the reconciler knows: inventory, live objects, health, drift, failures.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;
use skerry_agent_core::accept::AcceptedBundle;
use skerry_agent_core::drift::{AdditionPolicy, Book, Fights, Treatment, additions, our_projection};
use skerry_agent_core::health::{Judgement, Observed, judge};
use skerry_agent_core::inventory::{Inventory, Record};
use skerry_agent_core::marks;
use skerry_agent_core::plan::{self, DesiredSet, KindFacts, Live, LiveMeta, Phase, Plan, Planned, Protection};
use skerry_common::bundle::manifest::Policy;
use skerry_common::diagnostic::ErrorClass;
use skerry_common::id::{ApplicationName, FleetId, Place};
use skerry_common::object::ObjectKey;

use crate::cluster::{Detail, Discovery};
use crate::ledger::Recalled;
use crate::tasks::watch::Subject;

/// The first pause before a failed object is tried again.
const RETRY_FIRST: Duration = Duration::from_secs(1);

/// How soon what is overdue is tried again.
const RETRY_SOONEST: Duration = Duration::from_millis(100);

/// The longest: what fails for good is tried again every five minutes, in case somebody repaired it.
const RETRY_LONGEST: Duration = Duration::from_secs(300);

/// An object that could not be handled.
#[derive(Debug, Clone)]
pub(super) struct Failure {
    /// Why, in words.
    pub(super) message: String,
    /// How often in a row.
    pub(super) times: u32,
    /// When it is tried again.
    pub(super) retry_at: Instant,
}

/// All of it.
#[derive(Default)]
pub(super) struct World {
    /// What we applied.
    pub(super) inventory: Inventory,
    /// Open drifts.
    pub(super) book: Book,
    /// Fields that somebody keeps retaking.
    pub(super) fights: Fights,
    /// Which kinds there are.
    pub(super) discovery: Discovery,
    /// The same, as the planner reads it.
    pub(super) facts: plan::Discovery,
    /// Live objects with a fleet's label.
    pub(super) live: BTreeMap<ObjectKey, Live>,
    /// Watches that listed, or why they cannot.
    pub(super) known: BTreeMap<Subject, Result<(), String>>,
    /// How objects fare.
    pub(super) health: BTreeMap<ObjectKey, Judgement>,
    /// What could not be handled.
    pub(super) failures: BTreeMap<ObjectKey, Failure>,
    /// What the ledger remembered, until everything was listed.
    pub(super) recalled: Arc<Recalled>,
    /// Objects of which the ledger does not know the newest.
    pub(super) unnoted: BTreeSet<ObjectKey>,
}

/// What an observation asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Asks {
    /// Nothing.
    Nothing,
    /// Only the version moved: remember it.
    Remember,
    /// Plan again.
    Plan,
}

impl World {
    /// Takes up what the API serves.
    pub(super) fn discovered(&mut self, discovery: Discovery) {
        let mut facts = plan::Discovery::default();
        for served in &discovery.kinds {
            let kind = &served.kind;
            let scope = if kind.namespaced { plan::Scope::Namespaced } else { plan::Scope::Cluster };
            let entry = facts.kinds.entry((kind.group.clone(), kind.kind.clone()));
            let entry = entry.or_insert_with(|| KindFacts { versions: BTreeSet::new(), scope });
            entry.versions.insert(kind.version.clone());
        }
        facts.gaps = discovery.gaps.iter().map(|gap| gap.group.clone()).collect();
        (self.discovery, self.facts) = (discovery, facts);
    }

    /// The watches that a bundle and the inventory need; kinds that are not served need none.
    pub(super) fn subjects(&self, desired: &DesiredSet, namespaces: &[String]) -> BTreeSet<Subject> {
        let ours = self.inventory.records().map(|(key, record)| (key, record.api_version.as_str()));
        let mut subjects = BTreeSet::new();
        for (key, api_version) in desired.objects().chain(ours) {
            let version = skerry_common::object::version_of(api_version);
            let exact = self.discovery.find_version(&key.group, version, &key.kind);
            let Some(kind) = exact.or_else(|| self.discovery.find(&key.group, &key.kind)) else { continue };
            if kind.namespaced && !namespaces.is_empty() {
                let in_each = |namespace: &String| Subject { kind: kind.clone(), namespace: Some(namespace.clone()) };
                subjects.extend(namespaces.iter().map(in_each));
            } else {
                subjects.insert(Subject { kind: kind.clone(), namespace: None });
            }
        }
        subjects
    }

    /// The facts about every object of a bundle and of the inventory: absent only if a watch that
    /// covers it has listed.
    pub(super) fn live_facts(&self, desired: &DesiredSet) -> BTreeMap<ObjectKey, Live> {
        let ours = self.inventory.records().map(|(key, _)| key);
        let keys = desired.objects().map(|(key, _)| key).chain(ours);
        keys.map(|key| (key.clone(), self.live_fact(key))).collect()
    }

    fn live_fact(&self, key: &ObjectKey) -> Live {
        if let Some(live) = self.live.get(key) {
            return live.clone();
        }
        let mut covering = self.known.iter().filter(|(subject, _)| subject.covers(key)).map(|(_, state)| state);
        match covering.next() {
            Some(Ok(())) => Live::Absent,
            Some(Err(reason)) => Live::Unknown { reason: reason.clone() },
            None => Live::Unknown { reason: "its kind is not watched yet".into() },
        }
    }

    /// Takes up one live object; says what it asks for.
    pub(super) fn observe(
        &mut self,
        fleet: &FleetId,
        subject: &Subject,
        key: &ObjectKey,
        object: &Value,
        bundle: Option<&AcceptedBundle>,
    ) -> Asks {
        let whole = subject.detail() == Detail::Whole;
        let mut meta = live_meta(fleet, key, object, whole);
        let judgement = judge(object, Observed::AfterApply);
        let asks = self.judge(key, &meta, object, whole, bundle);
        if let (Asks::Nothing, Some(applied)) = (asks, self.inventory.record(key).and_then(Record::applied)) {
            // An echo of our own writes, older than the last of them.
            applied.resource_version.clone_into(&mut meta.resource_version);
            meta.projection = Some(applied.projection);
        }
        self.saw(key, Live::Present(meta), Some(judgement));
        asks
    }

    fn judge(
        &self,
        key: &ObjectKey,
        meta: &LiveMeta,
        object: &Value,
        whole: bool,
        bundle: Option<&AcceptedBundle>,
    ) -> Asks {
        let Some(record) = self.inventory.record(key) else { return Asks::Plan };
        let Some(applied) = record.applied() else { return Asks::Plan };
        if meta.uid != applied.uid || meta.phase == Phase::Deleting {
            return Asks::Plan;
        }
        if !is_news(&meta.resource_version, &applied.resource_version) {
            return Asks::Nothing;
        }
        let Some(policy) = bundle.and_then(|bundle| bundle.manifest(&record.application)).map(|it| &it.policy) else {
            return Asks::Plan;
        };
        let rules = policy.ignore.iter().any(|rule| rule.matches(key));
        if !whole || rules || meta.projection != Some(applied.projection) {
            return Asks::Plan;
        }
        let place = bundle.map(|bundle| bundle.mark().place).unwrap_or_default();
        let additions_policy = settled(record, place);
        let treatment = Treatment { extra: policy.extra_fields, additions: additions_policy, ..Treatment::default() };
        match additions(object, &treatment) {
            Ok(added) if added.is_empty() => Asks::Remember,
            Ok(_) | Err(_) => Asks::Plan,
        }
    }

    /// Takes up the end of a complete listing: what it did not name is gone, unless it was written since.
    pub(super) fn listed(&mut self, subject: &Subject, keys: &BTreeSet<ObjectKey>, version: &str) {
        let is_since = |live: &Live| matches!(live, Live::Present(meta) if is_later(&meta.resource_version, version));
        let is_gone = |key: &ObjectKey, live| subject.covers(key) && !keys.contains(key) && !is_since(live);
        let gone: Vec<_> =
            self.live.iter().filter(|(key, live)| is_gone(key, live)).map(|(key, _)| key.clone()).collect();
        for key in gone {
            self.absent(&key);
        }
        self.known.insert(subject.clone(), Ok(()));
    }

    /// Notes that an object was looked up and is not there.
    pub(super) fn absent(&mut self, key: &ObjectKey) {
        self.live.remove(key);
        self.health.remove(key);
        self.unnoted.insert(key.clone());
    }

    /// Takes up what is known of a live object now, and its health when that was judged.
    pub(super) fn saw(&mut self, key: &ObjectKey, live: Live, judgement: Option<Judgement>) {
        let mut news = self.live.get(key) != Some(&live) && !self.is_recalled(key, &live);
        self.live.insert(key.clone(), live);
        if let Some(judgement) = judgement {
            news |= self.health.insert(key.clone(), judgement.clone()).is_some_and(|known| known != judgement);
        }
        if news {
            self.unnoted.insert(key.clone());
        }
    }

    /// Notes that a watch cannot read its objects.
    pub(super) fn unreadable(&mut self, subject: &Subject, reason: &str) {
        self.known.insert(subject.clone(), Err(reason.to_owned()));
        for (key, live) in &mut self.live {
            if subject.covers(key) {
                *live = Live::Unknown { reason: reason.to_owned() };
            }
        }
    }

    /// The first kind that cannot be read, and why.
    pub(super) fn unreadable_because(&self) -> Option<(&Subject, &str)> {
        self.known.iter().find_map(|(subject, known)| Some((subject, known.as_ref().err()?.as_str())))
    }

    /// Notes that an object could not be handled.
    pub(super) fn failed(&mut self, now: Instant, key: &ObjectKey, message: String, class: ErrorClass) {
        // What a person must change does not come right within a second.
        let first = if class == ErrorClass::Retry { RETRY_FIRST } else { RETRY_FIRST * 8 };
        let times = self.failures.get(key).map_or(0, |failure| failure.times).saturating_add(1);
        let pause = first.saturating_mul(1 << times.saturating_sub(1).min(16)).min(RETRY_LONGEST);
        self.failures.insert(key.clone(), Failure { message, times, retry_at: now + pause });
    }

    /// Whether an object waits: after a failure before it is tried again, in a fight before it is healed again.
    pub(super) fn waits(&self, now: Instant, planned: &Planned) -> bool {
        let failed = self.failures.get(&planned.key).is_some_and(|failure| failure.retry_at > now);
        failed || planned.decision.is_healing() && self.fights.paused_until(now, &planned.key).is_some()
    }

    /// When the next failed object or fight is due; what became due during the pass that just ended is due soon.
    pub(super) fn next_retry(&self, now: Instant) -> Option<Instant> {
        let failures = self.failures.values().map(|failure| failure.retry_at.max(now + RETRY_SOONEST)).min();
        [failures, self.fights.next_deadline(now)].into_iter().flatten().min()
    }

    /// Forgets failures of objects with which nothing is to be done any more.
    pub(super) fn forget_failures(&mut self, plan: &Plan) {
        let is_left = |planned: &&Planned| planned.step().is_some() || planned.decision.is_told();
        let left: BTreeSet<&ObjectKey> = plan.objects.iter().filter(is_left).map(|planned| &planned.key).collect();
        self.failures.retain(|key, _| left.contains(key));
    }

    /// The policy of an application: the bundle's, or the last known one of an application that left.
    pub(super) fn policy(&self, bundle: &AcceptedBundle, application: &ApplicationName) -> Policy {
        let current = bundle.manifest(application).map(|manifest| manifest.policy.clone());
        current.or_else(|| self.inventory.policy(application).cloned()).unwrap_or_default()
    }

    /// What people's additions to an object are at this target.
    pub(super) fn additions_policy(&self, key: &ObjectKey, place: Place) -> AdditionPolicy {
        self.inventory.record(key).map_or(AdditionPolicy::Revert, |record| settled(record, place))
    }
}

fn settled(record: &Record, place: Place) -> AdditionPolicy {
    if record.is_settled(place) { AdditionPolicy::Revert } else { AdditionPolicy::Unsettled }
}

/// Whether an observed version may show something that the recorded one did not.
///
/// Both are decimal numbers that grow (KEP-5504, comparable resource versions); when either is not,
/// any difference is news.
fn is_news(observed: &str, recorded: &str) -> bool {
    match (observed.parse::<u64>(), recorded.parse::<u64>()) {
        (Ok(observed), Ok(recorded)) => observed > recorded,
        (Ok(_) | Err(_), _) => observed != recorded,
    }
}

/// Whether a version is known to be later than another: both are decimal numbers that grow.
pub(super) fn is_later(version: &str, than: &str) -> bool {
    matches!((version.parse::<u64>(), than.parse::<u64>()), (Ok(version), Ok(than)) if version > than)
}

/// What the planner needs of a live object.
pub(super) fn live_meta(fleet: &FleetId, key: &ObjectKey, object: &Value, whole: bool) -> LiveMeta {
    let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    let deleting = object.pointer("/metadata/deletionTimestamp").is_some_and(|at| !at.is_null());
    LiveMeta {
        uid: text("/metadata/uid"),
        resource_version: text("/metadata/resourceVersion"),
        ownership: marks::ownership(object, fleet, key),
        protection: if marks::is_prune_disabled(object) { Protection::PruneDisabled } else { Protection::None },
        phase: if deleting { Phase::Deleting } else { Phase::Live },
        projection: if whole { our_projection(object).ok() } else { None },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_complete_listing_ends_what_it_does_not_name_but_not_what_was_written_since() {
        let kind = crate::cluster::ApiKind {
            group: String::new(),
            version: "v1".into(),
            kind: "ConfigMap".into(),
            plural: "configmaps".into(),
            namespaced: true,
        };
        let subject = Subject { kind, namespace: Some("shop".into()) };
        let fleet = FleetId::parse("f1").expect("an id");
        let mut world = World::default();
        let key = |namespace: &str, name: &str| ObjectKey {
            group: String::new(),
            kind: "ConfigMap".into(),
            namespace: Some(namespace.into()),
            name: name.into(),
        };
        for (namespace, name, version) in
            [("shop", "named", "3"), ("shop", "gone", "3"), ("shop", "since", "12"), ("other", "elsewhere", "3")]
        {
            let object = serde_json::json!({"metadata": {"resourceVersion": version}});
            let key = key(namespace, name);
            let meta = live_meta(&fleet, &key, &object, false);
            world.live.insert(key, Live::Present(meta));
        }
        world.listed(&subject, &[key("shop", "named")].into(), "9");
        let left: Vec<&str> = world.live.keys().map(|key| key.name.as_str()).collect();
        assert_eq!(left, ["elsewhere", "named", "since"]);
        assert_eq!(world.live_fact(&key("shop", "gone")), Live::Absent);
        world.unreadable(&subject, "it broke");
        assert_eq!(world.live_fact(&key("shop", "gone")), Live::Unknown { reason: "it broke".into() });
    }

    #[test]
    fn older_versions_are_no_news() {
        assert!(is_news("11", "9"));
        assert!(!is_news("9", "11"));
        assert!(!is_news("9", "9"));
        assert!(is_news("a", "b"));
        assert!(!is_news("a", "a"));
    }
}
