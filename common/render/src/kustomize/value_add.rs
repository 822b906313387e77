//! `ValueAddTransformer`: one text into many fields, whole or as a part of a path.

use skerry_common::diagnostic::Location;
use skerry_yaml::Node;

use super::field_path;
use super::field_spec::{Misfit, Specs, set_text};
use super::file::{Kustomization, Reader, Spot, Text, rules};
use super::resource::Resource;
use super::select::Selector;
use super::transform_namespace::{NamespaceChange, Subjects};
use crate::codes::{self, Fallible, fail};
use crate::document::parse_one;
use crate::kustomize::accumulate;
use crate::tree::View;

/// A text, and where it goes.
pub(crate) struct ValueAdd {
    value: String,
    targets: Vec<Target>,
}

struct Target {
    selector: Option<Selector>,
    path: String,
    /// Zero: the whole field. Else the place, from one, of the new part in a path.
    position: usize,
    at: Location,
}

/// Reads the configuration. Without a value it is the name of the folder of the kustomization.
pub(crate) fn read(view: &View<'_>, kustomization: &Kustomization, config: &Resource) -> Fallible<ValueAdd> {
    let mut reader = Reader::converting(config.file.clone());
    let root = Spot { node: &config.node, path: String::new() };
    reader.only(&root, &["apiVersion", "kind", "metadata", "value", "targets", "targetFilePath"]);
    let written = reader.text(&root, "value").unwrap_or_default();
    let folder = kustomization.folder.rsplit('/').next().unwrap_or_default();
    let value = Some(written.trim()).filter(|value| !value.is_empty()).unwrap_or(folder).to_owned();
    if value.is_empty() {
        let message = "`value` is needed: the root of the source has no name that could stand in";
        reader.problem(codes::PLUGIN_CONFIGURATION, &root, message);
    }
    let mut targets = read_targets(&mut reader, &root);
    let file = reader.filled(&root, "targetFilePath").map(|value| Text { value, at: config.location() });
    reader.finish(view)?;
    if let Some(entry) = file {
        let (found, content) = accumulate::load(view, kustomization, &entry)?;
        if let Some(node) = parse_one(&content, &found.path, &view.limits)? {
            let mut reader = Reader::converting(found.path.as_str().into());
            targets.extend(read_targets(&mut reader, &Spot { node: &node, path: String::new() }));
            reader.finish(view)?;
        }
    }
    if targets.is_empty() {
        return fail(codes::PLUGIN_CONFIGURATION, &config.location(), "at least one target is needed");
    }
    Ok(ValueAdd { value, targets })
}

fn read_targets(reader: &mut Reader, root: &Spot<'_>) -> Vec<Target> {
    let mut targets = Vec::new();
    for spot in reader.items(root, "targets") {
        reader.only(&spot, &["selector", "fieldPath", "filePathPosition"]);
        let path = reader.text(&spot, "fieldPath").unwrap_or_default();
        if path.is_empty() {
            reader.problem(codes::PLUGIN_CONFIGURATION, &spot, "`fieldPath` is needed");
        }
        let Ok(position) = usize::try_from(reader.integer(&spot, "filePathPosition")) else {
            reader.problem(codes::PLUGIN_CONFIGURATION, &spot, "`filePathPosition` must not be negative");
            continue;
        };
        let selector = spot.child("selector").and_then(|spot| rules::selector(reader, &spot));
        targets.push(Target { selector, path, position, at: reader.at(&spot) });
    }
    targets
}

/// Puts the text into every field that a target names.
pub(crate) fn apply(change: &ValueAdd, resources: &mut [Resource]) -> Fallible<()> {
    for target in &change.targets {
        let is_meant = |resource: &&mut Resource| target.selector.as_ref().is_none_or(|one| one.matches(resource));
        for resource in resources.iter_mut().filter(is_meant) {
            if target.path == "metadata/namespace" {
                let namespace = change.value.clone();
                let specs = Specs::from([]);
                NamespaceChange { namespace, specs, unset_only: false, subjects: Subjects::Default }
                    .apply_to(resource)?;
                continue;
            }
            let mut parts = field_path::split_escaped(&target.path, '/');
            parts.retain(|part| !part.is_empty());
            if let Err(Misfit(message)) = add(&mut resource.node, &parts, target.position, &change.value) {
                let message = format!("`{}` of `{}`: {message}", target.path, resource.current_id().shown());
                return fail(codes::UNEXPECTED_SHAPE, &target.at, message);
            }
        }
    }
    Ok(())
}

/// Goes down a path through mappings, which are made where they are missing.
fn add(node: &mut Node, path: &[String], position: usize, value: &str) -> Result<(), Misfit> {
    let Some((name, rest)) = path.split_first() else {
        let new = match position {
            0 => value.to_owned(),
            position => insert(node.as_str().unwrap_or(""), position - 1, value),
        };
        return set_text(node, new);
    };
    if field_path::is_step_in_list(name) {
        return add_in_list(node, name, rest, position, value);
    }
    if !node.is_mapping() {
        return Err(Misfit(format!("a mapping is needed around `{name}`")));
    }
    match node.get(name) {
        None => node.set(name, made(rest)),
        // A null on the way ends it (or Kustomize); one at its end is the text that it is written as.
        Some(next) if next.is_null() && !rest.is_empty() => {
            let refusal = || Misfit(format!("`{name}` is null, so that there is no path to work on"));
            return if position == 0 { Ok(()) } else { Err(refusal()) };
        }
        Some(_) => {}
    }
    node.get_mut(name).map_or(Ok(()), |next| add(next, rest, position, value))
}

/// Goes on in an entry of a list. One that is told by its content is made when it is missing.
fn add_in_list(node: &mut Node, name: &str, rest: &[String], position: usize, value: &str) -> Result<(), Misfit> {
    let index = match field_path::step(node, name)? {
        Some(index) => index,
        None => match (field_path::made_entry(name), node.items_mut()) {
            (Some(made), Some(items)) => {
                items.push(made);
                items.len() - 1
            }
            _ if position == 0 => return Ok(()),
            _ => return Err(Misfit(format!("there is no entry `{name}`"))),
        },
    };
    node.items_mut().and_then(|items| items.get_mut(index)).map_or(Ok(()), |next| add(next, rest, position, value))
}

/// What stands for the rest of a path that is missing.
fn made(rest: &[String]) -> Node {
    match rest.first() {
        None => Node::plain(""),
        Some(next) if field_path::is_step_in_list(next) && !matches!(next.as_str(), "-" | "*") => Node::sequence(),
        Some(_) => Node::mapping(),
    }
}

/// Puts a part into a path; a leading `/` stays where it is.
fn insert(path: &str, position: usize, part: &str) -> String {
    let (root, rest) = path.strip_prefix('/').map_or(("", path), |rest| ("/", rest));
    let mut parts: Vec<&str> = rest.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    parts.insert(position.min(parts.len()), part);
    format!("{root}{}", parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_go_where_they_are_told() {
        let check = |path, position, expected: &str| assert_eq!(insert(path, position, "new"), expected, "{path}");
        check("", 0, "new");
        check("/", 5, "/new");
        check("a", 0, "new/a");
        check("/a", 0, "/new/a");
        check("/a", 9, "/a/new");
        check("a/b/c/d", 3, "a/b/c/new/d");
    }
}
