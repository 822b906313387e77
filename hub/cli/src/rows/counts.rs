//! Groups and applications: how many clusters are how.

use skerry_hub_core::view::{ApplicationView, GroupView, Timestamp};

use super::{Changes, Order, Row, ago_if, counted, words};
use crate::output::table::{Cell, Column, Tone, column, wide};

fn large(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

impl Row for GroupView {
    const PATH: &'static str = "groups";
    const CHANGES: Changes = Changes::Untold;
    const ORDER: Order = Order::ByName;
    const NAME_FIELD: &'static str = "name";

    fn name(&self) -> String {
        self.name.to_string()
    }

    columns! {
        row, now;
        column "NAME" => Cell::new(row.name.as_str());
        column "CLUSTERS" => Cell::number(row.counts.clusters);
        column "CONNECTED" => counted(row.counts.contact.connected, Tone::Good);
        column "LATE" => counted(row.counts.contact.late, Tone::Wary);
        column "OFFLINE" => counted(row.counts.contact.offline, Tone::Bad);
        column "CURRENT" => counted(row.counts.sync.current, Tone::Good);
        column "ROLLING" => counted(row.counts.sync.rolling, Tone::Wary);
        column "HELD" => counted(row.counts.sync.held, Tone::Wary);
        column "FAILED" => counted(row.counts.sync.failed, Tone::Bad);
        column "UNKNOWN" => counted(row.counts.sync.unknown, Tone::Wary);
        column "HEALTHY" => counted(row.counts.health.healthy, Tone::Good);
        column "DEGRADED" => counted(row.counts.health.degraded, Tone::Bad);
        column "DRIFT" => counted(large(row.counts.drift), Tone::Wary);
        column "OBSERVED" => ago_if(row.counts.observed_at, now);
        wide "PENDING" => counted(row.counts.contact.pending, Tone::Faint);
        wide "REVOKED" => counted(row.counts.contact.revoked, Tone::Faint);
        wide "PROGRESSING" => counted(row.counts.health.progressing, Tone::Wary);
        wide "SUSPENDED" => counted(row.counts.health.suspended, Tone::Wary);
        wide "APPLICATIONS" => Cell::new(words(&row.applications));
    }
}

impl Row for ApplicationView {
    const PATH: &'static str = "applications";
    const CHANGES: Changes = Changes::Told;
    const ORDER: Order = Order::ByName;
    const NAME_FIELD: &'static str = "name";

    fn name(&self) -> String {
        self.name.to_string()
    }

    columns! {
        row, now;
        column "NAME" => Cell::new(row.name.as_str());
        column "CLUSTERS" => Cell::number(row.clusters);
        column "CURRENT" => counted(row.sync.current, Tone::Good);
        column "ROLLING" => counted(row.sync.rolling, Tone::Wary);
        column "HELD" => counted(row.sync.held, Tone::Wary);
        column "FAILED" => counted(row.sync.failed, Tone::Bad);
        column "UNKNOWN" => counted(row.sync.unknown, Tone::Wary);
        column "HEALTHY" => counted(row.health.healthy, Tone::Good);
        column "DEGRADED" => counted(row.health.degraded, Tone::Bad);
        column "DRIFT" => counted(large(row.drift), Tone::Wary);
        column "OBSERVED" => ago_if(row.observed_at, now);
        wide "PROGRESSING" => counted(row.health.progressing, Tone::Wary);
        wide "SUSPENDED" => counted(row.health.suspended, Tone::Wary);
        wide "SOURCES" => Cell::new(words(&row.sources));
    }
}
