//! Which resources a patch is meant for.

mod labels;

use regex::Regex;
use skerry_yaml::Node;

use super::go_regex;
use super::resource::{Resource, ResourceId};
use labels::{Requirement, all_hold, requirements};

/// Narrows resources down; every part that is given must match.
#[derive(Debug, Clone, Default)]
pub(crate) struct Selector {
    group: Option<Regex>,
    version: Option<Regex>,
    kind: Option<Regex>,
    name: Option<Regex>,
    namespace: Option<Regex>,
    labels: Vec<Requirement>,
    annotations: Vec<Requirement>,
}

impl Selector {
    /// Reads the fields of a `target`; says which one is wrong, and how.
    pub(crate) fn parse(fields: Vec<(&'static str, String)>) -> Result<Self, (&'static str, String)> {
        let mut selector = Self::default();
        for (field, text) in fields {
            if text.is_empty() {
                continue;
            }
            match field {
                "labelSelector" => selector.labels = requirements(&text).map_err(|message| (field, message))?,
                "annotationSelector" => {
                    selector.annotations = requirements(&text).map_err(|message| (field, message))?;
                }
                _ => {
                    let regex = go_regex::compile(&format!("^(?:{text})$"))
                        .map_err(|refusal| (field, format!("`{text}` is no regular expression: {refusal}")))?;
                    *selector.part(field) = Some(regex);
                }
            }
        }
        Ok(selector)
    }

    fn part(&mut self, field: &str) -> &mut Option<Regex> {
        match field {
            "group" => &mut self.group,
            "version" => &mut self.version,
            "kind" => &mut self.kind,
            "namespace" => &mut self.namespace,
            _ => &mut self.name,
        }
    }

    /// Whether it names one resource at least by a name.
    pub(crate) fn has_name(&self) -> bool {
        self.name.is_some()
    }

    /// Whether it says anything about the identity of a resource.
    pub(crate) fn has_identity(&self) -> bool {
        [&self.group, &self.version, &self.kind, &self.name, &self.namespace].into_iter().any(Option::is_some)
    }

    /// Whether it says anything about labels or annotations.
    pub(crate) fn has_labels(&self) -> bool {
        !self.labels.is_empty() || !self.annotations.is_empty()
    }

    /// Whether it fits one identity, namespace as written.
    pub(crate) fn matches_identity(&self, id: &ResourceId) -> bool {
        let fits = |regex: &Option<Regex>, text: &str| regex.as_ref().is_none_or(|regex| regex.is_match(text));
        fits(&self.group, &id.gvk.group)
            && fits(&self.version, &id.gvk.version)
            && fits(&self.kind, &id.gvk.kind)
            && fits(&self.name, &id.name)
            && fits(&self.namespace, &id.namespace)
    }

    /// Whether it fits the labels and annotations of an object.
    pub(crate) fn matches_labels(&self, node: &Node) -> bool {
        all_hold(&self.labels, node, "labels") && all_hold(&self.annotations, node, "annotations")
    }

    /// Whether a resource is meant: name and namespace may be those that it had at first.
    pub(crate) fn matches(&self, resource: &Resource) -> bool {
        let (first, now) = (resource.original_id(), resource.current_id());
        let fits = |regex: &Option<Regex>, text: &str| regex.as_ref().is_none_or(|regex| regex.is_match(text));
        (fits(&self.namespace, &first.namespace) || fits(&self.namespace, &now.namespace))
            && (fits(&self.name, &first.name) || fits(&self.name, &now.name))
            && fits(&self.group, &now.gvk.group)
            && fits(&self.version, &now.gvk.version)
            && fits(&self.kind, &now.gvk.kind)
            && all_hold(&self.labels, &resource.node, "labels")
            && all_hold(&self.annotations, &resource.node, "annotations")
    }
}
