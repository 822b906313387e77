//! Kustomize, natively: what `kustomize build` (5.8) gives, from a tree instead of a disk.
//!
//! ```text
//! accumulate(folder):  resources ▸ generators ▸ components ▸ transformers
//!   transformers:      patchesStrategicMerge ▸ patches ▸ namespace ▸ namePrefix ▸ nameSuffix
//!                      ▸ labels ▸ annotations ▸ patchesJson6902 ▸ replicas ▸ images ▸ replacements
//!                      ▸ `transformers` ▸ `validators`
//! build(folder):       accumulate ▸ name hashes ▸ name references ▸ vars
//!                      ▸ drop local-config ▸ sort ▸ notes
//! ```
//! Resources keep every identity that they had ([`resource::Resource::previous`]), because patches,
//! selectors and references may use any of them; only at the very end are references rewritten.

mod accumulate;
mod charts;
mod config;
mod crds;
mod embedded;
mod field_path;
mod field_spec;
mod file;
mod generators;
mod go_json;
mod go_regex;
mod images;
mod name_refs;
mod notes;
mod openapi;
mod order;
mod patch_json6902;
mod patch_strategic;
mod patches;
mod plugins;
mod quotes;
mod replacements;
mod resource;
mod schema;
mod select;
mod shared;
mod trace;
mod transform_labels;
mod transform_names;
mod transform_namespace;
mod transform_replicas;
mod transformers;
mod value_add;
mod vars;

pub(crate) use accumulate::Gathered;
pub(crate) use file::Kustomization;
pub(crate) use resource::{Identity, Resource, finish};
pub(crate) use schema::State as SchemaState;
pub(crate) use trace::{Leaf, Setting, Trace, Traced, leaves};

use std::collections::HashSet;

use config::Purpose;
use resource::ResourceId;
use transform_namespace::refuse_conflicts;

use skerry_common::diagnostic::Location;

use crate::codes::Fallible;
use crate::document::Source;
use crate::tree::View;

/// Whether the kustomization of a folder is a component; not when it cannot be read.
pub(crate) fn is_component(view: &View<'_>, folder: &str) -> bool {
    accumulate::open(view, folder, &Location::default()).is_ok_and(|kustomization| kustomization.is_component)
}

/// Builds the kustomization of a folder.
pub(crate) fn build(view: &View<'_>, folder: &str) -> Fallible<Vec<Source>> {
    Ok(resources(view, folder)?.into_iter().map(finish).collect())
}

/// Drops what is input of tools – but not what is called like something that stays, since Kustomize
/// drops by name, and fails where two of one name would go.
fn drop_local(resources: &mut Vec<Resource>) -> Fallible<()> {
    if !resources.iter().any(Resource::is_local_config) {
        return Ok(());
    }
    let stays = resources.iter().filter(|resource| !resource.is_local_config());
    let stays: HashSet<ResourceId> = stays.map(Resource::current_id).collect();
    let is_to_go = |resource: &mut Resource| !stays.contains(&resource.current_id());
    let gone: Vec<Resource> = resources.extract_if(.., is_to_go).collect();
    refuse_conflicts(&gone, "renaming")
}

/// Builds as [`build`] does, with how the fields came to be; the view must be one that explains.
pub(crate) fn traced(view: &View<'_>, folder: &str) -> Fallible<Vec<Traced>> {
    Ok(resources(view, folder)?.into_iter().map(Traced::built).collect())
}

/// The resources of a build, but for the last touches.
fn resources(view: &View<'_>, folder: &str) -> Fallible<Vec<Resource>> {
    let root = accumulate::open_root(view, folder)?;
    let Gathered { mut resources, config, vars } = accumulate::accumulate(view, &root)?;
    openapi::check(view)?;
    generators::add_hashes(&mut resources)?;
    trace::end(view, &mut resources, "HashTransformer");
    name_refs::rewrite(&mut resources, config.names())?;
    trace::end(view, &mut resources, "NameReferenceTransformer");
    vars::resolve(view, &vars, &config.specs(Purpose::VarReferences), &mut resources)?;
    trace::end(view, &mut resources, "RefVarTransformer");
    // What they were when they were read was checked then; a replacement may have emptied a name.
    resources.iter().try_for_each(accumulate::check_named)?;
    drop_local(&mut resources)?;
    let mut resources = order::sort(resources, &root.sort)?;
    notes::finish(view, &mut resources, root.notes)?;
    trace::end(view, &mut resources, "BuildMetadata");
    Ok(resources)
}
