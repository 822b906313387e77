//! Gathers the resources of a kustomization and of what it includes, and transforms them.
//!
//! A base is built on its own and then added; a component is built on top of what its parent has
//! gathered so far, after the parent's resources and generators and before its transformers.

use std::collections::HashMap;
use std::sync::Arc;

use skerry_common::diagnostic::{Diagnostic, Location};
use skerry_yaml::{Node, Rules};

use super::config::Config;
use super::file::{self, Kustomization, Text};
use super::generators;
use super::notes::{self, Maker, Origin};
use super::openapi;
use super::plugins::{self, Role};
use super::resource::{Resource, ResourceId};
use super::trace::{self, Stand};
use super::transform_namespace::refuse_conflicts;
use super::transformers::{self, Step};
use super::vars::Vars;
use crate::allowed::RemoteBase;
use crate::allowed::remote;
use crate::build::leaves;
use crate::codes::{self, Fallible, fail, fail_with_help};
use crate::document::{flatten_lists, is_empty_list, read_documents};
use crate::plain::{FolderKind, below, folder_kind};
use crate::tree::{Found, PathProblem, View, join, starts_in};

/// What a kustomization gives, itself and with all that it includes.
#[derive(Debug, Clone, Default)]
pub(crate) struct Gathered {
    pub(crate) resources: Vec<Resource>,
    pub(crate) config: Config,
    pub(crate) vars: Vars,
}

/// The folders around the one at hand, outermost first. What is built here depends on the folders
/// (for cycles), on the rest (for the content), and on the schema in force ([`View::schema`]): a
/// memo has to tell builds apart by all of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Around {
    folders: Vec<String>,
    /// Where each lies, as written, while notes are kept; else nothing.
    origins: Vec<Origin>,
    /// The namespace that each gives to Helm charts: its own, or that of the one around.
    namespaces: Vec<String>,
}

impl Around {
    /// Where the folder at hand lies, while notes are kept.
    pub(crate) fn origin(&self) -> Option<&Origin> {
        self.origins.last()
    }

    /// Who a field of a kustomization makes or changes resources as, while notes are kept.
    fn maker(&self, kustomization: &Kustomization, kind: &str) -> Option<Maker> {
        Some(self.origin()?.field(&kustomization.file_name, kind))
    }

    fn leave(&mut self) {
        self.folders.pop();
        self.origins.pop();
        self.namespaces.pop();
    }
}

/// Opens the kustomization that a build begins with.
pub(crate) fn open_root(view: &View<'_>, folder: &str) -> Fallible<Arc<Kustomization>> {
    let kustomization = open(view, folder, &Location::file(folder, None))?;
    openapi::choose(view, &kustomization)?;
    Ok(kustomization)
}

/// Gathers and transforms what a kustomization says.
pub(crate) fn accumulate(view: &View<'_>, kustomization: &Kustomization) -> Fallible<Gathered> {
    let origins = if kustomization.notes.kept { vec![Origin::default()] } else { Vec::new() };
    let (folders, namespaces) = (vec![kustomization.folder.clone()], vec![kustomization.namespace.clone()]);
    let mut around = Around { folders, origins, namespaces };
    target(view, kustomization, Gathered::default(), &mut around)
}

/// Carries out one kustomization on top of what is there.
fn target(
    view: &View<'_>,
    kustomization: &Kustomization,
    mut gathered: Gathered,
    around: &mut Around,
) -> Fallible<Gathered> {
    view.count_build(&kustomization.at)?;
    let mut known = Known::of(&gathered.resources);
    for entry in &kustomization.resources {
        let more = include(view, kustomization, entry, around)?;
        known.append(&mut gathered.resources, more.resources)?;
        gathered.config = gathered.config.merge(&more.config, &entry.at)?;
        gathered.vars.merge(more.vars)?;
    }
    openapi::tell(view, &mut gathered.resources);
    gathered.config = gathered.config.of(view, kustomization)?;
    generate(view, kustomization, around, &mut gathered.resources)?;
    for entry in &kustomization.components {
        let component = open_entry(view, kustomization, entry)?;
        openapi::choose(view, &component)?;
        refuse_misplaced(&component, true, &entry.at)?;
        enter(view, &component, entry, around)?;
        gathered = target(view, &component, gathered, around)?;
        refuse_conflicts(&gathered.resources, "the component")?;
        gathered.config = Config::default().merge(&gathered.config, &entry.at)?;
        around.leave();
    }
    transform(view, kustomization, around, &mut gathered)?;
    gathered.vars.declare(&kustomization.vars, &mut gathered.resources)?;
    Ok(gathered)
}

