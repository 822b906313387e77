//! Reads and writes PEM with bounds.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use thiserror::Error;
use zeroize::Zeroizing;

/// Largest PEM text that is looked at, in bytes: eight CA certificates take less than 10 KiB.
pub const PEM_BYTES_MAX: usize = 64 * 1024;

/// Most certificates in one text: a chain has two, a set of roots at most eight.
const CERTIFICATES_MAX: usize = 16;

/// Characters per line of PEM (RFC 7468 §2).
const LINE_CHARS: usize = 64;

/// Why a text is not the PEM that was expected.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PemError {
    /// Longer than [`PEM_BYTES_MAX`].
    #[error("the PEM text has {length} bytes: at most {PEM_BYTES_MAX} are allowed")]
    TooLong {
        /// The text's length.
        length: usize,
    },
    /// No section of the expected kind.
    #[error("no {what} found in the PEM text")]
    Missing {
        /// What was looked for.
        what: &'static str,
    },
    /// More certificates than anything here needs.
    #[error("more than {CERTIFICATES_MAX} certificates in one PEM text")]
    TooMany,
    /// A section is damaged.
    #[error("the PEM text is damaged")]
    Damaged,
}

fn check_length(text: &str) -> Result<(), PemError> {
    if text.len() > PEM_BYTES_MAX { Err(PemError::TooLong { length: text.len() }) } else { Ok(()) }
}

/// Reads every certificate of a text; none is an error.
pub(crate) fn certificates(text: &str) -> Result<Vec<CertificateDer<'static>>, PemError> {
    check_length(text)?;
    let mut found = Vec::new();
    for section in CertificateDer::pem_slice_iter(text.as_bytes()) {
        if found.len() == CERTIFICATES_MAX {
            return Err(PemError::TooMany);
        }
        found.push(section.map_err(|_| PemError::Damaged)?);
    }
    if found.is_empty() { Err(PemError::Missing { what: "certificate" }) } else { Ok(found) }
}

/// Reads the first private key of a text.
pub(crate) fn private_key(text: &str) -> Result<Zeroizing<PrivateKeyDer<'static>>, PemError> {
    check_length(text)?;
    match PrivateKeyDer::pem_slice_iter(text.as_bytes()).next() {
        Some(Ok(key)) => Ok(Zeroizing::new(key)),
        Some(Err(_)) => Err(PemError::Damaged),
        None => Err(PemError::Missing { what: "private key" }),
    }
}

/// Writes certificates one after the other.
pub(crate) fn encode_certificates<'a>(certificates: impl IntoIterator<Item = &'a CertificateDer<'static>>) -> String {
    certificates.into_iter().map(|der| encode("CERTIFICATE", der).as_str().to_owned()).collect()
}

/// Writes one section; the text is wiped when dropped, as it may be a key.
pub(crate) fn encode(label: &str, der: &[u8]) -> Zeroizing<String> {
    let body = Zeroizing::new(STANDARD.encode(der));
    let mut rest = body.as_str();
    let lines = body.len() / LINE_CHARS + 1;
    let mut text = String::with_capacity(body.len() + lines + 2 * (label.len() + "-----BEGIN -----\n".len()));
    text.push_str(&format!("-----BEGIN {label}-----\n"));
    while !rest.is_empty() {
        // Base64 is ASCII, so any index is a character boundary.
        let (line, tail) = rest.split_at(LINE_CHARS.min(rest.len()));
        text.push_str(line);
        text.push('\n');
        rest = tail;
    }
    text.push_str(&format!("-----END {label}-----\n"));
    Zeroizing::new(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        for length in [1, 47, 48, 49, 96, 500] {
            let der = CertificateDer::from(vec![7u8; length]);
            let text = encode_certificates([&der, &der]);
            assert_eq!(certificates(&text), Ok(vec![der.clone(), der]));
        }
    }

    #[test]
    fn wrong_texts_are_refused() {
        let one = encode("CERTIFICATE", &[1, 2, 3]);
        let check = |text: &str, expected: PemError| assert_eq!(certificates(text), Err(expected));
        check("", PemError::Missing { what: "certificate" });
        check(&encode("PRIVATE KEY", &[1]), PemError::Missing { what: "certificate" });
        check(&"x".repeat(PEM_BYTES_MAX + 1), PemError::TooLong { length: PEM_BYTES_MAX + 1 });
        check(&one.repeat(CERTIFICATES_MAX + 1), PemError::TooMany);
        check(&one.replace("AQID", "A?ID"), PemError::Damaged);
        assert_eq!(private_key(&one).err(), Some(PemError::Missing { what: "private key" }));
    }
}
