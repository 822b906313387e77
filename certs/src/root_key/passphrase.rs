//! What an operator types to open a file.

use std::fmt;

use skerry_common::redact::MASK;
use thiserror::Error;
use zeroize::Zeroizing;

/// Shortest passphrase (NIST SP 800-63B asks for eight characters).
pub const PASSPHRASE_BYTES_MIN: usize = 8;

/// Longest passphrase: a line of text, not a file given by mistake.
pub const PASSPHRASE_BYTES_MAX: usize = 1024;

/// A passphrase; masked when shown, wiped when dropped.
#[derive(Clone)]
pub struct Passphrase(Zeroizing<String>);

/// Why a text is no passphrase.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum PassphraseError {
    /// Shorter than [`PASSPHRASE_BYTES_MIN`].
    #[error("the passphrase is too short: at least {PASSPHRASE_BYTES_MIN} bytes are needed")]
    TooShort,
    /// Longer than [`PASSPHRASE_BYTES_MAX`].
    #[error("the passphrase is too long: at most {PASSPHRASE_BYTES_MAX} bytes are allowed")]
    TooLong,
}

impl Passphrase {
    /// Takes a passphrase; an end of line behind it (of a file, of a prompt) does not count.
    pub fn new(text: String) -> Result<Self, PassphraseError> {
        let mut text = Zeroizing::new(text);
        let length = text.trim_end_matches(['\r', '\n']).len();
        text.truncate(length);
        match text.len() {
            0..PASSPHRASE_BYTES_MIN => Err(PassphraseError::TooShort),
            PASSPHRASE_BYTES_MIN..=PASSPHRASE_BYTES_MAX => Ok(Self(text)),
            _ => Err(PassphraseError::TooLong),
        }
    }

    pub(super) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}
