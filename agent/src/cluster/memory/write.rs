//! Writes of the twin: apply, patch, update, and the commit that all of them end in.

use std::sync::Arc;

use serde_json::{Value, json};
use time::OffsetDateTime;

use super::check::{misfits, missing};
use super::defaults;
use super::kinds::Kind;
use super::manage::{self, Entry, Operation, Writer};
use super::patch::{self, PatchError};
use super::state::{State, stamp};
use crate::cluster::{Applied, Apply, ApplyMode, ClusterError, Conflict, InvalidField, Target};

/// Through which part of an object is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Door {
    /// Everything but the status, for kinds that have a door for it.
    Main,
    /// The status only.
    Status,
}

/// An object on its way into the store.
pub(super) struct Draft {
    pub(super) kind: Kind,
    pub(super) target: Target,
    pub(super) live: Option<Arc<Value>>,
    pub(super) object: Value,
    pub(super) entries: Vec<Entry>,
    pub(super) door: Door,
}

impl State {
    pub(super) fn apply(
        &mut self,
        target: &Target,
        object: &Value,
        how: Apply<'_>,
        now: OffsetDateTime,
    ) -> Result<Applied, ClusterError> {
        let kind = self.kind(&target.kind)?;
        let mut applied = object.clone();
        accept(&kind, target, &mut applied)?;
        if applied.pointer("/metadata/managedFields").is_some() {
            return Err(invalid("metadata.managedFields must be nil"));
        }
        let live = self.live(target);
        self.same_object(&applied, live.as_deref())?;
        if live.is_none() {
            self.namespace_is_open(target)?;
        }
        let writer = writer(&kind, how.manager, Operation::Apply, "", now);
        let (object, entries) =
            manage::apply(&kind.shape, live.as_deref().unwrap_or(&json!({})), &applied, &writer, how.force)?;
        let created = live.is_none();
        let draft = Draft { kind, target: target.clone(), live, object, entries, door: Door::Main };
        let object = self.commit(draft, how.mode, now)?;
        Ok(Applied { created, object: Value::clone(&object) })
    }

    pub(super) fn patch(
        &mut self,
        target: &Target,
        operations: &Value,
        manager: &str,
        now: OffsetDateTime,
    ) -> Result<Value, ClusterError> {
        self.kind(&target.kind)?;
        let live = self.live(target).ok_or_else(|| absent(target))?;
        let patched = patch::apply(&live, operations).map_err(|error| match error {
            PatchError::Test(message) => ClusterError::Conflict(Conflict::Test(message)),
            PatchError::Invalid(message) => invalid(&message),
        })?;
        self.update(target, patched, manager, now).map(|object| Value::clone(&object))
    }

    /// Creates or replaces an object, as `kubectl create`, `edit` and controllers do.
    pub(super) fn update(
        &mut self,
        target: &Target,
        mut object: Value,
        manager: &str,
        now: OffsetDateTime,
    ) -> Result<Arc<Value>, ClusterError> {
        let kind = self.kind(&target.kind)?;
        accept(&kind, target, &mut object)?;
        let live = self.live(target);
        self.same_object(&object, live.as_deref())?;
        if live.is_none() {
            self.namespace_is_open(target)?;
        }
        defaults::fill(&kind.api, &mut object);
        let writer = writer(&kind, manager, Operation::Update, "", now);
        let entries = manage::update(&kind.shape, live.as_deref().unwrap_or(&json!({})), &object, &writer);
        self.commit(
            Draft { kind, target: target.clone(), live, object, entries, door: Door::Main },
            ApplyMode::Keep,
            now,
        )
    }

    /// Replaces what is behind the status door of an object, as its controller does: status and annotations.
    pub(super) fn update_status(
        &mut self,
        target: &Target,
        change: impl FnOnce(&mut Value),
        manager: &str,
        now: OffsetDateTime,
    ) -> Result<Arc<Value>, ClusterError> {
        let kind = self.kind(&target.kind)?;
        let live = self.live(target).ok_or_else(|| absent(target))?;
        let mut object = Value::clone(&live);
        change(&mut object);
        let writer = writer(&kind, manager, Operation::Update, "status", now);
        let entries = manage::update(&kind.shape, &live, &object, &writer);
        let draft = Draft { kind, target: target.clone(), live: Some(live), object, entries, door: Door::Status };
        self.commit(draft, ApplyMode::Keep, now)
    }

