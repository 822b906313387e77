//! `configMapGenerator` and `secretGenerator`.

mod hash;
mod pairs;
mod policy;

pub(crate) use policy::Policy;

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use skerry_common::diagnostic::Location;
use skerry_yaml::{Node, NodeKind, Position, Rules, ScalarStyle};

use super::charts;
use super::file::{ChartRule, GeneratorRule, Kustomization};
use super::notes::{self, Maker};
use super::quotes::new_text;
use super::resource::{Behavior, NEEDS_HASH, Resource, mapping_of_texts, set_metadata};
use super::trace::{self, Stand};
use crate::codes::{self, Fallible, fail};
use crate::document::Source;
use crate::tree::View;

/// Length of a line of encoded bytes, as Kustomize breaks them.
const ENCODED_LINE: usize = 70;

/// What makes resources.
#[derive(Debug, Clone)]
pub(crate) enum Generator {
    Pairs(Made, GeneratorRule),
    Policy(Policy),
    Chart(Box<ChartRule>),
}

/// Which kind a generator of pairs makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Made {
    ConfigMap,
    Secret,
}

impl Generator {
    /// The kind of plugin that does this in Kustomize.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Generator::Pairs(Made::ConfigMap, _) => "ConfigMapGenerator",
            Generator::Pairs(Made::Secret, _) => "SecretGenerator",
            Generator::Policy(_) => "IAMPolicyGenerator",
            Generator::Chart(_) => "HelmChartInflationGenerator",
        }
    }
}

/// The generators that the fields of a kustomization ask for, config maps first and charts last.
/// Charts that name no namespace get the one given.
pub(crate) fn of_fields(view: &View<'_>, kustomization: &Kustomization, namespace: &str) -> Fallible<Vec<Generator>> {
    let maps = kustomization.config_maps.iter().map(|rule| Generator::Pairs(Made::ConfigMap, rule.clone()));
    let secrets = kustomization.secrets.iter().map(|rule| Generator::Pairs(Made::Secret, rule.clone()));
    let mut generators: Vec<Generator> = maps.chain(secrets).collect();
    for rule in &kustomization.charts {
        charts::renderer(view, rule)?;
        let mut rule = rule.clone();
        if rule.namespace.is_empty() {
            namespace.clone_into(&mut rule.namespace);
        }
        generators.push(Generator::Chart(Box::new(rule)));
    }
    Ok(generators)
}

/// Runs a generator, and adds what it makes or merges it into what is there.
pub(crate) fn run(
    view: &View<'_>,
    kustomization: &Kustomization,
    generator: &Generator,
    maker: Option<&Maker>,
    resources: &mut Vec<Resource>,
) -> Fallible<()> {
    let (made, at) = match generator {
        Generator::Pairs(made, rule) => {
            let texts = [&rule.options.labels, &rule.options.annotations];
            if *made == Made::ConfigMap && texts.into_iter().any(|texts| texts.contains_key("")) {
                let message = format!("a label or annotation of `{}` has an empty name", rule.name);
                return fail(codes::GENERATOR_INVALID, &rule.at, message);
            }
            let pairs = pairs::load(view, kustomization, rule)?;
            (vec![make(kustomization, *made, rule, &pairs)], &rule.at)
        }
        Generator::Policy(policy) => (vec![policy.make(&view.limits)?], &policy.at),
        Generator::Chart(rule) => (charts::make(view, kustomization, rule)?, &rule.at),
    };
    for mut new in made {
        if let Some(maker) = maker {
            notes::generated_by(&mut new, maker);
        }
        absorb(resources, new, at)?;
    }
    trace::step(view, resources, generator.kind(), || Stand::At(at.clone()));
    Ok(())
}

