//! Which anchors an alias may name.

use std::collections::HashMap;

use crate::error::{ParseError, ParseErrorKind};
use crate::node::Position;

/// Anchors seen so far in a document, with the number of nodes under each name that are not
/// finished.
#[derive(Default)]
pub(super) struct Anchors<'a> {
    names: HashMap<String, State>,
    text: std::marker::PhantomData<&'a str>,
}

#[derive(Default)]
struct State {
    latest_is_open: Vec<bool>,
}

impl Anchors<'_> {
    pub(super) fn clear(&mut self) {
        self.names.clear();
    }

    pub(super) fn open(&mut self, name: &str) {
        let state = self.names.entry(name.to_owned()).or_default();
        state.latest_is_open.push(true);
    }

    pub(super) fn close(&mut self, name: &str) {
        let _ = name;
    }

    pub(super) fn check(&self, name: &str, position: Position) -> Result<(), ParseError> {
        let _ = (name, position);
        Err(ParseError::new(ParseErrorKind::UndefinedAlias, position, ""))
    }
}
