//! `${cluster.…}` in fleet documents: texts that differ from cluster to cluster.
//!
//! ```text
//! ${cluster.name}  ${cluster.id}  ${cluster.labels.KEY}  ${cluster.variables.NAME}     $${ is ${
//! ```
//! Substitution is strict: what a cluster does not have is an error that names it, never an empty
//! text. Values are put in once and not read again, so a value cannot bring in another reference.

use std::collections::BTreeMap;
use std::fmt;

use skerry_common::id::{ClusterId, ClusterName};
use thiserror::Error;

use super::suggest;

/// What a reference may name, for help texts.
const FORMS: &str = "`${cluster.name}`, `${cluster.id}`, `${cluster.labels.KEY}` and `${cluster.variables.NAME}`";

/// A text with references.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Template {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Text(String),
    Reference(Reference),
}

/// What a reference stands for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reference {
    /// The cluster's name.
    Name,
    /// Its id.
    Id,
    /// One of its labels.
    Label(String),
    /// One of its variables.
    Variable(String),
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name => f.write_str("${cluster.name}"),
            Self::Id => f.write_str("${cluster.id}"),
            Self::Label(key) => write!(f, "${{cluster.labels.{key}}}"),
            Self::Variable(name) => write!(f, "${{cluster.variables.{name}}}"),
        }
    }
}

/// Why a text is no template.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TemplateError {
    /// `${` without `}`.
    #[error("`${{` is not closed: `}}` is missing")]
    Unclosed,
    /// A reference that names nothing.
    #[error("`${{{name}}}` names nothing that a cluster has")]
    Unknown {
        /// What stood between the braces.
        name: String,
    },
}

impl TemplateError {
    /// What to change.
    pub fn help(&self) -> String {
        match self {
            Self::Unclosed => "close it, or write `$${` for a literal `${`".to_owned(),
            Self::Unknown { name } => match name.split_once('.').and_then(|(first, rest)| near(first, rest)) {
                Some(meant) => format!("did you mean `${{{meant}}}`?"),
                None => format!("known are {FORMS}"),
            },
        }
    }
}

/// The reference that was probably meant.
fn near(first: &str, rest: &str) -> Option<String> {
    suggest::closest(first, ["cluster"])?;
    let (field, key) = rest.split_once('.').map_or((rest, None), |(field, key)| (field, Some(key)));
    match (suggest::closest(field, ["name", "id", "labels", "variables"])?, key) {
        (field @ ("labels" | "variables"), Some(key)) if !key.is_empty() => Some(format!("cluster.{field}.{key}")),
        (field @ ("name" | "id"), None) => Some(format!("cluster.{field}")),
        _ => None,
    }
}

/// What the references of one cluster stand for.
#[derive(Debug, Clone, Copy)]
pub struct Scope<'a> {
    /// Its name.
    pub name: &'a ClusterName,
    /// Its id.
    pub id: &'a ClusterId,
    /// Its labels.
    pub labels: &'a BTreeMap<String, String>,
    /// Its variables.
    pub variables: &'a BTreeMap<String, String>,
}

impl Template {
    /// Reads a text.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some(at) = rest.find('$') {
            let (before, from) = rest.split_at(at);
            literal.push_str(before);
            if let Some(after) = from.strip_prefix("$${") {
                literal.push_str("${");
                rest = after;
            } else if let Some(after) = from.strip_prefix("${") {
                let (name, after) = after.split_once('}').ok_or(TemplateError::Unclosed)?;
                if !literal.is_empty() {
                    parts.push(Part::Text(std::mem::take(&mut literal)));
                }
                parts.push(Part::Reference(reference(name)?));
                rest = after;
            } else {
                literal.push('$');
                rest = &from[1..];
            }
        }
        literal.push_str(rest);
        if !literal.is_empty() {
            parts.push(Part::Text(literal));
        }
        Ok(Self { parts })
    }

    /// The text for one cluster, or the reference for which that has no value.
    pub fn substitute(&self, scope: &Scope<'_>) -> Result<String, Reference> {
        let mut out = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Reference(reference) => out.push_str(scope.value(reference).ok_or_else(|| reference.clone())?),
            }
        }
        Ok(out)
    }

    /// True when the text is the same for every cluster.
    pub fn is_constant(&self) -> bool {
        self.parts.iter().all(|part| matches!(part, Part::Text(_)))
    }
}

impl fmt::Display for Template {
    /// As it was written.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in &self.parts {
            match part {
                Part::Text(text) => f.write_str(&text.replace("${", "$${"))?,
                Part::Reference(reference) => reference.fmt(f)?,
            }
        }
        Ok(())
    }
}

impl<'a> Scope<'a> {
    fn value(&self, reference: &Reference) -> Option<&'a str> {
        match reference {
            Reference::Name => Some(self.name.as_str()),
            Reference::Id => Some(self.id.as_str()),
            Reference::Label(key) => self.labels.get(key).map(String::as_str),
            Reference::Variable(name) => self.variables.get(name).map(String::as_str),
        }
    }
}

fn reference(name: &str) -> Result<Reference, TemplateError> {
    let keyed = |prefix: &str| name.strip_prefix(prefix).filter(|key| !key.is_empty()).map(str::to_owned);
    match name {
        "cluster.name" => Ok(Reference::Name),
        "cluster.id" => Ok(Reference::Id),
        _ => keyed("cluster.labels.")
            .map(Reference::Label)
            .or_else(|| keyed("cluster.variables.").map(Reference::Variable))
            .ok_or_else(|| TemplateError::Unknown { name: name.chars().take(80).collect() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn substitute(text: &str) -> Result<String, Reference> {
        let labels = BTreeMap::from([("env".into(), "prod".into()), ("example.com/site".into(), "b4".into())]);
        let variables = BTreeMap::from([("REPLICAS".into(), "${cluster.name}".into())]);
        let name = ClusterName::parse("edge-01").expect("a name");
        let id = ClusterId::parse("c-7").expect("a name");
        let scope = Scope { name: &name, id: &id, labels: &labels, variables: &variables };
        Template::parse(text).expect("a template").substitute(&scope)
    }

    #[test]
    fn references_are_replaced_once_and_strictly() {
        let check = |text: &str, expected: &str| assert_eq!(substitute(text).as_deref(), Ok(expected));
        check("apps/${cluster.labels.env}/x", "apps/prod/x");
        check("${cluster.name}-${cluster.id}", "edge-01-c-7");
        check("${cluster.labels.example.com/site}", "b4");
        check("${cluster.variables.REPLICAS}", "${cluster.name}");
        check("$${cluster.name} $HOME $", "${cluster.name} $HOME $");
        check("", "");
        assert_eq!(substitute("${cluster.labels.nope}"), Err(Reference::Label("nope".into())));
    }

    #[test]
    fn unknown_references_are_named_with_what_was_meant() {
        let check = |text: &str, help: &str| {
            let error = Template::parse(text).expect_err(text);
            assert!(error.help().contains(help), "{}", error.help());
        };
        check("${cluster.label.env}", "`${cluster.labels.env}`");
        check("${cluster.nam}", "`${cluster.name}`");
        check("${env}", "known are");
        check("${cluster.labels.}", "known are");
        check("a${cluster.name", "close it");
    }

    #[test]
    fn templates_show_as_written() {
        for text in ["a/${cluster.labels.env}", "$${x} ${cluster.id}", "plain $"] {
            assert_eq!(Template::parse(text).expect("a template").to_string(), text);
        }
        assert!(Template::parse("$${x}").expect("a template").is_constant());
    }
}
