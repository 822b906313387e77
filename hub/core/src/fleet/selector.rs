//! Label selectors, and the syntax of labels, as Kubernetes defines them.
//!
//! Source: kubernetes.io «Labels and Selectors», and `k8s.io/apimachinery/pkg/util/validation`
//! (`IsQualifiedName`, `IsValidLabelValue`) for the syntax.

use std::collections::{BTreeMap, BTreeSet};

/// Which clusters belong to a group: every requirement must hold; none at all matches every cluster.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Selector {
    requirements: Vec<Requirement>,
}

/// One condition on one label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requirement {
    /// The label's key.
    pub key: String,
    /// What must be true of it.
    pub test: Test,
}

/// What must be true of a label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Test {
    /// It is there with one of these values.
    In(BTreeSet<String>),
    /// It is not there, or has none of these values.
    NotIn(BTreeSet<String>),
    /// It is there.
    Exists,
    /// It is not there.
    DoesNotExist,
}

impl Selector {
    /// A selector of these requirements.
    pub fn new(requirements: Vec<Requirement>) -> Self {
        Self { requirements }
    }

    /// True when every requirement holds.
    pub fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        self.requirements.iter().all(|requirement| requirement.matches(labels))
    }

    /// The requirements, in the order of the document.
    pub fn requirements(&self) -> &[Requirement] {
        &self.requirements
    }
}

impl Requirement {
    fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        let value = labels.get(&self.key);
        match &self.test {
            Test::In(values) => value.is_some_and(|value| values.contains(value)),
            Test::NotIn(values) => value.is_none_or(|value| !values.contains(value)),
            Test::Exists => value.is_some(),
            Test::DoesNotExist => value.is_none(),
        }
    }
}

/// Longest name part of a key, and longest value, in characters.
const NAME_LENGTH_MAX: usize = 63;

/// Longest prefix of a key, in characters: that of a DNS name.
const PREFIX_LENGTH_MAX: usize = 253;

/// Says what is wrong with a label's key: `[prefix/]name`.
pub fn check_key(key: &str) -> Result<(), String> {
    let (prefix, name) = match key.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, key),
    };
    if let Some(prefix) = prefix
        && !is_dns_name(prefix)
    {
        return Err(format!("label key `{key}`: the part before `/` must be a DNS name"));
    }
    if name.is_empty() || !is_label_text(name) {
        return Err(format!(
            "label key `{key}`: 1 to {NAME_LENGTH_MAX} letters, digits, `-`, `_` and `.` are allowed, beginning and \
             ending with a letter or digit"
        ));
    }
    Ok(())
}

/// Says what is wrong with a label's value; empty is fine.
pub fn check_value(value: &str) -> Result<(), String> {
    if value.is_empty() || is_label_text(value) {
        return Ok(());
    }
    Err(format!(
        "label value `{value}`: at most {NAME_LENGTH_MAX} letters, digits, `-`, `_` and `.` are allowed, beginning and \
         ending with a letter or digit"
    ))
}

fn is_label_text(text: &str) -> bool {
    let bytes = text.as_bytes();
    let ends = [bytes.first(), bytes.last()].into_iter().flatten().all(u8::is_ascii_alphanumeric);
    let inner = bytes.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
    ends && inner && text.len() <= NAME_LENGTH_MAX
}

fn is_dns_name(text: &str) -> bool {
    let label = |label: &str| {
        let bytes = label.as_bytes();
        let fine = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit();
        [bytes.first(), bytes.last()].iter().all(|end| end.is_some_and(fine))
            && bytes.iter().all(|b| fine(b) || *b == b'-')
    };
    text.len() <= PREFIX_LENGTH_MAX && text.split('.').all(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    fn values(values: &[&str]) -> BTreeSet<String> {
        values.iter().map(|value| (*value).to_owned()).collect()
    }

    #[test]
    fn requirements_are_judged_as_kubernetes_does() {
        let check = |test: Test, env: Option<&str>, expected: bool| {
            let selector = Selector::new(vec![Requirement { key: "env".into(), test: test.clone() }]);
            let labels = env.map(|env| labels(&[("env", env)])).unwrap_or_default();
            assert_eq!(selector.matches(&labels), expected, "{test:?} {env:?}");
        };
        check(Test::In(values(&["a", "b"])), Some("a"), true);
        check(Test::In(values(&["a"])), Some("c"), false);
        check(Test::In(values(&["a"])), None, false);
        check(Test::NotIn(values(&["a"])), Some("a"), false);
        check(Test::NotIn(values(&["a"])), None, true);
        check(Test::Exists, Some(""), true);
        check(Test::Exists, None, false);
        check(Test::DoesNotExist, None, true);
        check(Test::DoesNotExist, Some("a"), false);
        assert!(Selector::default().matches(&labels(&[])));
    }

    #[test]
    fn label_syntax_is_kubernetes() {
        let check = |key: &str, fine: bool| assert_eq!(check_key(key).is_ok(), fine, "{key}");
        check("env", true);
        check("app.kubernetes.io/name", true);
        check("A_b.c-1", true);
        check("", false);
        check("/a", false);
        check("a/", false);
        check("a/b/c", false);
        check("Upper.io/a", false);
        check("-a", false);
        check(&"a".repeat(64), false);
        assert!(check_value("").is_ok());
        assert!(check_value("v1.2_3").is_ok());
        assert!(check_value("a b").is_err());
        assert!(check_value("a-").is_err());
    }
}
