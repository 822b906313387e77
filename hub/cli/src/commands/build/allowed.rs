//! What a build may do besides reading its files, as the options say.

use std::path::PathBuf;
use std::sync::Arc;

use skerry_helm::{ChartDefaults, Fetch, HelmProgram, HelmSettings};
use skerry_render::{Allowed, ChartFlag, FileScope};

use super::remotes::GitProgram;
use crate::args::build::{LoadRestrictor, Permissions};

/// Reads the options.
pub(super) fn allowed(permissions: &Permissions) -> Allowed {
    let cache = cache_folder();
    let mut allowed = Allowed::default();
    if permissions.enable_helm {
        allowed.charts = Some(Arc::new(HelmProgram::new(helm(permissions, cache.join("helm")))));
    }
    if permissions.enable_remote {
        allowed.remotes = Some(Arc::new(GitProgram::new(cache.join("bases"))));
    }
    allowed.files = match permissions.load_restrictor {
        LoadRestrictor::LoadRestrictionsRootOnly => FileScope::Folder,
        LoadRestrictor::LoadRestrictionsNone => FileScope::Source,
    };
    allowed
}

fn helm(permissions: &Permissions, folder: PathBuf) -> HelmSettings {
    let defaults = ChartDefaults {
        api_versions: permissions.helm_api_versions.clone(),
        kube_version: permissions.helm_kube_version.clone().unwrap_or_default(),
        flags: if permissions.helm_debug { vec![ChartFlag::Debug] } else { Vec::new() },
    };
    // Helm runs elsewhere: a path that was written from here must lead there too.
    let program = permissions.helm_command.clone();
    let is_path = program.components().count() > 1;
    let program = if is_path { std::path::absolute(&program).unwrap_or(program) } else { program };
    HelmSettings { fetch: Fetch::Anything, defaults, ..HelmSettings::new(program, folder) }
}

/// Where what was fetched is kept: it can be deleted at any time.
fn cache_folder() -> PathBuf {
    let given = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|folder| folder.is_absolute());
    given.unwrap_or_else(|| std::env::home_dir().unwrap_or_default().join(".cache")).join("skerry")
}
