//! `skerry build`: renders a folder as the hub would.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use skerry_common::diagnostic::ErrorClass;
use skerry_render::{RenderLimits, RenderRequest, Rendered};

use crate::args::bundle::BuildArgs;
use crate::errors::{Failure, Stop, Verdict, codes};
use crate::folder::FolderTree;
use crate::output::{Format, Machine, Output};

/// What stands between two documents.
const SEPARATOR: &str = "---\n";

/// Renders and prints.
pub fn run(args: &BuildArgs, output: &mut Output) -> Result<Verdict, Stop> {
    let (root, path) = places(&args.path, args.root.as_deref())?;
    let variables = variables(args);
    let request = RenderRequest {
        path: &path,
        namespace: args.namespace.as_deref(),
        variables: variables.as_ref(),
        limits: RenderLimits::default(),
    };
    let rendered = skerry_render::render(&FolderTree::new(root), &request).map_err(Stop::Refused)?;
    for warning in &rendered.warnings {
        output.say(&warning.to_string());
    }
    print(&rendered, args.output, output)?;
    Ok(Verdict::Yes)
}

fn print(rendered: &Rendered, format: Format, output: &mut Output) -> Result<(), Stop> {
    let values = || rendered.objects.iter().map(|object| &object.value);
    match format {
        Format::Json => output.value(&values().collect::<Vec<_>>(), Machine::Json)?,
        Format::Name => {
            for object in &rendered.objects {
                output.data(&format!("{}\n", crate::output::table::one_line(&object.key.to_string())))?;
            }
        }
        Format::Yaml | Format::Table | Format::Wide => {
            for (index, value) in values().enumerate() {
                let separator = if index > 0 { SEPARATOR } else { "" };
                output.data(&format!("{separator}{}", skerry_yaml::json_to_yaml(value)))?;
            }
        }
    }
    Ok(())
}

/// What `${NAME}` stands for; `None` when nothing was given, and such texts stay.
fn variables(args: &BuildArgs) -> Option<BTreeMap<String, String>> {
    let labels = args.labels.iter().flat_map(|labels| &labels.0);
    let labels = labels.map(|(key, value)| (format!("cluster.labels.{key}"), value.clone()));
    let all: BTreeMap<String, String> = labels.chain(args.variables.iter().cloned()).collect();
    (!all.is_empty()).then_some(all)
}

/// The root of the tree, and the path in it that is rendered.
fn places(path: &Path, root: Option<&Path>) -> Result<(PathBuf, String), Stop> {
    let real = |path: &Path| {
        path.canonicalize().map_err(|error| {
            let message = format!("`{}` cannot be read: {error}", path.display());
            Failure::new(ErrorClass::NeedsUser, codes::FILE, message)
        })
    };
    let path = real(path)?;
    let root = match root {
        Some(root) => real(root)?,
        None => repository(&path).unwrap_or_else(|| if path.is_dir() { path.clone() } else { parent(&path) }),
    };
    let Ok(inside) = path.strip_prefix(&root) else {
        let message = format!("`{}` does not lie in `{}`", path.display(), root.display());
        return Err(Failure::user(codes::FILE, message).help("give a folder around it with `--root`").into());
    };
    match inside.to_str() {
        Some(inside) => Ok((root, inside.replace(std::path::MAIN_SEPARATOR, "/"))),
        None => Err(Failure::user(codes::FILE, format!("`{}` is not UTF-8", path.display())).into()),
    }
}

fn repository(path: &Path) -> Option<PathBuf> {
    path.ancestors().find(|folder| folder.join(".git").exists()).map(Path::to_owned)
}

fn parent(path: &Path) -> PathBuf {
    path.parent().unwrap_or(path).to_owned()
}
