//! Rules for what runs pods.

use serde_json::Value;

use super::judge::{condition, number, text};
use super::{Gate, Judgement};

/// Reasons for which a container waits that no waiting mends.
const HOPELESS: [&str; 6] = [
    "CrashLoopBackOff",
    "ImagePullBackOff",
    "ErrImagePull",
    "InvalidImageName",
    "CreateContainerConfigError",
    "CreateContainerError",
];

/// A counter of the status; absent is zero, as the API server leaves zeros out.
fn count(object: &Value, name: &str) -> i64 {
    number(object, &format!("/status/{name}")).unwrap_or(0)
}

fn wanted(object: &Value) -> i64 {
    number(object, "/spec/replicas").unwrap_or(1)
}

/// A controller that has not written a status yet has judged nothing.
fn is_unseen(object: &Value) -> bool {
    number(object, "/status/observedGeneration").is_none()
}

fn unseen() -> Judgement {
    Judgement::progressing("its controller has not seen it yet")
}

pub(super) fn deployment(object: &Value) -> Judgement {
    if object.pointer("/spec/paused").and_then(Value::as_bool) == Some(true) {
        return Judgement::suspended(Gate::Wait, "the rollout is paused");
    }
    if is_unseen(object) {
        return unseen();
    }
    if let Some(failure) = condition(object, "ReplicaFailure").filter(|condition| condition.is_true()) {
        return Judgement::degraded(failure.words());
    }
    let progress = condition(object, "Progressing");
    if let Some(stuck) = progress.filter(|condition| condition.reason == "ProgressDeadlineExceeded") {
        return Judgement::degraded(stuck.words());
    }
    let (wanted, updated, available) =
        (wanted(object), count(object, "updatedReplicas"), count(object, "availableReplicas"));
    if updated < wanted {
        return Judgement::progressing(format!("{updated} of {wanted} replicas are updated"));
    }
    if count(object, "replicas") > updated {
        return Judgement::progressing(format!(
            "{} old replicas are being stopped",
            count(object, "replicas") - updated
        ));
    }
    if available >= wanted {
        return Judgement::healthy();
    }
    let reason = format!("{available} of {wanted} replicas are available");
    let rolled_out = progress.is_some_and(|condition| condition.reason == "NewReplicaSetAvailable");
    let too_few = condition(object, "Available").is_some_and(|condition| condition.is_false());
    if rolled_out && too_few { Judgement::degraded(reason) } else { Judgement::progressing(reason) }
}

pub(super) fn stateful_set(object: &Value) -> Judgement {
    if is_unseen(object) {
        return unseen();
    }
    let (wanted, ready, updated) = (wanted(object), count(object, "readyReplicas"), count(object, "updatedReplicas"));
    if ready < wanted {
        return Judgement::progressing(format!("{ready} of {wanted} replicas are ready"));
    }
    if text(object, "/spec/updateStrategy/type") == "OnDelete" {
        return Judgement::healthy();
    }
    let partition = number(object, "/spec/updateStrategy/rollingUpdate/partition").unwrap_or(0);
    let needed = (wanted - partition).max(0);
    if updated < needed {
        return Judgement::progressing(format!("{updated} of {needed} replicas are updated"));
    }
    if partition == 0 && text(object, "/status/currentRevision") != text(object, "/status/updateRevision") {
        return Judgement::progressing("the new revision is not current yet");
    }
    Judgement::healthy()
}

pub(super) fn daemon_set(object: &Value) -> Judgement {
    if is_unseen(object) {
        return unseen();
    }
    let (wanted, updated) = (count(object, "desiredNumberScheduled"), count(object, "updatedNumberScheduled"));
    let available = count(object, "numberAvailable");
    if updated < wanted && text(object, "/spec/updateStrategy/type") != "OnDelete" {
        return Judgement::progressing(format!("{updated} of {wanted} nodes are updated"));
    }
    if available < wanted {
        return Judgement::progressing(format!("{available} of {wanted} nodes are available"));
    }
    Judgement::healthy()
}

pub(super) fn replica_set(object: &Value) -> Judgement {
    if is_unseen(object) {
        return unseen();
    }
    if let Some(failure) = condition(object, "ReplicaFailure").filter(|condition| condition.is_true()) {
        return Judgement::degraded(failure.words());
    }
    let (wanted, available) = (wanted(object), count(object, "availableReplicas"));
    if available < wanted {
        return Judgement::progressing(format!("{available} of {wanted} replicas are available"));
    }
    Judgement::healthy()
}

/// Unlike kstatus, a job that runs is progressing: what comes after it needs its outcome.
pub(super) fn job(object: &Value) -> Judgement {
    if let Some(failed) = condition(object, "Failed").filter(|condition| condition.is_true()) {
        return Judgement::degraded(failed.words());
    }
    if condition(object, "Complete").is_some_and(|condition| condition.is_true()) {
        return Judgement::healthy();
    }
    if object.pointer("/spec/suspend").and_then(Value::as_bool) == Some(true) {
        return Judgement::suspended(Gate::Pass, "the job is suspended");
    }
    Judgement::progressing(format!("{} pods run, {} succeeded", count(object, "active"), count(object, "succeeded")))
}

/// A suspended cron job is as its document says, so a gate passes.
pub(super) fn cron_job(object: &Value) -> Judgement {
    if object.pointer("/spec/suspend").and_then(Value::as_bool) == Some(true) {
        return Judgement::suspended(Gate::Pass, "the cron job is suspended");
    }
    Judgement::healthy()
}

pub(super) fn pod(object: &Value) -> Judgement {
    let message = || match text(object, "/status/message") {
        "" => text(object, "/status/reason").to_owned(),
        message => message.to_owned(),
    };
    match text(object, "/status/phase") {
        "Succeeded" => Judgement::healthy(),
        "Failed" => Judgement::degraded(format!("the pod failed: {}", message())),
        "Unknown" => Judgement::unknown("its node cannot be reached"),
        "Running" if condition(object, "Ready").is_some_and(|condition| condition.is_true()) => Judgement::healthy(),
        phase => hopeless_container(object).map_or_else(|| waiting_pod(object, phase), Judgement::degraded),
    }
}

fn waiting_pod(object: &Value, phase: &str) -> Judgement {
    let unscheduled = condition(object, "PodScheduled").filter(|condition| condition.is_false());
    let unready = condition(object, "Ready").filter(|condition| condition.is_false());
    let words = unscheduled.or(unready).map(|condition| condition.words());
    Judgement::progressing(
        words.unwrap_or_else(|| format!("the pod is {}", if phase.is_empty() { "new" } else { phase })),
    )
}

fn hopeless_container(object: &Value) -> Option<String> {
    let lists = ["/status/initContainerStatuses", "/status/containerStatuses"];
    let statuses = lists.iter().filter_map(|pointer| object.pointer(pointer)?.as_array()).flatten();
    statuses.into_iter().find_map(|status| {
        let reason = text(status, "/state/waiting/reason");
        HOPELESS.contains(&reason).then(|| format!("container `{}`: {reason}", text(status, "/name")))
    })
}
