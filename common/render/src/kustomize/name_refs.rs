//! Rewrites names that refer to resources whose name has changed.
//!
//! Once everything is gathered and renamed, each field that by Kustomize's table holds the name of
//! some kind is looked at: does a resource exist that *had* this name, is of that kind, and can be
//! meant from here (same namespace, or cluster-wide, or named by namespace)? Where several fit,
//! the prefixes and suffixes that they share with the referring resource decide; where that is not
//! enough either, the build is refused.

use std::collections::HashMap;

use skerry_common::diagnostic::Location;
use skerry_yaml::{Node, Resolved, Rules, Text};

use super::field_spec::{self, FieldSpec, Misfit, Missing, set_text, set_text_under};
use super::resource::{Gvk, Resource, ResourceId};
use crate::codes::{self, Fallible, fail};
use crate::document::text_at;

/// A kind, and the fields that hold names of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reference {
    pub(crate) gvk: Gvk,
    pub(crate) fields: Vec<FieldSpec>,
}

/// Kustomize's own; see `name_refs/defaults.txt`.
pub(crate) fn defaults() -> Vec<Reference> {
    let mut references: Vec<Reference> = Vec::new();
    for line in include_str!("name_refs/defaults.txt").lines() {
        let words = line.trim_start().split(' ').map(|word| if word == "-" { "" } else { word });
        let words: Vec<String> = words.map(str::to_owned).collect();
        match words.as_slice() {
            [first, group, version, kind] if first == "kind" => {
                let gvk = Gvk { group: group.into(), version: version.into(), kind: kind.into() };
                references.push(Reference { gvk, fields: Vec::new() });
            }
            [group, version, kind, path] if !group.starts_with('#') => {
                if let Some(reference) = references.last_mut() {
                    reference.fields.push(FieldSpec {
                        group: group.clone(),
                        version: version.clone(),
                        kind: kind.clone(),
                        path: path.clone(),
                        creates: false,
                        ..FieldSpec::any()
                    });
                }
            }
            _ => {}
        }
    }
    references
}

/// A resource that may be referred to, as it was before any reference was rewritten.
struct Candidate {
    previous: Vec<ResourceId>,
    original_namespace: Text,
    now: ResourceId,
    /// The namespace as written.
    namespace: Text,
    context: Context,
}

/// The prefixes and suffixes that a resource was given.
#[derive(Clone)]
struct Context {
    prefixes: Vec<Text>,
    suffixes: Vec<Text>,
}

/// What referring resources share.
struct Index {
    candidates: Vec<Candidate>,
    by_name: HashMap<Text, Vec<usize>>,
}

/// One field that may hold a name.
#[derive(Debug)]
struct Field {
    /// The kind that the name is of.
    target: Gvk,
    spec: FieldSpec,
    /// The order in which fields are looked at.
    place: usize,
}

/// The fields that may hold names, by the kind of the resource that has them.
#[derive(Debug, Default)]
pub(crate) struct Fields {
    of_kind: HashMap<String, Vec<Field>>,
    of_any: Vec<Field>,
}

impl Fields {
    pub(crate) fn of(references: &[Reference]) -> Self {
        let mut fields = Self::default();
        let specs = references.iter().flat_map(|reference| reference.fields.iter().map(move |spec| (reference, spec)));
        for (place, (reference, spec)) in specs.enumerate() {
            let field = Field { target: reference.gvk.clone(), spec: spec.clone(), place };
            match spec.kind.as_str() {
                "" => fields.of_any.push(field),
                kind => fields.of_kind.entry(kind.to_owned()).or_default().push(field),
            }
        }
        fields
    }

    /// Those of a kind, in the order in which they are looked at.
    fn of_gvk(&self, gvk: &Gvk) -> Vec<&Field> {
        let own = self.of_kind.get(gvk.kind.as_str()).map(Vec::as_slice).unwrap_or_default();
        let fields = own.iter().chain(&self.of_any);
        let mut fields: Vec<&Field> =
            fields.filter(|field| gvk.is_selected(&field.spec.group, &field.spec.version, "")).collect();
        fields.sort_by_key(|field| field.place);
        fields
    }
}

