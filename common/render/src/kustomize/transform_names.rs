//! `namePrefix` and `nameSuffix`.

use skerry_yaml::Node;

use super::field_spec::{self, FieldSpec, Missing, set_text};
use super::resource::Resource;
use crate::codes::Fallible;
use crate::tree::View;

/// Which end of a name grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Prefix,
    Suffix,
}

/// Adds a text to every name, but to those that other systems prescribe: of CRDs, `APIService`s
/// and namespaces.
pub(crate) fn apply(view: &View<'_>, resources: &mut [Resource], text: &str, end: End) -> Fallible<()> {
    if text.is_empty() {
        return Ok(());
    }
    let spec = FieldSpec { path: "metadata/name".to_owned(), creates: false, ..FieldSpec::any() };
    for resource in resources {
        if is_prescribed(resource) {
            continue;
        }
        view.count_growth(text.len(), &resource.location())?;
        match end {
            End::Prefix => resource.prefixes.push(text.to_owned()),
            End::Suffix => resource.suffixes.push(text.to_owned()),
        }
        resource.remember_id();
        let mut add = |node: &mut Node| {
            let old = node.as_str().unwrap_or("");
            let new = match end {
                End::Prefix => format!("{text}{old}"),
                End::Suffix => format!("{old}{text}"),
            };
            set_text(node, new)
        };
        field_spec::visit(resource, &spec, Missing::Skip, &mut add)?;
    }
    Ok(())
}

fn is_prescribed(resource: &Resource) -> bool {
    let gvk = resource.original_id().gvk;
    match gvk.kind.as_str() {
        "CustomResourceDefinition" | "Namespace" => true,
        "APIService" => gvk.group == "apiregistration.k8s.io",
        _ => false,
    }
}
