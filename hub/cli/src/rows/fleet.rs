//! Clusters, sources, revisions and objects.

use skerry_common::object::ObjectKey;
use skerry_hub_core::view::{BundleView, ClusterView, ObjectRef, ObjectView, RevisionView, SourceView, Timestamp};

use super::{Changes, Order, Row, ago, ago_if, contact_tone, counted, health_tone, state, sync_tone, words};
use crate::output::table::{Cell, Column, Tone, column, wide};

/// As many digits of a commit as Git shows of long histories.
const COMMIT_DIGITS: usize = 10;

/// Shows a generation; the epoch stands before it from the second one on.
fn generation(bundle: Option<BundleView>) -> Cell {
    match bundle {
        None => Cell::new(""),
        Some(BundleView { epoch: 0 | 1, generation, .. }) => Cell::new(generation.to_string()).ranked(rank(generation)),
        Some(BundleView { epoch, generation, .. }) => {
            Cell::new(format!("{epoch}/{generation}")).ranked(rank(generation))
        }
    }
}

fn rank(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

impl Row for ClusterView {
    const PATH: &'static str = "clusters";
    const COLUMNS: &'static [Column] = &[
        column("NAME"),
        column("CONTACT"),
        column("SEEN"),
        column("SYNC"),
        column("HEALTH"),
        column("OBSERVED"),
        column("GENERATION"),
        column("DRIFT"),
        column("AGE"),
        wide("TARGET"),
        wide("GROUPS"),
        wide("LABELS"),
        wide("AGENT"),
        wide("WIRE"),
        wide("BUNDLE"),
        wide("TRUST"),
        wide("KUBERNETES"),
        wide("PLATFORM"),
        wide("REASON"),
    ];
    const CHANGES: Changes = Changes::Told;
    const ORDER: Order = Order::ByName;
    const NAME_FIELD: &'static str = "name";

    fn name(&self) -> String {
        self.name.to_string()
    }

    fn cells(&self, now: Timestamp) -> Vec<Cell> {
        let version = |number: Option<u64>| number.map_or_else(|| Cell::new(""), |number| Cell::number(rank(number)));
        vec![
            Cell::new(self.name.as_str()),
            Cell::new(self.contact.word()).tone(contact_tone(self.contact)),
            ago_if(self.last_heard_at, now),
            state(self.sync.word(), sync_tone(self.sync), self.contact),
            state(self.health.word(), health_tone(self.health), self.contact),
            ago_if(self.observed_at, now),
            generation(self.applied),
            counted(self.drift, Tone::Wary),
            ago(self.registered_at, now),
            generation(self.target),
            Cell::new(words(&self.groups)),
            Cell::new(words(self.labels.iter().map(|(key, value)| format!("{key}={value}")))),
            Cell::new(&self.agent_version),
            version(self.wire_version.map(u64::from)),
            version(self.bundle_schema.map(u64::from)),
            version(self.trust_version),
            Cell::new(&self.kubernetes_version),
            Cell::new(&self.platform),
            Cell::new(&self.reason),
        ]
    }
}

impl Row for SourceView {
    const PATH: &'static str = "sources";
    const COLUMNS: &'static [Column] = &[
        column("NAME"),
        column("REF"),
        column("COMMIT"),
        column("FETCHED"),
        column("CHECKED"),
        column("FAILURES"),
        column("URL"),
        wide("ERROR"),
    ];
    const CHANGES: Changes = Changes::Untold;
    const ORDER: Order = Order::ByName;
    const NAME_FIELD: &'static str = "name";

    fn name(&self) -> String {
        self.name.to_string()
    }

    fn cells(&self, now: Timestamp) -> Vec<Cell> {
        vec![
            Cell::new(self.name.as_str()),
            Cell::new(&self.reference),
            Cell::new(
                self.commit.as_ref().map_or("", |commit| commit.as_str().get(..COMMIT_DIGITS).unwrap_or_default()),
            ),
            ago_if(self.fetched_at, now),
            ago_if(self.checked_at, now),
            counted(self.failures, Tone::Bad),
            Cell::new(&self.url),
            Cell::new(self.error.as_deref().unwrap_or_default()),
        ]
    }
}

impl Row for RevisionView {
    const PATH: &'static str = "revisions";
    const COLUMNS: &'static [Column] =
        &[column("SOURCE"), column("COMMIT"), column("REF"), column("VERIFIED"), column("TARGETED"), column("APPLIED")];
    const CHANGES: Changes = Changes::Untold;
    const ORDER: Order = Order::ByName;
    const NAME_FIELD: &'static str = "source";

    fn name(&self) -> String {
        format!("{}/{}", self.source, self.commit)
    }

    fn cells(&self, _now: Timestamp) -> Vec<Cell> {
        vec![
            Cell::new(self.source.as_str()),
            Cell::new(self.commit.as_str().get(..COMMIT_DIGITS).unwrap_or_default()),
            Cell::new(&self.reference),
            Cell::new(&self.verified),
            Cell::number(self.targeted),
            Cell::number(self.applied),
        ]
    }
}

/// An object as everybody writes it: `Deployment.apps/shop/web`.
pub fn object_text(object: &ObjectRef) -> String {
    let ObjectRef { group, kind, namespace, name } = object.clone();
    ObjectKey { group, kind, namespace, name }.to_string()
}

impl Row for ObjectView {
    const PATH: &'static str = "objects";
    const COLUMNS: &'static [Column] = &[
        column("CLUSTER"),
        column("APPLICATION"),
        column("OBJECT"),
        column("SYNC"),
        column("HEALTH"),
        column("OBSERVED"),
        wide("REASON"),
    ];
    const CHANGES: Changes = Changes::Untold;
    const ORDER: Order = Order::ByName;
    const NAME_FIELD: &'static str = "object";

    fn name(&self) -> String {
        format!("{}/{}/{}", self.cluster, self.application, object_text(&self.object))
    }

    fn cells(&self, now: Timestamp) -> Vec<Cell> {
        vec![
            Cell::new(self.cluster.as_str()),
            Cell::new(self.application.as_str()),
            Cell::new(object_text(&self.object)),
            Cell::new(self.sync.word()).tone(sync_tone(self.sync)),
            Cell::new(self.health.word()).tone(health_tone(self.health)),
            ago_if(self.observed_at, now),
            Cell::new(&self.reason),
        ]
    }
}