/// Rewrites every reference.
pub(crate) fn rewrite(resources: &mut [Resource], fields: &Fields) -> Fallible<()> {
    let index = Index::of(resources);
    let mut known: HashMap<Gvk, Vec<&Field>> = HashMap::new();
    for resource in resources {
        // By the kind that it had at first; the field is then looked for whatever it is now.
        let original = resource.original_gvk();
        let fields = known.entry(original).or_insert_with_key(|gvk| fields.of_gvk(gvk));
        if fields.is_empty() {
            continue;
        }
        let referrer = Referrer::of(resource)?;
        for field in &*fields {
            let path = field.spec.path.as_str();
            let lookup = Lookup { index: &index, referrer: &referrer, target: &field.target, path };
            let mut ambiguous = None;
            let mut update = |node: &mut Node| lookup.update(node, &mut ambiguous);
            field_spec::visit_path(resource, field.spec.parts(), Missing::Skip, &mut update)?;
            if let Some(names) = ambiguous {
                return refuse(&referrer.at, path, &names);
            }
        }
    }
    Ok(())
}

fn refuse(at: &Location, path: &str, names: &str) -> Fallible<()> {
    let at = at.clone().with_field(path.replace('/', "."));
    fail(codes::AMBIGUOUS_REFERENCE, &at, format!("the name could mean several resources: {names}"))
}

impl Index {
    fn of(resources: &[Resource]) -> Self {
        let mut index = Self { candidates: Vec::new(), by_name: HashMap::new() };
        // Those that no name changed of are never found by name; what namespaces there are counts them too.
        for resource in resources {
            let candidate = Candidate {
                previous: resource.previous_ids().collect(),
                original_namespace: resource.original_id().namespace,
                now: resource.current_id(),
                namespace: resource.namespace().into(),
                context: Context::of(resource),
            };
            let place = index.candidates.len();
            for id in &candidate.previous {
                let places = index.by_name.entry(id.name.clone()).or_default();
                if places.last() != Some(&place) {
                    places.push(place);
                }
            }
            index.candidates.push(candidate);
        }
        index
    }
}

/// The resource that refers.
struct Referrer {
    now: ResourceId,
    context: Context,
    /// Namespaces of the service accounts that a role binding names.
    bound: Vec<String>,
    /// Group and kind of the role that a binding names.
    role: Option<(String, String)>,
    at: Location,
}

impl Referrer {
    fn of(resource: &Resource) -> Fallible<Self> {
        let mut bound = Vec::new();
        if resource.kind() == "RoleBinding" && !resource.is_cluster_scoped() {
            for subject in resource.node.get("subjects").map(Node::items).unwrap_or_default() {
                let Some(namespace) = subject.get("namespace") else { continue };
                if text_at(subject, &["kind"]) != Some("ServiceAccount") {
                    continue;
                }
                // A date is no text either.
                let is_text = namespace.resolve_with(Rules::Kustomize) == Some(Resolved::Str);
                if !is_text || namespace.kept_tag() == Some("!!timestamp") {
                    let at = resource.location().with_field("subjects");
                    return fail(codes::UNEXPECTED_SHAPE, &at, "the `namespace` of a service account must be a text");
                }
                bound.push(namespace.as_str().unwrap_or_default().to_owned());
            }
        }
        // What is there and no scalar counts as an empty text.
        let of_role = |field: &str| {
            let found = resource.node.get("roleRef").and_then(|role| role.get(field));
            found.map(|found| found.as_str().unwrap_or_default().to_owned())
        };
        let role = of_role("apiGroup").zip(of_role("kind"));
        let (now, context) = (resource.current_id(), Context::of(resource));
        Ok(Self { now, context, bound, role, at: resource.location() })
    }

    /// Whether a resource can be referred to from here at all.
    fn reaches(&self, candidate: &Candidate) -> bool {
        self.now.is_cluster_scoped()
            || candidate.now.is_cluster_scoped()
            || candidate.now.namespace == self.now.namespace
            || self.bound.iter().any(|bound| *bound == candidate.namespace)
    }

    /// Whether it may be meant: service accounts may live in other namespaces.
    fn accepts(&self, candidate: &Candidate) -> bool {
        self.now.is_cluster_scoped()
            || candidate.now.is_cluster_scoped()
            || candidate.now.gvk.kind == "ServiceAccount"
            || candidate.now.namespace == self.now.namespace
    }
}

impl Context {
    fn of(resource: &Resource) -> Self {
        Self { prefixes: resource.prefixes.clone(), suffixes: resource.suffixes.clone() }
    }

    /// Whether both were given the same last prefixes and suffixes.
    fn equals(&self, other: &Self, none_fits_all: bool) -> bool {
        let fits = |left: &[Text], right: &[Text]| {
            (none_fits_all && (left.is_empty() || right.is_empty())) || same_ending(left, right)
        };
        fits(&self.prefixes, &other.prefixes) && fits(&self.suffixes, &other.suffixes)
    }
}

