//! The one filter grammar of CLI, API and UI.
//!
//! ```text
//! filter := term { "," term }                       all terms must hold; no term at all: everything
//! term   := field "=" value | field "==" value      one of the field's values is this
//!         | field "!=" value                        none of them is
//!         | field "in" "(" value { "," value } ")"  one of them is one of these
//!         | field "notin" "(" … ")"                 none of them is
//!         | field ("<" | "<=" | ">" | ">=") number  one of them is a number and compares so
//!         | field                                   it has a value
//!         | "!" field                               it has none
//! field  := a word of the list, or "label." and a label's key
//! value  := a word without , ( ) ! = < > " and space, or any text in double quotes
//! ```
//! `-l` takes the same grammar, in which every field is a label's key: kubectl's selectors.
//! Words are compared exactly. What a field is not known for is an error, so that a typing mistake
//! does not look like «nothing found».

use std::collections::{BTreeMap, BTreeSet};

use skerry_common::diagnostic::{Code, Diagnostic};
use skerry_common::explain::Entry;
use skerry_common::id::ClusterName;
use thiserror::Error;

use crate::fleet::{selector, suggest};

mod parse;
#[cfg(test)]
mod tests;

/// Longest filter, in bytes: it travels in a URL.
pub const FILTER_BYTES_MAX: usize = 4096;

/// Most terms: each is judged for every row of a list.
pub const TERMS_MAX: usize = 64;

/// What the fields of labels begin with.
pub const LABEL_PREFIX: &str = "label.";

/// Something that can be filtered.
pub trait Filterable {
    /// The fields that it has, beside labels.
    const FIELDS: &'static [&'static str];

    /// The values of a field, as words; none when it has no value.
    fn values(&self, field: &str) -> Vec<String>;

    /// Whether rows have labels: their own, or those of the cluster that they belong to.
    const LABELLED: bool = false;

    /// The value of a label of its own.
    fn label(&self, _key: &str) -> Option<&str> {
        None
    }

    /// The cluster that it belongs to, whose labels count as its own.
    fn cluster(&self) -> Option<&ClusterName> {
        None
    }
}

/// Which rows are wanted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    terms: Vec<Term>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Term {
    field: Field,
    test: Test,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Field {
    Known(String),
    Label(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Test {
    In(BTreeSet<String>),
    NotIn(BTreeSet<String>),
    Exists,
    DoesNotExist,
    Compare(Comparison, Number),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// What fields are compared with: all numbers of views are counts, generations and seconds.
type Number = i64;

/// Why a text is no filter.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum FilterError {
    /// Longer than [`FILTER_BYTES_MAX`], or more than [`TERMS_MAX`] terms.
    #[error("the filter is too long: at most {FILTER_BYTES_MAX} bytes and {TERMS_MAX} terms are read")]
    TooLong,
    /// Something else than the grammar expects.
    #[error("at character {at} of the filter {expected} is needed")]
    Syntax {
        /// Where, from 1.
        at: usize,
        /// What would be right.
        expected: &'static str,
    },
    /// A field that rows do not have.
    #[error("there is no field `{field}`")]
    UnknownField {
        /// Its name.
        field: String,
        /// What to write.
        help: String,
    },
    /// Labels of rows that have none.
    #[error("rows of this kind have no labels")]
    NoLabels,
    /// A label's key that cannot be.
    #[error("{0}")]
    Label(String),
    /// Not a number where one is compared.
    #[error("`{0}` is not a whole number")]
    NotANumber(String),
}

/// Titles and explanations of this module's codes.
pub const CODES: &[Entry] = &[(
    370,
    "filter not understood",
    "A filter is a list of terms, separated by commas, all of which must hold: `contact=offline`, `sync!=current`, \
     `group in (a,b)`, `drift>0`, `label.env=prod`, `label.canary`, `!label.canary`. Values with spaces or \
     punctuation stand in double quotes. `-l` takes the same with labels only: `-l env=prod,region in (eu,us)`.",
)];

impl FilterError {
    /// The error for people.
    pub fn diagnostic(&self) -> Diagnostic {
        let help = match self {
            Self::UnknownField { help, .. } => help.clone(),
            Self::TooLong => "use fewer terms".to_owned(),
            Self::NoLabels => {
                "labels are those of clusters: they choose clusters, objects, drift and events".to_owned()
            }
            Self::Syntax { .. } | Self::Label(_) | Self::NotANumber(_) => {
                "write for example `sync!=current,label.env in (prod,lab),drift>0`".to_owned()
            }
        };
        Diagnostic::error(Code(370), self.to_string()).help(help)
    }
}

impl Filter {
    /// Reads a filter for rows of one type.
    pub fn parse<T: Filterable>(text: &str) -> Result<Self, FilterError> {
        let field = |name: &str| match name.strip_prefix(LABEL_PREFIX) {
            Some(key) => label::<T>(key),
            None if T::FIELDS.contains(&name) => Ok(Field::Known(name.to_owned())),
            None => Err(FilterError::UnknownField { field: name.to_owned(), help: suggest::help(name, T::FIELDS) }),
        };
        parse::terms(text, &field).map(|terms| Self { terms })
    }

    /// Reads a label selector, as `-l` takes it.
    pub fn parse_labels<T: Filterable>(text: &str) -> Result<Self, FilterError> {
        parse::terms(text, &label::<T>).map(|terms| Self { terms })
    }

    /// Both filters at once.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.terms.extend(other.terms);
        self
    }

    /// True when every term holds.
    pub fn matches<T: Filterable>(&self, row: &T) -> bool {
        self.matches_on(row, None)
    }

    /// The same for a row of a cluster with these labels.
    pub fn matches_on<T: Filterable>(&self, row: &T, cluster: Option<&BTreeMap<String, String>>) -> bool {
        let of_cluster = |key: &str| cluster.and_then(|labels| labels.get(key)).map(String::as_str);
        self.terms.iter().all(|term| {
            let values = match &term.field {
                Field::Known(field) => row.values(field),
                Field::Label(key) => {
                    row.label(key).or_else(|| of_cluster(key)).map(str::to_owned).into_iter().collect()
                }
            };
            term.test.holds(&values)
        })
    }
}

fn label<T: Filterable>(key: &str) -> Result<Field, FilterError> {
    if !T::LABELLED {
        return Err(FilterError::NoLabels);
    }
    selector::check_key(key).map_err(FilterError::Label)?;
    Ok(Field::Label(key.to_owned()))
}

impl Test {
    fn holds(&self, values: &[String]) -> bool {
        match self {
            Self::In(wanted) => values.iter().any(|value| wanted.contains(value)),
            Self::NotIn(unwanted) => !values.iter().any(|value| unwanted.contains(value)),
            Self::Exists => !values.is_empty(),
            Self::DoesNotExist => values.is_empty(),
            Self::Compare(comparison, bound) => values
                .iter()
                .filter_map(|value| value.parse::<Number>().ok())
                .any(|value| comparison.holds(value, *bound)),
        }
    }
}

impl Comparison {
    fn holds(self, value: Number, bound: Number) -> bool {
        match self {
            Self::Less => value < bound,
            Self::LessOrEqual => value <= bound,
            Self::Greater => value > bound,
            Self::GreaterOrEqual => value >= bound,
        }
    }
}