fn transform(
    view: &View<'_>,
    kustomization: &Kustomization,
    around: &mut Around,
    gathered: &mut Gathered,
) -> Fallible<()> {
    let resources = &mut gathered.resources;
    for transformer in transformers::of_fields(view, kustomization, &gathered.config)? {
        let maker = around.maker(kustomization, transformer.kind());
        let step = Step { transformer, maker };
        step.run(view, resources)?;
        let stand = || trace::field(view, kustomization, &step.transformer);
        trace::step(view, resources, step.transformer.kind(), stand);
    }
    for config in plugins::configurations(view, kustomization, &kustomization.transformers, Role::Transformer, around)?
    {
        let transformer = plugins::transformer(view, kustomization, &config)?;
        let step = Step { transformer, maker: notes::plugin(&config) };
        step.run(view, resources)?;
        trace::step(view, resources, step.transformer.kind(), || Stand::At(config.location()));
    }
    for config in plugins::configurations(view, kustomization, &kustomization.validators, Role::Transformer, around)? {
        let transformer = plugins::transformer(view, kustomization, &config)?;
        plugins::validate(view, &config, transformer, resources)?;
    }
    Ok(())
}

fn generate(
    view: &View<'_>,
    kustomization: &Kustomization,
    around: &mut Around,
    resources: &mut Vec<Resource>,
) -> Fallible<()> {
    let namespace = around.namespaces.last().map_or("", String::as_str);
    for generator in generators::of_fields(view, kustomization, namespace)? {
        let maker = around.maker(kustomization, generator.kind());
        generators::run(view, kustomization, &generator, maker.as_ref(), resources)?;
    }
    for config in plugins::configurations(view, kustomization, &kustomization.generators, Role::Generator, around)? {
        let generator = plugins::generator(view, &config)?;
        generators::run(view, kustomization, &generator, notes::plugin(&config).as_ref(), resources)?;
    }
    Ok(())
}

/// What one entry of `resources` gives: the documents of a file, or the build of a folder.
pub(crate) fn include(
    view: &View<'_>,
    kustomization: &Kustomization,
    entry: &Text,
    around: &mut Around,
) -> Fallible<Gathered> {
    let found = find_included(view, kustomization, entry)?;
    if found.is_folder {
        let make = |around: &mut Around| {
            let base = open(view, &found.path, &entry.at)?;
            openapi::choose(view, &base)?;
            refuse_misplaced(&base, false, &entry.at)?;
            enter(view, &base, entry, around)?;
            let gathered = target(view, &base, Gathered::default(), around)?;
            around.leave();
            Ok(gathered)
        };
        // Notes say from where a base was included.
        if around.origin().is_some() {
            return make(around);
        }
        let folders = around.folders.clone();
        let gathered = view.shared(|memo| &memo.bases, &found.path, &folders, || make(around))?;
        return Ok(Arc::try_unwrap(gathered).unwrap_or_else(|shared| (*shared).clone()));
    }
    refuse_outside(view, kustomization, &found, entry)?;
    let mut resources = Vec::new();
    let mut documents = read_documents(view, &found, Rules::Kustomize)?;
    documents.retain(|source| !is_empty_list(&source.node));
    for source in flatten_lists(documents)? {
        let resource = Resource::seen(view, source);
        check_named(&resource)?;
        resources.push(resource);
    }
    trace::read(view, &mut resources);
    if let Some(origin) = around.origin() {
        notes::read_from(&mut resources, &origin.append(&entry.value));
    }
    Ok(Gathered { resources, ..Gathered::default() })
}

