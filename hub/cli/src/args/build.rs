//! Arguments of `skerry build`.

use std::path::PathBuf;

use clap::Args;
use skerry_render::Asked;

use super::parse::{self, Labels};

mod as_kustomize;

pub use as_kustomize::{LoadRestrictor, Permissions, Refused};

/// Options of `build`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:\n  skerry build apps/overlays/production\n  \
                        skerry build apps/overlays/production -o rendered/\n  \
                        skerry build apps/overlays/production --as-hub --var REPLICAS=2\n  \
                        skerry build --all . --changed-since origin/main -o name\n  \
                        skerry build apps/overlays/production --why Deployment/web:/spec/replicas\n\
                        Whatever is allowed, nothing leads out of the root: no `..`, no absolute path, no symbolic \
                        link.")]
pub struct BuildArgs {
    /// Folder with a kustomization.
    #[arg(value_name = "DIR", default_value = ".")]
    pub path: PathBuf,
    /// Folder that nothing may lead out of; by default the Git repository around DIR, else DIR.
    #[arg(long, value_name = "DIR")]
    pub root: Option<PathBuf>,
    /// `yaml`, `json` or `name`; anything else is where to write: a file, or a folder that exists, which gets a file
    /// for each object. May be given twice, once for each.
    #[arg(long, short, value_name = "FORMAT|PATH", value_parser = destination)]
    pub output: Vec<Destination>,
    /// Build every kustomization in DIR and below it, but components; `-o PATH` is a folder then, which gets a file for
    /// each, and `-o json` tells what became of them.
    #[arg(long, conflicts_with_all = ["as_hub", "namespace", "variables", "labels"])]
    pub all: bool,
    /// With `--all`: only what the changes since this commit can touch.
    #[arg(long, value_name = "COMMIT", requires = "all")]
    pub changed_since: Option<String>,
    /// Say for each field of an object, or for one field, which file, line and step set it and which it overrode; of
    /// Secrets, places only. `-o json` for programs.
    #[arg(long, value_name = "KIND/NAME[:/FIELD]", value_parser = asked)]
    #[arg(conflicts_with_all = ["all", "as_hub", "namespace", "variables", "labels"])]
    pub why: Option<Asked>,
    /// What it may do besides reading its files.
    #[command(flatten)]
    pub permissions: Permissions,
    /// Render as the hub does: folders of plain manifests and single files too; everything is checked.
    #[arg(long)]
    pub as_hub: bool,
    /// Namespace for namespaced objects that name none, as the hub gives it.
    #[arg(long, short, value_name = "NAME", help_heading = "Options of --as-hub, which each of them implies")]
    pub namespace: Option<String>,
    /// Values of `${NAME}`; without any, such texts stay as they are.
    #[arg(long = "var", value_name = "NAME=VALUE", value_parser = parse::variable)]
    #[arg(help_heading = "Options of --as-hub, which each of them implies")]
    pub variables: Vec<(String, String)>,
    /// Labels of the cluster, for `${cluster.labels.KEY}`.
    #[arg(long = "labels", short = 'l', value_name = "KEY=VALUE", value_parser = parse::labels)]
    #[arg(help_heading = "Options of --as-hub, which each of them implies")]
    pub labels: Vec<Labels>,
}

impl BuildArgs {
    /// Whether it is rendered as the hub does.
    pub fn is_as_hub(&self) -> bool {
        self.as_hub || self.namespace.is_some() || !self.variables.is_empty() || !self.labels.is_empty()
    }
}

/// One `-o`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// How to print.
    Format(BuildFormat),
    /// Where to write.
    Path(PathBuf),
}

/// How what was built is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BuildFormat {
    /// As `kustomize build` prints it.
    #[default]
    Yaml,
    /// A JSON list of the objects.
    Json,
    /// `kind/name`, one a line.
    Name,
}

fn asked(text: &str) -> Result<Asked, String> {
    let wrong = || format!("`{text}` names no object: write `KIND/NAME` or `KIND/NAME:/path/to/field`");
    let (kind, rest) = text.split_once('/').ok_or_else(wrong)?;
    // Names may hold colons, as those of roles do.
    let (name, field) = match rest.find(":/") {
        Some(end) => (&rest[..end], &rest[end + 1..]),
        None => (rest, ""),
    };
    if kind.is_empty() || name.is_empty() {
        return Err(wrong());
    }
    Ok(Asked { kind: kind.to_owned(), name: name.to_owned(), field: field.to_owned() })
}

fn destination(text: &str) -> Result<Destination, String> {
    Ok(match text {
        "" => return Err("write a format or a path".to_owned()),
        "yaml" => Destination::Format(BuildFormat::Yaml),
        "json" => Destination::Format(BuildFormat::Json),
        "name" => Destination::Format(BuildFormat::Name),
        path => Destination::Path(PathBuf::from(path)),
    })
}
