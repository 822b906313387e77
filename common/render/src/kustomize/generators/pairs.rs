//! Keys and values from literals, files and env files.

use std::collections::BTreeMap;

use skerry_common::diagnostic::Location;

use crate::codes::{self, Fallible, fail};
use crate::kustomize::accumulate::load as load_file;
use crate::kustomize::file::{GeneratorRule, Kustomization, Text};
use crate::tree::View;

type Pairs = BTreeMap<String, Vec<u8>>;

/// Longest line of an env file, without its end: at a longer one Kustomize stops reading, and leaves
/// out that line and all that follow without a word.
const ENV_LINE_BYTES_MAX: usize = 64 * 1024 - 1;

/// Loads everything that a generator names. No message shows a value: it may be a secret.
pub(super) fn load(view: &View<'_>, kustomization: &Kustomization, rule: &GeneratorRule) -> Fallible<Pairs> {
    let mut pairs = Pairs::new();
    for env in &rule.envs {
        let (found, content) = load_file(view, kustomization, env)?;
        for (index, line) in content.split(|byte| *byte == b'\n').enumerate() {
            let number = u32::try_from(index + 1).unwrap_or(u32::MAX);
            let at = Location::file(&found.path, Some(number));
            if line.len() > ENV_LINE_BYTES_MAX {
                let message = format!("the line has more than {ENV_LINE_BYTES_MAX} bytes; list the value in `files`");
                return fail(codes::GENERATOR_INVALID, &at, message);
            }
            if let Some((key, value)) = env_line(line, index == 0, &at)? {
                add(&mut pairs, key, value, &at)?;
            }
        }
    }
    for literal in &rule.literals {
        let Some((key, value)) = literal.value.split_once('=').filter(|(key, _)| !key.is_empty()) else {
            return fail(codes::GENERATOR_INVALID, &literal.at, "a literal is written `KEY=VALUE`");
        };
        add(&mut pairs, key.to_owned(), unquoted(value).as_bytes().to_vec(), &literal.at)?;
    }
    for file in &rule.files {
        let (key, path) = file_source(file)?;
        let entry = Text { value: path, at: file.at.clone() };
        let (_, content) = load_file(view, kustomization, &entry)?;
        add(&mut pairs, key, content, &file.at)?;
    }
    Ok(pairs)
}

fn add(pairs: &mut Pairs, key: String, value: Vec<u8>, at: &Location) -> Fallible<()> {
    if pairs.contains_key(&key) {
        return fail(codes::GENERATOR_INVALID, at, format!("the key `{key}` is given twice"));
    }
    pairs.insert(key, value);
    Ok(())
}

/// One line of an env file; nothing for an empty one and for a comment.
fn env_line(line: &[u8], is_first: bool, at: &Location) -> Fallible<Option<(String, Vec<u8>)>> {
    let Ok(text) = std::str::from_utf8(line) else {
        return fail(codes::GENERATOR_INVALID, at, "the line is not UTF-8");
    };
    let text = text.strip_suffix('\r').unwrap_or(text);
    let text = if is_first { text.strip_prefix('\u{feff}').unwrap_or(text) } else { text };
    let text = text.trim_start();
    if text.is_empty() || text.starts_with('#') {
        return Ok(None);
    }
    let (key, value) = text.split_once('=').unwrap_or((text, ""));
    if key.is_empty() {
        return Ok(None);
    }
    Ok(Some((key.to_owned(), value.as_bytes().to_vec())))
}

/// Takes away one pair of quotes around a literal.
fn unquoted(value: &str) -> &str {
    for quote in ['"', '\''] {
        if let Some(inner) = value.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote)) {
            return inner;
        }
    }
    value
}

/// `path`, whose last part is the key, or `key=path`.
fn file_source(file: &Text) -> Fallible<(String, String)> {
    let text = file.value.as_str();
    let parts: Vec<&str> = text.split('=').collect();
    match parts.as_slice() {
        [path] => {
            let key = path.trim_end_matches('/').rsplit('/').next().unwrap_or(path);
            Ok((key.to_owned(), (*path).to_owned()))
        }
        [key, path] if !key.is_empty() && !path.is_empty() => Ok(((*key).to_owned(), (*path).to_owned())),
        _ => fail(codes::GENERATOR_INVALID, &file.at, "a file is written `PATH` or `KEY=PATH`"),
    }
}
