//! What a render is asked for and what it gives.

use std::collections::BTreeMap;

use serde_json::Value;
use skerry_common::diagnostic::{Diagnostic, Location};
use skerry_common::object::ObjectKey;

use crate::limits::RenderLimits;
use crate::read_set::ReadSet;

/// What is to be rendered.
#[derive(Debug, Clone, Copy)]
pub struct RenderRequest<'a> {
    /// A folder of the source, or one file of manifests; empty for the root.
    pub path: &'a str,
    /// What built-in namespaced objects get that name no namespace.
    pub namespace: Option<&'a str>,
    /// Values of `${NAME}`; `None` leaves such texts as they are.
    pub variables: Option<&'a BTreeMap<String, String>>,
    /// Bounds.
    pub limits: RenderLimits,
}

impl<'a> RenderRequest<'a> {
    /// A request for a path, without namespace and variables, with the usual bounds.
    pub fn new(path: &'a str) -> Self {
        Self { path, namespace: None, variables: None, limits: RenderLimits::default() }
    }
}

/// What was rendered.
#[derive(Debug, Clone, PartialEq)]
pub struct Rendered {
    /// The objects, in the order in which the source declares them.
    pub objects: Vec<RenderedObject>,
    /// What they depend on.
    pub reads: ReadSet,
    /// What works, but somebody should look at.
    pub warnings: Vec<Diagnostic>,
}

/// One object.
#[derive(Debug, Clone, PartialEq)]
pub struct RenderedObject {
    /// Which object it is.
    pub key: ObjectKey,
    /// The object.
    pub value: Value,
    /// Where it was declared: file and line.
    pub origin: Location,
}
