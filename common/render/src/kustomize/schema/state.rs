//! Which schema is in force. As in Kustomize there is one per build: the first kustomization that
//! names one decides, in the order in which they are opened. What was looked up in the built-in
//! schema before stays known then; otherwise the one that is named takes its place.

use std::sync::Arc;

use skerry_common::diagnostic::Location;

use super::{Custom, Table};

/// The version of the built-in schema, the only one that Kustomize 5.8 has.
const BUILTIN_VERSION: &str = "v1.21.2";

/// The schema of a build.
#[derive(Debug, Clone)]
pub(crate) struct State {
    table: Arc<Table>,
    custom: Option<Arc<Custom>>,
    is_decided: bool,
    /// Why the schema file cannot be used, where it is named, and how often a schema was needed
    /// before. As in Kustomize that is an error only when it is needed.
    broken: Option<(String, Location, usize)>,
    /// How often the built-in schema has been needed already.
    uses: usize,
}

impl Default for State {
    fn default() -> Self {
        Self { table: Table::builtin(), custom: None, is_decided: false, broken: None, uses: 0 }
    }
}

impl State {
    /// Whether a kustomization has named a schema, so that what others name has no effect.
    pub(crate) fn is_decided(&self) -> bool {
        self.is_decided
    }

    /// Takes a version of the built-in schema.
    pub(crate) fn choose_version(&mut self, version: &str) -> Result<(), String> {
        if version.is_empty() {
            return Ok(());
        }
        if version != BUILTIN_VERSION {
            return Err(format!("there is no built-in schema `{version}`, only `{BUILTIN_VERSION}`"));
        }
        self.is_decided = true;
        Ok(())
    }

    /// Takes a schema file, or what is wrong with it.
    pub(crate) fn choose(&mut self, custom: Result<Custom, String>, at: &Location) {
        let mut table = if self.uses > 0 { (*self.table).clone() } else { Table::default() };
        self.is_decided = true;
        match custom.and_then(|custom| custom.add_to(&mut table).map(|()| custom)) {
            Err(message) => self.broken = Some((message, at.clone(), self.uses)),
            Ok(custom) => {
                self.table = Arc::new(table);
                self.custom = Some(Arc::new(custom));
            }
        }
    }

    /// What is wrong with the schema file, when it has been needed.
    pub(crate) fn problem(&self) -> Option<(&str, &Location)> {
        let (message, at, uses) = self.broken.as_ref()?;
        (self.uses > *uses).then_some((message, at))
    }

    /// The table, which from then on counts as used.
    pub(crate) fn table(&mut self) -> Arc<Table> {
        self.uses += 1;
        self.table.clone()
    }

    /// The schema file in force, which says what kinds have namespaces.
    pub(crate) fn custom(&self) -> Option<&Arc<Custom>> {
        self.custom.as_ref()
    }

    /// How often the built-in schema has been needed.
    pub(crate) fn uses(&self) -> usize {
        self.uses
    }

    /// Takes notice that what is taken from a memo has needed it.
    pub(crate) fn note_use(&mut self) {
        self.uses += 1;
    }

    /// Takes notice of a resource: a kind that is not built in makes Kustomize look it up.
    pub(crate) fn meet(&mut self, api_version: &str, kind: &str) {
        self.uses += usize::from(Table::builtin().of_kind(api_version, kind).is_unknown());
    }
}
