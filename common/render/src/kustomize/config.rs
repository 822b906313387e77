//! Which fields transformers change, which hold names and which variables: Kustomize's defaults,
//! with what `configurations` and `crds` add.
//!
//! A kustomization knows what it adds itself and what its bases have added, each merged into the
//! next. Most add nothing: they share one value.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock, OnceLock};

use skerry_common::diagnostic::Location;

use super::accumulate::load;
use super::field_spec::{self, FieldSpec, Specs};
use super::file::{self, Kustomization, Text};
use super::name_refs::{self, Reference};
use super::order;
use crate::codes::{self, Fallible, fail_with_help};
use crate::tree::View;

/// What a list of field specs is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Purpose {
    NamePrefix,
    NameSuffix,
    Namespace,
    /// Labels that go into selectors too.
    CommonLabels,
    /// Labels that go wherever any label goes.
    Labels,
    TemplateLabels,
    ClaimLabels,
    Annotations,
    VarReferences,
    Images,
    Replicas,
}

impl Purpose {
    /// Every purpose, with its field in a configuration and the sets of its defaults.
    #[rustfmt::skip]
    pub(crate) const ALL: &[(Purpose, &str, &[&str])] = &[
        (Purpose::NamePrefix, "namePrefix", &["names"]),
        (Purpose::NameSuffix, "nameSuffix", &["names"]),
        (Purpose::Namespace, "namespace", &["namespace"]),
        (Purpose::CommonLabels, "commonLabels", &["selectors", "labels", "claims"]),
        (Purpose::Labels, "labels", &[]),
        (Purpose::TemplateLabels, "templateLabels", &["labels"]),
        (Purpose::ClaimLabels, "volumeClaimTemplateLabels", &["claims"]),
        (Purpose::Annotations, "commonAnnotations", &["annotations"]),
        (Purpose::VarReferences, "varReference", &["vars"]),
        (Purpose::Images, "images", &["images"]),
        (Purpose::Replicas, "replicas", &["replicas"]),
    ];
}

/// What a kustomization knows of fields.
#[derive(Debug, Clone, Default)]
pub(crate) struct Config(Arc<Sets>);

#[derive(Debug, Default)]
struct Sets {
    fields: BTreeMap<Purpose, Specs>,
    references: Arc<[Reference]>,
    /// The fields of the references, made when they are needed first.
    names: OnceLock<name_refs::Fields>,
    /// Where common labels go, each place once; nothing where that contradicts itself.
    common_labels: OnceLock<Option<Specs>>,
}

/// Field specs that are added to those that are there.
#[derive(Debug, Clone, Default)]
pub(crate) struct Additions {
    pub(crate) fields: BTreeMap<Purpose, Vec<FieldSpec>>,
    pub(crate) references: Vec<Reference>,
}

static DEFAULTS: LazyLock<Config> = LazyLock::new(|| {
    let mut fields = BTreeMap::new();
    for (purpose, _, sets) in Purpose::ALL {
        let specs: Vec<FieldSpec> = sets.iter().flat_map(|set| field_spec::defaults(set).to_vec()).collect();
        fields.insert(*purpose, specs.into());
    }
    Config(Arc::new(Sets { fields, references: name_refs::defaults().into(), ..Sets::default() }))
});

impl Config {
    /// Kustomize's own.
    pub(crate) fn defaults() -> Self {
        DEFAULTS.clone()
    }

    /// The field specs for a purpose.
    pub(crate) fn specs(&self, purpose: Purpose) -> Specs {
        self.0.fields.get(&purpose).cloned().unwrap_or_else(|| Arc::from([]))
    }

    /// Where labels go that go into selectors too, each place once; nothing where that contradicts
    /// itself.
    pub(crate) fn common_labels(&self) -> Option<Specs> {
        let once = || {
            let mut specs = Vec::new();
            field_spec::merge(&mut specs, &self.specs(Purpose::CommonLabels)).ok()?;
            Some(specs.into())
        };
        self.0.common_labels.get_or_init(once).clone()
    }

    /// Which fields hold names.
    pub(crate) fn names(&self) -> &name_refs::Fields {
        self.0.names.get_or_init(|| name_refs::Fields::of(&self.0.references))
    }

