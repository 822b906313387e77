//! `patches`, `patchesStrategicMerge` and `patchesJson6902`: read, matched, applied.

use std::collections::HashSet;
use std::sync::Arc;

use skerry_common::diagnostic::{Diagnostic, Location};
use skerry_yaml::{Node, Rules};

use super::accumulate::{self, check_named};
use super::file::{Allows, Kustomization, PatchContent, PatchRule, Text};
use super::patch_json6902::{self, Form, Operation};
use super::patch_strategic;
use super::quotes::UNTYPED;
use super::resource::{Resource, ResourceId, rewrite_texts};
use super::schema::with_comments;
use super::select::Selector;
use super::transform_namespace::refuse_conflicts;
use crate::codes::{self, Fallible, fail, fail_with_help};
use crate::document::{Source, flatten_lists, is_empty_list, parse_one, place, text_at};
use crate::tree::View;
use crate::twin_keys::parse_patch;

/// A patch, read.
enum Patch {
    /// Objects to be merged.
    Strategic(Vec<Resource>),
    /// Operations.
    Json(Vec<Operation>),
    /// Neither.
    Nothing,
}

/// A patch, read, with where it goes.
pub(crate) struct LoadedPatch {
    patch: Patch,
    target: Option<Selector>,
    allows: Allows,
    at: Location,
}

impl LoadedPatch {
    /// Where it is asked for.
    pub(crate) fn at(&self) -> &Location {
        &self.at
    }

    /// The file of the objects that are merged, all of them in one.
    pub(crate) fn file(&self) -> Option<&Arc<str>> {
        match &self.patch {
            Patch::Strategic(patches) => patches.first().map(|patch| &patch.file),
            Patch::Json(_) | Patch::Nothing => None,
        }
    }

    /// Whether its target selects a resource.
    pub(crate) fn matches(&self, resource: &Resource) -> bool {
        self.target.as_ref().is_some_and(|target| target.matches(resource))
    }
}

/// Loads what merges by identity: each entry is a file or the patch itself.
pub(crate) fn load_strategic(
    view: &View<'_>,
    kustomization: &Kustomization,
    entries: &[Text],
) -> Fallible<Vec<Resource>> {
    let mut patches = Vec::new();
    for entry in entries {
        match objects(view, &Content::inline(kustomization, entry)) {
            Ok(more) => patches.extend(more),
            // A path has one line.
            Err(problems) if entry.value.contains('\n') => return Err(problems),
            Err(_) => patches.extend(objects(view, &Content::of_file(view, kustomization, entry)?)?),
        }
    }
    Ok(patches)
}

/// Loads objects to be merged from a text.
pub(crate) fn load_text(view: &View<'_>, kustomization: &Kustomization, text: &Text) -> Fallible<Vec<Resource>> {
    objects(view, &Content::inline(kustomization, text))
}

/// Refuses patches that all together hold no object.
pub(crate) fn refuse_none(patches: &[Resource], at: &Location) -> Fallible<()> {
    if patches.is_empty() { fail(codes::PATCH_UNREADABLE, at, "the patches hold no object") } else { Ok(()) }
}

/// Loads an entry of `patches`.
pub(crate) fn load(view: &View<'_>, kustomization: &Kustomization, rule: &PatchRule) -> Fallible<LoadedPatch> {
    let patch = read(view, &Content::of_rule(view, kustomization, rule)?)?;
    Ok(LoadedPatch { patch, target: rule.target.clone(), allows: rule.allows, at: rule.at.clone() })
}

/// Loads an entry of `patchesJson6902`.
pub(crate) fn load_json(view: &View<'_>, kustomization: &Kustomization, rule: &PatchRule) -> Fallible<LoadedPatch> {
    if rule.target.as_ref().is_none_or(|target| !target.has_name()) {
        return fail(codes::KUSTOMIZATION_INVALID, &rule.at, "a target with a `name` is needed");
    }
    let content = Content::of_rule(view, kustomization, rule)?;
    let Some(operations) = operations(view, &content)?.filter(|operations| !operations.is_empty()) else {
        return fail(codes::PATCH_UNREADABLE, &content.at, "the patch has no operations");
    };
    let target = rule.target.clone();
    Ok(LoadedPatch { patch: Patch::Json(operations), target, allows: rule.allows, at: rule.at.clone() })
}

/// Merges patches, each by its identity.
pub(crate) fn apply_strategic(view: &View<'_>, patches: &[Resource], resources: &mut Vec<Resource>) -> Fallible<()> {
    for patch in patches {
        let mut patch = patch.clone();
        let version = patch.api_version().to_owned();
        set_version(&mut patch.node, &version);
        rewrite_metadata(&mut patch.node, &["labels", "annotations"]);
        rewrite_identity(&mut patch);
        apply_by_id(view, resources, &patch, Allows::default())?;
        refuse_conflicts(resources, "the patch")?;
    }
    Ok(())
}

