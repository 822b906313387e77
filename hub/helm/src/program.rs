//! The program, and what it may fetch.

use std::ffi::OsString;
use std::path::PathBuf;

use skerry_render::{ChartError, ChartFlag, ChartRenderer, ChartRequest, ChartSource};

use crate::call::{Call, CallError};
use crate::files::{Files, collect};
use crate::kept::Kept;

/// Where programs are looked for when nothing else is said.
const SEARCH_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// What helm sees of the environment of this process: where programs are, and how the network is reached.
const SEEN_BY_HELM: &[&str] = &[
    "PATH",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "NO_PROXY",
    "https_proxy",
    "http_proxy",
    "no_proxy",
];

/// How the program is run.
#[derive(Debug, Clone)]
pub struct HelmSettings {
    /// The program: a path, or a name that is looked up in `PATH`.
    pub program: PathBuf,
    /// Where calls have their folders, and fetched charts are kept.
    pub folder: PathBuf,
    /// What may be fetched.
    pub fetch: Fetch,
    /// What holds where a chart says nothing.
    pub defaults: ChartDefaults,
    /// Its whole environment, but for its home.
    pub environment: Vec<(String, OsString)>,
}

impl HelmSettings {
    /// A program that fetches nothing. Of the environment of this process it sees how the network is reached, and no
    /// more.
    pub fn new(program: PathBuf, folder: PathBuf) -> Self {
        let seen = |name: &&str| Some(((*name).to_owned(), std::env::var_os(name)?));
        let mut environment: Vec<(String, OsString)> = SEEN_BY_HELM.iter().filter_map(seen).collect();
        if !environment.iter().any(|(name, _)| name == "PATH") {
            environment.push(("PATH".to_owned(), OsString::from(SEARCH_PATH)));
        }
        let (fetch, defaults) = (Fetch::Pinned(Vec::new()), ChartDefaults::default());
        Self { program, folder, fetch, defaults, environment }
    }
}

/// Which charts may be fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fetch {
    /// Any chart.
    Anything,
    /// Charts at exact versions, from repositories at or below these addresses: what a chart is must
    /// follow from a commit alone.
    Pinned(Vec<String>),
}

/// What holds where a chart says nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ChartDefaults {
    /// API versions that templates see.
    pub api_versions: Vec<String>,
    /// The version of Kubernetes that templates see.
    pub kube_version: String,
    /// What else is asked for.
    pub flags: Vec<ChartFlag>,
}

/// The `helm` program.
#[derive(Debug)]
pub struct HelmProgram {
    settings: HelmSettings,
    kept: Kept,
}

impl HelmProgram {
    /// Runs a program by its settings. Nothing happens before it is needed.
    pub fn new(settings: HelmSettings) -> Self {
        let kept = Kept::new(settings.folder.join("charts"));
        Self { settings, kept }
    }

    fn call(&self) -> Result<Call, CallError> {
        Call::start(&self.settings.folder.join("calls"))
    }

    fn fetch(&self, chart: &ChartSource, is_kept: bool) -> Result<Files, ChartError> {
        let call = self.call()?;
        let folder = call.place("charts")?;
        let place = call.place(&format!("charts/{}", chart.name))?;
        call.run(&self.settings, &chart.arguments(&folder.to_string_lossy()))?;
        let files = collect(&place)?;
        if is_kept && let Err(error) = self.kept.put(chart, &place, &files) {
            tracing::warn!(chart = chart.name, error = %skerry_common::error_chain::Chain(&error), "cannot keep a chart");
        }
        Ok(files)
    }
}

impl ChartRenderer for HelmProgram {
    fn pull(&self, chart: &ChartSource) -> Result<Files, ChartError> {
        self.settings.fetch.check(chart)?;
        let is_kept = is_exact(&chart.version);
        if is_kept && let Some(files) = self.kept.find(chart) {
            return Ok(files);
        }
        self.fetch(chart, is_kept)
    }

    fn template(&self, request: &ChartRequest) -> Result<Vec<u8>, ChartError> {
        let call = self.call()?;
        let chart = format!("charts/{}", request.name);
        for (path, content) in &request.files {
            call.write(&format!("{chart}/{path}"), content)?;
        }
        let mut values = Vec::with_capacity(request.values.len());
        for (index, content) in request.values.iter().enumerate() {
            values.push(call.write(&format!("values/{index}.yaml"), content)?);
        }
        let request = self.settings.defaults.fill(request);
        call.run(&self.settings, &request.arguments(&call.place(&chart)?.to_string_lossy(), &values))
    }
}

impl ChartDefaults {
    /// A request without its files, which says everything.
    fn fill(&self, request: &ChartRequest) -> ChartRequest {
        let mut filled = ChartRequest { files: Vec::new(), values: Vec::new(), ..request.clone() };
        if filled.api_versions.is_empty() {
            filled.api_versions.clone_from(&self.api_versions);
        }
        if filled.kube_version.is_empty() {
            filled.kube_version.clone_from(&self.kube_version);
        }
        filled.flags.extend(self.flags.iter().filter(|flag| !request.flags.contains(flag)));
        filled
    }
}

impl Fetch {
    fn check(&self, chart: &ChartSource) -> Result<(), ChartError> {
        let Fetch::Pinned(repositories) = self else { return Ok(()) };
        let refused = |why: String| Err(ChartError::NotAllowed { why });
        if !repositories.iter().any(|prefix| is_below(&chart.repo, prefix)) {
            let allowed = repositories.iter().map(|prefix| format!("`{prefix}`")).collect::<Vec<_>>().join(", ");
            let allowed = if allowed.is_empty() { "none".to_owned() } else { allowed };
            return refused(format!("repositories of charts that may be fetched from: {allowed}"));
        }
        if !is_exact(&chart.version) {
            return refused("`version` must be exact, such as `1.2.3`".to_owned());
        }
        Ok(())
    }
}

/// Whether a version names one chart for ever.
fn is_exact(version: &str) -> bool {
    semver::Version::parse(version.strip_prefix('v').unwrap_or(version)).is_ok()
}

/// Whether an address is another, or lies below it; with nothing in it that could mean something else.
fn is_below(address: &str, prefix: &str) -> bool {
    let is_plain = !address.contains(['@', '%', '\\', '?', '#']) && !address.contains("..");
    let prefix = prefix.trim_end_matches('/');
    let rest = address.trim_end_matches('/').strip_prefix(prefix);
    is_plain && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests;
