//! What comments say of fields. To Kustomize a comment that is a JSON object is an OpenAPI schema of
//! the field that it stands at, in place of any other: `# {"$openapi":"image"}`, as `kpt` writes,
//! says nothing of lists, so that a list with such a comment is replaced and not merged.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;
use skerry_yaml::{Comments, Node};

use super::custom::read_alone;
use super::{Schema, Table, is_schema};

impl Table {
    /// The schema that comments are, if they are one.
    pub(crate) fn said_by(&self, comments: &Comments) -> Option<Schema<'_>> {
        if self.comments.is_empty() {
            return None;
        }
        self.comments.get(text(comments)?).map(|id| self.typed(Some(*id)))
    }
}

/// The one comment that may be a schema: that on the line of a node, else the one above.
fn text(comments: &Comments) -> Option<&str> {
    let text = comments.line.as_deref().or(comments.head.as_deref())?.trim_start_matches('#').trim();
    text.starts_with('{').then_some(text)
}

/// A table that also knows what the comments in some trees say; the same where they say nothing.
pub(crate) fn with_comments(table: Arc<Table>, trees: [&Node; 2]) -> Arc<Table> {
    let mut schemas = BTreeMap::new();
    trees.into_iter().for_each(|tree| collect(tree, &mut schemas));
    if schemas.is_empty() {
        return table;
    }
    let mut table = Arc::unwrap_or_clone(table);
    for (text, schema) in schemas {
        let id = read_alone(&mut table, &schema);
        table.comments.insert(text.into(), id);
    }
    Arc::new(table)
}

fn collect(node: &Node, schemas: &mut BTreeMap<String, Value>) {
    if let Some(text) = text(node.comments())
        && let Ok(schema) = serde_json::from_str::<Value>(text)
        && schema.as_object().is_some_and(|fields| !fields.is_empty())
        && is_schema(&schema)
    {
        schemas.insert(text.to_owned(), schema);
    }
    for (key, value) in node.entries() {
        collect(key, schemas);
        collect(value, schemas);
    }
    node.items().iter().for_each(|item| collect(item, schemas));
}
