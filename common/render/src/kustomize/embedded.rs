//! YAML or JSON inside a text, such as a configuration file in a config map.

use skerry_yaml::{
    Document, Duplicates, EmitOptions, Limits, Rules, emit_documents, expand_aliases, parse_first, to_json_with,
};

use super::go_json;
use super::quotes::unmark_texts;

/// Reads the first document of a text; nothing when it is no YAML or empty. Of the values of a key
/// that is there twice all stay.
pub(crate) fn read(text: &str) -> Option<Document> {
    parse_first(text.as_bytes(), &Limits::default(), Duplicates::Kept).ok()?
}

/// Writes a document as Kustomize does: as JSON where the text began like JSON, over several
/// lines where that did; else as YAML.
pub(crate) fn write(mut document: Document, old: &str) -> Option<String> {
    if !old.trim_start().starts_with(['{', '[']) {
        unmark_texts(&mut document.root);
        let printed = emit_documents(&[document], &EmitOptions::default());
        return Some(printed.trim().to_owned());
    }
    expand_aliases(&mut document, &Limits::default()).ok()?;
    let json = to_json_with(&document.root, Rules::Kustomize).ok()?;
    let mut printed = String::new();
    if old.contains('\n') && old.contains("  ") {
        go_json::pretty(&mut printed, &json);
    } else {
        go_json::compact(&mut printed, &json);
    }
    Some(printed)
}
