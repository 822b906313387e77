//! `namespace`.

use skerry_yaml::Node;

use super::field_spec::{self, FieldSpec, Missing, set_string};
use super::resource::Resource;
use crate::codes::{self, Fallible, fail};
use crate::document::text_at;
use std::collections::BTreeMap;

/// Puts every namespaced resource into a namespace.
///
/// Besides `metadata.namespace` that means: the name of a `Namespace` object, where services are
/// named by namespace (`APIService`, CRD conversion), and the subjects called `default` of role
/// bindings, which stand for the default service account of wherever the binding goes.
pub(crate) fn apply(resources: &mut [Resource], namespace: &str) -> Fallible<()> {
    if namespace.is_empty() {
        return Ok(());
    }
    let metadata = FieldSpec { path: "metadata/namespace".to_owned(), ..FieldSpec::any() };
    for resource in resources.iter_mut() {
        resource.remember_id();
        let mut set = |node: &mut Node| set_string(node, namespace);
        if !resource.is_cluster_scoped() {
            field_spec::visit(resource, &metadata, Missing::Scalar, &mut set)?;
        }
        if matches!(resource.kind(), "RoleBinding" | "ClusterRoleBinding") {
            set_default_subjects(&mut resource.node, namespace);
        }
        for spec in field_spec::defaults("namespace") {
            if spec.path != "metadata/name" || resource.api_version() == "v1" {
                field_spec::visit(resource, spec, Missing::Scalar, &mut set)?;
            }
        }
    }
    refuse_conflicts(resources)
}

fn set_default_subjects(node: &mut Node, namespace: &str) {
    for subject in node.get_mut("subjects").and_then(Node::items_mut).into_iter().flatten() {
        if text_at(subject, &["name"]) == Some("default") {
            subject.set("namespace", Node::string(namespace));
        }
    }
}

/// Two resources that were told apart by their namespace only may have become one.
fn refuse_conflicts(resources: &[Resource]) -> Fallible<()> {
    let mut seen = BTreeMap::new();
    for resource in resources {
        if let Some(first) = seen.insert(resource.current_id(), resource) {
            let message = format!(
                "`namespace` makes two resources one: `{}`, first in {}",
                resource.current_id().shown(),
                first.location()
            );
            return fail(codes::RESOURCE_TWICE, &resource.location(), message);
        }
    }
    Ok(())
}