/// Every resource needs a kind and a name.
pub(crate) fn check_named(resource: &Resource) -> Fallible<()> {
    let at = resource.location();
    if !resource.node.is_mapping() {
        return fail(codes::NOT_AN_OBJECT, &at, "a Kubernetes object is needed here, a mapping");
    }
    for path in [["kind"].as_slice(), ["metadata", "name"].as_slice()] {
        let field = path.join(".");
        let is_list = field == "metadata.name" && resource.kind().ends_with("List");
        if !is_list && !is_told(&resource.node, path) {
            let at = at.with_field(field.clone());
            return fail(codes::FIELD_MISSING, &at, format!("`{field}` is missing or not a text"));
        }
    }
    Ok(())
}

fn is_told(node: &Node, path: &[&str]) -> bool {
    let found = path.iter().try_fold(node, |node, key| node.get(key));
    found.is_some_and(|found| !found.is_null() && found.as_str().is_some_and(|text| !text.is_empty()))
}

/// What an entry of `resources` or `components` names: in this tree, or in that of another
/// repository.
fn find_included(view: &View<'_>, kustomization: &Kustomization, entry: &Text) -> Fallible<Found> {
    let text = entry.value.as_str();
    let Some(base) = RemoteBase::parse(text) else {
        let found = find(view, kustomization, entry)?;
        let is_odd = text.split('/').any(|part| part != ".." && part.contains(".."));
        if found.is_folder && is_odd {
            let message = format!("`{text}` has `..` inside a name, which is most likely a slip");
            return fail(codes::KUSTOMIZATION_INVALID, &entry.at, message);
        }
        return Ok(found);
    };
    let local = join(&kustomization.folder, text).ok().map(|path| view.find(&path, &entry.at)).transpose()?;
    if let Some(file) = local.flatten().filter(|found| !found.is_folder) {
        return Ok(file);
    }
    if remote::is_file(text) {
        return refuse_remote(entry);
    }
    let mount = view.mount(&base, &entry.at)?;
    let path = join(&mount, &base.path).ok().filter(|path| view.same_tree(path, &mount));
    let found = path.map(|path| view.find(&path, &entry.at)).transpose()?.flatten();
    match found.filter(|found| found.is_folder) {
        Some(found) => Ok(found),
        None => fail(codes::NOT_FOUND, &entry.at, format!("the repository has no folder `{}`", base.path)),
    }
}

fn refuse_remote<T>(entry: &Text) -> Fallible<T> {
    let message = format!("`{}` is remote; it is not fetched", entry.value);
    fail_with_help(codes::REMOTE, &entry.at, message, "copy it into the source")
}

/// What a path that a kustomization names leads to.
fn find(view: &View<'_>, kustomization: &Kustomization, entry: &Text) -> Fallible<Found> {
    let text = entry.value.as_str();
    let path = match join(&kustomization.folder, text) {
        Ok(path) if view.same_tree(&path, &kustomization.folder) => path,
        Ok(_) => return fail(codes::LEAVES_SOURCE, &entry.at, leaves(text, PathProblem::LeavesRoot)),
        Err(problem) => return fail(codes::LEAVES_SOURCE, &entry.at, leaves(text, problem)),
    };
    match view.find(&path, &entry.at)? {
        Some(found) => Ok(found),
        None if text.contains("://") => refuse_remote(entry),
        None => fail(codes::NOT_FOUND, &entry.at, format!("`{text}` does not exist")),
    }
}

/// The content of a file that a kustomization names.
pub(crate) fn load(view: &View<'_>, kustomization: &Kustomization, entry: &Text) -> Fallible<(Found, Vec<u8>)> {
    let found = find(view, kustomization, entry)?;
    if found.is_folder {
        return fail(codes::NOT_FOUND, &entry.at, format!("`{}` is a folder; a file is needed", entry.value));
    }
    refuse_outside(view, kustomization, &found, entry)?;
    let content = view.read(&found)?.to_vec();
    Ok((found, content))
}

/// Files must lie in the folder of the kustomization or below, unless more is allowed.
fn refuse_outside(view: &View<'_>, kustomization: &Kustomization, found: &Found, entry: &Text) -> Fallible<()> {
    if view.may_load(&found.path, &kustomization.folder) {
        return Ok(());
    }
    let message = format!("the file `{}` lies outside the folder of the kustomization", entry.value);
    let help = "move it below, or give its folder a kustomization and include that";
    fail_with_help(codes::FILE_OUTSIDE, &entry.at, message, help)
}

