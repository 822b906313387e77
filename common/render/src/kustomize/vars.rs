//! `vars`: names that stand for the value of a field, written `$(NAME)` in others.
//!
//! A variable is tied to its resource where it is declared, by any identity that the resource has
//! or had by then; its value is read at the very end, when every name is final.

mod expand;

use std::collections::{BTreeMap, BTreeSet};

use skerry_common::diagnostic::Diagnostic;
use skerry_yaml::{Node, implied_tag};

use super::field_path;
use super::field_spec::{self, FieldSpec, Misfit, Missing};
use super::file::VarRule;
use super::patches::weight;
use super::quotes::UNTYPED;
use super::resource::Resource;
use crate::codes::{self, Fallible, fail, fail_with_help};
use crate::tree::View;
use expand::{Expanded, Value, expand};

/// The variables that are declared so far.
#[derive(Debug, Clone, Default)]
pub(crate) struct Vars(BTreeMap<String, VarRule>);

impl Vars {
    /// Declares the variables of a kustomization and ties them to their resources.
    pub(crate) fn declare(&mut self, rules: &[VarRule], resources: &mut [Resource]) -> Fallible<()> {
        for rule in rules {
            let mut meant: Vec<&mut Resource> =
                resources.iter_mut().filter(|resource| is_meant(rule, resource)).collect();
            if let [first, second, ..] = meant.as_slice() {
                let (first, second) = (first.current_id().shown(), second.current_id().shown());
                let message =
                    format!("the variable `{}` could be of several resources: `{first}`, `{second}`", rule.name);
                return fail_with_help(codes::VAR, &rule.at, message, "add a `namespace` to its `objref`");
            }
            if let Some(resource) = meant.first_mut() {
                resource.vars.push(rule.name.clone());
            }
        }
        self.absorb(rules.iter().cloned())
    }

    /// Adds those of a base.
    pub(crate) fn merge(&mut self, other: Vars) -> Fallible<()> {
        self.absorb(other.0.into_values())
    }

    fn absorb(&mut self, rules: impl Iterator<Item = VarRule>) -> Fallible<()> {
        for rule in rules {
            if let Some(first) = self.0.get(&rule.name) {
                let message = format!("the variable `{}` is declared twice, first in {}", rule.name, first.at);
                return fail_with_help(codes::VAR, &rule.at, message, "give one of them another name");
            }
            self.0.insert(rule.name.clone(), rule);
        }
        Ok(())
    }
}

fn is_meant(rule: &VarRule, resource: &Resource) -> bool {
    let namespace = if rule.namespace.is_empty() { None } else { Some(rule.namespace.as_str()) };
    resource.has_id(|id| {
        id.gvk == rule.gvk && id.name == rule.resource && namespace.is_none_or(|namespace| id.namespace == namespace)
    })
}

/// Puts values in place of variables wherever these may stand.
pub(crate) fn resolve(view: &View<'_>, vars: &Vars, specs: &[FieldSpec], resources: &mut [Resource]) -> Fallible<()> {
    if vars.0.is_empty() {
        return Ok(());
    }
    let mut values = BTreeMap::new();
    for (name, rule) in &vars.0 {
        values.insert(name.as_str(), value_of(rule, resources)?);
    }
    let mut used = BTreeSet::new();
    for resource in resources.iter_mut() {
        let at = resource.location();
        for spec in specs {
            let spec = FieldSpec { creates: false, ..spec.clone() };
            let mut grown = 0;
            let mut change = |node: &mut Node| replace(node, &values, &mut used, &mut grown);
            field_spec::visit(resource, &spec, Missing::Skip, &mut change)?;
            view.count_growth(grown, &at)?;
        }
    }
    for (name, rule) in vars.0.iter().filter(|(name, _)| !used.contains(name.as_str())) {
        let warning = Diagnostic::warning(codes::VAR_UNUSED, format!("the variable `{name}` is used nowhere"));
        view.warn(warning.at(rule.at.clone()).help("delete it, or write `$(NAME)` where Kustomize looks for it"));
    }
    Ok(())
}

fn value_of(rule: &VarRule, resources: &[Resource]) -> Fallible<Value> {
    let name = &rule.name;
    let Some(resource) = resources.iter().find(|resource| resource.vars.contains(name)) else {
        let message = format!("the variable `{name}` is of a resource that is not there: `{}`", rule.resource);
        let help = "`objref` needs the exact `apiVersion`, `kind` and `name` of a resource of this kustomization";
        return fail_with_help(codes::VAR, &rule.at, message, help);
    };
    let place = field_path::find(&resource.node, &rule.field.parts).ok().flatten();
    let found = place.and_then(|place| field_path::at(&resource.node, &place)).and_then(typed);
    match found {
        Some(value) => Ok(value),
        None => {
            let (shown, path) = (resource.current_id().shown(), &rule.field.text);
            fail(codes::VAR, &rule.at, format!("the variable `{name}` has no value: `{shown}` has no usable `{path}`"))
        }
    }
}

/// The value of a field; nothing for a number that Kustomize cannot read.
fn typed(node: &Node) -> Option<Value> {
    let Some(text) = node.as_str() else { return Some(Value::Other) };
    match node.kept_tag() {
        Some("!!int") => text.parse().ok().map(Value::Integer),
        Some("!!float") => text.parse().ok().map(Value::Float),
        Some("!!bool") => Some(Value::Bool(text.eq_ignore_ascii_case("true"))),
        Some(_) | None => Some(Value::Text(text.to_owned())),
    }
}

/// Expands a text, the texts of a mapping, or those of a list.
fn replace<'a>(
    node: &mut Node,
    values: &BTreeMap<&'a str, Value>,
    used: &mut BTreeSet<&'a str>,
    grown: &mut usize,
) -> Result<(), Misfit> {
    if node.is_null() {
        return Ok(());
    }
    let mut set = |node: &mut Node| {
        let Some(text) = node.as_str().filter(|_| is_text(node)) else { return false };
        let new = make(expand(text, values, used));
        *grown += weight(&new);
        field_spec::put(node, new);
        true
    };
    if node.is_scalar() {
        set(node);
    } else if node.is_sequence() {
        for item in node.items_mut().into_iter().flatten() {
            if !set(item) {
                return Err(Misfit("variables may stand here, so that every entry must be a text".to_owned()));
            }
        }
    } else {
        for (key, value) in node.entries_mut().into_iter().flatten() {
            if !is_text(key) {
                return Err(Misfit("variables may stand here, so that every key must be a text".to_owned()));
            }
            set(value);
        }
    }
    Ok(())
}

fn is_text(node: &Node) -> bool {
    node.is_scalar() && matches!(node.kept_tag(), Some("!!str" | UNTYPED))
}

fn make(expanded: Expanded) -> Node {
    let (text, tag) = match expanded {
        Expanded::Text(text) => return Node::string(text),
        Expanded::Value(Value::Text(text)) => return Node::string(text),
        Expanded::Value(Value::Other) => return Node::null(),
        Expanded::Value(Value::Integer(number)) => (number.to_string(), "!!int"),
        Expanded::Value(Value::Float(number)) => (number.to_string(), "!!float"),
        Expanded::Value(Value::Bool(flag)) => (flag.to_string(), "!!bool"),
    };
    let is_implied = implied_tag(&text) == tag;
    let mut node = Node::plain(text);
    if !is_implied {
        node.set_tag(Some(tag.to_owned()));
    }
    node
}
