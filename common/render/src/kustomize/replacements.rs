//! `replacements`: a value of one field goes into fields of other resources.
//!
//! Resources are told by any identity that they have or had. The value stays tied to its field:
//! where a replacement changes that very field, what comes after it copies the new value.

use skerry_common::diagnostic::Location;
use skerry_yaml::Node;

use super::accumulate::load;
use super::embedded;
use super::field_path::{self, Form, Place, untyped};
use super::field_spec::{Misfit, put, set_text_of_type};
use super::file::{self, FieldRule, Kustomization, Origin, ReplacementEntry, ReplacementRule, SourceRule, TargetRule};
use super::patches::weight;
use super::resource::{Resource, ResourceId};
use super::shared;
use crate::codes::{self, Fallible, fail, fail_with_help};
use crate::tree::View;

/// Gathers replacements, those in files of their own too.
pub(crate) fn load_all(
    view: &View<'_>,
    kustomization: &Kustomization,
    entries: &[ReplacementEntry],
) -> Fallible<Vec<ReplacementRule>> {
    let mut rules = Vec::new();
    for entry in entries {
        match entry {
            ReplacementEntry::Inline(rule) => rules.push(rule.clone()),
            ReplacementEntry::File(path) => {
                let (found, content) = load(view, kustomization, path)?;
                rules.extend(file::read_replacements(view, &found, &content)?);
            }
        }
    }
    Ok(rules)
}

/// Carries out replacements, one after the other.
pub(crate) fn apply(view: &View<'_>, rules: &[ReplacementRule], resources: &mut [Resource]) -> Fallible<()> {
    rules.iter().try_for_each(|rule| run(view, rule, resources))
}

fn run(view: &View<'_>, rule: &ReplacementRule, resources: &mut [Resource]) -> Fallible<()> {
    let mut value = match &rule.origin {
        Origin::Value(text) => Carried { node: untyped(text), tie: None },
        Origin::Field(source) => {
            if source.field.reads_history() {
                let is_match = |resource: &&mut Resource| is_source_of(source, resource);
                resources.iter_mut().filter(is_match).for_each(Resource::tell_history);
            }
            take(source, resources, &rule.at)?
        }
    };
    for target in &rule.targets {
        for index in 0..resources.len() {
            let Some(resource) = resources.get_mut(index).filter(|resource| is_meant(target, resource)) else {
                continue;
            };
            for field in &target.fields {
                let copying = Copying { view, target, field, index };
                if !field.may_replace_annotations() {
                    copying.copy(resource, &mut value)?;
                    continue;
                }
                resource.pin_notes();
                copying.copy(resource, &mut value)?;
                resource.unpin_notes();
            }
        }
    }
    Ok(())
}

/// The value on its way.
struct Carried {
    node: Node,
    /// The field that it is the value of: resource and place.
    tie: Option<(usize, Place)>,
}

impl Carried {
    /// Takes notice of a change.
    fn follow(&mut self, index: usize, resource: &Node, changed: &[usize]) {
        let Some((_, place)) = self.tie.as_ref().filter(|(tied, _)| *tied == index) else { return };
        if place.len() > changed.len() && place.starts_with(changed) {
            self.tie = None;
        }
        self.refresh(index, resource);
    }

    /// Reads the field again.
    fn refresh(&mut self, index: usize, resource: &Node) {
        if let Some((_, place)) = self.tie.as_ref().filter(|(tied, _)| *tied == index)
            && let Some(node) = field_path::at(resource, place)
        {
            self.node = node.clone();
        }
    }
}

/// Every identity of a resource, the current one with its namespace as written.
fn identities(resource: &Resource) -> impl Iterator<Item = ResourceId> + '_ {
    let now = ResourceId { gvk: resource.gvk(), name: resource.name().into(), namespace: resource.namespace().into() };
    std::iter::once(now).chain(resource.previous_ids())
}

