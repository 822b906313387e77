//! What a resource was before, as annotations that another run of Kustomize left on it tell.

use skerry_yaml::{Node, Text};

use super::{PreviousId, effective};
use crate::document::text_at;

const NAMES: &str = "internal.config.kubernetes.io/previousNames";
const NAMESPACES: &str = "internal.config.kubernetes.io/previousNamespaces";
const KINDS: &str = "internal.config.kubernetes.io/previousKinds";
const PREFIXES: &str = "internal.config.kubernetes.io/prefixes";
const SUFFIXES: &str = "internal.config.kubernetes.io/suffixes";

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
