//! Rules for what pods use, and for what extends the API.

use serde_json::Value;

use super::Judgement;
use super::judge::{condition, number, text};

pub(super) fn volume_claim(object: &Value) -> Judgement {
    match text(object, "/status/phase") {
        "Bound" => Judgement::healthy(),
        "Lost" => Judgement::degraded("its volume is lost"),
        _ => Judgement::progressing("it is not bound to a volume yet"),
    }
}

/// Unlike kstatus, a load balancer is waited for until it has an address: that is what it is for.
pub(super) fn service(object: &Value) -> Judgement {
    if text(object, "/spec/type") != "LoadBalancer" {
        return Judgement::healthy();
    }
    let ingress = object.pointer("/status/loadBalancer/ingress").and_then(Value::as_array);
    if ingress.is_some_and(|ingress| !ingress.is_empty()) {
        Judgement::healthy()
    } else {
        Judgement::progressing("the load balancer has no address yet")
    }
}

pub(super) fn autoscaler(object: &Value) -> Judgement {
    if let Some(unable) = condition(object, "AbleToScale").filter(|condition| condition.is_false()) {
        return Judgement::degraded(unable.words());
    }
    match condition(object, "ScalingActive") {
        None => Judgement::progressing("it has not scaled anything yet"),
        Some(active) if active.is_false() && active.reason == "ScalingDisabled" => Judgement::healthy(),
        Some(active) if active.is_false() => Judgement::degraded(active.words()),
        Some(_) => Judgement::healthy(),
    }
}

pub(super) fn disruption_budget(object: &Value) -> Judgement {
    let counter = |name: &str| number(object, &format!("/status/{name}"));
    if counter("observedGeneration").is_none() {
        return Judgement::progressing("its controller has not seen it yet");
    }
    let (current, desired) = (counter("currentHealthy").unwrap_or(0), counter("desiredHealthy").unwrap_or(0));
    if current < desired {
        return Judgement::progressing(format!("{current} of {desired} pods are healthy"));
    }
    Judgement::healthy()
}

pub(super) fn definition(object: &Value) -> Judgement {
    if let Some(refused) = condition(object, "NamesAccepted").filter(|condition| condition.is_false()) {
        return Judgement::degraded(refused.words());
    }
    match condition(object, "Established") {
        Some(established) if established.is_true() => Judgement::healthy(),
        Some(established) => Judgement::progressing(established.words()),
        None => Judgement::progressing("it is not established yet"),
    }
}
