//! The one table of what fleet documents may hold.
//!
//! The reader checks documents against it, and `docs/schemas` is written from it, so the two cannot
//! tell different stories. What exists only in the design is listed as [`Presence::Later`]: it is
//! refused with «not supported yet» instead of «unknown».

use std::fmt;

use super::rule::Rule;

/// Group and version of every fleet document.
pub const API_VERSION: &str = "skerry.dev/v1alpha1";

/// The kinds that can be declared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A repository and a ref.
    Source,
    /// Paths in sources, where they go, and policies.
    Application,
    /// A label selector and what its members run.
    ClusterGroup,
    /// Labels and variables of a registered cluster.
    Cluster,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Source, Self::Application, Self::ClusterGroup, Self::Cluster];

    /// As in documents.
    pub fn name(self) -> &'static str {
        match self {
            Self::Source => "Source",
            Self::Application => "Application",
            Self::ClusterGroup => "ClusterGroup",
            Self::Cluster => "Cluster",
        }
    }

    /// The kind of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// One sentence, for schemas and help.
    pub fn about(self) -> &'static str {
        match self {
            Self::Source => "A repository and the ref of it that is followed.",
            Self::Application => "Paths in sources, how they are treated on clusters, and where they go.",
            Self::ClusterGroup => "Which clusters run which applications.",
            Self::Cluster => {
                "Labels and variables of a registered cluster. Labels given at registration win; a clash is an error."
            }
        }
    }

    /// What `spec` may hold.
    pub fn spec(self) -> &'static [Field] {
        match self {
            Self::Source => SOURCE,
            Self::Application => APPLICATION,
            Self::ClusterGroup => GROUP,
            Self::Cluster => CLUSTER,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Kinds of the design that cannot be declared yet.
pub const LATER_KINDS: &[&str] = &["RolloutPolicy", "AlertRoute", "SecretSource", "Policy", "AgentRelease"];

/// A field of a mapping.
#[derive(Debug)]
pub struct Field {
    /// Its key.
    pub name: &'static str,
    /// One sentence for people who write it.
    pub about: &'static str,
    /// What its value is.
    pub shape: Shape,
    /// Whether it must be there.
    pub presence: Presence,
}

/// Whether a field must be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// It must.
    Required,
    /// It may be left out; then this, in words, holds.
    Optional(&'static str),
    /// Not supported yet.
    Later,
}

/// What a value is.
#[derive(Debug)]
pub enum Shape {
    /// A text.
    Text(Rule),
    /// `true` or `false`.
    Boolean,
    /// A list.
    List {
        /// What its items are.
        of: &'static Shape,
        /// Fewest items.
        min: usize,
        /// Most items.
        max: usize,
    },
    /// A mapping with keys that the author chooses.
    Map {
        /// Rule of the keys.
        keys: Rule,
        /// Rule of the values.
        values: Rule,
        /// Most entries.
        max: usize,
    },
    /// A mapping with known keys.
    Record(&'static [Field]),
    /// A mapping with exactly one of these keys.
    Choice(&'static [Field]),
}

/// Most entries of a list that people write by hand; more is a generator gone wild.
const LIST_MAX: usize = 1_000;

/// Most labels, variables or expressions in one place.
const MAP_MAX: usize = 256;

/// Most places of one application: manifests here, values there.
const SOURCES_MAX: usize = 16;

const fn required(name: &'static str, about: &'static str, shape: Shape) -> Field {
    Field { name, about, shape, presence: Presence::Required }
}

const fn optional(name: &'static str, about: &'static str, shape: Shape, default: &'static str) -> Field {
    Field { name, about, shape, presence: Presence::Optional(default) }
}

const fn later(name: &'static str, about: &'static str) -> Field {
    Field { name, about, shape: Shape::Record(&[]), presence: Presence::Later }
}

const NAMES: Shape = Shape::List { of: &Shape::Text(Rule::Name), min: 0, max: LIST_MAX };

/// What `metadata` may hold, whatever the kind.
pub const METADATA: &[Field] = &[required("name", "Unique among the documents of this kind.", Shape::Text(Rule::Name))];

const SOURCE: &[Field] = &[
    required("git", "A Git repository.", Shape::Record(GIT)),
    later("oci", "A registry."),
    later("helm", "A Helm repository."),
];

const GIT: &[Field] = &[
    required("url", "Address: `https://`, `ssh://` or `file://`, without credentials.", Shape::Text(Rule::Url)),
    required("ref", "Which commit is wanted: exactly one of these.", Shape::Choice(GIT_REF)),
    optional(
        "interval",
        "How often the server is asked; a webhook makes it immediate.",
        Shape::Text(Rule::Interval),
        "1m",
    ),
    optional(
        "credentials",
        "Name of credentials in the hub's configuration, bound there to URL prefixes.",
        Shape::Text(Rule::Name),
        "none",
    ),
];

const GIT_REF: &[Field] = &[
    required("branch", "The tip of a branch.", Shape::Text(Rule::RefName)),
    required("tag", "A tag.", Shape::Text(Rule::RefName)),
    required("semver", "The highest tag in a range of versions, such as `>=1.2 <2`.", Shape::Text(Rule::Range)),
    required("commit", "One commit, by its whole id.", Shape::Text(Rule::Commit)),
];

const APPLICATION: &[Field] = &[
    required(
        "sources",
        "Where its manifests are.",
        Shape::List { of: &Shape::Record(APPLICATION_SOURCE), min: 1, max: SOURCES_MAX },
    ),
    optional(
        "namespace",
        "Default for namespaced objects that name none.",
        Shape::Text(Rule::Namespace),
        "objects must name theirs",
    ),
    optional(
        "variables",
        "Values for `${NAME}` in manifests; without this field nothing is replaced.",
        Shape::Map { keys: Rule::Variable, values: Rule::Template, max: MAP_MAX },
        "nothing is replaced",
    ),
    optional("suspend", "Keeps the last manifest, still heals.", Shape::Boolean, "false"),
    optional("sync", "How objects are treated on clusters.", Shape::Record(SYNC), "the defaults of its fields"),
    later("dependsOn", "Applications that must be healthy first."),
];

const APPLICATION_SOURCE: &[Field] = &[
    required("from", "Name of a Source.", Shape::Text(Rule::Name)),
    optional("path", "Folder in it; `${cluster.…}` is replaced.", Shape::Text(Rule::Path), "the root"),
];

const SYNC: &[Field] = &[
    optional(
        "mode",
        "`apply`, or `observe`: plan and report, write nothing.",
        Shape::Text(Rule::Word(&["apply", "observe"])),
        "apply",
    ),
    optional("prune", "Deletes what left the application.", Shape::Boolean, "true"),
    optional("selfHeal", "Undoes drift.", Shape::Boolean, "true"),
    optional(
        "extraFields",
        "What becomes of fields that others add.",
        Shape::Text(Rule::Word(&["revert-humans", "revert-all", "keep"])),
        "revert-humans",
    ),
    optional(
        "ignore",
        "Fields that are set at creation and then left to others.",
        Shape::List { of: &Shape::Record(IGNORE), min: 0, max: LIST_MAX },
        "none",
    ),
    optional(
        "onRemove",
        "`delete` or `orphan`: what becomes of the objects when the application leaves a cluster.",
        Shape::Text(Rule::Word(&["delete", "orphan"])),
        "delete",
    ),
];

const IGNORE: &[Field] = &[
    optional("group", "API group; empty is the core group.", Shape::Text(Rule::Any), "every group"),
    optional("kind", "Kind.", Shape::Text(Rule::Text), "every kind"),
    optional("namespace", "Namespace.", Shape::Text(Rule::Text), "every namespace"),
    optional("name", "Name.", Shape::Text(Rule::Text), "every name"),
    required(
        "fields",
        "JSON pointers; everything below them is ignored too.",
        Shape::List { of: &Shape::Text(Rule::Pointer), min: 1, max: LIST_MAX },
    ),
];

const GROUP: &[Field] = &[
    required("selector", "Which clusters; `{}` is all of them.", Shape::Record(SELECTOR)),
    required("applications", "Names of applications that its members run.", NAMES),
    later("rollout", "In which waves changes arrive."),
];

const SELECTOR: &[Field] = &[
    optional(
        "matchLabels",
        "Labels that must have these values.",
        Shape::Map { keys: Rule::LabelKey, values: Rule::LabelValue, max: MAP_MAX },
        "none",
    ),
    optional(
        "matchExpressions",
        "Conditions that must hold.",
        Shape::List { of: &Shape::Record(EXPRESSION), min: 0, max: MAP_MAX },
        "none",
    ),
];

const EXPRESSION: &[Field] = &[
    required("key", "Key of a label.", Shape::Text(Rule::LabelKey)),
    required(
        "operator",
        "How the label's value is compared.",
        Shape::Text(Rule::Word(&["In", "NotIn", "Exists", "DoesNotExist"])),
    ),
    optional(
        "values",
        "For `In` and `NotIn` only.",
        Shape::List { of: &Shape::Text(Rule::LabelValue), min: 1, max: MAP_MAX },
        "none",
    ),
];

const CLUSTER: &[Field] = &[
    optional(
        "labels",
        "Labels, beside those given at registration.",
        Shape::Map { keys: Rule::LabelKey, values: Rule::LabelValue, max: MAP_MAX },
        "none",
    ),
    optional(
        "variables",
        "Values for `${cluster.variables.NAME}`; references in them are not replaced.",
        Shape::Map { keys: Rule::Variable, values: Rule::Any, max: MAP_MAX },
        "none",
    ),
];