fn is_meant(target: &TargetRule, resource: &Resource) -> bool {
    if !target.select.matches_labels(&resource.node) {
        return false;
    }
    let is_rejected = target.reject.iter().any(|reject| {
        (reject.has_labels() && reject.matches_labels(&resource.node))
            || (reject.has_identity() && identities(resource).any(|id| reject.matches_identity(&id)))
    });
    !is_rejected && identities(resource).any(|id| target.select.matches_identity(&id))
}

fn is_source(source: &SourceRule, id: &ResourceId) -> bool {
    let effective = |namespace: &str| if namespace.is_empty() { "default".to_owned() } else { namespace.to_owned() };
    (source.name.is_empty() || source.name == id.name)
        && (source.namespace.is_empty() || effective(&source.namespace) == effective(&id.namespace))
        && id.gvk.is_selected(&source.group, &source.version, &source.kind)
}

fn is_source_of(source: &SourceRule, resource: &Resource) -> bool {
    identities(resource).any(|id| is_source(source, &id))
}

fn shown(source: &SourceRule) -> String {
    let parts = [&source.group, &source.version, &source.kind, &source.namespace, &source.name];
    let parts: Vec<&str> = parts.into_iter().map(String::as_str).filter(|part| !part.is_empty()).collect();
    if parts.is_empty() { "anything".to_owned() } else { format!("`{}`", parts.join("/")) }
}

/// Finds the value of a source.
fn take(source: &SourceRule, resources: &[Resource], at: &Location) -> Fallible<Carried> {
    let mut matches = resources.iter().enumerate().filter(|(_, resource)| is_source_of(source, resource));
    let Some((index, resource)) = matches.next() else {
        return fail(codes::REPLACEMENT_SOURCE, at, format!("no resource is the source {}", shown(source)));
    };
    if let Some((_, second)) = matches.next() {
        let (first, second) = (resource.current_id().shown(), second.current_id().shown());
        let message = format!("the source {} is several resources: `{first}`, `{second}`", shown(source));
        return fail_with_help(codes::REPLACEMENT_SOURCE, at, message, "add `kind`, `name` or `namespace`");
    }
    let name = resource.current_id().shown();
    let path = &source.field.text;
    let place = match field_path::find(&resource.node, &source.field.parts) {
        Ok(place) => place,
        Err(Misfit(message)) => {
            return fail(codes::REPLACEMENT_SOURCE, at, format!("`{path}` of `{name}` cannot be read: {message}"));
        }
    };
    let found = place.and_then(|place| Some((field_path::at(&resource.node, &place)?.clone(), place)));
    let is_empty = |node: &Node| node.is_null() || (!node.is_scalar() && weight_of_content(node) == 0);
    let Some((node, place)) = found.filter(|(node, _)| !is_empty(node)) else {
        return fail(codes::REPLACEMENT_SOURCE, at, format!("`{name}` has no value at `{path}`"));
    };
    if source.delimiter.is_empty() {
        return Ok(Carried { node, tie: Some((index, place)) });
    }
    let Some(text) = node.as_str() else {
        return fail(codes::REPLACEMENT_SOURCE, at, format!("`{path}` of `{name}` is no text that can be split"));
    };
    let part = usize::try_from(source.index).ok().and_then(|index| text.split(&source.delimiter).nth(index));
    let Some(part) = part.map(str::to_owned) else {
        let message =
            format!("`{path}` of `{name}` has no part {}, split at `{}`: `{text}`", source.index, source.delimiter);
        return fail(codes::REPLACEMENT_SOURCE, at, message);
    };
    let mut node = node;
    if let skerry_yaml::NodeKind::Scalar { text, .. } = &mut node.kind {
        *text = part.into();
    }
    Ok(Carried { node, tie: None })
}

fn weight_of_content(node: &Node) -> usize {
    node.items().len() + node.entries().len()
}

/// Why a list or mapping is refused where `options` say how a text is to be split.
const NOT_SPLIT: &str = "only a text can be split at a delimiter";

/// One path of one target in one resource.
struct Copying<'a> {
    view: &'a View<'a>,
    target: &'a TargetRule,
    field: &'a FieldRule,
    /// Which resource it is.
    index: usize,
}

