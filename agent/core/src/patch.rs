//! JSON pointers (RFC 6901) and JSON patches (RFC 6902) that hold only for one object and version.

use serde_json::{Value, json};

/// Escapes one reference token (RFC 6901 §3).
pub fn escape(token: &str) -> String {
    token.replace('~', "~0").replace('/', "~1")
}

/// Undoes [`escape`].
pub fn unescape(token: &str) -> String {
    token.replace("~1", "/").replace("~0", "~")
}

/// The tokens of a pointer; `None` when it is neither empty nor begins with `/`.
pub fn tokens(pointer: &str) -> Option<Vec<String>> {
    if pointer.is_empty() {
        return Some(Vec::new());
    }
    pointer.strip_prefix('/').map(|rest| rest.split('/').map(unescape).collect())
}

/// The `test` operations that make a patch fail on any other object or version than `live`.
pub fn preconditions(live: &Value) -> Vec<Value> {
    ["/metadata/uid", "/metadata/resourceVersion"]
        .into_iter()
        .map(|path| json!({"op": "test", "path": path, "value": live.pointer(path).cloned().unwrap_or_default()}))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_read_back() {
        assert_eq!(tokens("/a~1b/~01"), Some(vec!["a/b".into(), "~1".into()]));
        assert_eq!(tokens(""), Some(Vec::new()));
        assert_eq!(tokens("a"), None);
        assert_eq!(escape("a/b~"), "a~1b~0");
    }
}
