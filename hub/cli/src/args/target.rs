//! What a command is about: a kind, and perhaps names: `clusters`, `cluster edge-01`, `cluster/edge-01`.

use std::ffi::OsStr;

use clap::ValueEnum;
use clap::builder::{EnumValueParser, PossibleValue, TypedValueParser};

/// Kinds of things that the hub tells of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, ValueEnum)]
pub enum ResourceKind {
    /// Registered clusters.
    #[value(aliases = ["cluster", "cl"])]
    Clusters,
    /// Cluster groups.
    #[value(aliases = ["group", "clustergroups", "clustergroup", "cg"])]
    Groups,
    /// Applications.
    #[value(aliases = ["app", "applications", "application"])]
    Apps,
    /// Objects on clusters.
    #[value(aliases = ["object", "obj"])]
    Objects,
    /// Differences between live and desired.
    #[value(aliases = ["drifts", "dr"])]
    Drift,
    /// What happened.
    #[value(aliases = ["event", "ev"])]
    Events,
    /// Commits that were published.
    #[value(aliases = ["revision", "rev"])]
    Revisions,
    /// Repositories that are followed.
    #[value(aliases = ["source", "src"])]
    Sources,
}

impl ResourceKind {
    /// The word for one of them, as in `-o name`.
    pub fn singular(self) -> &'static str {
        match self {
            Self::Clusters => "cluster",
            Self::Groups => "group",
            Self::Apps => "app",
            Self::Objects => "object",
            Self::Drift => "drift",
            Self::Events => "event",
            Self::Revisions => "revision",
            Self::Sources => "source",
        }
    }

    /// The word for many, as in `skerry get WORD`.
    pub fn plural(self) -> &'static str {
        match self {
            Self::Clusters => "clusters",
            Self::Groups => "groups",
            Self::Apps => "apps",
            Self::Objects => "objects",
            Self::Drift => "drift",
            Self::Events => "events",
            Self::Revisions => "revisions",
            Self::Sources => "sources",
        }
    }
}

/// A kind with the name that was written after a slash, if there was one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Which kind.
    pub kind: ResourceKind,
    /// Which one.
    pub name: Option<String>,
}

/// Reads `KIND` and `KIND/NAME`, in capitals or not.
#[derive(Debug, Clone)]
pub struct TargetParser;

impl TypedValueParser for TargetParser {
    type Value = Target;

    fn parse_ref(
        &self,
        command: &clap::Command,
        argument: Option<&clap::Arg>,
        value: &OsStr,
    ) -> Result<Target, clap::Error> {
        let text = value.to_string_lossy();
        let (kind, name) = match text.split_once('/') {
            Some((kind, name)) => (kind, Some(name.to_owned())),
            None => (text.as_ref(), None),
        };
        let kind = kind.to_ascii_lowercase();
        let kind = EnumValueParser::<ResourceKind>::new().parse_ref(command, argument, OsStr::new(&kind))?;
        Ok(Target { kind, name: name.filter(|name| !name.is_empty()) })
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(ResourceKind::value_variants().iter().filter_map(ResourceKind::to_possible_value)))
    }
}

/// Names as they were written, after a kind: `cluster a b`, `cluster/a`.
pub fn names(target: &Target, rest: &[String]) -> Vec<String> {
    target.name.iter().chain(rest).cloned().collect()
}