/// Applies a patch of either form.
pub(crate) fn apply(view: &View<'_>, loaded: &LoadedPatch, resources: &mut Vec<Resource>) -> Fallible<()> {
    match (&loaded.patch, &loaded.target) {
        (Patch::Nothing, _) => Ok(()),
        (Patch::Strategic(patches), None) if loaded.allows.anything() => patches.iter().try_for_each(|patch| {
            let mut patch = patch.clone();
            rewrite_metadata(&mut patch.node, &["annotations"]);
            apply_by_id(view, resources, &patch, loaded.allows)
        }),
        (Patch::Strategic(patches), None) => {
            patches.iter().try_for_each(|patch| apply_by_id(view, resources, patch, loaded.allows))
        }
        (Patch::Strategic(patches), Some(target)) => apply_to_target(view, resources, patches, target, loaded),
        (Patch::Json(operations), _) => apply_operations(view, resources, operations, loaded, Identity::Remembered),
    }
}

/// Applies operations, after which the identity from before is forgotten.
pub(crate) fn apply_json(view: &View<'_>, loaded: &LoadedPatch, resources: &mut [Resource]) -> Fallible<()> {
    match &loaded.patch {
        Patch::Json(operations) => apply_operations(view, resources, operations, loaded, Identity::Forgotten),
        Patch::Strategic(_) | Patch::Nothing => Ok(()),
    }
}

/// Whether the identity from before a patch can still be used after it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Identity {
    Remembered,
    Forgotten,
}

fn apply_operations(
    view: &View<'_>,
    resources: &mut [Resource],
    operations: &[Operation],
    loaded: &LoadedPatch,
    identity: Identity,
) -> Fallible<()> {
    let Some(target) = &loaded.target else {
        return fail(codes::PATCH_UNREADABLE, &loaded.at, "a JSON 6902 patch needs a `target`");
    };
    for resource in resources.iter_mut().filter(|resource| target.matches(resource)) {
        if identity == Identity::Remembered {
            resource.remember_id();
        }
        let shown = resource.current_id().shown();
        let notes = resource.written_notes();
        if operations.iter().any(Operation::copies_annotations) {
            resource.tell_history();
        }
        patch_json6902::apply(view, &mut resource.node, operations, &shown)?;
        resource.rewrite_annotations_with(notes);
    }
    Ok(())
}

/// Some ways of patching read labels and annotations of the patch as texts first, as Kustomize
/// does: a `null` there does not delete.
fn rewrite_metadata(patch: &mut Node, fields: &[&str]) {
    if let Some(metadata) = patch.get_mut("metadata") {
        fields.iter().for_each(|field| rewrite_texts(metadata, field));
    }
}

/// The same with its name, which then has the type of what it looks like where it comes to stand
/// without quotes, and its namespace: one that is `null` does not delete.
fn rewrite_identity(patch: &mut Resource) {
    let (name, namespace) = (patch.name().to_owned(), patch.namespace().to_owned());
    patch.set_name(&name);
    let written = patch.node.get_mut("metadata").and_then(|metadata| metadata.get_mut("name"));
    if let Some(written) = written.filter(|_| !name.is_empty()) {
        written.set_tag(Some(UNTYPED.to_owned()));
    }
    patch.set_namespace(&namespace);
}

fn indexes(resources: &[Resource], matches: impl Fn(&Resource) -> bool) -> Vec<usize> {
    resources.iter().enumerate().filter(|(_, resource)| matches(resource)).map(|(index, _)| index).collect()
}

/// The text of a patch.
struct Content {
    text: Vec<u8>,
    file: Arc<str>,
    /// Where it is told of; of a file that file.
    at: Location,
    /// The line of a text that is not a file of its own: its lines are counted from its own first
    /// line, which is not in the file.
    line: Option<u32>,
}

impl Content {
    fn inline(kustomization: &Kustomization, text: &Text) -> Self {
        let (file, at) = (kustomization.file.clone(), text.at.clone());
        Self { text: text.value.as_bytes().to_vec(), file, line: at.line, at }
    }

    fn of_file(view: &View<'_>, kustomization: &Kustomization, path: &Text) -> Fallible<Self> {
        let (found, text) = accumulate::load(view, kustomization, path)?;
        let file: Arc<str> = Arc::from(found.path.as_str());
        Ok(Self { text, at: Location::file(&*file, None), file, line: None })
    }

    fn of_rule(view: &View<'_>, kustomization: &Kustomization, rule: &PatchRule) -> Fallible<Self> {
        let text = |value: &String| Text { value: value.clone(), at: rule.at.clone() };
        match &rule.content {
            PatchContent::File(path) => Self::of_file(view, kustomization, &text(path)),
            PatchContent::Inline(inline) => Ok(Self::inline(kustomization, &text(inline))),
        }
    }

