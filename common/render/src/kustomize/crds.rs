//! `crds`: OpenAPI definitions of custom kinds, read for the fields that hold names.
//!
//! A file maps names of types to definitions, as Go's OpenAPI generator writes them. Types that
//! look like objects – with `apiVersion`, `kind` and `metadata` – are walked along `$ref`s, and
//! what some extensions say of a property becomes a field spec:
//!
//! | extension | the property holds |
//! |---|---|
//! | `x-kubernetes-object-ref-api-version` and `-kind` | the name of such an object, under `name` or what `x-kubernetes-object-ref-name-key` says |
//! | `x-kubernetes-annotation` | annotations |
//! | `x-kubernetes-label-selector` | labels |
//! | `x-kubernetes-identity` | a name that gets prefixes |

use serde::de::IgnoredAny;
use skerry_common::diagnostic::Location;
use skerry_yaml::{Node, Resolved, Text, to_json};

use super::config::{Additions, Purpose};
use super::field_spec::FieldSpec;
use super::name_refs::Reference;
use super::resource::Gvk;
use super::schema::is_schema;
use crate::codes::{self, Fallible, fail};
use crate::document::parse_one;
use crate::tree::{Found, View};

/// Most properties that are looked at in one file: types may refer to others many times over, and
/// the definitions of every built-in kind come to some ten thousand.
const PROPERTIES_MAX: usize = 100_000;

/// Deepest chain of types: the deepest built-in kind has about 20 levels.
const DEPTH_MAX: usize = 64;

/// Reads a file of definitions.
pub(crate) fn read(view: &View<'_>, found: &Found, content: &[u8], at: &Location) -> Fallible<Additions> {
    if content.starts_with(b"{") && serde_json::from_slice::<IgnoredAny>(content).is_err() {
        return fail(codes::SCHEMA, at, format!("`{}` begins with `{{` and is no JSON", found.path));
    }
    let node = parse_one(content, &found.path, &view.limits)?;
    if node.is_none() && !content.is_empty() {
        return Ok(Additions::default());
    }
    let root = node.as_ref().filter(|root| root.is_mapping());
    let Some(root) = root.filter(|root| root.entries().iter().all(|(_, one)| one.is_mapping() || one.is_null())) else {
        let message =
            format!("`{}` is no file of OpenAPI definitions: names of types, each with a `Schema`", found.path);
        return fail(codes::SCHEMA, at, message);
    };
    if let Some((name, _)) = root.entries().iter().find(|(_, definition)| !is_definition(definition)) {
        let name = name.as_str().unwrap_or_default();
        return fail(codes::SCHEMA, at, format!("`{name}` in `{}` is no definition with a `Schema`", found.path));
    }
    let mut walk = Walk { root, additions: Additions::default(), seen: 0, at };
    for (name, definition) in root.entries() {
        let is_object = ["kind", "apiVersion", "metadata"]
            .iter()
            .all(|field| properties(definition).iter().any(|(key, _)| key.as_str() == Some(field)));
        if let Some(name) = name.as_str().filter(|_| is_object) {
            let kind = name.rsplit('.').next().unwrap_or(name);
            walk.fields(kind, definition, &mut Vec::new())?;
        }
    }
    Ok(walk.additions)
}

/// A field of a definition, whose letters may be large or small.
fn part<'a>(definition: &'a Node, name: &str) -> Option<&'a Node> {
    let is_it = |key: &Node| key.as_str().is_some_and(|key| key.eq_ignore_ascii_case(name));
    definition.entries().iter().find(|(key, _)| is_it(key)).map(|(_, value)| value)
}

/// Whether the parts of a definition have the form that they need.
fn is_definition(definition: &Node) -> bool {
    let is_text = |node: &Node| node.resolve() == Resolved::Str || node.is_null();
    let is_list = |node: &Node| node.is_null() || (node.is_sequence() && node.items().iter().all(is_text));
    let has_form = |schema: &Node| to_json(schema).is_ok_and(|schema| is_schema(&schema));
    part(definition, "Dependencies").is_none_or(is_list) && part(definition, "Schema").is_none_or(has_form)
}

fn properties(definition: &Node) -> &[(Node, Node)] {
    part(definition, "Schema").and_then(|schema| schema.get("properties")).map(Node::entries).unwrap_or_default()
}

struct Walk<'a> {
    root: &'a Node,
    additions: Additions,
    seen: usize,
    at: &'a Location,
}

impl<'a> Walk<'a> {
    fn fields(&mut self, kind: &str, definition: &'a Node, path: &mut Vec<&'a str>) -> Fallible<()> {
        if path.len() > DEPTH_MAX {
            return fail(codes::SCHEMA, self.at, format!("a type refers to itself, below `{}`", path.join("/")));
        }
        for (name, property) in properties(definition) {
            self.seen += 1;
            if self.seen > PROPERTIES_MAX {
                return fail(
                    codes::TOO_LARGE,
                    self.at,
                    format!("the types have more than {PROPERTIES_MAX} properties"),
                );
            }
            path.push(name.as_str().unwrap_or(""));
            self.property(kind, property, path)?;
            if let Some(next) = text(property, "$ref").and_then(|name| self.root.get(name)) {
                self.fields(kind, next, path)?;
            }
            path.pop();
        }
        Ok(())
    }

    fn property(&mut self, kind: &str, property: &Node, path: &[&str]) -> Fallible<()> {
        let spec = |path: String| FieldSpec { kind: kind.to_owned(), path, creates: false, ..FieldSpec::any() };
        let here = path.join("/");
        for (extension, purpose) in [
            ("x-kubernetes-annotation", Purpose::Annotations),
            ("x-kubernetes-label-selector", Purpose::CommonLabels),
            ("x-kubernetes-identity", Purpose::NamePrefix),
        ] {
            if text(property, extension).is_some() {
                self.additions.fields.entry(purpose).or_default().push(spec(here.clone()));
            }
        }
        let version = text(property, "x-kubernetes-object-ref-api-version");
        let Some((version, target)) = version.zip(text(property, "x-kubernetes-object-ref-kind")) else {
            return Ok(());
        };
        let key = text(property, "x-kubernetes-object-ref-name-key").unwrap_or("name");
        let gvk = Gvk { group: Text::new(), version: version.into(), kind: target.into() };
        self.additions.refer(Reference { gvk, fields: vec![spec(format!("{here}/{key}"))] }, self.at)
    }
}

fn text<'a>(node: &'a Node, key: &str) -> Option<&'a str> {
    node.get(key).filter(|value| value.resolve() == Resolved::Str)?.as_str()
}