fn make(
    kustomization: &Kustomization,
    made: Made,
    rule: &GeneratorRule,
    pairs: &BTreeMap<String, Vec<u8>>,
) -> Resource {
    let mut node = Node::mapping();
    node.set("apiVersion", Node::string("v1"));
    node.set("kind", Node::string(if made == Made::Secret { "Secret" } else { "ConfigMap" }));
    set_metadata(&mut node, "name", Some(new_text(&rule.name)));
    if !rule.namespace.is_empty() {
        set_metadata(&mut node, "namespace", Some(new_text(&rule.namespace)));
    }
    match made {
        Made::ConfigMap => set_config_map_data(&mut node, pairs),
        Made::Secret => {
            node.set("type", Node::string(&rule.secret_type));
            let data = mapping_of_texts(pairs.iter().map(|(key, value)| (key.clone(), encode(value))));
            node.set("data", data);
        }
    }
    for (field, pairs) in [("labels", &rule.options.labels), ("annotations", &rule.options.annotations)] {
        if pairs.contains_key("") {
            // Of a secret, Kustomize does not say so, and leaves out these and all that would follow.
            set_metadata(&mut node, field, Some(Node::mapping()));
            break;
        }
        if !pairs.is_empty() {
            set_metadata(&mut node, field, Some(quoted_texts(pairs)));
        }
    }
    if rule.options.immutable {
        node.set("immutable", Node::boolean(true));
    }
    node.position = Position { line: rule.at.line.unwrap_or(0), column: 0 };
    let source = Source { node, file: kustomization.file.clone(), rules: Rules::Kustomize };
    let mut resource =
        Resource { needs_hash: !rule.options.disable_hash, behavior: rule.behavior, ..Resource::new(source) };
    resource.annotate();
    resource
}

/// Labels and annotations as options set them, in quotes: a number that takes the place of one is a
/// text.
fn quoted_texts(pairs: &BTreeMap<String, String>) -> Node {
    let mut node = texts(pairs);
    for (_, value) in node.entries_mut().into_iter().flatten() {
        value.set_tag(None);
        if let NodeKind::Scalar { style, .. } = &mut value.kind {
            *style = ScalarStyle::SingleQuoted;
        }
    }
    node
}

fn texts(pairs: &BTreeMap<String, String>) -> Node {
    mapping_of_texts(pairs.iter().map(|(key, value)| (key.clone(), value.clone())))
}

/// Texts go to `data`, anything else, encoded, to `binaryData`.
fn set_config_map_data(node: &mut Node, pairs: &BTreeMap<String, Vec<u8>>) {
    let (texts, bytes): (Vec<_>, Vec<_>) = pairs.iter().partition(|(_, value)| std::str::from_utf8(value).is_ok());
    if !texts.is_empty() {
        let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
        node.set("data", mapping_of_texts(texts.into_iter().map(|(key, value)| (key.clone(), text(value)))));
    }
    if !bytes.is_empty() {
        node.set("binaryData", mapping_of_texts(bytes.into_iter().map(|(key, value)| (key.clone(), encode(value)))));
    }
}

/// Base64; from one full line on, in lines that each end with a newline.
fn encode(value: &[u8]) -> String {
    let encoded = STANDARD.encode(value);
    if encoded.len() < ENCODED_LINE {
        return encoded;
    }
    let mut lines = String::with_capacity(encoded.len() + encoded.len() / ENCODED_LINE + 1);
    let mut rest = encoded.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(ENCODED_LINE));
        lines.push_str(line);
        lines.push('\n');
        rest = after;
    }
    lines
}

/// Adds what was generated, or merges it into what is there.
fn absorb(resources: &mut Vec<Resource>, new: Resource, at: &Location) -> Fallible<()> {
    let id = new.current_id();
    let mut matches = resources.iter().enumerate().filter(|(_, old)| old.is_or_was(&id));
    let (first, second) = (matches.next().map(|(index, _)| index), matches.next());
    let name = id.shown();
    if second.is_some() {
        return fail(codes::GENERATOR_CLASH, at, format!("more than one resource is or was `{name}`"));
    }
    match (first, new.behavior) {
        (None, Behavior::None | Behavior::Unspecified | Behavior::Create) => {
            resources.push(new);
            Ok(())
        }
        (None, Behavior::Merge | Behavior::Replace) => {
            fail(codes::GENERATOR_CLASH, at, format!("there is no `{name}` to merge into or to replace"))
        }
        (Some(_), Behavior::None | Behavior::Unspecified | Behavior::Create) => {
            let message = format!("`{name}` exists already; set `behavior` to `merge` or `replace`");
            fail(codes::GENERATOR_CLASH, at, message)
        }
        (Some(index), Behavior::Merge | Behavior::Replace) => {
            if let Some(old) = resources.get_mut(index) {
                *old = merge(old, new, at)?;
            }
            Ok(())
        }
    }
}

