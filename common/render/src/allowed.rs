//! What an operator may allow a render besides reading its source. By default: nothing.

pub(crate) mod charts;
pub(crate) mod remote;

use std::sync::Arc;

pub use charts::{ChartError, ChartFlag, ChartRenderer, ChartRequest, ChartSource};
pub use remote::{RemoteBase, RemoteError, RemoteSources};

/// What a render may do besides reading its source.
#[derive(Debug, Clone, Default)]
pub struct Allowed {
    /// Who renders Helm charts; without it they are refused.
    pub charts: Option<Arc<dyn ChartRenderer>>,
    /// Who fetches bases from other repositories; without it they are refused.
    pub remotes: Option<Arc<dyn RemoteSources>>,
    /// Which files a kustomization may load.
    pub files: FileScope,
}

/// Which files a kustomization may load. No scope leads out of the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FileScope {
    /// Those in its folder and below, as Kustomize usually has it.
    #[default]
    Folder,
    /// Any file of the source, but for bases in other repositories.
    Source,
}
