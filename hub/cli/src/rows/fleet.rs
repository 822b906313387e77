//! Clusters, sources, revisions and objects.

use skerry_common::id::CommitId;
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

/// A version's number; nothing when it is not known.
fn version<N: Into<u64>>(number: Option<N>) -> Cell {
    number.map_or_else(|| Cell::new(""), |number| Cell::number(rank(number.into())))
}

fn short(commit: &CommitId) -> &str {
    commit.as_str().get(..COMMIT_DIGITS).unwrap_or_default()
}

fn rank(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

impl Row for ClusterView {
    const PATH: &'static str = "clusters";
    const CHANGES: Changes = Changes::Told;
    const ORDER: Order = Order::ByName;
    const NAME_FIELD: &'static str = "name";

    fn name(&self) -> String {
        self.name.to_string()
    }

    columns! {
        row, now;
        column "NAME" => Cell::new(row.name.as_str());
        column "CONTACT" => Cell::new(row.contact.word()).tone(contact_tone(row.contact));
        column "SEEN" => ago_if(row.last_heard_at, now);
        column "SYNC" => state(row.sync.word(), sync_tone(row.sync), row.contact);
        column "HEALTH" => state(row.health.word(), health_tone(row.health), row.contact);
        column "OBSERVED" => ago_if(row.observed_at, now);
        column "GENERATION" => generation(row.applied);
        column "DRIFT" => counted(row.drift, Tone::Wary);
        column "AGE" => ago(row.registered_at, now);
        wide "TARGET" => generation(row.target);
        wide "GROUPS" => Cell::new(words(&row.groups));
        wide "LABELS" => Cell::new(words(row.labels.iter().map(|(key, value)| format!("{key}={value}"))));
        wide "AGENT" => Cell::new(&row.agent_version);
        wide "WIRE" => version(row.wire_version);
        wide "BUNDLE" => version(row.bundle_schema);
        wide "TRUST" => version(row.trust_version);
        wide "KUBERNETES" => Cell::new(&row.kubernetes_version);
        wide "PLATFORM" => Cell::new(&row.platform);
        wide "REASON" => Cell::new(&row.reason);
    }
}

impl Row for SourceView {
    const PATH: &'static str = "sources";
    const CHANGES: Changes = Changes::Untold;
    const ORDER: Order = Order::ByName;
    const NAME_FIELD: &'static str = "name";

    fn name(&self) -> String {
        self.name.to_string()
    }

    columns! {
        row, now;
        column "NAME" => Cell::new(row.name.as_str());
        column "REF" => Cell::new(&row.reference);
        column "COMMIT" => Cell::new(row.commit.as_ref().map_or("", short));
        column "FETCHED" => ago_if(row.fetched_at, now);
        column "CHECKED" => ago_if(row.checked_at, now);
        column "FAILURES" => counted(row.failures, Tone::Bad);
        column "URL" => Cell::new(&row.url);
        wide "ERROR" => Cell::new(row.error.as_deref().unwrap_or_default());
    }
}

impl Row for RevisionView {
    const PATH: &'static str = "revisions";
    const CHANGES: Changes = Changes::Untold;
    const ORDER: Order = Order::ByName;
    const NAME_FIELD: &'static str = "source";

    fn name(&self) -> String {
        format!("{}/{}", self.source, self.commit)
    }

    columns! {
        row, now;
        column "SOURCE" => Cell::new(row.source.as_str());
        column "COMMIT" => Cell::new(short(&row.commit));
        column "REF" => Cell::new(&row.reference);
        column "VERIFIED" => Cell::new(&row.verified);
        column "TARGETED" => Cell::number(row.targeted);
        column "APPLIED" => Cell::number(row.applied);
        column "UNKNOWN" => counted(row.unknown, Tone::Wary);
        column "OBSERVED" => ago_if(row.observed_at, now);
    }
}

/// An object as everybody writes it: `Deployment.apps/shop/web`.
pub fn object_text(object: &ObjectRef) -> String {
    let ObjectRef { group, kind, namespace, name } = object.clone();
    ObjectKey { group, kind, namespace, name }.to_string()
}

impl Row for ObjectView {
    const PATH: &'static str = "objects";
    const CHANGES: Changes = Changes::Untold;
    const ORDER: Order = Order::ByName;
    const NAME_FIELD: &'static str = "object";

    fn name(&self) -> String {
        format!("{}/{}/{}", self.cluster, self.application, object_text(&self.object))
    }

    columns! {
        row, now;
        column "CLUSTER" => Cell::new(row.cluster.as_str());
        column "APPLICATION" => Cell::new(row.application.as_str());
        column "OBJECT" => Cell::new(object_text(&row.object));
        column "CONTACT" => Cell::new(row.contact.word()).tone(contact_tone(row.contact));
        column "SYNC" => state(row.sync.word(), sync_tone(row.sync), row.contact);
        column "HEALTH" => state(row.health.word(), health_tone(row.health), row.contact);
        column "OBSERVED" => ago_if(row.observed_at, now);
        wide "REASON" => Cell::new(&row.reason);
    }
}
