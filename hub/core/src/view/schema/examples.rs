//! Two examples of each view: everything set, and nothing that need not be.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use skerry_common::bundle::digest::Digest;
use skerry_common::bundle::root::SourceRevision;
use skerry_common::diagnostic::{Code, Diagnostic, Location};
use skerry_common::id::{
    ApplicationName, ClusterId, ClusterName, CommitId, FleetId, GroupName, Incarnation, Sequence, SourceName,
};
use skerry_common::journal::{DriftKind, DriftOutcome};
use skerry_common::report::Condition;
use skerry_common::status::{Contact, Health, HealthCounts, Sync};

use super::of;
use crate::view::{
    ApplicationOnCluster, ApplicationView, Attention, BundleView, ClusterView, Confirmed, Counts, DriftView, EventView,
    FieldView, FleetView, GroupView, HealthOfClusters, HeldPruneView, ObjectRef, ObjectView, OfflineReply,
    RevisionView, SinceView, SourceView, SyncCounts, SyncRequested, Timestamp, Urgency, WhyField, WhySetting, WhyView,
};

const AT: Timestamp = Timestamp(1_767_225_600_000);

/// Names that examples are made of.
struct Names {
    cluster: ClusterName,
    id: ClusterId,
    application: ApplicationName,
    group: GroupName,
    source: SourceName,
    commit: CommitId,
    fleet: FleetId,
}

/// The schemas by name; `None` would be a mistake in an example, which a test notices.
pub(super) fn all() -> Option<Vec<(&'static str, Value)>> {
    let names = Names {
        cluster: ClusterName::parse("edge-01").ok()?,
        id: ClusterId::parse("c1").ok()?,
        application: ApplicationName::parse("web").ok()?,
        group: GroupName::parse("production").ok()?,
        source: SourceName::parse("shop").ok()?,
        commit: CommitId::parse(&"0".repeat(40)).ok()?,
        fleet: FleetId::parse("north").ok()?,
    };
    let lists = Confirmed { lists: vec![Digest::of(b"")] };
    let reply = OfflineReply { reply: "…".to_owned() };
    let requests = SyncRequested { requests: 1 };
    Some(vec![
        ("ApplicationView", of(&names.application(), &ApplicationView { observed_at: None, ..names.application() })?),
        ("ClusterView", of(&names.cluster(), &names.sparse_cluster())?),
        ("Confirmed", of(&lists, &lists)?),
        (
            "DriftView",
            of(&names.drift(), &DriftView { observed_at: None, outcome: None, closed_at: None, ..names.drift() })?,
        ),
        (
            "EventView",
            of(&names.event(), &EventView { cluster: None, application: None, object: None, ..names.event() })?,
        ),
        ("FleetView", of(&names.fleet(), &names.sparse_fleet())?),
        ("GroupView", of(&names.group(), &names.sparse_group())?),
        ("ObjectView", of(&names.object(), &ObjectView { observed_at: None, age_seconds: None, ..names.object() })?),
        ("OfflineReply", of(&reply, &reply)?),
        ("RevisionView", of(&names.revision(), &RevisionView { observed_at: None, ..names.revision() })?),
        ("SourceView", of(&names.source(), &names.sparse_source())?),
        ("SyncRequested", of(&requests, &requests)?),
        ("WhyView", of(&names.why(), &names.sparse_why())?),
    ])
}

/// A diagnostic with everything, and one with nothing more than it must have.
fn diagnostics() -> Vec<Diagnostic> {
    let text = |text: &str| Some(text.to_owned());
    let location = Location {
        repository: text("https://git.example/shop.git"),
        commit: text("0000"),
        file: text("apps/web.yaml"),
        line: Some(3),
        field: text("spec.replicas"),
    };
    let full = Diagnostic::error(Code(412), "field missing").at(location).help("add it");
    vec![full, Diagnostic::error(Code(412), "field missing")]
}

fn object() -> ObjectRef {
    ObjectRef { group: "apps".into(), kind: "Deployment".into(), namespace: Some("shop".into()), name: "web".into() }
}

fn counts() -> HealthCounts {
    HealthCounts::default()
}

/// A setting with everything, and one with nothing more than it must have.
fn settings() -> (WhySetting, WhySetting) {
    let at = diagnostics().remove(0).location;
    let full = WhySetting { step: "Resource".to_owned(), at, value: Some(String::new()) };
    (full, WhySetting { step: "Resource".to_owned(), at: Location::default(), value: None })
}

fn clusters() -> Counts {
    Counts { observed_at: Some(AT), ..Counts::default() }
}

impl Names {
    fn revision_of_source(&self) -> SourceRevision {
        SourceRevision {
            name: self.source.clone(),
            url: String::new(),
            reference: String::new(),
            commit: self.commit.clone(),
            verified: String::new(),
        }
    }

    fn why(&self) -> WhyView {
        let bundle = BundleView { epoch: 1, generation: 7, root: Digest::of(b"") };
        let sources = vec![self.revision_of_source()];
        let (full, sparse) = settings();
        let field = |set_by: &WhySetting, overrode: Vec<WhySetting>| WhyField {
            field: "/spec/replicas".to_owned(),
            set_by: set_by.clone(),
            overrode,
        };
        let fields = vec![field(&full, vec![full.clone(), sparse.clone()]), field(&sparse, Vec::new())];
        WhyView {
            generated_at: AT,
            cluster: self.cluster.clone(),
            application: self.application.clone(),
            object: object(),
            bundle,
            since: SinceView { bundle, published_at: AT, sources, or_earlier: false },
            sync: Sync::Current,
            observed_at: Some(AT),
            held_back: vec![String::new()],
            source: Some(self.revision_of_source()),
            fields,
            fields_left_out: 0,
            not_explained: Some(String::new()),
        }
    }

