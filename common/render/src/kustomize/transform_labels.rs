//! Labels and annotations: pairs that are set wherever some field specs say.

use std::collections::BTreeMap;

use skerry_yaml::{Node, NodeKind, ScalarStyle};

use super::field_spec::{self, Misfit, Missing, Specs, set_under};
use super::quotes::{keep_style, new_text};
use super::resource::Resource;
use super::shared::Change;
use crate::codes::Fallible;
use crate::tree::View;

/// Pairs, and the mappings that they go into.
#[derive(Debug, Clone)]
pub(crate) struct Pairs {
    pub(crate) pairs: BTreeMap<String, String>,
    pub(crate) specs: Specs,
}

/// Sets pairs in every resource.
pub(crate) fn apply(view: &View<'_>, resources: &mut [Resource], Pairs { pairs, specs }: &Pairs) -> Fallible<()> {
    if pairs.is_empty() {
        return Ok(());
    }
    let bytes: usize = pairs.iter().map(|(key, value)| key.len() + value.len()).sum();
    for resource in resources {
        view.count_growth(bytes, &resource.location())?;
        for (key, value) in pairs {
            let mut pair = Pair::new(key, value, resource.next_anchor());
            for spec in specs.iter() {
                field_spec::visit(resource, spec, Missing::Mapping, &mut |node| pair.set(node))?;
            }
            if let Some(change) = pair.restyled() {
                change.spread(&mut resource.node);
            }
        }
    }
    Ok(())
}

/// One pair on its way through the fields of a resource. Where the key is missing, Kustomize puts
/// one node into all places; where it is there, that node takes the style of the old value – at
/// the other places too – before it is copied.
struct Pair<'a> {
    key: &'a str,
    value: Node,
    /// The style in which it was first put somewhere.
    first: Option<ScalarStyle>,
}

impl<'a> Pair<'a> {
    fn new(key: &'a str, value: &str, anchor: String) -> Self {
        let mut value = new_text(value);
        value.set_anchor(Some(anchor));
        Self { key, value, first: None }
    }

    fn set(&mut self, node: &mut Node) -> Result<(), Misfit> {
        if node.is_null() {
            return Ok(());
        }
        if !node.is_mapping() {
            return Err(Misfit("a mapping is needed here".to_owned()));
        }
        if self.key.is_empty() {
            return Err(Misfit("a key is empty".to_owned()));
        }
        let Some(old) = node.get(self.key) else {
            set_under(node, self.key, self.value.clone());
            self.first = self.first.or_else(|| style(&self.value));
            return Ok(());
        };
        keep_style(old, &mut self.value);
        let mut new = self.value.clone();
        new.set_anchor(None);
        set_under(node, self.key, new);
        Ok(())
    }

    /// How it looks at the places that had lacked it, when that has changed since.
    fn restyled(&self) -> Option<Change> {
        self.first.filter(|first| style(&self.value) != Some(*first)).and_then(|_| Change::to(&self.value))
    }
}

fn style(node: &Node) -> Option<ScalarStyle> {
    if let NodeKind::Scalar { style, .. } = &node.kind { Some(*style) } else { None }
}