    fn refused<T>(&self, problems: &[Diagnostic]) -> Fallible<T> {
        let message = problems.first().map(|problem| problem.message.clone()).unwrap_or_default();
        let place = problems.first().map(|problem| problem.location.clone()).unwrap_or_default();
        let at = if self.line.is_some() { &self.at } else { &place };
        fail(codes::PATCH_UNREADABLE, at, format!("the patch is no YAML: {message}"))
    }
}

/// Reads a patch of either form. One that says nothing does nothing.
fn read(view: &View<'_>, content: &Content) -> Fallible<Patch> {
    let refused = match objects(view, content) {
        Ok(patches) if patches.is_empty() => return Ok(Patch::Nothing),
        Ok(patches) => return Ok(Patch::Strategic(patches)),
        Err(problems) => problems,
    };
    match operations(view, content) {
        Ok(Some(operations)) => Ok(Patch::Json(operations)),
        Ok(None) => Ok(Patch::Nothing),
        Err(problems) if content.text.trim_ascii_start().starts_with(b"-") || content.text.starts_with(b"[") => {
            Err(problems)
        }
        Err(_) => Err(refused),
    }
}

/// The objects of a patch.
fn objects(view: &View<'_>, content: &Content) -> Fallible<Vec<Resource>> {
    let parsed = parse_patch(&content.text, &content.file, &view.limits);
    let (mut nodes, warning) = parsed.or_else(|problems| content.refused(&problems))?;
    nodes.retain(|node| !is_empty_list(node));
    if let Some(node) = nodes.iter().find(|node| !node.is_mapping()) {
        let at = if content.line.is_some() { content.at.clone() } else { place(&content.file, node) };
        return fail(codes::PATCH_UNREADABLE, &at, "a strategic merge patch is needed, an object");
    }
    if let Some(line) = content.line {
        nodes.iter_mut().for_each(|node| node.position.line = line);
    }
    let source = |node| Source { node, file: content.file.clone(), rules: Rules::Kustomize };
    let sources = flatten_lists(nodes.into_iter().map(source).collect())?;
    let patches: Vec<_> = sources.into_iter().map(|source| Resource::seen(view, source)).collect();
    patches.iter().try_for_each(check_named)?;
    if let Some(warning) = warning {
        view.warn(if content.line.is_some() { warning.at(content.at.clone()) } else { warning });
    }
    Ok(patches)
}

/// The operations of a patch; nothing where it says nothing at all. What begins like JSON is read
/// as JSON only, and of several documents the first one counts.
fn operations(view: &View<'_>, content: &Content) -> Fallible<Option<Vec<Operation>>> {
    let Content { text, file, at, line } = content;
    if text.starts_with(b"[") {
        let is_json = serde_json::from_slice::<serde::de::IgnoredAny>(text).is_ok();
        let Some(text) = std::str::from_utf8(text).ok().filter(|_| is_json) else {
            let message = "a patch that begins with `[` must be JSON, or begin with `-`";
            return fail(codes::PATCH_UNREADABLE, at, message);
        };
        return patch_json6902::parse_json(text, at).map(Some);
    }
    let node = parse_one(text, file, &view.limits).or_else(|problems| content.refused(&problems))?;
    match node {
        None => Ok(None),
        Some(node) if node.is_sequence() => {
            let form = if line.is_some() { Form::Inline } else { Form::File };
            patch_json6902::parse(&node, at, form).map(Some)
        }
        Some(_) => fail(codes::PATCH_UNREADABLE, at, "a JSON 6902 patch is needed, a list of operations"),
    }
}

/// Merges a patch into the one resource that has, or had, its identity.
fn apply_by_id(view: &View<'_>, resources: &mut Vec<Resource>, patch: &Resource, allows: Allows) -> Fallible<()> {
    let id = patch.original_id();
    let found = indexes(resources, |resource| resource.is_or_was(&id));
    let at = patch.location();
    match found.as_slice() {
        [index] => merge_into(view, resources, *index, patch, allows),
        [] => {
            let message = format!("no resource matches the patch for `{}` ({})", id.shown(), patch.api_version());
            fail_with_help(codes::PATCH_TARGET, &at, message, "correct its kind and name, or give the patch a `target`")
        }
        _ => fail(codes::PATCH_TARGET, &at, format!("several resources match the patch for `{}`", id.shown())),
    }
}

