//! What holds for every kind, and the reading of conditions.

use serde_json::Value;
use skerry_common::object::group_of;

use super::rules::rule_of;
use super::{Gate, Judgement, Observed};

/// Judges a live object; one of which only metadata was read is judged by that, if its rule allows.
pub fn judge(object: &Value, observed: Observed) -> Judgement {
    let mut judgement = view(object);
    if judgement.gate == Gate::Pass && observed == Observed::BeforeApply {
        judgement.gate = Gate::Wait;
    }
    judgement
}

fn view(object: &Value) -> Judgement {
    if object.pointer("/metadata/deletionTimestamp").is_some_and(|time| !time.is_null()) {
        return Judgement::progressing("it is being deleted");
    }
    if let (Some(generation), Some(seen)) = (number(object, "/metadata/generation"), observed_generation(object))
        && seen < generation
    {
        return Judgement::progressing(format!("its controller has seen generation {seen} of {generation}"));
    }
    let text = |field: &str| object.get(field).and_then(Value::as_str).unwrap_or_default();
    match rule_of(group_of(text("apiVersion")), text("kind")) {
        Some(rule) => (rule.judge)(object),
        None => generic(object),
    }
}

fn observed_generation(object: &Value) -> Option<i64> {
    number(object, "/status/observedGeneration")
}

/// The rule for anything with conditions (kstatus, «conditions»): `Stalled` fails, `Reconciling` and
/// a `Ready` that is not true wait; whatever has none of them is as good as it will be.
///
/// Unlike kstatus, a `Ready` of `False` with a `Stalled` of `True` needs no order: `Stalled` wins.
pub(super) fn generic(object: &Value) -> Judgement {
    if let Some(stalled) = condition(object, "Stalled").filter(Condition::is_true) {
        return Judgement::degraded(stalled.words());
    }
    if let Some(reconciling) = condition(object, "Reconciling").filter(Condition::is_true) {
        return Judgement::progressing(reconciling.words());
    }
    for kind in ["Ready", "Available"] {
        if let Some(ready) = condition(object, kind) {
            return if ready.is_true() { Judgement::healthy() } else { Judgement::progressing(ready.words()) };
        }
    }
    Judgement::healthy()
}

/// One entry of `status.conditions`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Condition<'a> {
    kind: &'a str,
    status: &'a str,
    pub(super) reason: &'a str,
    message: &'a str,
}

impl Condition<'_> {
    pub(super) fn is_true(&self) -> bool {
        self.status == "True"
    }

    pub(super) fn is_false(&self) -> bool {
        self.status == "False"
    }

    /// The message, or failing that the reason, or failing that the condition itself.
    pub(super) fn words(&self) -> String {
        match (self.message, self.reason) {
            ("", "") => format!("condition {} is {}", self.kind, self.status),
            ("", reason) => reason.to_owned(),
            (message, _) => message.to_owned(),
        }
    }
}

pub(super) fn condition<'a>(object: &'a Value, kind: &str) -> Option<Condition<'a>> {
    let conditions = object.pointer("/status/conditions")?.as_array()?;
    let text = |entry: &'a Value, field: &str| entry.get(field).and_then(Value::as_str).unwrap_or_default();
    let found = conditions.iter().find(|entry| text(entry, "type") == kind)?;
    Some(Condition {
        kind: text(found, "type"),
        status: text(found, "status"),
        reason: text(found, "reason"),
        message: text(found, "message"),
    })
}

pub(super) fn number(object: &Value, pointer: &str) -> Option<i64> {
    object.pointer(pointer).and_then(Value::as_i64)
}

pub(super) fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}