    /// The last part of every write: defaults, validation, what the server sets, and the store.
    pub(super) fn commit(
        &mut self,
        draft: Draft,
        mode: ApplyMode,
        now: OffsetDateTime,
    ) -> Result<Arc<Value>, ClusterError> {
        let Draft { kind, target, live, mut object, entries, door } = draft;
        self.server_fields(&kind, &target, live.as_deref(), &mut object, now);
        if kind.has_status && door == Door::Main {
            keep_status(live.as_deref(), &mut object);
        }
        defaults::fill(&kind.api, &mut object);
        if live.is_none() {
            let number = self.revision();
            defaults::allocate(&kind.api, &mut object, number);
        }
        validate(&kind, live.as_deref(), &object)?;
        if door == Door::Main {
            count_generation(&kind, live.as_deref(), &mut object);
            count_template(&kind, live.as_deref(), &mut object);
        }
        manage::set_entries(&mut object, entries);
        if let Some(live) = live
            && *live == object
        {
            return Ok(live);
        }
        if mode == ApplyMode::DryRun {
            return Ok(Arc::new(object));
        }
        let revision = self.next_revision();
        object["metadata"]["resourceVersion"] = json!(revision.to_string());
        let object = Arc::new(object);
        self.store(&target, Some(object.clone()));
        if object.pointer("/metadata/deletionTimestamp").is_some() {
            self.finish_deletion(&target, now);
        } else if door == Door::Main {
            self.react(&target, now);
        }
        Ok(self.live(&target).filter(|_| door == Door::Status).unwrap_or(object))
    }

    fn server_fields(
        &mut self,
        kind: &Kind,
        target: &Target,
        live: Option<&Value>,
        object: &mut Value,
        now: OffsetDateTime,
    ) {
        object["apiVersion"] = json!(kind.api.api_version());
        object["kind"] = json!(kind.api.kind);
        if !object["metadata"].is_object() {
            object["metadata"] = json!({});
        }
        let metadata = &mut object["metadata"];
        metadata["name"] = json!(target.name);
        if let Some(namespace) = &target.namespace {
            metadata["namespace"] = json!(namespace);
        }
        match live {
            None => {
                metadata["uid"] = json!(self.next_uid());
                metadata["creationTimestamp"] = json!(stamp(now));
            }
            Some(live) => {
                for name in ["uid", "creationTimestamp", "resourceVersion", "generation", "deletionTimestamp"] {
                    if let Some(value) = live["metadata"].get(name) {
                        metadata[name] = value.clone();
                    }
                }
            }
        }
    }

    /// A document may say which object it means, by uid or resource version.
    fn same_object(&self, object: &Value, live: Option<&Value>) -> Result<(), ClusterError> {
        let of =
            |object: &Value, name: &str| object.pointer("/metadata").and_then(|metadata| metadata.get(name)).cloned();
        for name in ["uid", "resourceVersion"] {
            let Some(wanted) = of(object, name) else { continue };
            let is = live.and_then(|live| of(live, name));
            if is.as_ref() == Some(&wanted) {
                continue;
            }
            let message = format!("the object's `metadata.{name}` is not {wanted}");
            if is.is_some() && name == "uid" {
                let field = format!("metadata.{name}");
                let wrong =
                    InvalidField { field, reason: "FieldValueInvalid".into(), message: "field is immutable".into() };
                return Err(ClusterError::Invalid { message, fields: vec![wrong] });
            }
            return Err(ClusterError::Conflict(Conflict::Changed(message)));
        }
        Ok(())
    }

    fn namespace_is_open(&self, target: &Target) -> Result<(), ClusterError> {
        let Some(namespace) = &target.namespace else { return Ok(()) };
        let namespaces = self.objects.get(&(String::new(), "Namespace".to_owned()));
        let found = namespaces.and_then(|namespaces| namespaces.get(&(String::new(), namespace.clone())));
        let found =
            found.ok_or_else(|| ClusterError::NotFound { message: format!("namespaces `{namespace}` not found") })?;
        if found.pointer("/metadata/deletionTimestamp").is_some() {
            let message =
                format!("unable to create new content in namespace `{namespace}` because it is being terminated");
            return Err(ClusterError::Forbidden { message });
        }
        Ok(())
    }
}

fn writer<'a>(
    kind: &Kind,
    manager: &'a str,
    operation: Operation,
    subresource: &'a str,
    now: OffsetDateTime,
) -> Writer<'a> {
    Writer { manager, operation, subresource, api_version: kind.api.api_version(), time: stamp(now) }
}

/// Checks a document as the server does when it reads it, and puts its address into it.
fn accept(kind: &Kind, target: &Target, object: &mut Value) -> Result<(), ClusterError> {
    let says = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    if says("/apiVersion") != kind.api.api_version() || says("/kind") != kind.api.kind {
        return Err(invalid("the document is of another kind than the address"));
    }
    let named = says("/metadata/name");
    if !named.is_empty() && named != target.name {
        return Err(invalid("the name of the object does not match the name on the URL"));
    }
    let placed = says("/metadata/namespace");
    if !placed.is_empty() && target.namespace.as_deref() != Some(placed) {
        return Err(invalid("the namespace of the object does not match the namespace on the request"));
    }
    if kind.api.namespaced != target.namespace.is_some() {
        return Err(ClusterError::NotFound { message: "the server could not find the requested resource".into() });
    }
    let fields = misfits(&kind.shape, object);
    if let Some(first) = fields.first() {
        let message = format!("failed to create typed patch object: .{}: {}", first.field, first.message);
        return Err(ClusterError::Invalid { message, fields });
    }
    if kind.has_status
        && let Some(map) = object.as_object_mut()
    {
        map.shift_remove("status");
    }
    Ok(())
}

