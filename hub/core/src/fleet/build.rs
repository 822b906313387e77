//! Turns a checked document into its typed form.
//!
//! Every accessor trusts that [`super::check`] found nothing: what is missing is an absent optional
//! field. A document that is not as checked gives `None`, which the caller reports as a bug.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use skerry_common::bundle::manifest::{ExtraFields, IgnoreRule, OnRemove, Policy, SyncMode};
use skerry_common::id::{ApplicationName, CommitId, SourceName};
use skerry_yaml::{Node, Resolved};

use super::rule::parse_interval;
use super::selector::{Requirement, Selector, Test};
use super::variables::Template;
use super::{Application, ApplicationSource, ClusterDocument, Group, Site, Source};
use crate::source::{GitRef, RefRange};

/// The interval of a Source that names none.
pub const INTERVAL_DEFAULT: Duration = Duration::from_secs(60);

pub(super) fn source(spec: &Node, site: Site) -> Option<Source> {
    let git = spec.get("git")?;
    let interval = match git.get("interval") {
        Some(interval) => parse_interval(interval.as_str()?).ok()?,
        None => INTERVAL_DEFAULT,
    };
    Some(Source {
        url: text(git, "url")?,
        reference: git_ref(git.get("ref")?)?,
        interval,
        credentials: text(git, "credentials"),
        site,
    })
}

fn git_ref(node: &Node) -> Option<GitRef> {
    let (key, value) = node.entries().first()?;
    let value = value.as_str()?;
    match key.as_str()? {
        "branch" => Some(GitRef::Branch(value.to_owned())),
        "tag" => Some(GitRef::Tag(value.to_owned())),
        "semver" => RefRange::parse(value).ok().map(GitRef::Semver),
        "commit" => CommitId::parse(value).ok().map(GitRef::Commit),
        _ => None,
    }
}

pub(super) fn application(spec: &Node, site: Site) -> Option<Application> {
    let mut sources = Vec::new();
    for node in spec.get("sources")?.items() {
        let from = SourceName::parse(node.get("from")?.as_str()?).ok()?;
        let path = Template::parse(node.get("path").map_or(Some("."), Node::as_str)?).ok()?;
        sources.push(ApplicationSource { from, path });
    }
    let namespace = match spec.get("namespace") {
        Some(node) => Some(Template::parse(node.as_str()?).ok()?),
        None => None,
    };
    let variables = match spec.get("variables") {
        Some(node) => Some(templates(node)?),
        None => None,
    };
    let policy = Policy { suspend: boolean(spec, "suspend", false), ..policy(spec.get("sync"))? };
    Some(Application { sources, namespace, variables, policy, site })
}

fn templates(node: &Node) -> Option<BTreeMap<String, Template>> {
    node.entries()
        .iter()
        .map(|(key, value)| Some((key.as_str()?.to_owned(), Template::parse(value.as_str()?).ok()?)))
        .collect()
}

fn policy(sync: Option<&Node>) -> Option<Policy> {
    let Some(sync) = sync else { return Some(Policy::default()) };
    let word = |name, default: &'static str| sync.get(name).and_then(Node::as_str).unwrap_or(default);
    let mode = match word("mode", "apply") {
        "apply" => SyncMode::Apply,
        "observe" => SyncMode::Observe,
        _ => return None,
    };
    let extra_fields = match word("extraFields", "revert-humans") {
        "revert-humans" => ExtraFields::RevertHumans,
        "revert-all" => ExtraFields::RevertAll,
        "keep" => ExtraFields::Keep,
        _ => return None,
    };
    let on_remove = match word("onRemove", "delete") {
        "delete" => OnRemove::Delete,
        "orphan" => OnRemove::Orphan,
        _ => return None,
    };
    let rules = sync.get("ignore").map(Node::items).unwrap_or_default();
    let ignore = rules.iter().map(ignore_rule).collect::<Option<Vec<_>>>()?;
    let (prune, self_heal) = (boolean(sync, "prune", true), boolean(sync, "selfHeal", true));
    Some(Policy { namespace: None, mode, prune, self_heal, extra_fields, ignore, on_remove, suspend: false })
}

fn ignore_rule(node: &Node) -> Option<IgnoreRule> {
    let fields = node.get("fields")?.items();
    Some(IgnoreRule {
        group: text(node, "group"),
        kind: text(node, "kind"),
        namespace: text(node, "namespace"),
        name: text(node, "name"),
        fields: fields.iter().map(|field| field.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>()?,
    })
}

pub(super) fn group(spec: &Node, site: Site) -> Option<Group> {
    let named = |node: &Node| ApplicationName::parse(node.as_str()?).ok();
    let applications = spec.get("applications")?.items().iter().map(named).collect::<Option<BTreeSet<_>>>()?;
    Some(Group { selector: selector(spec.get("selector")?)?, applications, site })
}

fn selector(node: &Node) -> Option<Selector> {
    let mut requirements = Vec::new();
    for (key, value) in node.get("matchLabels").map(Node::entries).unwrap_or_default() {
        let test = Test::In(BTreeSet::from([value.as_str()?.to_owned()]));
        requirements.push(Requirement { key: key.as_str()?.to_owned(), test });
    }
    for expression in node.get("matchExpressions").map(Node::items).unwrap_or_default() {
        requirements.push(requirement(expression)?);
    }
    Some(Selector::new(requirements))
}

fn requirement(node: &Node) -> Option<Requirement> {
    let items = node.get("values").map(Node::items).unwrap_or_default();
    let values = items.iter().map(|item| item.as_str().map(str::to_owned)).collect::<Option<BTreeSet<_>>>()?;
    let test = match node.get("operator")?.as_str()? {
        "In" => Test::In(values),
        "NotIn" => Test::NotIn(values),
        "Exists" => Test::Exists,
        "DoesNotExist" => Test::DoesNotExist,
        _ => return None,
    };
    Some(Requirement { key: text(node, "key")?, test })
}

/// What the table cannot say of an expression: values go with `In` and `NotIn`, and only with them.
pub(super) fn expression_problem(node: &Node) -> Option<&'static str> {
    let has_values = node.get("values").is_some();
    match node.get("operator").and_then(Node::as_str) {
        Some("In" | "NotIn") if !has_values => Some("`values` are missing"),
        Some("Exists" | "DoesNotExist") if has_values => Some("`values` have no meaning with this operator"),
        _ => None,
    }
}

pub(super) fn cluster(spec: Option<&Node>, site: Site) -> Option<ClusterDocument> {
    let texts = |name: &str| -> Option<BTreeMap<String, String>> {
        let entries = spec.and_then(|spec| spec.get(name)).map(Node::entries).unwrap_or_default();
        entries.iter().map(|(key, value)| Some((key.as_str()?.to_owned(), value.as_str()?.to_owned()))).collect()
    };
    Some(ClusterDocument { labels: texts("labels")?, variables: texts("variables")?, site })
}

fn text(node: &Node, name: &str) -> Option<String> {
    node.get(name).and_then(Node::as_str).map(str::to_owned)
}

fn boolean(node: &Node, name: &str, default: bool) -> bool {
    match node.get(name).map(Node::resolve) {
        Some(Resolved::Bool(value)) => value,
        _ => default,
    }
}
