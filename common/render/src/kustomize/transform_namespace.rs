//! `namespace`.

use std::collections::HashMap;
use std::sync::LazyLock;

use skerry_yaml::Node;

use super::field_spec::{self, FieldSpec, Misfit, Missing, Specs, set_string};
use super::notes;
use super::resource::{Resource, ResourceId};
use crate::codes::{self, Fallible, fail};
use crate::document::text_at;

/// A namespace, and where it goes besides `metadata.namespace`.
#[derive(Debug, Clone)]
pub(crate) struct NamespaceChange {
    pub(crate) namespace: String,
    pub(crate) specs: Specs,
    /// Whether only fields are set that are empty.
    pub(crate) unset_only: bool,
    pub(crate) subjects: Subjects,
}

/// Which subjects of role bindings follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Subjects {
    /// Those called `default`, the service account of wherever the binding goes.
    #[default]
    Default,
    /// Every service account.
    ServiceAccounts,
    /// None.
    Untouched,
}

impl NamespaceChange {
    fn set(&self, node: &mut Node) -> Result<(), Misfit> {
        let is_set = node.as_str().is_some_and(|text| !text.is_empty()) && (!node.is_null() || node.tag().is_some());
        if self.unset_only && is_set { Ok(()) } else { set_string(node, &self.namespace) }
    }

    /// Sets the namespace of one resource.
    pub(crate) fn apply_to(&self, resource: &mut Resource) -> Fallible<()> {
        static METADATA: LazyLock<FieldSpec> =
            LazyLock::new(|| FieldSpec { path: "metadata/namespace".to_owned(), ..FieldSpec::any() });
        let mut set = |node: &mut Node| self.set(node);
        if !resource.is_cluster_scoped() {
            field_spec::visit(resource, &METADATA, Missing::Scalar, &mut set)?;
        }
        let is_binding = matches!(resource.kind(), "RoleBinding" | "ClusterRoleBinding");
        if is_binding && let Err(Misfit(message)) = self.set_subjects(&mut resource.node) {
            return field_spec::misfit(&resource.location(), "subjects", message);
        }
        for spec in self.specs.iter() {
            let is_done = match spec.path.as_str() {
                "metadata/namespace" => true,
                "metadata/name" => resource.api_version() != "v1",
                "subjects/namespace" => is_binding && matches!(&*spec.kind, "RoleBinding" | "ClusterRoleBinding"),
                _ => false,
            };
            if !is_done {
                field_spec::visit(resource, spec, Missing::Scalar, &mut set)?;
            }
        }
        Ok(())
    }

    fn set_subjects(&self, node: &mut Node) -> Result<(), Misfit> {
        let (key, value) = match self.subjects {
            Subjects::Default => ("name", "default"),
            Subjects::ServiceAccounts => ("kind", "ServiceAccount"),
            Subjects::Untouched => return Ok(()),
        };
        let Some(subjects) = node.get_mut("subjects").filter(|subjects| !subjects.is_null()) else { return Ok(()) };
        let Some(subjects) = subjects.items_mut() else { return Err(Misfit("a list is needed here".to_owned())) };
        for subject in subjects {
            if !subject.is_mapping() && !subject.is_null() {
                return Err(Misfit("a subject is a mapping".to_owned()));
            }
            if subject.get(key).is_some_and(|found| !found.is_scalar()) {
                return Err(Misfit(format!("`{key}` of a subject is a text")));
            }
            if text_at(subject, &[key]) != Some(value) {
                continue;
            }
            if subject.get("namespace").is_none() {
                subject.set("namespace", Node::plain(""));
            }
            if let Some(namespace) = subject.get_mut("namespace") {
                self.set(namespace)?;
            }
        }
        Ok(())
    }
}

/// Puts every namespaced resource into a namespace.
///
/// Besides `metadata.namespace` that means: the name of a `Namespace` object, where services are
/// named by namespace (`APIService`, CRD conversion), and subjects of role bindings. What came out
/// of a Helm chart has its namespace from there.
pub(crate) fn apply(resources: &mut [Resource], change: &NamespaceChange) -> Fallible<()> {
    if change.namespace.is_empty() {
        return Ok(());
    }
    let mut present: HashMap<ResourceId, usize> = HashMap::with_capacity(resources.len());
    for resource in resources.iter() {
        *present.entry(resource.current_id()).or_default() += 1;
    }
    for index in 0..resources.len() {
        let Some(resource) = resources.get_mut(index).filter(|resource| !notes::is_of_chart(resource)) else {
            continue;
        };
        let before = resource.current_id();
        resource.remember_id();
        change.apply_to(resource)?;
        let now = resource.current_id();
        *present.entry(before).or_default() -= 1;
        let count = present.entry(now).or_default();
        *count += 1;
        // As Kustomize does, before those that follow have their namespace.
        if *count > 1 {
            return refuse_conflicts(resources, "`namespace`");
        }
    }
    Ok(())
}

/// Two resources that were told apart by their namespace only may have become one.
pub(crate) fn refuse_conflicts(resources: &[Resource], what: &str) -> Fallible<()> {
    let mut seen = HashMap::with_capacity(resources.len());
    for resource in resources {
        if let Some(first) = seen.insert(resource.current_id(), resource) {
            let message = format!(
                "{what} makes two resources one: `{}`, first in {}",
                resource.current_id().shown(),
                first.location()
            );
            return fail(codes::RESOURCE_TWICE, &resource.location(), message);
        }
    }
    Ok(())
}