/// Merges a patch into everything that its target selects.
fn apply_to_target(
    view: &View<'_>,
    resources: &mut Vec<Resource>,
    patches: &[Resource],
    target: &Selector,
    loaded: &LoadedPatch,
) -> Fallible<()> {
    let [patch] = patches else {
        let message = "with a `target`, a strategic merge patch is one document";
        return fail(codes::PATCH_UNREADABLE, &loaded.at, message);
    };
    // From the last: a patch may delete.
    for index in selected(resources, target).into_iter().rev() {
        let Some(resource) = resources.get(index) else { continue };
        let mut patch = patch.clone();
        set_version(&mut patch.node, resource.api_version());
        rewrite_metadata(&mut patch.node, &["labels", "annotations"]);
        rewrite_identity(&mut patch);
        merge_into(view, resources, index, &patch, loaded.allows)?;
    }
    refuse_conflicts(resources, "the patch")
}

/// Gives a patch the version of what it is merged into. An empty one has no quotes unless the patch
/// has some, and is null where nothing else has any.
fn set_version(patch: &mut Node, version: &str) {
    let old = patch.get("apiVersion").filter(|old| !old.is_plain()).map(|old| old.position);
    let mut made = Node::string(version);
    made.position = old.unwrap_or_default();
    patch.set("apiVersion", made);
}

/// Whether the version of a patch is empty, and nobody has written it.
fn has_bare_version(patch: &Node) -> bool {
    patch.get("apiVersion").is_some_and(|version| version.as_str() == Some("") && version.position.line == 0)
}

/// What a target selects, and with it whatever is called the same: a JSON 6902 patch can have given
/// several resources one identity, of which the target may know the former of one only. Here no
/// namespace and `default` are two.
fn selected(resources: &[Resource], target: &Selector) -> Vec<usize> {
    let matched = resources.iter().filter(|resource| target.matches(resource));
    let written = |resource: &Resource| (resource.current_id(), resource.namespace().to_owned());
    let ids: HashSet<(ResourceId, String)> = matched.map(written).collect();
    let names: HashSet<&str> = ids.iter().map(|(id, _)| id.name.as_str()).collect();
    indexes(resources, |resource| names.contains(resource.name()) && ids.contains(&written(resource)))
}

impl Allows {
    /// The patch itself may say so too, in the way in which Kustomize keeps it.
    fn or_as_annotated(self, patch: &Resource) -> Self {
        let is_told = |name| text_at(&patch.node, &["metadata", "annotations", name]) == Some("enabled");
        Self {
            name_change: self.name_change || is_told("internal.config.kubernetes.io/allowNameChange"),
            kind_change: self.kind_change || is_told("internal.config.kubernetes.io/allowKindChange"),
        }
    }
}

fn merge_into(
    view: &View<'_>,
    resources: &mut Vec<Resource>,
    index: usize,
    patch: &Resource,
    allows: Allows,
) -> Fallible<()> {
    let Some(resource) = resources.get_mut(index) else { return Ok(()) };
    let at = patch.location();
    let allows = allows.or_as_annotated(patch);
    view.count_growth(weight(&patch.node), &at)?;
    if allows.anything() {
        resource.remember_id();
    }
    let (name, namespace) = (resource.name().to_owned(), resource.namespace().to_owned());
    let kind = resource.kind().to_owned();
    let shown = resource.current_id().shown();
    let is_bare = has_bare_version(&patch.node) && resource.node.get("apiVersion").is_none_or(Node::is_plain);
    let table = with_comments(view.schema().table(), [&resource.node, &patch.node]);
    resource.pin_notes();
    let node = std::mem::replace(&mut resource.node, Node::null());
    let (merged, changes) = match patch_strategic::merge(node, patch.node.clone(), &table) {
        Ok(merged) => merged,
        Err(misfit) => {
            let at = at.with_field(misfit.field);
            return fail(codes::PATCH_FAILS, &at, format!("the patch does not fit `{shown}`: {}", misfit.message));
        }
    };
    let Some(merged) = merged.filter(|merged| !merged.entries().is_empty()) else {
        resources.remove(index);
        return Ok(());
    };
    resource.node = merged;
    changes.iter().for_each(|change| change.spread(&mut resource.node));
    resource.unpin_notes();
    if is_bare {
        resource.node.set("apiVersion", Node::plain(""));
    }
    if !allows.kind_change {
        resource.node.set("kind", Node::string(kind));
    }
    if !allows.name_change {
        resource.set_name(&name);
    }
    resource.set_namespace(&namespace);
    Ok(())
}

/// About how many bytes a tree holds.
pub(crate) fn weight(node: &Node) -> usize {
    /// What a node needs besides its text, roughly.
    const NODE_BYTES: usize = 32;
    let below: usize = node.items().iter().map(weight).sum();
    let fields: usize = node.entries().iter().map(|(key, value)| weight(key) + weight(value)).sum();
    NODE_BYTES + node.as_str().map_or(0, str::len) + below + fields
}
