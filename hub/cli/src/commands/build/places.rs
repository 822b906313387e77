//! The root of the tree, and the path in it that is built.

use std::path::{Path, PathBuf};

use skerry_common::diagnostic::ErrorClass;
use skerry_render::RemoteBase;

use crate::errors::{Failure, Stop, codes};

/// Where to read.
pub(super) struct Places {
    /// Nothing leads out of it.
    pub(super) root: PathBuf,
    /// Below it, `/`-separated.
    pub(super) path: String,
}

impl Places {
    /// The root is what was given, else the Git work tree around, else the folder itself.
    pub(super) fn of(path: &Path, root: Option<&Path>) -> Result<Self, Stop> {
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
            Some(inside) => Ok(Self { path: inside.replace(std::path::MAIN_SEPARATOR, "/"), root }),
            None => Err(Failure::user(codes::FILE, format!("`{}` is not UTF-8", path.display())).into()),
        }
    }
}

fn real(path: &Path) -> Result<PathBuf, Failure> {
    path.canonicalize().map_err(|error| {
        if path.to_str().and_then(RemoteBase::parse).is_some() {
            let message = format!("`{}` is a repository; a folder is built", path.display());
            let help = "clone it, or list it in `resources` of a kustomization and give `--enable-remote`";
            return Failure::user(codes::FILE, message).help(help);
        }
        let message = format!("`{}` cannot be read: {error}", path.display());
        Failure::new(ErrorClass::NeedsUser, codes::FILE, message)
    })
}

fn repository(path: &Path) -> Option<PathBuf> {
    path.ancestors().find(|folder| folder.join(".git").exists()).map(Path::to_owned)
}

fn parent(path: &Path) -> PathBuf {
    path.parent().unwrap_or(path).to_owned()
}
