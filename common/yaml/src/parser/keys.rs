//! No key twice.

use std::collections::HashMap;

use crate::error::{ParseError, ParseErrorKind};
use crate::list::List;
use crate::node::{Node, Position};
use crate::parser::Duplicates;

/// Up to this many keys a mapping is searched, beyond it an index is kept.
const SEARCH_MAX: usize = 12;

/// The keys of one mapping.
#[derive(Default)]
pub(super) struct UniqueKeys {
    index: HashMap<String, Position>,
}

impl UniqueKeys {
    /// Takes a key; one that is among the entries already is refused, its entry goes, or
    /// both stay.
    pub(super) fn claim(
        &mut self,
        key: &Node,
        entries: &mut List<(Node, Node)>,
        duplicates: Duplicates,
    ) -> Result<(), ParseError> {
        let added = self.add(key, entries);
        match duplicates {
            Duplicates::Refused => added,
            Duplicates::LastWins => {
                if added.is_err() {
                    entries.retain(|(name, _)| name.as_str() != key.as_str());
                }
                Ok(())
            }
            Duplicates::Kept => Ok(()),
        }
    }

    /// Refuses a key that is among the entries already.
    fn add(&mut self, key: &Node, entries: &[(Node, Node)]) -> Result<(), ParseError> {
        let Some(text) = key.as_str() else {
            return Ok(());
        };
        let earlier = if entries.len() < SEARCH_MAX {
            entries.iter().find(|(name, _)| name.as_str() == Some(text)).map(|(name, _)| name.position)
        } else {
            if self.index.is_empty() {
                self.index
                    .extend(entries.iter().filter_map(|(name, _)| Some((name.as_str()?.to_owned(), name.position))));
            }
            self.index.insert(text.to_owned(), key.position)
        };
        match earlier {
            None => Ok(()),
            Some(earlier) => Err(ParseError::new(
                ParseErrorKind::DuplicateKey,
                key.position,
                format!("key `{text}` is already set in line {}", earlier.line),
            )),
        }
    }
}