fn keep_status(live: Option<&Value>, object: &mut Value) {
    match live.and_then(|live| live.get("status")) {
        Some(status) => object["status"] = status.clone(),
        None => {
            if let Some(map) = object.as_object_mut() {
                map.shift_remove("status");
            }
        }
    }
}

fn validate(kind: &Kind, live: Option<&Value>, object: &Value) -> Result<(), ClusterError> {
    let mut fields = missing(&kind.shape, object);
    fields.retain(|field| !field.field.starts_with("status"));
    fields.extend(rolling(kind, object));
    for pointer in kind.immutable {
        let changed = live
            .is_some_and(|live| live.pointer(pointer).is_some() && live.pointer(pointer) != object.pointer(pointer));
        if changed {
            fields.push(InvalidField {
                field: pointer.trim_start_matches('/').replace('/', "."),
                reason: "FieldValueInvalid".into(),
                message: "field is immutable".into(),
            });
        }
    }
    let frozen = |name: &str| {
        live.is_some_and(|live| live.get("immutable") == Some(&json!(true)) && live.get(name) != object.get(name))
    };
    if matches!(kind.api.kind.as_str(), "ConfigMap" | "Secret") && (frozen("data") || frozen("immutable")) {
        fields.push(InvalidField {
            field: "data".into(),
            reason: "FieldValueForbidden".into(),
            message: "field is immutable when `immutable` is set".into(),
        });
    }
    match fields.first() {
        None => Ok(()),
        Some(first) => {
            let message = format!("{} is invalid: {}: {}", kind.api, first.field, first.message);
            Err(ClusterError::Invalid { message, fields })
        }
    }
}

/// A strategy that does not roll has no settings for rolling, not even those that were defaults of another one.
fn rolling(kind: &Kind, object: &Value) -> Option<InvalidField> {
    let name = match kind.api.kind.as_str() {
        "Deployment" => "strategy",
        "StatefulSet" => "updateStrategy",
        _ => return None,
    };
    let strategy = object.pointer("/spec")?.get(name)?;
    let wrong = strategy["type"] != "RollingUpdate" && strategy.get("rollingUpdate").is_some();
    wrong.then(|| InvalidField {
        field: format!("spec.{name}.rollingUpdate"),
        reason: "FieldValueForbidden".into(),
        message: "may not be specified unless the strategy is `RollingUpdate`".into(),
    })
}

/// Counts every change outside metadata and status; a deployment counts changes of its annotations too.
fn count_generation(kind: &Kind, live: Option<&Value>, object: &mut Value) {
    if !kind.has_generation {
        return;
    }
    let spec = |object: &Value| {
        let mut spec = object.clone();
        if let Some(map) = spec.as_object_mut() {
            let metadata = map.shift_remove("metadata");
            map.shift_remove("status");
            if kind.api.kind == "Deployment"
                && let Some(annotations) = metadata.and_then(|metadata| metadata.get("annotations").cloned())
            {
                map.insert("annotations".into(), annotations);
            }
        }
        spec
    };
    let generation = match live {
        None => 1,
        Some(live) => {
            let before = live.pointer("/metadata/generation").and_then(Value::as_i64).unwrap_or(1);
            if spec(live) == spec(object) { before } else { before + 1 }
        }
    };
    object["metadata"]["generation"] = json!(generation);
}

/// A daemon set carries the number of its template's changes in an annotation that nobody owns.
fn count_template(kind: &Kind, live: Option<&Value>, object: &mut Value) {
    const GENERATION: &str = "deprecated.daemonset.template.generation";
    if kind.api.kind != "DaemonSet" || kind.api.group != "apps" {
        return;
    }
    let before =
        live.and_then(|live| live.pointer("/metadata/annotations")?.get(GENERATION)?.as_str()?.parse::<u64>().ok());
    let same = live.is_some_and(|live| live.pointer("/spec/template") == object.pointer("/spec/template"));
    let count = before.map_or(1, |before| if same { before } else { before + 1 });
    if !object["metadata"]["annotations"].is_object() {
        object["metadata"]["annotations"] = json!({});
    }
    object["metadata"]["annotations"][GENERATION] = json!(count.to_string());
}

pub(super) fn invalid(message: &str) -> ClusterError {
    ClusterError::Invalid { message: message.to_owned(), fields: Vec::new() }
}

pub(super) fn absent(target: &Target) -> ClusterError {
    ClusterError::NotFound { message: format!("{} `{}` not found", target.kind.plural, target.name) }
}
