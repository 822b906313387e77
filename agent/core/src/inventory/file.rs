//! The file form: one JSON document, its format version first.

use serde::{Deserialize, Serialize};
use skerry_common::bundle::digest::Digest;
use skerry_common::bundle::manifest::Policy;
use skerry_common::canonical;
use skerry_common::id::ApplicationName;
use skerry_common::object::ObjectKey;
use thiserror::Error;

use super::{Inventory, PruneList, Record};

/// The only schema that this version reads and writes.
pub const INVENTORY_SCHEMA: u32 = 1;

/// Why a file is no inventory. It is never wiped for that.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum InventoryError {
    /// Not JSON of the known schema.
    #[error("the inventory cannot be read: {0}")]
    Malformed(String),
    /// Written by a later version.
    #[error("the inventory has schema {0}: this version reads {INVENTORY_SCHEMA}; upgrade the agent again")]
    Schema(u32),
}

/// The schema is read first, so that a later format is named as such.
#[derive(Deserialize)]
struct SchemaOnly {
    schema: u32,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct File {
    #[serde(rename = "schema")]
    _schema: u32,
    records: Vec<(ObjectKey, Record)>,
    policies: Vec<(ApplicationName, Policy)>,
    prune_lists: Vec<(Digest, PruneList)>,
}

fn list(bytes: &mut Vec<u8>, entries: impl Iterator<Item = impl Serialize>) -> Result<(), InventoryError> {
    for (index, entry) in entries.enumerate() {
        if index > 0 {
            bytes.push(b',');
        }
        bytes.extend(canonical::of(&entry).map_err(|error| InventoryError::Malformed(error.to_string()))?);
    }
    Ok(())
}

impl Inventory {
    /// Writes the file form: canonical JSON, one entry after the other, so that no second inventory is in memory
    /// while a large one is written.
    pub fn to_bytes(&self) -> Result<Vec<u8>, InventoryError> {
        let mut bytes = br#"{"policies":["#.to_vec();
        list(&mut bytes, self.policies.iter())?;
        bytes.extend_from_slice(br#"],"pruneLists":["#);
        list(&mut bytes, self.prune_lists.iter())?;
        bytes.extend_from_slice(br#"],"records":["#);
        list(&mut bytes, self.records.iter())?;
        bytes.extend_from_slice(format!(r#"],"schema":{INVENTORY_SCHEMA}}}"#).as_bytes());
        Ok(bytes)
    }

    /// Reads the file form.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, InventoryError> {
        let malformed = |error: serde_json::Error| InventoryError::Malformed(error.to_string());
        let schema = serde_json::from_slice::<SchemaOnly>(bytes).map_err(malformed)?.schema;
        if schema != INVENTORY_SCHEMA {
            return Err(InventoryError::Schema(schema));
        }
        let file: File = serde_json::from_slice(bytes).map_err(malformed)?;
        Ok(Self {
            records: file.records.into_iter().collect(),
            policies: file.policies.into_iter().collect(),
            prune_lists: file.prune_lists.into_iter().collect(),
        })
    }
}