/// What is generated, with the name, history and metadata of what was there; for `merge` with its
/// data too, where it has no value of its own.
fn merge(old: &Resource, mut new: Resource, at: &Location) -> Fallible<Resource> {
    if old.gvk() != new.gvk() {
        let (now, wanted) = (old.current_id().shown(), new.current_id().shown());
        return fail(codes::GENERATOR_CLASH, at, format!("what was `{wanted}` is `{now}` now, and of another kind"));
    }
    for field in ["labels", "annotations"] {
        let mut merged = merged_texts(old.node.get("metadata"), new.node.get("metadata"), field);
        if field == "annotations" && !new.needs_hash {
            merged.remove(NEEDS_HASH);
        }
        let value = (!merged.is_empty()).then(|| texts(&merged));
        set_metadata(&mut new.node, field, value);
    }
    new.set_name(old.name());
    new.set_namespace(old.namespace());
    if new.behavior == Behavior::Merge {
        notes::check_origin(old, at)?;
        if let Some(origin) = notes::origin_of(old) {
            notes::restore_origin(&mut new, &origin);
        }
        let encoded = if new.kind() == "Secret" { Some(with_texts_encoded(old, at)?) } else { None };
        for field in ["data", "binaryData"] {
            let merged = merged_texts(Some(encoded.as_ref().unwrap_or(&old.node)), Some(&new.node), field);
            if merged.contains_key("") {
                let message =
                    format!("`{field}` of `{}` has an empty key and cannot be merged", old.current_id().shown());
                return fail(codes::GENERATOR_INVALID, at, message);
            }
            new.node.remove(field);
            if !merged.is_empty() {
                new.node.set(field, texts(&merged));
            }
        }
    }
    // What Kustomize remembers is what the old one's annotations said, if it had any.
    if old.node.get("metadata").and_then(|metadata| metadata.get("annotations")).is_some_and(Node::is_mapping) {
        new.annotate();
    }
    Ok(Resource {
        previous: old.previous.clone(),
        prefixes: old.prefixes.clone(),
        suffixes: old.suffixes.clone(),
        needs_hash: new.needs_hash && old.needs_hash,
        behavior: old.behavior,
        vars: old.vars.clone(),
        trace: old.trace.clone(),
        ..new
    })
}

/// A secret whose `stringData` has gone into its `data`. No message shows a value.
fn with_texts_encoded(secret: &Resource, at: &Location) -> Fallible<Node> {
    let mut node = secret.node.clone();
    let Some(texts) = node.remove("stringData").filter(|texts| !texts.is_null()) else { return Ok(node) };
    let is_readable = texts.is_mapping() && texts.entries().iter().all(|(_, value)| value.is_scalar());
    if !is_readable {
        let at = at.clone().with_field("stringData");
        let message = format!("`stringData` of `{}` must hold texts to be merged into", secret.current_id().shown());
        return fail(codes::GENERATOR_INVALID, &at, message);
    }
    if node.get("data").is_none_or(Node::is_null) {
        node.set("data", Node::mapping());
    }
    if let Some(data) = node.get_mut("data") {
        for (key, value) in texts.entries() {
            let text = if value.is_null() { "" } else { value.as_str().unwrap_or_default() };
            data.set(key.as_str().unwrap_or_default(), Node::string(encode(text.as_bytes())));
        }
    }
    Ok(node)
}

fn merged_texts(old: Option<&Node>, new: Option<&Node>, field: &str) -> BTreeMap<String, String> {
    let mut merged = BTreeMap::new();
    let is_data = matches!(field, "data" | "binaryData");
    for node in [old, new].into_iter().flatten() {
        for (key, value) in node.get(field).map(Node::entries).unwrap_or_default() {
            let text = |node: &Node| node.as_str().unwrap_or("").to_owned();
            // As in Kustomize, null is nothing in data, and the text that it is written as elsewhere.
            let value = if is_data && value.is_null() { String::new() } else { text(value) };
            merged.insert(text(key), value);
        }
    }
    merged
}

/// Adds the digest of its content to the name of everything that was generated so.
pub(crate) fn add_hashes(resources: &mut [Resource]) -> Fallible<()> {
    for resource in resources.iter_mut().filter(|resource| resource.needs_hash()) {
        if !matches!(resource.kind(), "ConfigMap" | "Secret") {
            // Kustomize takes the digest of its own tree here, with lines and columns.
            let message =
                format!("only a ConfigMap or Secret can have a digest in its name, not a `{}`", resource.kind());
            return fail(codes::GENERATOR_INVALID, &resource.location(), message);
        }
        let name = format!("{}-{}", resource.name(), hash::of(resource));
        resource.remember_id();
        resource.set_name(&name);
    }
    Ok(())
}