fn same_ending(left: &[Text], right: &[Text]) -> bool {
    let (short, long) = if left.len() <= right.len() { (left, right) } else { (right, left) };
    if short.is_empty() { long.is_empty() } else { long.ends_with(short) }
}

/// One field of one resource, and what it may refer to.
struct Lookup<'a> {
    index: &'a Index,
    referrer: &'a Referrer,
    target: &'a Gvk,
    path: &'a str,
}

impl Lookup<'_> {
    fn update(&self, node: &mut Node, ambiguous: &mut Option<String>) -> Result<(), Misfit> {
        if node.is_null() {
            return Ok(());
        }
        if node.is_mapping() {
            return self.update_mapping(node, ambiguous);
        }
        let Some(items) = node.items_mut() else { return self.update_text(node, ambiguous) };
        for item in items {
            if item.is_sequence() {
                return Err(Misfit("a name, or a mapping with one, is needed here".to_owned()));
            }
            self.update(item, ambiguous)?;
        }
        Ok(())
    }

    fn update_text(&self, node: &mut Node, ambiguous: &mut Option<String>) -> Result<(), Misfit> {
        let old = node.as_str().unwrap_or("");
        let all = |_: &Candidate| true;
        match self.select(old, all, |left, right| left.now.name == right.now.name, ambiguous) {
            Some(found) if found.now.name != old => set_text(node, found.now.name.clone()),
            Some(_) | None => Ok(()),
        }
    }

    fn update_mapping(&self, node: &mut Node, ambiguous: &mut Option<String>) -> Result<(), Misfit> {
        let Some(old) = node.get("name") else { return Err(Misfit("`name` is missing here".to_owned())) };
        let old = old.as_str().unwrap_or("");
        let wanted = node.get("namespace").map(|namespace| namespace.as_str().unwrap_or("").to_owned());
        let by_origin = wanted.as_ref().is_some_and(|wanted| {
            let reachable = |candidate: &&Candidate| self.referrer.reaches(candidate);
            self.index.candidates.iter().filter(reachable).any(|candidate| candidate.original_namespace == *wanted)
        });
        let in_namespace = |candidate: &Candidate| match &wanted {
            None => true,
            Some(wanted) if by_origin => candidate.original_namespace == *wanted,
            Some(wanted) => candidate.now.namespace == *wanted,
        };
        let same =
            |left: &Candidate, right: &Candidate| left.now.name == right.now.name && left.namespace == right.namespace;
        let Some(found) = self.select(old, in_namespace, same, ambiguous) else { return Ok(()) };
        if found.now.name == old && found.namespace.is_empty() {
            return Ok(());
        }
        if let Some(name) = node.get_mut("name") {
            set_text(name, found.now.name.clone())?;
        }
        if !found.namespace.is_empty() {
            set_text_under(node, "namespace", &found.namespace);
        }
        Ok(())
    }

    /// The one resource that a name means.
    fn select(
        &self,
        name: &str,
        in_namespace: impl Fn(&Candidate) -> bool,
        same: impl Fn(&Candidate, &Candidate) -> bool,
        ambiguous: &mut Option<String>,
    ) -> Option<&Candidate> {
        let places = self.index.by_name.get(name)?;
        let mut found: Vec<&Candidate> = places
            .iter()
            .filter_map(|place| self.index.candidates.get(*place))
            .filter(|candidate| self.referrer.reaches(candidate) && in_namespace(candidate))
            .filter(|candidate| self.is_of_kind(candidate) && self.referrer.accepts(candidate))
            .collect();
        if let [only] = found.as_slice() {
            return Some(only);
        }
        found.retain(|candidate| candidate.context.equals(&self.referrer.context, true));
        if found.len() > 1 {
            found.retain(|candidate| candidate.context.equals(&self.referrer.context, false));
        }
        let first = *found.first()?;
        if found.iter().all(|candidate| same(first, candidate)) {
            return Some(first);
        }
        let names = found.iter().map(|candidate| format!("`{}`", candidate.now.shown())).collect::<Vec<_>>();
        *ambiguous = Some(names.join(", "));
        None
    }

    /// Whether it is, or was, of the kind that the field names; roles must also be of the kind
    /// that the binding says.
    fn is_of_kind(&self, candidate: &Candidate) -> bool {
        let wanted = self.target;
        let was = |group: &str, version: &str, kind: &str| {
            candidate.previous.iter().any(|id| id.gvk.is_selected(group, version, kind))
        };
        if !was(&wanted.group, &wanted.version, &wanted.kind) {
            return false;
        }
        match &self.referrer.role {
            Some((group, kind)) if self.path.ends_with("roleRef/name") => was(group, "", kind),
            Some(_) | None => true,
        }
    }
}
