//! Tags.

use super::Emitter;

impl Emitter {
    pub(super) fn tag(&mut self, tag: &str) {
        let (handle, suffix) = split(tag);
        if handle.is_empty() {
            self.writer.spaced_indicator("!<");
            self.tag_text(suffix);
            self.writer.indicator(">");
        } else {
            self.writer.spaced_indicator(handle);
            self.tag_text(suffix);
        }
    }

    /// Writes a part of a tag, other bytes than those of a URI escaped.
    fn tag_text(&mut self, text: &str) {
        let mut escaped = String::with_capacity(text.len());
        for byte in text.bytes() {
            if byte.is_ascii_alphanumeric() || b"_-;/?:@&=+$,.~*'()[]".contains(&byte) {
                escaped.push(char::from(byte));
            } else {
                escaped.push_str(&format!("%{byte:02X}"));
            }
        }
        self.writer.word(&escaped);
    }
}

/// Splits a tag into its handle and the rest.
pub(super) fn split(tag: &str) -> (&str, &str) {
    if tag.len() > 2 && tag.starts_with("!!") {
        tag.split_at(2)
    } else if tag.starts_with('!') {
        tag.split_at(1)
    } else {
        ("", tag)
    }
}
