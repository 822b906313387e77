//! Groups and applications: how many clusters are how.

use skerry_hub_core::view::{ApplicationView, GroupView, HealthOfClusters, SyncCounts, Timestamp};

use super::{Changes, Order, Row, ago_if, counted, words};
use crate::output::table::{Cell, Column, Tone, column, wide};

/// Clusters by sync, one cell each, as in the columns CURRENT to UNKNOWN.
fn sync_cells(counts: &SyncCounts) -> [Cell; 5] {
    [
        counted(counts.current, Tone::Good),
        counted(counts.rolling, Tone::Wary),
        counted(counts.held, Tone::Wary),
        counted(counts.failed, Tone::Bad),
        counted(counts.unknown, Tone::Wary),
    ]
}

/// Clusters by health, in short, as in the columns HEALTHY and DEGRADED.
fn health_cells(counts: &HealthOfClusters) -> [Cell; 2] {
    [counted(counts.healthy, Tone::Good), counted(counts.degraded, Tone::Bad)]
}

fn large(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

impl Row for GroupView {
    const PATH: &'static str = "groups";
    const COLUMNS: &'static [Column] = &[
        column("NAME"),
        column("CLUSTERS"),
        column("CONNECTED"),
        column("LATE"),
        column("OFFLINE"),
        column("CURRENT"),
        column("ROLLING"),
        column("HELD"),
        column("FAILED"),
        column("UNKNOWN"),
        column("HEALTHY"),
        column("DEGRADED"),
        column("DRIFT"),
        wide("PENDING"),
        wide("REVOKED"),
        wide("PROGRESSING"),
        wide("SUSPENDED"),
        wide("APPLICATIONS"),
    ];
    const CHANGES: Changes = Changes::Untold;
    const ORDER: Order = Order::ByName;
    const NAME_FIELD: &'static str = "name";

    fn name(&self) -> String {
        self.name.to_string()
    }

    fn cells(&self, _now: Timestamp) -> Vec<Cell> {
        let counts = &self.counts;
        let mut cells = vec![
            Cell::new(self.name.as_str()),
            Cell::number(counts.clusters),
            counted(counts.contact.connected, Tone::Good),
            counted(counts.contact.late, Tone::Wary),
            counted(counts.contact.offline, Tone::Bad),
        ];
        cells.extend(sync_cells(&counts.sync));
        cells.extend(health_cells(&counts.health));
        cells.extend([
            counted(large(counts.drift), Tone::Wary),
            counted(counts.contact.pending, Tone::Faint),
            counted(counts.contact.revoked, Tone::Faint),
            counted(counts.health.progressing, Tone::Wary),
            counted(counts.health.suspended, Tone::Wary),
            Cell::new(words(&self.applications)),
        ]);
        cells
    }
}

impl Row for ApplicationView {
    const PATH: &'static str = "applications";
    const COLUMNS: &'static [Column] = &[
        column("NAME"),
        column("CLUSTERS"),
        column("CURRENT"),
        column("ROLLING"),
        column("HELD"),
        column("FAILED"),
        column("UNKNOWN"),
        column("HEALTHY"),
        column("DEGRADED"),
        column("DRIFT"),
        column("OBSERVED"),
        wide("PROGRESSING"),
        wide("SUSPENDED"),
        wide("SOURCES"),
    ];
    const CHANGES: Changes = Changes::Told;
    const ORDER: Order = Order::ByName;
    const NAME_FIELD: &'static str = "name";

    fn name(&self) -> String {
        self.name.to_string()
    }

    fn cells(&self, now: Timestamp) -> Vec<Cell> {
        // What is said of all clusters is as old as what is known of the one least heard of.
        let observed = self.on.iter().map(|row| row.observed_at).min();
        let mut cells = vec![Cell::new(self.name.as_str()), Cell::number(self.clusters)];
        cells.extend(sync_cells(&self.sync));
        cells.extend(health_cells(&self.health));
        cells.extend([
            counted(large(self.drift), Tone::Wary),
            ago_if(observed, now),
            counted(self.health.progressing, Tone::Wary),
            counted(self.health.suspended, Tone::Wary),
            Cell::new(words(&self.sources)),
        ]);
        cells
    }
}
