//! Which resources a patch is meant for.

use regex::Regex;
use skerry_yaml::Node;

use super::resource::{Resource, ResourceId};

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

/// One condition of a label selector.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Requirement {
    key: String,
    test: Test,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Test {
    Exists,
    Missing,
    In(Vec<String>),
    NotIn(Vec<String>),
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
                    let regex = Regex::new(&format!("^(?:{text})$"))
                        .map_err(|_| (field, format!("`{text}` is no regular expression")))?;
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

fn all_hold(requirements: &[Requirement], node: &Node, field: &str) -> bool {
    let pairs = node.get("metadata").and_then(|metadata| metadata.get(field));
    requirements.iter().all(|requirement| {
        let value = pairs.and_then(|pairs| pairs.get(&requirement.key)).and_then(Node::as_str);
        match (&requirement.test, value) {
            (Test::Exists, value) => value.is_some(),
            (Test::Missing, value) => value.is_none(),
            (Test::In(values), value) => value.is_some_and(|value| values.iter().any(|one| one == value)),
            (Test::NotIn(values), value) => value.is_none_or(|value| values.iter().all(|one| one != value)),
        }
    })
}

/// Reads Kubernetes' selector grammar: `a=b,c!=d,e in (f,g),h notin (i),j,!k`.
fn requirements(text: &str) -> Result<Vec<Requirement>, String> {
    let mut found = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let end = end_of_requirement(rest);
        found.push(requirement(rest[..end].trim())?);
        rest = rest[end..].trim_start_matches(',').trim();
    }
    Ok(found)
}

/// The first `,` that is outside parentheses.
fn end_of_requirement(text: &str) -> usize {
    let mut depth = 0_usize;
    for (index, char) in text.char_indices() {
        match char {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => return index,
            _ => {}
        }
    }
    text.len()
}

fn requirement(text: &str) -> Result<Requirement, String> {
    let words = |values: &str| values.split(',').map(|value| value.trim().to_owned()).collect();
    let (key, test) = if let Some(key) = text.strip_prefix('!') {
        (key, Test::Missing)
    } else if let Some((key, value)) = text.split_once("!=") {
        (key, Test::NotIn(words(value)))
    } else if let Some((key, value)) = text.split_once("==").or_else(|| text.split_once('=')) {
        (key, Test::In(words(value)))
    } else if let Some((front, values)) = text.strip_suffix(')').and_then(|text| text.split_once('(')) {
        match front.trim().rsplit_once(char::is_whitespace) {
            Some((key, "in")) => (key, Test::In(words(values))),
            Some((key, "notin")) => (key, Test::NotIn(words(values))),
            Some(_) | None => return Err(format!("`{text}` is no condition of a selector")),
        }
    } else {
        (text, Test::Exists)
    };
    let key = key.trim();
    let is_key = |char: char| char.is_ascii_alphanumeric() || "-_./".contains(char);
    if key.is_empty() || !key.chars().all(is_key) {
        return Err(format!("`{text}` is no condition of a selector"));
    }
    Ok(Requirement { key: key.to_owned(), test })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selectors_are_read_as_kubernetes_reads_them() {
        let check = |text: &str, labels: &str, expected: bool| {
            let node = skerry_yaml::parse(&format!("metadata: {{labels: {labels}}}"), &skerry_yaml::Limits::default());
            let node = node.expect("YAML").remove(0).root;
            let requirements = requirements(text).expect("a selector");
            assert_eq!(all_hold(&requirements, &node, "labels"), expected, "{text} on {labels}");
        };
        check("a=b", "{a: b}", true);
        check("a==b,c", "{a: b}", false);
        check("a in (x, b), !d", "{a: b}", true);
        check("a notin (x, b)", "{a: b}", false);
        check("a notin (x)", "{}", true);
        check("a!=b", "{}", true);
        check("a", "{a: \"\"}", true);
        assert!(requirements("a in b").is_err());
        assert!(requirements("=b").is_err());
    }
}
