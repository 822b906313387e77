//! `vars`.

use skerry_common::diagnostic::Location;
use skerry_common::object::{group_of, version_of};

use super::reader::{Reader, Spot};
use super::replacements::{FieldRule, field};
use crate::kustomize::resource::Gvk;

/// The field of a variable that names none.
const FIELD_PATH: &str = "metadata.name";

/// A name that stands for the value of a field.
#[derive(Debug, Clone)]
pub(crate) struct VarRule {
    pub(crate) name: String,
    pub(crate) gvk: Gvk,
    /// Name of the resource, as it is or was.
    pub(crate) resource: String,
    /// Its namespace; nothing for any.
    pub(crate) namespace: String,
    pub(crate) field: FieldRule,
    pub(crate) at: Location,
}

/// Reads the variables of a kustomization.
pub(super) fn vars(reader: &mut Reader, root: &Spot<'_>) -> Vec<VarRule> {
    const OBJECT: &[&str] = &["apiVersion", "group", "version", "kind", "name", "namespace"];
    let mut rules = Vec::new();
    for spot in reader.items(root, "vars") {
        reader.only(&spot, &["name", "objref", "fieldref"]);
        let mut path = FIELD_PATH.to_owned();
        if let Some(field) = spot.child("fieldref") {
            reader.only(&field, &["fieldPath"]);
            path = reader.filled(&field, "fieldPath").unwrap_or(path);
        }
        let object = spot.child("objref").unwrap_or_else(|| Spot { node: spot.node, path: String::new() });
        if spot.child("objref").is_some() {
            reader.only(&object, OBJECT);
        }
        let mut text = |key: &str| {
            let is_there = spot.child("objref").is_some();
            if is_there { reader.text(&object, key).unwrap_or_default() } else { String::new() }
        };
        let mut gvk = Gvk { group: text("group").into(), version: text("version").into(), kind: text("kind").into() };
        let (api_version, resource, namespace) = (text("apiVersion"), text("name"), text("namespace"));
        match api_version.matches('/').count() {
            0 if !api_version.is_empty() => gvk.version = api_version.into(),
            1 => {
                gvk.group = group_of(&api_version).into();
                gvk.version = version_of(&api_version).into();
            }
            _ => {}
        }
        let name = reader.text(&spot, "name").unwrap_or_default();
        let at = reader.at(&spot);
        if let Some(mut field) = field(reader, &spot, path) {
            field.parts = indexes_apart(field.parts);
            rules.push(VarRule { name, gvk, resource, namespace, field, at });
        }
    }
    rules
}

/// Cuts `ports[0]` into `ports` and `0`.
fn indexes_apart(parts: Vec<String>) -> Vec<String> {
    let mut apart = Vec::with_capacity(parts.len());
    for part in parts {
        let cut = part.strip_suffix(']').and_then(|front| front.rsplit_once('['));
        match cut.filter(|(_, index)| !index.is_empty() && index.bytes().all(|byte| byte.is_ascii_digit())) {
            None => apart.push(part),
            Some((name, index)) => {
                let parts = [name, index].into_iter().filter(|part| !part.is_empty());
                apart.extend(parts.map(str::to_owned));
            }
        }
    }
    apart
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kustomize::field_path;

    #[test]
    fn indexes_stand_apart() {
        let parts = field_path::split("spec.ports[0].[name=x].a[b]").into_iter().collect();
        assert_eq!(indexes_apart(parts), ["spec", "ports", "0", "[name=x]", "a[b]"]);
    }
}
