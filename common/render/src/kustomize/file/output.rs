//! What a kustomization says about the output as a whole: `sortOptions` and `buildMetadata`.

use skerry_common::diagnostic::{Diagnostic, Location};

use super::reader::{Reader, Spot};
use crate::codes;
use crate::kustomize::order;

/// The order of the output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SortRule {
    /// As the resources were gathered.
    Gathered,
    /// By kind, these first and those last.
    ByKind { first: Vec<String>, last: Vec<String> },
    /// None of the orders that there are. Only an error where the rule counts.
    Invalid { message: String, at: Location },
}

impl SortRule {
    /// What holds when nothing is said.
    fn usual() -> Self {
        let owned = |kinds: &[&str]| kinds.iter().map(|kind| (*kind).to_owned()).collect();
        Self::ByKind { first: owned(order::FIRST), last: owned(order::LAST) }
    }
}

/// Which notes on its making a build leaves in its output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct BuildNotes {
    /// Whether anything is asked for: then notes are kept while building.
    pub(crate) kept: bool,
    pub(crate) shown: ShownNotes,
}

/// What the output shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(clippy::struct_excessive_bools, reason = "three independent switches of one list")]
pub(crate) struct ShownNotes {
    pub(crate) origins: bool,
    pub(crate) transformers: bool,
    pub(crate) managed_by: bool,
}

pub(super) fn sort(reader: &mut Reader, root: &Spot<'_>) -> SortRule {
    let Some(spot) = root.child("sortOptions") else { return SortRule::usual() };
    reader.only(&spot, &["order", "legacySortOptions"]);
    let order = reader.text(&spot, "order").unwrap_or_default();
    let lists = spot.child("legacySortOptions").map(|lists| {
        reader.only(&lists, &["orderFirst", "orderLast"]);
        let mut kinds = |key| reader.texts(&lists, key).into_iter().map(|text| text.value).collect();
        (kinds("orderFirst"), kinds("orderLast"))
    });
    let at = reader.at(&spot);
    match (order.as_str(), lists) {
        ("legacy", None) => SortRule::usual(),
        ("legacy", Some((first, last))) => SortRule::ByKind { first, last },
        ("fifo", None) => SortRule::Gathered,
        ("fifo", Some(_)) => {
            let message = "`legacySortOptions` goes with `order: legacy`, not with `order: fifo`".to_owned();
            SortRule::Invalid { message, at }
        }
        _ => SortRule::Invalid { message: "`sortOptions.order` must be `legacy` or `fifo`".to_owned(), at },
    }
}

pub(super) fn notes(reader: &mut Reader, root: &Spot<'_>) -> BuildNotes {
    let mut notes = BuildNotes::default();
    for text in reader.texts(root, "buildMetadata") {
        notes.kept = true;
        match text.value.as_str() {
            "originAnnotations" => notes.shown.origins = true,
            "transformerAnnotations" => notes.shown.transformers = true,
            "managedByLabel" => notes.shown.managed_by = true,
            // Kustomize passes over what it does not know.
            other => {
                let message = format!("`{other}` is no kind of build metadata");
                let help = "there are `originAnnotations`, `transformerAnnotations` and `managedByLabel`";
                reader.warnings.push(Diagnostic::warning(codes::NO_EFFECT, message).at(text.at).help(help));
            }
        }
    }
    notes
}
