//! The codes of what can be wrong with a source, and how they are reported.

mod texts;

use skerry_common::diagnostic::{Code, Diagnostic, Location};

pub use texts::CODES;

macro_rules! codes {
    ($($name:ident = $number:literal;)*) => {
        $(pub(crate) const $name: Code = Code($number);)*
        #[cfg(test)]
        const ALL: &[Code] = &[$($name),*];
    };
}

codes! {
    NOT_FOUND = 400; LEAVES_SOURCE = 401; SYMLINK = 402; SUBMODULE = 403; LFS_POINTER = 404; TOO_LARGE = 405;
    UNREADABLE = 406; NOT_YAML = 410; NOT_AN_OBJECT = 411; FIELD_MISSING = 412; DECLARED_TWICE = 413;
    NAMESPACE_ON_CLUSTER_SCOPED = 414; TOO_MANY_DOCUMENTS = 415; NO_JSON_FORM = 416; STATUS_IGNORED = 417;
    UNKNOWN_VARIABLE = 420; MALFORMED_VARIABLE = 421; HELM = 430; NOTHING_TO_RENDER = 431; KUSTOMIZATION_INVALID = 440;
    UNKNOWN_FIELD = 441; CYCLE = 443; TOO_NESTED = 444; NOT_A_RESOURCE = 445;
    FILE_OUTSIDE = 446; RESOURCE_TWICE = 447; COMPONENT_MISPLACED = 448; REMOTE = 449; PATCH_UNREADABLE = 450;
    PATCH_TARGET = 451; PATCH_FAILS = 452; SELECTOR = 453; GENERATOR_INVALID = 455; GENERATOR_CLASH = 456;
    REPLICAS_UNMATCHED = 457; AMBIGUOUS_REFERENCE = 458; UNEXPECTED_SHAPE = 459; DEPRECATED = 460;
    SEVERAL_KUSTOMIZATIONS = 461; NO_EFFECT = 470;
    PLUGIN = 471; PLUGIN_CONFIGURATION = 472; VALIDATOR_CHANGES = 473; HELM_DISABLED = 474; CHART = 475;
    REMOTE_FAILED = 476;
    REPLACEMENT = 480; REPLACEMENT_SOURCE = 481; REPLACEMENT_TARGET = 482; VAR = 483;
    VAR_UNUSED = 484; FIELD_SPECS = 485; SCHEMA = 486;
    NO_FILE_NAME = 490; NO_SUCH_OBJECT = 491;
}

/// What a step gives: its result, or everything that is wrong.
pub(crate) type Fallible<T> = Result<T, Vec<Diagnostic>>;

/// One thing is wrong, at a place.
pub(crate) fn fail<T>(code: Code, at: &Location, message: impl Into<String>) -> Fallible<T> {
    Err(problem(code, at, message))
}

/// The one thing that is wrong.
pub(crate) fn problem(code: Code, at: &Location, message: impl Into<String>) -> Vec<Diagnostic> {
    vec![Diagnostic::error(code, message).at(at.clone())]
}

/// One thing is wrong, at a place, and this is what to do.
pub(crate) fn fail_with_help<T>(
    code: Code,
    at: &Location,
    message: impl Into<String>,
    help: impl Into<String>,
) -> Fallible<T> {
    Err(vec![Diagnostic::error(code, message).at(at.clone()).help(help)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_explained_once_and_in_order() {
        let explained: Vec<u16> = CODES.iter().map(|(number, ..)| *number).collect();
        let used: Vec<u16> = ALL.iter().map(|code| code.0).collect();
        assert_eq!(explained, used);
        assert!(explained.is_sorted_by(|a, b| a < b));
        assert!(CODES.iter().all(|(number, title, text)| {
            (400..500).contains(number)
                && !title.is_empty()
                && text.ends_with('.')
                && text.split_once(" Before: ").is_some_and(|(_, example)| example.contains(" After: "))
        }));
    }
}
