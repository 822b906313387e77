//! Which anchors an alias may name.

use std::collections::HashMap;

use crate::error::{ParseError, ParseErrorKind};
use crate::node::Position;

/// Anchors seen so far in a document. A name may be used again: an alias means the node that
/// began last under its name.
#[derive(Default)]
pub(super) struct Anchors {
    names: HashMap<String, State>,
    count: usize,
}

struct State {
    number: usize,
    open: bool,
}

impl Anchors {
    pub(super) fn clear(&mut self) {
        self.names.clear();
    }

    /// A node with this anchor begins; the number is for [`Anchors::close`].
    pub(super) fn open(&mut self, name: &str) -> usize {
        self.count += 1;
        let state = State { number: self.count, open: true };
        self.names.insert(name.to_owned(), state);
        self.count
    }

    pub(super) fn close(&mut self, name: &str, number: usize) {
        if let Some(state) = self.names.get_mut(name)
            && state.number == number
        {
            state.open = false;
        }
    }

    /// Whether an alias may stand here.
    pub(super) fn check(&self, name: &str, position: Position) -> Result<(), ParseError> {
        let (kind, message) = match self.names.get(name) {
            Some(State { open: false, .. }) => return Ok(()),
            Some(State { open: true, .. }) => {
                (ParseErrorKind::RecursiveAlias, format!("the value of anchor `{name}` contains itself"))
            }
            None => (ParseErrorKind::UndefinedAlias, format!("no anchor `{name}` is defined before this alias")),
        };
        Err(ParseError::new(kind, position, message))
    }
}
