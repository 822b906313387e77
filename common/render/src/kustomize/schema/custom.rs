//! The OpenAPI document that `openapi` names: lists and keys, and which kinds have namespaces.

use std::collections::HashMap;

use serde_json::Value;

use super::form::is_schema;
use super::{MergedList, Table, Type, TypeId};

/// Most types that one document may hold, nested ones counted: that of Kubernetes itself, with
/// every field a type of its own, has some ten thousand.
const TYPES_MAX: usize = 200_000;

/// Longest chain of references that are nothing but a reference to the next.
const REFERENCES_MAX: usize = 64;

/// `apiVersion` and kind.
type Kind = (Box<str>, Box<str>);

/// A schema file, read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Custom {
    definitions: serde_json::Map<String, Value>,
    /// Whether each kind, by `apiVersion`, has a namespace.
    scopes: HashMap<Kind, bool>,
}

impl Custom {
    /// Reads a document; says what is wrong with it.
    pub(crate) fn read(json: &Value) -> Result<Self, String> {
        let Some(root) = json.as_object() else { return Err("it is no OpenAPI document".to_owned()) };
        let mut custom = Custom::default();
        if let Some(definitions) = root.get("definitions").filter(|definitions| !definitions.is_null()) {
            let definitions = definitions.as_object().ok_or("its `definitions` are no mapping")?;
            if let Some((name, _)) = definitions.iter().find(|(_, definition)| !is_schema(definition)) {
                return Err(format!("its definition `{name}` is no schema"));
            }
            custom.definitions.clone_from(definitions);
        }
        let paths = match root.get("paths") {
            None | Some(Value::Null) => None,
            Some(paths) => Some(paths.as_object().ok_or("its `paths` are no mapping")?),
        };
        for (path, item) in paths.into_iter().flatten().filter(|(path, _)| path.starts_with('/')) {
            let Some(kind) = item.get("get").and_then(|get| get.get(KINDS)) else { continue };
            let Some(kind) = kind_of(kind)? else { continue };
            if path.contains("namespaces/{namespace}") {
                custom.scopes.insert(kind, true);
            } else {
                custom.scopes.entry(kind).or_insert(false);
            }
        }
        Ok(custom)
    }

    /// Whether a kind surely has no namespace.
    pub(crate) fn is_cluster_scoped(&self, api_version: &str, kind: &str) -> bool {
        let is_builtin = !Table::builtin().of_kind(api_version, kind).is_unknown();
        !is_builtin && self.scopes.get(&(Box::from(api_version), Box::from(kind))) == Some(&false)
    }

    /// Adds its types to a table, in place of those of the same name.
    pub(crate) fn add_to(&self, table: &mut Table) -> Result<(), String> {
        let mut reader = Reader { custom: self, ids: table.builtin_ids(), table };
        for name in self.definitions.keys() {
            let id = reader.table.add(Type::default());
            reader.ids.insert(name.as_str().into(), id);
        }
        for (name, definition) in &self.definitions {
            let made = reader.made(definition)?;
            if let Some(place) = reader.ids.get(name.as_str()).and_then(|id| reader.table.types.get_mut(*id)) {
                *place = made;
            }
            reader.add_kinds(name, definition)?;
        }
        Ok(())
    }
}

impl Table {
    /// The types that are built in, by the names of their definitions.
    fn builtin_ids(&self) -> HashMap<Box<str>, TypeId> {
        self.names.iter().map(|(name, id)| (format!("io.k8s.{name}").into(), *id)).collect()
    }
}

/// Adds one schema that stands alone; what cannot be followed says nothing.
pub(super) fn read_alone(table: &mut Table, schema: &Value) -> TypeId {
    let mut reader = Reader { custom: &Custom::default(), ids: table.builtin_ids(), table };
    let found = reader.resolved(schema).ok().flatten();
    found.unwrap_or_else(|| table.add(Type::default()))
}

/// The extension that names kinds.
const KINDS: &str = "x-kubernetes-group-version-kind";

fn kind_of(json: &Value) -> Result<Option<Kind>, String> {
    let Some(map) = json.as_object() else { return Ok(None) };
    let text = |key: &str| map.get(key).and_then(Value::as_str);
    let (Some(version), Some(kind)) = (text("version"), text("kind")) else {
        return Err(format!("a `{KINDS}` lacks its version or kind"));
    };
    let version = match text("group") {
        None | Some("") => version.to_owned(),
        Some(group) => format!("{group}/{version}"),
    };
    Ok(Some((version.into(), kind.into())))
}

struct Reader<'a> {
    custom: &'a Custom,
    ids: HashMap<Box<str>, TypeId>,
    table: &'a mut Table,
}

