//! What needs a person: the second half of `skerry status`, worst first, each with its next command.

use serde::{Deserialize, Serialize};
use skerry_common::diagnostic::Diagnostic;
use skerry_common::status::{Contact, Health, Sync};

use super::{ClusterView, SourceView};

/// How soon somebody should look; ordered from worst to mildest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Urgency {
    /// Something does not work.
    Broken,
    /// Something waits for a decision.
    Waiting,
    /// Something is not known.
    Unknown,
}

/// One thing that needs a person.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Attention {
    /// How soon.
    pub urgency: Urgency,
    /// What it is about: `cluster edge-01`, `source shop`, `fleet`.
    pub about: String,
    /// What is wrong, in words.
    pub message: String,
    /// The next command.
    pub next: String,
}

/// Collects what needs a person. What holds itself right – rolling, healing, late – is not listed.
pub fn attention<'a>(
    fleet_errors: &[Diagnostic],
    sources: &[SourceView],
    clusters: impl IntoIterator<Item = &'a ClusterView>,
) -> Vec<Attention> {
    let mut found = Vec::new();
    for error in fleet_errors.iter().filter(|error| error.is_error()) {
        let message = format!("{} ({})", error.message, error.location);
        found.push(item(Urgency::Broken, "fleet".to_owned(), message, format!("skerry explain {}", error.code)));
    }
    for source in sources {
        if let Some(error) = &source.error {
            let about = format!("source {}", source.name);
            found.push(item(Urgency::Broken, about, error.clone(), format!("skerry describe source {}", source.name)));
        }
    }
    for cluster in clusters {
        found.extend(of_cluster(cluster));
    }
    found.sort();
    found
}

fn item(urgency: Urgency, about: String, message: String, next: String) -> Attention {
    Attention { urgency, about, message, next }
}

fn of_cluster(cluster: &ClusterView) -> Vec<Attention> {
    let name = &cluster.name;
    let about = format!("cluster {name}");
    let mut found = Vec::new();
    let mut push = |urgency, message: String, next: String| found.push(item(urgency, about.clone(), message, next));
    match cluster.contact {
        Contact::Revoked => return found,
        Contact::Pending => {
            push(Urgency::Unknown, "registered, but never seen".to_owned(), format!("skerry describe cluster {name}"));
            return found;
        }
        Contact::Offline => {
            let since = cluster.last_heard_at.map(|heard| format!(" since {heard}")).unwrap_or_default();
            push(Urgency::Unknown, format!("offline{since}"), format!("skerry describe cluster {name}"));
        }
        Contact::Connected | Contact::Late => {}
    }
    match cluster.sync {
        Sync::Failed => push(Urgency::Broken, cluster.reason.clone(), format!("skerry describe cluster {name}")),
        Sync::Current | Sync::Rolling | Sync::Held | Sync::Unknown => {}
    }
    match cluster.health {
        Health::Degraded => {
            let message = format!("degraded: {} objects", cluster.objects.degraded.max(1));
            push(Urgency::Broken, message, format!("skerry get objects --filter cluster={name},health=degraded"));
        }
        Health::Healthy | Health::Suspended | Health::Progressing | Health::Unknown => {}
    }
    for held in &cluster.held_prunes {
        let message = format!("a deletion of {} objects of {} waits: {}", held.objects, held.application, held.reason);
        push(Urgency::Waiting, message, format!("skerry cluster confirm-prune {name}"));
    }
    for condition in &cluster.conditions {
        push(Urgency::Waiting, condition.message.clone(), format!("skerry describe cluster {name}"));
    }
    found
}
