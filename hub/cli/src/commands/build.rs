//! `skerry build`: builds a kustomization, as `kustomize build` does.

use std::collections::BTreeMap;
use std::sync::Arc;

use skerry_render::{Allowed, Built, RenderLimits, RenderRequest, Rendered, Renderer, build_kustomization_allowed};

use crate::args::build::{BuildArgs, BuildFormat};
use crate::errors::{Stop, Verdict};
use crate::folder::FolderTree;
use crate::output::{Machine, Output};

mod all;
mod allowed;
mod changed;
mod destination;
mod places;
mod remotes;
mod why;

use destination::Destinations;
use places::Places;

/// What stands between two documents.
const SEPARATOR: &str = "---\n";

/// Builds and prints.
pub fn run(args: &BuildArgs, output: &mut Output) -> Result<Verdict, Stop> {
    let destinations = Destinations::of(&args.output)?;
    let places = Places::of(&args.path, args.root.as_deref())?;
    let allowed = allowed::allowed(&args.permissions);
    if let Some(asked) = &args.why {
        return why::run(asked, destinations.format, &places, &allowed, output);
    }
    if args.all {
        return all::run(args, &destinations, &places, &allowed, output);
    }
    let tree = FolderTree::new(places.root);
    if args.is_as_hub() {
        let rendered = render(args, &tree, &places.path, allowed)?;
        warn(&rendered.warnings, output);
        return destinations.write(&*rendered, output);
    }
    let built = build_kustomization_allowed(None, &tree, &places.path, RenderLimits::default(), &allowed);
    let built = built.map_err(Stop::Refused)?;
    warn(built.warnings(), output);
    destinations.write(&built, output)
}

fn warn(warnings: &[skerry_common::diagnostic::Diagnostic], output: &mut Output) {
    for warning in warnings {
        output.say(&warning.to_string());
    }
}

fn render(args: &BuildArgs, tree: &FolderTree, path: &str, allowed: Allowed) -> Result<Arc<Rendered>, Stop> {
    let variables = variables(args);
    let request = RenderRequest {
        path,
        namespace: args.namespace.as_deref(),
        variables: variables.as_ref(),
        limits: RenderLimits::default(),
    };
    Renderer::default().allowing(allowed).render(tree, &request).map_err(Stop::Refused)
}

/// What `${NAME}` stands for; `None` when nothing was given, and such texts stay.
fn variables(args: &BuildArgs) -> Option<BTreeMap<String, String>> {
    let labels = args.labels.iter().flat_map(|labels| &labels.0);
    let labels = labels.map(|(key, value)| (format!("cluster.labels.{key}"), value.clone()));
    let all: BTreeMap<String, String> = labels.chain(args.variables.iter().cloned()).collect();
    (!all.is_empty()).then_some(all)
}

/// What can be printed.
trait Printable {
    /// Everything in one text.
    fn text(&self, format: BuildFormat) -> Result<String, Stop>;
    /// Name and content of a file for each object.
    fn files(&self) -> Result<Vec<(String, String)>, Stop>;
}

impl Printable for Built {
    fn text(&self, format: BuildFormat) -> Result<String, Stop> {
        match format {
            BuildFormat::Yaml => self.yaml().map_err(Stop::Refused),
            BuildFormat::Json => Ok(Output::form(&self.values().map_err(Stop::Refused)?, Machine::Json)?),
            BuildFormat::Name => Ok(lines(self.names())),
        }
    }

    fn files(&self) -> Result<Vec<(String, String)>, Stop> {
        let files = Built::files(self).map_err(Stop::Refused)?;
        Ok(files.into_iter().map(|file| (file.name, file.yaml)).collect())
    }
}

impl Printable for Rendered {
    fn text(&self, format: BuildFormat) -> Result<String, Stop> {
        let values = || self.objects.iter().map(|object| &object.value);
        match format {
            BuildFormat::Yaml => {
                let documents: Vec<String> = values().map(skerry_yaml::json_to_yaml).collect();
                Ok(documents.join(SEPARATOR))
            }
            BuildFormat::Json => Ok(Output::form(&values().collect::<Vec<_>>(), Machine::Json)?),
            BuildFormat::Name => Ok(lines(self.objects.iter().map(|object| object.key.to_string()))),
        }
    }

    fn files(&self) -> Result<Vec<(String, String)>, Stop> {
        let name = |object: &skerry_render::RenderedObject| {
            let name = object.key.to_string().replace(|char: char| !char.is_ascii_alphanumeric() && char != '-', "_");
            format!("{}.yaml", name.to_lowercase())
        };
        Ok(self.objects.iter().map(|object| (name(object), skerry_yaml::json_to_yaml(&object.value))).collect())
    }
}

fn lines(names: impl IntoIterator<Item = String>) -> String {
    names.into_iter().map(|name| format!("{}\n", crate::output::table::one_line(&name))).collect()
}
