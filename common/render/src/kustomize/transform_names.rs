//! Prefixes and suffixes of names.

use skerry_yaml::Node;

use super::field_spec::{self, Missing, Specs, set_text};
use super::resource::{Gvk, Resource};
use crate::codes::Fallible;
use crate::tree::View;

/// Which end of a name grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Prefix,
    Suffix,
}

/// A text that goes before or behind names, and the fields that hold such names.
#[derive(Debug, Clone)]
pub(crate) struct NameChange {
    pub(crate) text: String,
    pub(crate) end: End,
    pub(crate) specs: Specs,
}

impl End {
    pub(crate) fn kind(self) -> &'static str {
        match self {
            End::Prefix => "PrefixTransformer",
            End::Suffix => "SuffixTransformer",
        }
    }

    /// The field of a configuration that holds the text.
    pub(crate) fn field(self) -> &'static str {
        match self {
            End::Prefix => "prefix",
            End::Suffix => "suffix",
        }
    }
}

/// Adds a text to every name, but to those that other systems prescribe: of CRDs, `APIService`s
/// and namespaces.
pub(crate) fn apply(view: &View<'_>, resources: &mut [Resource], change: &NameChange) -> Fallible<()> {
    let NameChange { text, end, specs } = change;
    for resource in resources {
        let original = resource.original_gvk();
        if is_prescribed(&original) {
            continue;
        }
        for spec in specs.iter().filter(|spec| original.is_selected(&spec.group, &spec.version, &spec.kind)) {
            view.count_growth(text.len(), &resource.location())?;
            if spec.path == "metadata/name" && !text.is_empty() {
                match end {
                    End::Prefix => resource.prefixes.push(text.as_str().into()),
                    End::Suffix => resource.suffixes.push(text.as_str().into()),
                }
                resource.remember_id();
            }
            let mut add = |node: &mut Node| {
                let old = node.as_str().unwrap_or("");
                let new = match end {
                    End::Prefix => format!("{text}{old}"),
                    End::Suffix => format!("{old}{text}"),
                };
                set_text(node, new)
            };
            field_spec::visit(resource, spec, Missing::Scalar, &mut add)?;
        }
    }
    Ok(())
}

fn is_prescribed(gvk: &Gvk) -> bool {
    match gvk.kind.as_str() {
        "CustomResourceDefinition" | "Namespace" => true,
        "APIService" => gvk.group == "apiregistration.k8s.io",
        _ => false,
    }
}
