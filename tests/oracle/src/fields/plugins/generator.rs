//! Generators that are configured by a file.

use super::named;
use crate::fields::generate;
use crate::folder::Folder;
use crate::yaml::{Value, list, raw};

/// A configuration of either builtin kind.
pub(super) fn config(folder: &mut Folder<'_>, name: &str) -> Value {
    let (generator, kind) =
        if folder.random.percent(60) { ("ConfigMapGenerator", "ConfigMap") } else { ("SecretGenerator", "Secret") };
    let mut config = named(generator, name);
    let own = format!("made-{}", folder.path);
    if folder.random.percent(60) {
        config.put("name", raw(own));
        config.put("literals", list([raw("mode=fast")]));
    } else if let Value::Map(entries) = generate::rule(folder, kind) {
        entries.into_iter().for_each(|(key, value)| config.put(key, value));
    }
    if folder.random.percent(10) {
        config.put_at(&["metadata", "namespace"], raw("made"));
    }
    config
}