impl Reader<'_> {
    fn add_kinds(&mut self, name: &str, definition: &Value) -> Result<(), String> {
        let kinds = definition.get(KINDS).and_then(Value::as_array);
        for kind in kinds.into_iter().flatten() {
            let Some((version, kind)) = kind_of(kind)? else { continue };
            let id = self.ids.get(name).copied();
            self.table.kinds.entry(version).or_default().insert(kind, id);
        }
        Ok(())
    }

    fn made(&mut self, schema: &Value) -> Result<Type, String> {
        let mut made = Type::default();
        for (name, property) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
            if let Some(id) = self.resolved(property)? {
                made.fields.push((name.as_str().into(), id));
            }
        }
        if let Some(values) = schema.get("additionalProperties").filter(|values| values.is_object()) {
            made.values = self.resolved(values)?;
        }
        if is_array(schema)
            && let Some(items) = schema.get("items").filter(|items| items.is_object())
        {
            made.element = self.resolved(items)?;
        }
        made.merged = merged(schema)?;
        Ok(made)
    }

    /// The type of a field, its reference followed; nothing for a reference that leads nowhere.
    fn resolved(&mut self, schema: &Value) -> Result<Option<TypeId>, String> {
        let mut schema = schema;
        for _ in 0..REFERENCES_MAX {
            let Some(reference) = schema.get("$ref").and_then(Value::as_str) else {
                if self.table.types.len() > TYPES_MAX {
                    return Err(format!("it holds more than {TYPES_MAX} types"));
                }
                let made = self.made(schema)?;
                return Ok(Some(self.table.add(made)));
            };
            let Some(name) = reference.strip_prefix("#/definitions/") else { return Ok(None) };
            let custom = self.custom;
            let mut steps = name.split('/').map(|step| step.replace("~1", "/").replace("~0", "~"));
            let name = steps.next().unwrap_or_default();
            let Some(definition) = custom.definitions.get(&name) else {
                return Ok(self.ids.get(name.as_str()).copied());
            };
            let mut is_whole = true;
            let within = steps.try_fold(definition, |schema, step| {
                is_whole = false;
                schema.get(step)
            });
            let Some(next) = within else { return Ok(None) };
            if next.get("$ref").is_some() {
                schema = next;
                continue;
            }
            if is_whole {
                return Ok(self.ids.get(name.as_str()).copied());
            }
            return self.within_definition(reference, next).map(Some);
        }
        Err("its references lead in a circle".to_owned())
    }

    /// The type that a reference into a definition names. It has its place before it is read: it may
    /// hold itself.
    fn within_definition(&mut self, reference: &str, schema: &Value) -> Result<TypeId, String> {
        if let Some(id) = self.ids.get(reference) {
            return Ok(*id);
        }
        let id = self.table.add(Type::default());
        self.ids.insert(reference.into(), id);
        let made = self.made(schema)?;
        if let Some(place) = self.table.types.get_mut(id) {
            *place = made;
        }
        Ok(id)
    }
}

fn is_array(schema: &Value) -> bool {
    match schema.get("type") {
        Some(Value::String(text)) => text == "array",
        Some(Value::Array(types)) => matches!(types.as_slice(), [only] if only == "array"),
        _ => false,
    }
}

fn merged(schema: &Value) -> Result<Option<MergedList>, String> {
    let Some(strategy) = schema.get("x-kubernetes-patch-strategy").and_then(Value::as_str) else { return Ok(None) };
    if !strategy.split(',').any(|part| part == "merge") {
        return Ok(None);
    }
    let keys = match (schema.get("x-kubernetes-list-map-keys"), schema.get("x-kubernetes-patch-merge-key")) {
        (Some(keys), _) => keys.as_array().map(Vec::as_slice).unwrap_or_default(),
        (None, Some(key)) => std::slice::from_ref(key),
        (None, None) => &[],
    };
    let text = |key: &Value| key.as_str().map(Box::from).ok_or_else(|| "a merge key is no text".to_owned());
    Ok(Some(MergedList { keys: keys.iter().map(text).collect::<Result<_, _>>()? }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_a_custom_kind_get_their_keys() {
        let json = serde_json::json!({
            "definitions": {
                "Widget": {
                    "x-kubernetes-group-version-kind": [{"group": "example.com", "version": "v1", "kind": "Widget"}],
                    "properties": {"spec": {"$ref": "#/definitions/Spec"}},
                },
                "Spec": {"properties": {"parts": {
                    "type": "array",
                    "x-kubernetes-patch-strategy": "merge",
                    "x-kubernetes-patch-merge-key": "id",
                    "items": {"properties": {"tags": {"type": "array"}}},
                }}},
            },
            "paths": {"/apis/example.com/v1/widgets": {"get": {
                "x-kubernetes-group-version-kind": {"group": "example.com", "version": "v1", "kind": "Widget"},
            }}},
        });
        let custom = Custom::read(&json).expect("a document");
        assert!(custom.is_cluster_scoped("example.com/v1", "Widget"));
        let mut table = Table::default();
        custom.add_to(&mut table).expect("types");
        let parts = table.of_kind("example.com/v1", "Widget").field("spec").field("parts");
        let keys: Vec<&str> = parts.merged().expect("merged").keys.iter().map(AsRef::as_ref).collect();
        assert_eq!(keys, ["id"]);
        assert!(parts.element().field("tags").merged().is_none());
        assert!(parts.element().field("other").is_unknown());
    }

    #[test]
    fn circles_are_refused() {
        let json = serde_json::json!({"definitions": {
            "A": {"$ref": "#/definitions/B"},
            "B": {"$ref": "#/definitions/A"},
            "C": {"properties": {"a": {"$ref": "#/definitions/A"}}},
        }});
        let custom = Custom::read(&json).expect("a document");
        assert!(custom.add_to(&mut Table::default()).is_err());
    }
}