/// Opens the kustomization of a folder.
pub(super) fn open(view: &View<'_>, folder: &str, at: &Location) -> Fallible<Arc<Kustomization>> {
    match folder_kind(view, folder)? {
        FolderKind::Kustomize(found, name) => {
            if !starts_in(&found.path, folder) {
                let message = format!("the kustomization of `{folder}` is a link to `{}`, outside of it", found.path);
                return fail_with_help(codes::FILE_OUTSIDE, at, message, "include the folder that it lies in");
            }
            // The file may be a link, and lie elsewhere in the folder.
            let (called, key) = (below(folder, name), format!("{folder}\0{name}\0{}", found.path));
            view.shared(|memo| &memo.kustomizations, &key, &[], || file::read(view, &found, &called))
        }
        FolderKind::Plain => {
            let message = format!("the folder `{folder}` has no kustomization");
            fail_with_help(codes::NOT_A_RESOURCE, at, message, "add a `kustomization.yaml`, or list its files")
        }
    }
}

fn open_entry(view: &View<'_>, kustomization: &Kustomization, entry: &Text) -> Fallible<Arc<Kustomization>> {
    let found = find_included(view, kustomization, entry)?;
    if !found.is_folder {
        return fail(codes::NOT_A_RESOURCE, &entry.at, format!("`{}` is no folder", entry.value));
    }
    open(view, &found.path, &entry.at)
}

fn refuse_misplaced(kustomization: &Kustomization, as_component: bool, at: &Location) -> Fallible<()> {
    match (kustomization.is_component, as_component) {
        (true, false) => {
            let message = format!("`{}` is a component", kustomization.folder);
            fail_with_help(codes::COMPONENT_MISPLACED, at, message, "list it in `components`")
        }
        (false, true) => {
            let message = format!("`{}` is no component", kustomization.folder);
            fail_with_help(codes::COMPONENT_MISPLACED, at, message, "list it in `resources`, or set `kind: Component`")
        }
        (true, true) | (false, false) => Ok(()),
    }
}

/// Goes one folder deeper; refuses one that is, or contains, a folder around.
fn enter(view: &View<'_>, next: &Kustomization, entry: &Text, around: &mut Around) -> Fallible<()> {
    let folders = &mut around.folders;
    if folders.iter().any(|above| starts_in(above, &next.folder)) {
        let shown = folders.iter().chain([&next.folder]).map(|folder| format!("`{folder}`")).collect::<Vec<_>>();
        let message = format!("folders include each other: {}", shown.join(" → "));
        return fail(codes::CYCLE, &entry.at, message);
    }
    if folders.len() >= view.limits.nesting_max {
        let message = format!("folders include each other more than {} deep", view.limits.nesting_max);
        return fail(codes::TOO_NESTED, &entry.at, message);
    }
    folders.push(next.folder.clone());
    let namespace = Some(&next.namespace).filter(|own| !own.is_empty()).or(around.namespaces.last()).cloned();
    around.namespaces.push(namespace.unwrap_or_default());
    view.enter(&next.folder, folders.len());
    around.origins.extend(around.origins.last().map(|origin| origin.append(&entry.value)));
    Ok(())
}

/// Adds resources; refuses one that is there already.
pub(crate) fn append(resources: &mut Vec<Resource>, more: Vec<Resource>) -> Fallible<()> {
    Known::of(resources).append(resources, more)
}

/// The places of resources by who they are now.
#[derive(Default)]
struct Known(HashMap<ResourceId, usize>);

impl Known {
    fn of(resources: &[Resource]) -> Self {
        let ids = resources.iter().map(Resource::current_id);
        Self(ids.enumerate().map(|(place, id)| (id, place)).collect())
    }

    /// Adds resources to those that are known; refuses one that is there already.
    fn append(&mut self, resources: &mut Vec<Resource>, more: Vec<Resource>) -> Fallible<()> {
        let mut problems = Vec::new();
        for resource in more {
            let (id, place) = (resource.current_id(), resources.len());
            if let Some(first) = self.0.get(&id).and_then(|first| resources.get(*first)) {
                let message = format!("`{}` is declared twice, first in {}", id.shown(), first.location());
                problems.push(Diagnostic::error(codes::RESOURCE_TWICE, message).at(resource.location()));
                continue;
            }
            self.0.insert(id, place);
            resources.push(resource);
        }
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }
}
