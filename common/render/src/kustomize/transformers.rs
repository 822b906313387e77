//! What changes resources: one value per transformer, whether a field of the kustomization asks for
//! it or a configuration of its own.

mod fields;

pub(crate) use fields::of_fields;

use super::field_spec::Specs;
use super::file::{ImageRule, ReplacementRule, ReplicaRule};
use super::generators;
use super::images;
use super::notes::{self, Maker};
use super::patches::{self, LoadedPatch};
use super::replacements;
use super::resource::Resource;
use super::transform_labels::{self, Pairs};
use super::transform_names::{self, NameChange};
use super::transform_namespace::{self, NamespaceChange};
use super::transform_replicas;
use super::value_add::{self, ValueAdd};
use crate::codes::Fallible;
use crate::tree::View;

/// One change to the resources, everything that it needs at hand.
pub(crate) enum Transformer {
    StrategicPatches(Vec<Resource>),
    Patch(LoadedPatch),
    Namespace(NamespaceChange),
    Names(Vec<NameChange>),
    Labels(Pairs),
    Annotations(Pairs),
    JsonPatch(LoadedPatch),
    Replicas(ReplicaRule, Specs),
    Image(ImageRule, Specs),
    Replacements(Vec<ReplacementRule>),
    Hash,
    ValueAdd(ValueAdd),
}

/// A transformer, and what is noted of it.
pub(crate) struct Step {
    pub(crate) transformer: Transformer,
    pub(crate) maker: Option<Maker>,
}

impl Step {
    /// Carries it out on all resources.
    pub(crate) fn run(&self, view: &View<'_>, resources: &mut Vec<Resource>) -> Fallible<()> {
        match &self.transformer {
            Transformer::StrategicPatches(patches) => patches::apply_strategic(view, patches, resources)?,
            Transformer::Patch(patch) => patches::apply(view, patch, resources)?,
            Transformer::Namespace(change) => transform_namespace::apply(resources, change)?,
            Transformer::Names(changes) => {
                changes.iter().try_for_each(|change| transform_names::apply(view, resources, change))?;
            }
            Transformer::Labels(pairs) | Transformer::Annotations(pairs) => {
                transform_labels::apply(view, resources, pairs)?;
            }
            Transformer::JsonPatch(patch) => patches::apply_json(view, patch, resources)?,
            Transformer::Replicas(rule, specs) => transform_replicas::apply(resources, rule, specs)?,
            Transformer::Image(rule, specs) => images::apply(resources, rule, specs)?,
            Transformer::Replacements(rules) => replacements::apply(view, rules, resources)?,
            Transformer::Hash => generators::add_hashes(resources)?,
            Transformer::ValueAdd(change) => value_add::apply(change, resources)?,
        }
        if let Some(maker) = &self.maker {
            notes::transformed_by(resources, maker)?;
        }
        Ok(())
    }
}

impl Transformer {
    /// The kind of plugin that does this in Kustomize.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Transformer::StrategicPatches(_) => "PatchStrategicMergeTransformer",
            Transformer::Patch(_) => "PatchTransformer",
            Transformer::Namespace(_) => "NamespaceTransformer",
            Transformer::Names(changes) => match changes.as_slice() {
                [only] => only.end.kind(),
                _ => "PrefixSuffixTransformer",
            },
            Transformer::Labels(_) => "LabelTransformer",
            Transformer::Annotations(_) => "AnnotationsTransformer",
            Transformer::JsonPatch(_) => "PatchJson6902Transformer",
            Transformer::Replicas(..) => "ReplicaCountTransformer",
            Transformer::Image(..) => "ImageTagTransformer",
            Transformer::Replacements(_) => "ReplacementTransformer",
            Transformer::Hash => "HashTransformer",
            Transformer::ValueAdd(_) => "ValueAddTransformer",
        }
    }

    /// Whether it writes resources anew even where it leaves them as they are.
    pub(crate) fn rewrites_matches(&self, resources: &[Resource]) -> bool {
        match self {
            Transformer::JsonPatch(patch) => resources.iter().any(|resource| patch.matches(resource)),
            Transformer::Replicas(rule, specs) => transform_replicas::writes(resources, rule, specs),
            Transformer::StrategicPatches(_)
            | Transformer::Patch(_)
            | Transformer::Namespace(_)
            | Transformer::Names(_)
            | Transformer::Labels(_)
            | Transformer::Annotations(_)
            | Transformer::Image(..)
            | Transformer::Replacements(_)
            | Transformer::Hash
            | Transformer::ValueAdd(_) => false,
        }
    }
}