    /// Adds what a kustomization and Kustomize itself say to what its bases have said.
    pub(crate) fn of(self, view: &View<'_>, kustomization: &Kustomization) -> Fallible<Self> {
        let mut own = Additions::default();
        for entry in &kustomization.configurations {
            let (found, content) = load(view, kustomization, entry)?;
            own.merge(file::read_configuration(view, &found, &content)?, &entry.at)?;
        }
        let mut config = self.merge(&Self::defaults().extended(own, &kustomization.at)?, &kustomization.at)?;
        let mut from_crds = Additions::default();
        for entry in &kustomization.crds {
            from_crds.merge(read_crds(view, kustomization, entry)?, &entry.at)?;
        }
        config = config.extended(from_crds, &kustomization.at)?;
        Ok(config)
    }

    /// Adds what another kustomization knows.
    pub(crate) fn merge(self, other: &Self, at: &Location) -> Fallible<Self> {
        let adds_defaults = Arc::ptr_eq(&other.0, &DEFAULTS.0);
        let is_known = Arc::ptr_eq(&self.0, &other.0) || other.0.is_empty();
        if is_known {
            return Ok(self);
        }
        if self.0.is_empty() && adds_defaults {
            return Ok(other.clone());
        }
        let fields = other.0.fields.iter().map(|(purpose, specs)| (*purpose, specs.to_vec())).collect();
        self.extended(Additions { fields, references: other.0.references.to_vec() }, at)
    }

    fn extended(self, additions: Additions, at: &Location) -> Fallible<Self> {
        if additions.is_empty() {
            return Ok(self);
        }
        let mut all = Additions {
            fields: self.0.fields.iter().map(|(purpose, specs)| (*purpose, specs.to_vec())).collect(),
            references: self.0.references.to_vec(),
        };
        all.merge(additions, at)?;
        Ok(Config(Arc::new(Sets {
            fields: all.fields.into_iter().map(|(purpose, specs)| (purpose, specs.into())).collect(),
            references: all.references.into(),
            ..Sets::default()
        })))
    }
}

impl Sets {
    fn is_empty(&self) -> bool {
        self.references.is_empty() && self.fields.values().all(|specs| specs.is_empty())
    }
}

impl Additions {
    fn is_empty(&self) -> bool {
        self.references.is_empty() && self.fields.values().all(Vec::is_empty)
    }

    /// Adds one more way to refer to a kind.
    pub(crate) fn refer(&mut self, reference: Reference, at: &Location) -> Fallible<()> {
        let known = self.references.iter_mut().find(|known| known.gvk == reference.gvk);
        match known {
            None => self.references.push(reference),
            Some(known) => {
                field_spec::merge(&mut known.fields, &reference.fields).or_else(|clash| refuse(clash, at))?
            }
        }
        Ok(())
    }

    /// Puts everything in Kustomize's order, which decides what counts as there already.
    fn sort(&mut self) {
        for specs in self.fields.values_mut() {
            specs.sort_by_cached_key(|spec| order::kind_key(&spec.group, &spec.version, &spec.kind));
        }
        self.references
            .sort_by_cached_key(|known| order::kind_key(&known.gvk.group, &known.gvk.version, &known.gvk.kind));
    }

    /// Adds field specs, which then are in order.
    fn merge(&mut self, mut more: Additions, at: &Location) -> Fallible<()> {
        more.sort();
        for (purpose, specs) in more.fields {
            let known = self.fields.entry(purpose).or_default();
            field_spec::merge(known, &specs).or_else(|clash| refuse(clash, at))?;
        }
        for reference in more.references {
            self.refer(reference, at)?;
        }
        self.sort();
        Ok(())
    }
}

fn refuse(clash: &FieldSpec, at: &Location) -> Fallible<()> {
    let message =
        format!("the field `{}` of `{}` is configured twice, once to be made and once not", clash.path, clash.kind);
    fail_with_help(codes::FIELD_SPECS, at, message, "write the same `create` in both, or delete one")
}

fn read_crds(view: &View<'_>, kustomization: &Kustomization, entry: &Text) -> Fallible<Additions> {
    let (found, content) = load(view, kustomization, entry)?;
    super::crds::read(view, &found, &content, &entry.at)
}
