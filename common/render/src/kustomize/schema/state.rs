//! Which schema is in force. As in Kustomize there is one per build: the first kustomization that
//! names one decides, in the order in which they are opened. What was looked up in the built-in
//! schema before stays known then; otherwise the one that is named takes its place.

use std::sync::Arc;

use super::{Custom, Table};

/// The version of the built-in schema, the only one that Kustomize 5.8 has.
const BUILTIN_VERSION: &str = "v1.21.2";

/// The schema of a build.
#[derive(Debug, Clone)]
pub(crate) struct State {
    table: Arc<Table>,
    custom: Option<Arc<Custom>>,
    is_decided: bool,
    /// How often the built-in schema has been needed already.
    uses: usize,
}

impl Default for State {
    fn default() -> Self {
        Self { table: Table::builtin(), custom: None, is_decided: false, uses: 0 }
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

    /// Takes a schema file.
    pub(crate) fn choose(&mut self, custom: Custom) -> Result<(), String> {
        let mut table = if self.uses > 0 { (*self.table).clone() } else { Table::default() };
        custom.add_to(&mut table)?;
        self.table = Arc::new(table);
        self.custom = Some(Arc::new(custom));
        self.is_decided = true;
        Ok(())
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
        self.uses += usize::from(self.table.of_kind(api_version, kind).is_unknown());
    }
}