impl Copying<'_> {
    fn copy(&self, resource: &mut Resource, value: &mut Carried) -> Fallible<()> {
        self.view.count_growth(weight(&value.node), &self.target.at)?;
        let create = self.target.creates.then(|| Form::of(&value.node));
        if let Some((place, rest)) = field_path::find_text(&resource.node, &self.field.parts)
            && let Some(text) = field_path::at_mut(&mut resource.node, &place)
        {
            let mut changes = Vec::new();
            let set = &mut |text: &mut Node| self.copy_into_text(text, rest, &value.node).ok_or(());
            if shared::watch(text, &mut changes, set).is_ok() {
                changes.iter().for_each(|change| change.spread(&mut resource.node));
                value.follow(self.index, &resource.node, &place);
                return Ok(());
            }
        }
        let matches = match field_path::find_all(&mut resource.node, &self.field.parts, create) {
            Ok(matches) => matches,
            Err(Misfit(message)) => return self.refuse(resource, &message),
        };
        if matches.is_empty() {
            return self.refuse(resource, "there is no such field");
        }
        if matches.has_lost_collection && !self.target.delimiter.is_empty() {
            return self.refuse(resource, NOT_SPLIT);
        }
        // Fields that were made may lie inside the value itself.
        value.refresh(self.index, &resource.node);
        for place in &matches.places {
            let Some(node) = field_path::at_mut(&mut resource.node, place) else { continue };
            let mut changes = Vec::new();
            let set = &mut |node: &mut Node| self.set(node, &value.node);
            if let Err(Misfit(message)) = shared::watch(node, &mut changes, set) {
                return self.refuse(resource, &message);
            }
            changes.iter().for_each(|change| change.spread(&mut resource.node));
            self.view.count_growth(weight(&value.node), &self.target.at)?;
            value.follow(self.index, &resource.node, place);
        }
        Ok(())
    }

    fn refuse(&self, resource: &Resource, message: &str) -> Fallible<()> {
        let name = resource.current_id().shown();
        let message = format!("`{}` of `{name}` cannot be replaced: {message}", self.field.text);
        let help = "correct the path or the selection, or set `options: {create: true}` to make the field";
        fail_with_help(codes::REPLACEMENT_TARGET, &self.target.at, message, help)
    }

    /// Changes YAML or JSON that is the content of a text.
    fn copy_into_text(&self, text: &mut Node, rest: &[String], value: &Node) -> Option<()> {
        let old = text.as_str()?.to_owned();
        let mut document = embedded::read(&old)?;
        let create = self.target.creates.then(|| Form::of(value));
        let matches = field_path::find_all(&mut document.root, rest, create).ok()?;
        if matches.is_empty() || (matches.has_lost_collection && !self.target.delimiter.is_empty()) {
            return None;
        }
        for place in &matches.places {
            self.set(field_path::at_mut(&mut document.root, place)?, value).ok()?;
        }
        set_text_of_type(text, embedded::write(document, &old)?);
        Some(())
    }

    fn set(&self, node: &mut Node, value: &Node) -> Result<(), Misfit> {
        let mut text = value.as_str().unwrap_or("").to_owned();
        if !self.target.delimiter.is_empty() {
            let Some(old) = node.as_str() else {
                return Err(Misfit(NOT_SPLIT.to_owned()));
            };
            text = self.spliced(old, &text);
        }
        if node.is_scalar() {
            set_text_of_type(node, text);
        } else {
            let mut new = value.clone();
            shared::part(&mut new);
            put(node, new);
        }
        Ok(())
    }

    /// Puts a value in place of one part of a text, before the first or after the last.
    fn spliced(&self, old: &str, value: &str) -> String {
        let delimiter = &self.target.delimiter;
        let mut parts: Vec<&str> = old.split(delimiter.as_str()).collect();
        match usize::try_from(self.target.index) {
            Err(_) => parts.insert(0, value),
            Ok(index) => match parts.get_mut(index) {
                Some(part) => *part = value,
                None => parts.push(value),
            },
        }
        parts.join(delimiter)
    }
}
