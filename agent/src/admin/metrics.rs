//! The agent's numbers, in the text form that Prometheus reads.

use std::fmt::Write as _;

use skerry_common::status::HealthCounts;

use super::StatusDocument;

/// The media type of the text.
pub(super) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Writes them all.
pub(super) fn text(status: &StatusDocument) -> String {
    let mut text = String::new();
    let generation = |mark: Option<skerry_common::report::BundleMark>| mark.map_or(0, |mark| mark.place.generation.0);
    let drift: u64 = status.applications.iter().map(|application| u64::from(application.drift)).sum();
    let held: u64 = status.held.iter().map(|held| u64::from(held.objects)).sum();
    let mut gauge = |name: &str, help: &str, value: u64| {
        // Writing to a String cannot fail.
        let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} gauge\n{name} {value}\n");
    };
    gauge("skerry_agent_generation_current", "Generation in force; 0 for none.", generation(status.current));
    gauge(
        "skerry_agent_generation_applied",
        "Newest generation applied whole; 0 for none.",
        generation(status.applied),
    );
    gauge("skerry_agent_drifts_open", "Open drifts.", drift);
    gauge("skerry_agent_prunes_held", "Deletions that wait for a person.", held);
    gauge("skerry_agent_connected", "Whether a hub session is up.", u64::from(status.connected));
    gauge(
        "skerry_agent_journal_backlog",
        "Journal entries not acknowledged by the hub.",
        status.journal_backlog as u64,
    );
    let name = "skerry_agent_objects";
    let _ = write!(text, "# HELP {name} Managed objects by health.\n# TYPE {name} gauge\n");
    for (health, count) in by_health(status) {
        let _ = writeln!(text, "{name}{{health=\"{health}\"}} {count}");
    }
    text
}

fn by_health(status: &StatusDocument) -> [(&'static str, u64); 5] {
    let sum = |pick: fn(&HealthCounts) -> u32| {
        status.applications.iter().map(|application| u64::from(pick(&application.counts))).sum()
    };
    [
        ("healthy", sum(|counts| counts.healthy)),
        ("progressing", sum(|counts| counts.progressing)),
        ("degraded", sum(|counts| counts.degraded)),
        ("suspended", sum(|counts| counts.suspended)),
        ("unknown", sum(|counts| counts.unknown)),
    ]
}
