//! Helm charts: what a renderer is asked for, and how it asks the `helm` program.

use std::fmt;

use thiserror::Error;

/// Renders Helm charts. Whoever implements it runs a program and may use the network; the crate
/// itself does neither.
pub trait ChartRenderer: fmt::Debug + Send + Sync {
    /// Fetches a chart that the source does not hold: its files, by their path in the chart.
    fn pull(&self, chart: &ChartSource) -> Result<Vec<(String, Vec<u8>)>, ChartError>;
    /// What the templates of a chart give, as YAML.
    fn template(&self, request: &ChartRequest) -> Result<Vec<u8>, ChartError>;
}

/// Why a chart gives nothing.
#[derive(Debug, Error)]
pub enum ChartError {
    /// The operator does not allow this one.
    #[error("the operator does not allow it: {why}")]
    NotAllowed {
        /// What is allowed instead.
        why: String,
    },
    /// The program cannot be run.
    #[error("helm cannot be run")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The program refused.
    #[error("helm refuses: {said}")]
    Refused {
        /// In its own words.
        said: String,
    },
}

/// Where a chart comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChartSource {
    /// Its name.
    pub name: String,
    /// Its repository, `https://…` or `oci://…`.
    pub repo: String,
    /// Its version; empty for the newest.
    pub version: String,
    /// Whether versions count that are not released yet.
    pub is_devel: bool,
}

impl ChartSource {
    /// The arguments of `helm` that fetch it into a folder.
    pub fn arguments(&self, folder: &str) -> Vec<String> {
        let mut words = texts(&["pull", "--untar", "--untardir", folder]);
        if self.repo.starts_with("oci://") {
            words.push(format!("{}/{}", self.repo.strip_suffix('/').unwrap_or(&self.repo), self.name));
        } else {
            words.extend(texts(&["--repo", &self.repo, &self.name]));
        }
        if !self.version.is_empty() {
            words.extend(texts(&["--version", &self.version]));
        }
        if self.is_devel {
            words.push("--devel".to_owned());
        }
        words
    }
}

/// A chart, and what its templates are filled with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChartRequest {
    /// Its name.
    pub name: String,
    /// Its files, by their path in the chart.
    pub files: Vec<(String, Vec<u8>)>,
    /// The name of the release; without one Helm makes one up.
    pub release_name: String,
    /// The namespace of the release; may be empty.
    pub namespace: String,
    /// A template for the name of the release; may be empty.
    pub name_template: String,
    /// Files of values, later ones before earlier ones.
    pub values: Vec<Vec<u8>>,
    /// API versions that templates see.
    pub api_versions: Vec<String>,
    /// The version of Kubernetes that templates see; may be empty.
    pub kube_version: String,
    /// What else is asked for.
    pub flags: Vec<ChartFlag>,
}

/// What is asked for besides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChartFlag {
    /// CRDs too.
    IncludeCrds,
    /// No tests.
    SkipTests,
    /// No hooks.
    SkipHooks,
    /// Talk about what is done.
    Debug,
    /// Versions too that are not released yet.
    Devel,
}

impl ChartFlag {
    fn word(self) -> &'static str {
        match self {
            ChartFlag::IncludeCrds => "--include-crds",
            ChartFlag::SkipTests => "--skip-tests",
            ChartFlag::SkipHooks => "--no-hooks",
            ChartFlag::Debug => "--debug",
            ChartFlag::Devel => "--devel",
        }
    }
}

impl ChartRequest {
    /// The arguments of `helm`, once chart and values lie in files.
    pub fn arguments(&self, chart: &str, values: &[String]) -> Vec<String> {
        let release = if self.release_name.is_empty() { "--generate-name" } else { &self.release_name };
        let mut words = texts(&["template", release, chart]);
        let mut option = |name: &str, value: &str| {
            if !value.is_empty() {
                words.extend(texts(&[name, value]));
            }
        };
        option("--namespace", &self.namespace);
        option("--name-template", &self.name_template);
        values.iter().for_each(|file| option("-f", file));
        self.api_versions.iter().for_each(|version| option("--api-versions", version));
        option("--kube-version", &self.kube_version);
        words.extend(self.flags.iter().map(|flag| flag.word().to_owned()));
        words
    }
}

fn texts(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}
