//! Labels and annotations: pairs that are set wherever some field specs say.

use std::collections::BTreeMap;

use skerry_yaml::Node;

use super::field_spec::{self, Missing, Specs, set_entry};
use super::resource::Resource;
use crate::codes::Fallible;
use crate::tree::View;

/// Pairs, and the mappings that they go into.
#[derive(Debug, Clone)]
pub(crate) struct Pairs {
    pub(crate) pairs: BTreeMap<String, String>,
    pub(crate) specs: Specs,
}

/// Sets pairs in every resource.
pub(crate) fn apply(view: &View<'_>, resources: &mut [Resource], Pairs { pairs, specs }: &Pairs) -> Fallible<()> {
    if pairs.is_empty() {
        return Ok(());
    }
    let bytes: usize = pairs.iter().map(|(key, value)| key.len() + value.len()).sum();
    for resource in resources {
        view.count_growth(bytes, &resource.location())?;
        for (key, value) in pairs {
            let anchor = resource.next_anchor();
            let mut set = |node: &mut Node| set_entry(node, key, value, Some(&anchor));
            for spec in specs.iter() {
                field_spec::visit(resource, spec, Missing::Mapping, &mut set)?;
            }
        }
    }
    Ok(())
}
