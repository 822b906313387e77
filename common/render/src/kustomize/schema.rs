//! Which lists of a kind are merged, and by which keys.
//!
//! The table of built-in kinds is made from the OpenAPI document that Kustomize itself uses; see
//! `common/render/schema`. It holds only what a merge has to know: lists with a merge strategy, the
//! fields that lead to one, and the names of the others, below which no object is merged by its own
//! kind. A schema file of a kustomization is read whole ([`custom`]).

mod comments;
mod custom;
mod form;
mod state;

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

pub(crate) use comments::with_comments;
pub(crate) use custom::Custom;
pub(crate) use form::is_schema;
pub(crate) use state::State;

/// What is known of a node's type.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Schema<'t> {
    /// Nothing: neither what holds it nor its kind says anything of it.
    Unknown,
    /// It is known, and is not merged by key.
    Plain,
    /// A type of a table.
    Typed(&'t Table, &'t Type),
}

/// A list that is merged.
#[derive(Debug, Clone, Default)]
pub(crate) struct MergedList {
    /// What its entries are found by; without keys they are texts.
    pub(crate) keys: Vec<Box<str>>,
}

/// A place in a table.
type TypeId = usize;

/// What is known of a type.
#[derive(Debug, Clone, Default)]
pub(crate) struct Type {
    fields: Vec<(Box<str>, TypeId)>,
    /// The type of the values of a mapping of any keys.
    values: Option<TypeId>,
    /// The type of the entries of a list.
    element: Option<TypeId>,
    merged: Option<MergedList>,
    /// Fields of which no more is known than that they are there, sorted.
    plain: Box<[Box<str>]>,
}

/// Types by kind, and by the name of their definition.
#[derive(Debug, Clone, Default)]
pub(crate) struct Table {
    /// By `apiVersion`, then by kind.
    kinds: HashMap<Box<str>, HashMap<Box<str>, Option<TypeId>>>,
    names: HashMap<Box<str>, TypeId>,
    types: Vec<Type>,
    /// What JSON in comments says ([`comments`]), by that text.
    comments: HashMap<Box<str>, TypeId>,
}

static BUILTIN: LazyLock<Arc<Table>> = LazyLock::new(|| Arc::new(read(include_str!("schema/kubernetes.txt"))));

fn read(text: &str) -> Table {
    let mut table = Table::default();
    let mut kinds = Vec::new();
    let mut current = None;
    for line in text.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        match words.as_slice() {
            ["kind", version, kind, target] => kinds.push((*version, *kind, *target)),
            ["type", name] => current = Some(table.named(name)),
            ["", name, shape, target, keys] => {
                let target = (*target != "-").then(|| table.named(target));
                let keys = keys.split(',').filter(|key| !key.is_empty()).map(Box::from).collect();
                let field = match (*shape, target) {
                    ("list", element) => {
                        table.add(Type { element, merged: Some(MergedList { keys }), ..Type::default() })
                    }
                    ("map", values) => {
                        let values = Some(values.unwrap_or_else(|| table.add(Type::default())));
                        table.add(Type { values, ..Type::default() })
                    }
                    (_, Some(target)) => target,
                    (_, None) => table.add(Type::default()),
                };
                if let Some(found) = current.and_then(|current: TypeId| table.types.get_mut(current)) {
                    found.fields.push((Box::from(*name), field));
                }
            }
            ["", "=", names] => {
                if let Some(found) = current.and_then(|current: TypeId| table.types.get_mut(current)) {
                    found.plain = names.split(',').map(Box::from).collect();
                }
            }
            _ => {}
        }
    }
    for (version, kind, target) in kinds {
        let target = (target != "-").then(|| table.named(target));
        table.kinds.entry(version.into()).or_default().insert(kind.into(), target);
    }
    table
}

impl Table {
    /// That of built-in kinds.
    pub(crate) fn builtin() -> Arc<Table> {
        BUILTIN.clone()
    }

    fn add(&mut self, new: Type) -> TypeId {
        self.types.push(new);
        self.types.len() - 1
    }

    /// The type of a name, made when it is met first.
    fn named(&mut self, name: &str) -> TypeId {
        if let Some(known) = self.names.get(name) {
            return *known;
        }
        let made = self.add(Type::default());
        self.names.insert(name.into(), made);
        made
    }

    /// What is known of an object of a kind.
    pub(crate) fn of_kind(&self, api_version: &str, kind: &str) -> Schema<'_> {
        match self.kinds.get(api_version).and_then(|kinds| kinds.get(kind)) {
            None => Schema::Unknown,
            Some(target) => self.typed(*target),
        }
    }

    fn typed(&self, id: Option<TypeId>) -> Schema<'_> {
        id.and_then(|id| self.types.get(id)).map_or(Schema::Plain, |found| Schema::Typed(self, found))
    }
}

impl<'t> Schema<'t> {
    /// Whether nothing is known.
    pub(crate) fn is_unknown(self) -> bool {
        matches!(self, Schema::Unknown)
    }

    /// How a list of this type is merged, when it is.
    pub(crate) fn merged(self) -> Option<&'t MergedList> {
        match self {
            Schema::Typed(_, found) => found.merged.as_ref(),
            Schema::Unknown | Schema::Plain => None,
        }
    }

    /// What is known of a field of it.
    pub(crate) fn field(self, name: &str) -> Self {
        let Schema::Typed(table, found) = self else { return Schema::Unknown };
        let field = found.fields.iter().find(|(field, _)| **field == *name).map(|(_, id)| *id);
        match field.or(found.values) {
            Some(id) => table.typed(Some(id)),
            None if found.plain.binary_search_by(|known| (**known).cmp(name)).is_ok() => Schema::Plain,
            None => Schema::Unknown,
        }
    }

    /// What is known of an element of it.
    pub(crate) fn element(self) -> Self {
        let Schema::Typed(table, found) = self else { return Schema::Unknown };
        found.element.map_or(Schema::Unknown, |id| table.typed(Some(id)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(schema: Schema<'_>) -> Vec<&str> {
        schema.merged().expect("a merged list").keys.iter().map(AsRef::as_ref).collect()
    }

    #[test]
    fn the_table_knows_the_lists_of_a_pod() {
        let table = Table::builtin();
        let pod = table.of_kind("apps/v1", "Deployment").field("spec").field("template").field("spec");
        let containers = pod.field("containers");
        assert_eq!(keys(containers), ["name"]);
        assert_eq!(keys(containers.element().field("ports")), ["containerPort", "protocol"]);
        assert_eq!(keys(containers.element().field("env")), ["name"]);
        assert!(pod.field("tolerations").merged().is_none());
        let finalizers = table.of_kind("v1", "Service").field("metadata").field("finalizers");
        assert!(keys(finalizers).is_empty());
        assert!(table.of_kind("example.com/v1", "Widget").is_unknown());
    }
}
