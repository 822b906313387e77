//! Which lists of built-in kinds are merged, and by which keys.
//!
//! The table is made from the OpenAPI document that Kustomize itself uses; see
//! `common/render/schema`. It holds only what a merge has to know: lists with a merge strategy,
//! and the fields that lead to one.

use std::collections::HashMap;
use std::sync::LazyLock;

/// What is known of a node's type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Schema {
    /// Nothing: the kind is not built in.
    Unknown,
    /// Nothing below it is merged by key.
    Plain,
    /// An object of the table.
    Object(&'static Type),
    /// A list that is merged; without keys its entries are texts.
    List { keys: &'static [&'static str], element: Option<&'static Type> },
    /// A mapping whose values have a type.
    Map(&'static Type),
}

/// The fields of a type that matter, sorted by name.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Type {
    fields: Vec<Field>,
}

#[derive(Debug, PartialEq, Eq)]
struct Field {
    name: &'static str,
    shape: Shape,
    /// Name of the type of the field, its elements or its values.
    target: Option<&'static str>,
}

#[derive(Debug, PartialEq, Eq)]
enum Shape {
    Object,
    Map,
    List(Vec<&'static str>),
}

struct Table {
    kinds: HashMap<(&'static str, &'static str), Option<&'static str>>,
    types: HashMap<&'static str, Type>,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| read(include_str!("schema/kubernetes.txt")));

fn read(text: &'static str) -> Table {
    let mut table = Table { kinds: HashMap::new(), types: HashMap::new() };
    let mut current = "";
    for line in text.lines() {
        let words: Vec<&'static str> = line.split(' ').collect();
        match words.as_slice() {
            ["kind", version, kind, target] => {
                table.kinds.insert((version, kind), Some(*target).filter(|target| *target != "-"));
            }
            ["type", name] => {
                current = name;
                table.types.insert(name, Type { fields: Vec::new() });
            }
            ["", name, shape, target, keys] => {
                let shape = match *shape {
                    "list" => Shape::List(keys.split(',').filter(|key| !key.is_empty()).collect()),
                    "map" => Shape::Map,
                    _ => Shape::Object,
                };
                let target = Some(*target).filter(|target| *target != "-");
                if let Some(found) = table.types.get_mut(current) {
                    found.fields.push(Field { name, shape, target });
                }
            }
            _ => {}
        }
    }
    table
}

impl Schema {
    /// What is known of an object of a kind.
    pub(crate) fn of_kind(api_version: &str, kind: &str) -> Self {
        let kinds: &HashMap<(&str, &str), _> = &TABLE.kinds;
        match kinds.get(&(api_version, kind)) {
            None => Schema::Unknown,
            Some(None) => Schema::Plain,
            Some(Some(name)) => TABLE.types.get(name).map_or(Schema::Plain, Schema::Object),
        }
    }

    /// What is known of a field of it.
    pub(crate) fn field(self, name: &str) -> Self {
        match self {
            Schema::Unknown => Schema::Unknown,
            Schema::Plain | Schema::List { .. } => Schema::Plain,
            Schema::Map(value) => Schema::Object(value),
            Schema::Object(object) => object.field(name),
        }
    }

    /// What is known of an element of it.
    pub(crate) fn element(self) -> Self {
        match self {
            Schema::Unknown => Schema::Unknown,
            Schema::List { element: Some(element), .. } => Schema::Object(element),
            Schema::Plain | Schema::Object(_) | Schema::Map(_) | Schema::List { .. } => Schema::Plain,
        }
    }
}

impl Type {
    fn field(&'static self, name: &str) -> Schema {
        let Some(field) = self.fields.iter().find(|field| field.name == name) else { return Schema::Plain };
        let target = field.target.and_then(|target| TABLE.types.get(target));
        match (&field.shape, target) {
            (Shape::List(keys), element) => Schema::List { keys, element },
            (Shape::Object, Some(target)) => Schema::Object(target),
            (Shape::Map, Some(target)) => Schema::Map(target),
            (Shape::Object | Shape::Map, None) => Schema::Plain,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(schema: Schema) -> &'static [&'static str] {
        if let Schema::List { keys, .. } = schema { keys } else { panic!("no merged list: {schema:?}") }
    }

    #[test]
    fn the_table_knows_the_lists_of_a_pod() {
        let pod = Schema::of_kind("apps/v1", "Deployment").field("spec").field("template").field("spec");
        let containers = pod.field("containers");
        assert_eq!(keys(containers), ["name"]);
        assert_eq!(keys(containers.element().field("ports")), ["containerPort", "protocol"]);
        assert_eq!(keys(containers.element().field("env")), ["name"]);
        assert_eq!(pod.field("tolerations"), Schema::Plain);
        let finalizers = Schema::of_kind("v1", "Service").field("metadata").field("finalizers");
        assert!(keys(finalizers).is_empty());
        assert_eq!(Schema::of_kind("example.com/v1", "Widget"), Schema::Unknown);
    }
}
