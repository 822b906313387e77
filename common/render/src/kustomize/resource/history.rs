//! What a resource was before, as annotations tell it: those that another run of Kustomize left, and
//! those in which Kustomize keeps it during a run.

use skerry_yaml::{Node, Text};

use super::{Behavior, NEEDS_HASH, PreviousId, Resource, effective};
use crate::document::text_at;

const NAMES: &str = "internal.config.kubernetes.io/previousNames";
const NAMESPACES: &str = "internal.config.kubernetes.io/previousNamespaces";
const KINDS: &str = "internal.config.kubernetes.io/previousKinds";
const PREFIXES: &str = "internal.config.kubernetes.io/prefixes";
const SUFFIXES: &str = "internal.config.kubernetes.io/suffixes";
const BEHAVIOR: &str = "internal.config.kubernetes.io/generatorBehavior";

/// What the names of annotations begin with that Kustomize keeps for itself, and its older ones.
const OWN: &str = "internal.config.kubernetes.io/";
const OLDER: [&str; 3] = ["config.kubernetes.io/path", "config.kubernetes.io/index", "config.k8s.io/id"];

/// Whether an annotation is one that Kustomize keeps for itself.
pub(super) fn is_note(name: &str) -> bool {
    name.starts_with(OWN) || OLDER.contains(&name)
}

/// Names, prefixes and suffixes that a resource had.
#[derive(Debug, Default)]
pub(super) struct History {
    pub(super) ids: Vec<PreviousId>,
    pub(super) prefixes: Vec<Text>,
    pub(super) suffixes: Vec<Text>,
}

/// Reads the annotations; what does not fit together says nothing.
pub(super) fn of(node: &Node) -> History {
    let Some(annotations) = node.get("metadata").and_then(|metadata| metadata.get("annotations")) else {
        return History::default();
    };
    let list = |name: &str| -> Vec<Text> {
        let text = text_at(annotations, &[name]);
        text.map(|text| text.split(',').map(Text::from).collect()).unwrap_or_default()
    };
    let (names, namespaces, kinds) = (list(NAMES), list(NAMESPACES), list(KINDS));
    let fits = names.len() == namespaces.len() && names.len() == kinds.len();
    let parts = names.into_iter().zip(namespaces).zip(kinds).filter(|_| fits);
    let id = |((name, namespace), kind): ((Text, Text), Text)| {
        let namespace = Text::from(effective(&namespace));
        PreviousId { kind, name, namespace }
    };
    History { ids: parts.map(id).collect(), prefixes: list(PREFIXES), suffixes: list(SUFFIXES) }
}

impl Resource {
    /// Writes down what is remembered, for what copies annotations as a whole: with them goes what
    /// Kustomize keeps there. In the end the annotations themselves are taken away.
    pub(crate) fn tell_history(&mut self) {
        let told = self.history();
        if told.is_empty() {
            return;
        }
        self.annotate();
        let annotations = self.node.get_mut("metadata").and_then(|metadata| metadata.get_mut("annotations"));
        if let Some(annotations) = annotations {
            told.into_iter().for_each(|(key, text)| annotations.set(key, Node::string(text)));
        }
    }

    fn history(&self) -> Vec<(&'static str, String)> {
        let joined = |texts: &mut dyn Iterator<Item = &Text>| texts.map(Text::as_str).collect::<Vec<_>>().join(",");
        let behavior = match self.behavior {
            Behavior::None => "",
            Behavior::Unspecified => "unspecified",
            Behavior::Create => "create",
            Behavior::Merge => "merge",
            Behavior::Replace => "replace",
        };
        let mut told = vec![
            (NAMES, joined(&mut self.previous.iter().map(|id| &id.name))),
            (NAMESPACES, joined(&mut self.previous.iter().map(|id| &id.namespace))),
            (KINDS, joined(&mut self.previous.iter().map(|id| &id.kind))),
            (PREFIXES, joined(&mut self.prefixes.iter())),
            (SUFFIXES, joined(&mut self.suffixes.iter())),
            (BEHAVIOR, behavior.to_owned()),
            (NEEDS_HASH, if self.needs_hash { "enabled".to_owned() } else { String::new() }),
        ];
        told.retain(|(_, text)| !text.is_empty());
        told
    }
}
