//! Counters and gauges, in the text form that Prometheus reads.
//!
//! Hand-written because what is needed is small: named numbers with a few labels. Every family is in
//! one table, so names, types and help texts are found in one place.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

/// Most series: labels are words of ours, so a few hundred are expected; what is beyond is counted.
const SERIES_MAX: usize = 2_000;

/// Counter or gauge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
}

/// A family of series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Family {
    /// Its name.
    pub name: &'static str,
    /// Its type.
    pub kind: Kind,
    /// What it counts.
    pub help: &'static str,
}

macro_rules! families {
    ($($(#[$doc:meta])* $constant:ident = $name:literal, $kind:ident, $help:literal;)+) => {
        $($(#[$doc])* pub const $constant: Family = Family { name: $name, kind: Kind::$kind, help: $help };)+
        /// Every family, by name.
        pub const FAMILIES: &[Family] = &[$($constant),+];
    };
}

families! {
    /// API requests.
    API_REQUESTS = "skerry_api_requests_total", Counter, "API requests by operation and status.";
    /// Requests turned away because the hub was full.
    API_BUSY = "skerry_api_busy_total", Counter, "API requests and connections turned away because a limit was reached.";
    /// Open watches.
    API_WATCHERS = "skerry_api_watchers", Gauge, "Open watches.";
    /// Deleted blobs.
    BLOBS_DELETED = "skerry_blobs_deleted_total", Counter, "Blobs deleted because no kept bundle needs them.";
    /// Clusters by contact.
    CLUSTERS = "skerry_clusters", Gauge, "Registered clusters by contact.";
    /// Clusters by health.
    CLUSTER_HEALTH = "skerry_cluster_health", Gauge, "Clusters by health; offline, revoked and pending ones are unknown.";
    /// Clusters by sync.
    CLUSTER_SYNC = "skerry_cluster_sync", Gauge, "Clusters by sync; offline, revoked and pending ones are unknown.";
    /// Deltas.
    DELTAS = "skerry_deltas_made_total", Counter, "Changes compressed for offers; what many agents are offered is compressed once.";
    /// Drafts.
    DRAFTS = "skerry_drafts_total", Counter, "Bundles made for comparison with the newest; those that say nothing new are not published.";
    /// Open drifts.
    DRIFTS = "skerry_drifts_open", Gauge, "Open drifts of clusters that are connected or late.";
    /// Age of what is counted.
    OBSERVED_AGE = "skerry_observed_age_seconds", Gauge, "Age of the oldest state that is counted as known in these numbers; 0 when none is.";
    /// Webhooks.
    WEBHOOKS = "skerry_webhooks_total", Counter, "Webhooks by result.";
}

/// The hub's numbers; a handle.
///
/// A mutex, because any thread counts and only a scrape reads; it is held for one map access.
#[derive(Debug, Clone, Default)]
pub struct Metrics {
    series: Arc<Mutex<BTreeMap<Series, i64>>>,
}

/// A family's name and its labels, in their text form.
type Series = (&'static str, String);

impl Metrics {
    /// Adds to a series.
    pub fn add(&self, family: &Family, labels: &[(&str, &str)], amount: i64) {
        self.change(family, labels, |value| value.saturating_add(amount));
    }

    /// Sets a gauge.
    pub fn set(&self, family: &Family, labels: &[(&str, &str)], value: i64) {
        self.change(family, labels, |_| value);
    }

    fn change(&self, family: &Family, labels: &[(&str, &str)], change: impl FnOnce(i64) -> i64) {
        let key = (family.name, label_text(labels));
        let mut series = self.series.lock().unwrap_or_else(PoisonError::into_inner);
        if series.len() >= SERIES_MAX && !series.contains_key(&key) {
            return;
        }
        let value = series.entry(key).or_insert(0);
        *value = change(*value);
    }

    /// Writes everything in the Prometheus text format, version 0.0.4.
    pub fn render(&self) -> String {
        let series = self.series.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut out = String::with_capacity(4096);
        for family in FAMILIES {
            let kind = match family.kind {
                Kind::Counter => "counter",
                Kind::Gauge => "gauge",
            };
            let _ = writeln!(out, "# HELP {} {}\n# TYPE {} {kind}", family.name, family.help, family.name);
            for ((_, labels), value) in series.iter().filter(|((name, _), _)| *name == family.name) {
                let _ = writeln!(out, "{}{labels} {value}", family.name);
            }
        }
        out
    }
}

/// `{a="b",c="d"}`; empty without labels.
fn label_text(labels: &[(&str, &str)]) -> String {
    if labels.is_empty() {
        return String::new();
    }
    let escaped = |value: &str| value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    let pairs: Vec<String> = labels.iter().map(|(name, value)| format!("{name}=\"{}\"", escaped(value))).collect();
    format!("{{{}}}", pairs.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_are_written_under_their_family() {
        let metrics = Metrics::default();
        metrics.add(&API_REQUESTS, &[("operation", "getFleet"), ("status", "200")], 2);
        metrics.add(&API_REQUESTS, &[("operation", "a\"\n\\"), ("status", "200")], 1);
        metrics.set(&DRIFTS, &[], 3);
        let text = metrics.render();
        assert!(text.contains("# TYPE skerry_api_requests_total counter\n"), "{text}");
        assert!(text.contains("skerry_api_requests_total{operation=\"getFleet\",status=\"200\"} 2\n"), "{text}");
        assert!(text.contains("{operation=\"a\\\"\\n\\\\\",status=\"200\"} 1\n"), "{text}");
        assert!(text.contains("\nskerry_drifts_open 3\n"), "{text}");
    }

    #[test]
    fn there_is_a_bound_on_series() {
        let metrics = Metrics::default();
        for number in 0..SERIES_MAX + 10 {
            metrics.add(&WEBHOOKS, &[("result", &number.to_string())], 1);
        }
        assert_eq!(
            metrics.render().lines().filter(|line| line.starts_with("skerry_webhooks_total{")).count(),
            SERIES_MAX
        );
    }
}