    fn sparse_why(&self) -> WhyView {
        WhyView { observed_at: None, source: None, not_explained: None, ..self.why() }
    }

    fn cluster(&self) -> ClusterView {
        let bundle = BundleView { epoch: 1, generation: 7, root: Digest::of(b"") };
        let held = HeldPruneView {
            application: self.application.clone(),
            list: Digest::of(b""),
            objects: 12,
            examples: vec![String::new()],
            reason: String::new(),
        };
        let condition =
            Condition { kind: "BundleStale".into(), status: true, reason: "Old".into(), message: String::new() };
        ClusterView {
            name: self.cluster.clone(),
            id: self.id.clone(),
            labels: BTreeMap::new(),
            groups: BTreeSet::from([self.group.clone()]),
            contact: Contact::Connected,
            sync: Sync::Current,
            reason: String::new(),
            health: Health::Healthy,
            objects: counts(),
            drift: 0,
            applications: 1,
            target: Some(bundle),
            applied: Some(bundle),
            held_prunes: vec![held],
            conditions: vec![condition],
            errors: diagnostics(),
            refused: Some(String::new()),
            sources: vec![self.revision_of_source()],
            agent_version: String::new(),
            wire_version: Some(1),
            bundle_schema: Some(1),
            trust_version: Some(1),
            kubernetes_version: String::new(),
            platform: String::new(),
            registered_at: AT,
            last_heard_at: Some(AT),
            observed_at: Some(AT),
            received_at: Some(AT),
            age_seconds: Some(1),
        }
    }

    fn sparse_cluster(&self) -> ClusterView {
        ClusterView {
            target: None,
            applied: None,
            refused: None,
            sources: Vec::new(),
            wire_version: None,
            bundle_schema: None,
            trust_version: None,
            last_heard_at: None,
            observed_at: None,
            received_at: None,
            age_seconds: None,
            ..self.cluster()
        }
    }

    fn application(&self) -> ApplicationView {
        let on = ApplicationOnCluster {
            application: self.application.clone(),
            cluster: self.cluster.clone(),
            contact: Contact::Connected,
            sync: Sync::Current,
            reason: String::new(),
            health: Health::Healthy,
            objects: counts(),
            drift: 0,
            observed_at: AT,
            received_at: AT,
            age_seconds: 1,
        };
        ApplicationView {
            name: self.application.clone(),
            sources: BTreeSet::from([self.source.clone()]),
            clusters: 1,
            sync: SyncCounts::default(),
            health: HealthOfClusters::default(),
            drift: 0,
            observed_at: Some(AT),
            on: vec![on],
        }
    }

    fn drift(&self) -> DriftView {
        let field = FieldView { path: "/spec/replicas".into(), kind: DriftKind::Changed, manager: String::new() };
        DriftView {
            cluster: self.cluster.clone(),
            incarnation: Incarnation(1),
            sequence: Sequence(1),
            application: self.application.clone(),
            object: object(),
            uid: String::new(),
            resource_version: String::new(),
            fields: vec![field],
            seen_at: AT,
            contact: Contact::Connected,
            observed_at: Some(AT),
            outcome: Some(DriftOutcome::Healed),
            closed_at: Some(AT),
        }
    }

    fn event(&self) -> EventView {
        EventView {
            cluster: Some(self.cluster.clone()),
            incarnation: Incarnation(1),
            sequence: Sequence(1),
            at: AT,
            received_at: AT,
            kind: "Applied".into(),
            warning: false,
            application: Some(self.application.clone()),
            object: Some(object()),
            message: String::new(),
        }
    }

    fn fleet(&self) -> FleetView {
        let attention =
            Attention { urgency: Urgency::Broken, about: String::new(), message: String::new(), next: String::new() };
        FleetView {
            fleet: self.fleet.clone(),
            generated_at: AT,
            commit: Some(self.commit.clone()),
            counts: clusters(),
            groups: vec![self.group()],
            sources: vec![self.source(), self.sparse_source()],
            attention: vec![attention],
            errors: diagnostics(),
        }
    }

    fn sparse_fleet(&self) -> FleetView {
        FleetView { commit: None, counts: Counts::default(), groups: vec![self.sparse_group()], ..self.fleet() }
    }

    fn group(&self) -> GroupView {
        let applications = BTreeSet::from([self.application.clone()]);
        GroupView { name: self.group.clone(), applications, counts: clusters() }
    }

    fn sparse_group(&self) -> GroupView {
        GroupView { counts: Counts::default(), ..self.group() }
    }

    fn object(&self) -> ObjectView {
        ObjectView {
            cluster: self.cluster.clone(),
            application: self.application.clone(),
            object: object(),
            contact: Contact::Connected,
            sync: Sync::Current,
            health: Health::Healthy,
            reason: String::new(),
            observed_at: Some(AT),
            age_seconds: Some(1),
        }
    }

    fn revision(&self) -> RevisionView {
        RevisionView {
            source: self.source.clone(),
            commit: self.commit.clone(),
            reference: String::new(),
            verified: String::new(),
            targeted: 1,
            applied: 1,
            unknown: 0,
            observed_at: Some(AT),
        }
    }

    fn source(&self) -> SourceView {
        SourceView {
            name: self.source.clone(),
            url: String::new(),
            reference: String::new(),
            commit: Some(self.commit.clone()),
            fetched_at: Some(AT),
            checked_at: Some(AT),
            failures: 0,
            error: Some(String::new()),
        }
    }

    fn sparse_source(&self) -> SourceView {
        SourceView { commit: None, fetched_at: None, checked_at: None, error: None, ..self.source() }
    }
}
