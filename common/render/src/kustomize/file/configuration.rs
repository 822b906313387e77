//! Files of `configurations`: field specs for transformers.

use skerry_yaml::Node;

use super::reader::{Reader, Spot};
use super::rules::field_specs;
use crate::kustomize::config::{Additions, Purpose};
use crate::kustomize::name_refs::Reference;
use crate::kustomize::resource::Gvk;

/// The field with the kinds that names belong to.
const REFERENCES: &str = "nameReference";

/// Reads a file of field specs.
pub(super) fn configuration(reader: &mut Reader, node: &Node) -> Additions {
    let root = Spot { node, path: String::new() };
    let known: Vec<&str> = Purpose::ALL.iter().map(|(_, field, _)| *field).chain([REFERENCES]).collect();
    reader.only(&root, &known);
    let mut additions = Additions::default();
    for (purpose, field, _) in Purpose::ALL {
        let specs = field_specs(reader, &root, field);
        if !specs.is_empty() {
            additions.fields.insert(*purpose, specs);
        }
    }
    for spot in reader.items(&root, REFERENCES) {
        reader.only(&spot, &["group", "version", "kind", "fieldSpecs"]);
        let (gvk, fields) = (gvk(reader, &spot), field_specs(reader, &spot, "fieldSpecs"));
        additions.references.push(Reference { gvk, fields });
    }
    additions
}

fn gvk(reader: &mut Reader, spot: &Spot<'_>) -> Gvk {
    Gvk {
        group: reader.exact_text(spot, "group").unwrap_or_default().into(),
        version: reader.exact_text(spot, "version").unwrap_or_default().into(),
        kind: reader.exact_text(spot, "kind").unwrap_or_default().into(),
    }
}
