use skerry_common::bundle::digest::Digest;
use skerry_common::bundle::trust::TRUST_ROOT_TYPE;
use skerry_common::redact::MASK;

use super::*;

fn passphrase(text: &str) -> Passphrase {
    Passphrase::new(text.to_owned()).unwrap()
}

fn open(file: &[u8], text: &str) -> Result<Vec<u8>, DecryptError> {
    decrypt_with_passphrase(Purpose::Backup, file, &passphrase(text)).map(|bytes| bytes.to_vec())
}

/// Changes the header line and makes the digest at the end fit again.
fn with_header(file: &[u8], change: impl Fn(&str) -> String) -> Vec<u8> {
    let end = file.iter().position(|byte| *byte == b'\n').unwrap();
    let line = change(std::str::from_utf8(&file[..end]).unwrap());
    redigest([line.as_bytes(), &file[end..]].concat())
}

fn redigest(mut file: Vec<u8>) -> Vec<u8> {
    file.truncate(file.len() - 32);
    let digest = Digest::of(&file);
    file.extend_from_slice(digest.as_bytes());
    file
}

#[test]
fn signatures_verify_and_keys_survive_their_file() {
    let key = SigningKey::generate().unwrap();
    let signature = key.sign(b"message").unwrap();
    let public = key.public_key();
    assert!(public.verifies(b"message", &signature));
    assert!(!public.verifies(b"massage", &signature));

    let file = key.to_encrypted(&passphrase("correct horse")).unwrap();
    let again = SigningKey::from_encrypted(&file, &passphrase("correct horse\n")).unwrap();
    assert_eq!(again.public_key(), key.public_key());
    assert_eq!(again.sign(b"message").unwrap(), signature);
    assert_eq!(
        SigningKey::from_encrypted(&file, &passphrase("battery staple")).err(),
        Some(SigningKeyError::Decrypt(DecryptError::WrongPassphrase))
    );
    // The key does not lie in the file in clear.
    let pkcs8 = key.to_pkcs8().unwrap();
    assert!(!file.windows(16).any(|part| pkcs8.windows(16).any(|secret| secret == part)));
    assert_eq!(
        open(&file, "correct horse").err(),
        Some(DecryptError::Purpose { expected: Purpose::Backup, found: Purpose::SigningKey })
    );
}

#[test]
fn envelopes_are_signed_once_by_each_key() {
    let (one, two) = (SigningKey::generate().unwrap(), SigningKey::generate().unwrap());
    let mut envelope = one.sign_envelope(TRUST_ROOT_TYPE, b"{}".to_vec()).unwrap();
    two.add_signature(&mut envelope).unwrap();
    two.add_signature(&mut envelope).unwrap();
    assert_eq!(envelope.signatures.len(), 2);
    let trusted = [one.public_key(), two.public_key()];
    assert_eq!(envelope.verify(TRUST_ROOT_TYPE, &trusted, 2), Ok(&b"{}"[..]));
    assert!(envelope.verify(TRUST_ROOT_TYPE, &trusted[..1], 2).is_err());
    while envelope.signatures.len() < SIGNATURES_MAX {
        SigningKey::generate().unwrap().add_signature(&mut envelope).unwrap();
    }
    let refused = SigningKey::generate().unwrap().add_signature(&mut envelope);
    assert_eq!(refused, Err(SigningKeyError::TooManySignatures));
}

#[test]
fn wrong_keys_are_refused() {
    let pkcs8 = SigningKey::generate().unwrap().to_pkcs8().unwrap();
    for bad in [&[][..], &pkcs8[..pkcs8.len() - 1], &[0; 83], &[0; 10_000]] {
        assert_eq!(SigningKey::from_pkcs8(bad).err(), Some(SigningKeyError::Malformed));
    }
    // The public key in it belongs to the private one.
    let mut other = pkcs8.to_vec();
    *other.last_mut().unwrap() ^= 1;
    assert!(SigningKey::from_pkcs8(&other).is_err());
}

#[test]
fn wrong_passphrase_damage_and_alteration_are_told_apart() {
    let file = encrypt_to_passphrase(Purpose::Backup, b"some backup", &passphrase("correct horse")).unwrap();
    assert_eq!(open(&file, "correct horse"), Ok(b"some backup".to_vec()));
    assert_eq!(open(&file, "correct horsf"), Err(DecryptError::WrongPassphrase));

    let body = file.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    for place in [body, file.len() - 40, file.len() - 1] {
        let mut damaged = file.clone();
        damaged[place] ^= 1;
        // Told before the passphrase is tried, right or wrong.
        assert_eq!(open(&damaged, "correct horse"), Err(DecryptError::Damaged));
        assert_eq!(open(&damaged, "wrong passphrase"), Err(DecryptError::Damaged));
    }
    for length in [body, body + 10, file.len() - 1] {
        assert_eq!(open(&file[..length], "correct horse"), Err(DecryptError::Damaged), "{length} bytes");
    }
    for not_one in [&b""[..], b"\n", b"{}\n", b"-----BEGIN PRIVATE KEY-----\n", &[b'x'; 100_000], &file[..body - 1]] {
        assert_eq!(open(not_one, "correct horse"), Err(DecryptError::NotEncrypted));
    }
    let mut altered = file.clone();
    altered[body] ^= 1;
    assert_eq!(open(&redigest(altered), "correct horse"), Err(DecryptError::Altered));
}

#[test]
fn no_flipped_bit_of_a_file_goes_unnoticed() {
    let file = encrypt_to_passphrase(Purpose::Backup, b"backup", &passphrase("correct horse")).unwrap();
    for bit in 0..file.len() * 8 {
        let mut damaged = file.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        assert!(open(&damaged, "correct horse").is_err(), "bit {bit}");
    }
}

#[test]
fn hostile_headers_are_refused() {
    let file = encrypt_to_passphrase(Purpose::Backup, b"backup", &passphrase("correct horse")).unwrap();
    let check = |from: &str, to: &str, expected: DecryptError| {
        let changed = with_header(&file, |line| {
            assert!(line.contains(from), "{line}");
            line.replace(from, to)
        });
        assert_eq!(open(&changed, "correct horse"), Err(expected), "{from} -> {to}");
    };
    let header = |what| DecryptError::Header { what };
    check("\"version\":1", "\"version\":2", DecryptError::Newer { found: 2 });
    check("\"iterations\":600000", "\"iterations\":1000", header("iterations"));
    check("\"iterations\":600000", "\"iterations\":4000000000", header("iterations"));
    check("\"iterations\":600000", "\"iterations\":0", header("iterations"));
    check("aes-256-gcm", "rot13", header("cipher"));
    check("pbkdf2-hmac-sha256", "none", header("kdf"));
    check("\"salt\":\"", "\"salt\":\"AAAA", header("salt"));
    check("\"nonce\":\"", "\"nonce\":\"AAAA", header("nonce"));
    check("\"check\":\"", "\"check\":\"AAAA", header("check"));
    check("{\"format\"", "{\"extra\":1,\"format\"", header("fields"));
    // The header is authenticated even where its meaning stays the same.
    check("\"iterations\":600000", "\"iterations\": 600000", DecryptError::Altered);
}

#[test]
fn passphrases_are_bounded_and_masked() {
    let check = |text: &str, expected| assert_eq!(Passphrase::new(text.to_owned()).err(), expected, "{text:?}");
    check("", Some(PassphraseError::TooShort));
    check("1234567\r\n", Some(PassphraseError::TooShort));
    check("12345678\r\n", None);
    check(&"x".repeat(PASSPHRASE_BYTES_MAX), None);
    check(&"x".repeat(PASSPHRASE_BYTES_MAX + 1), Some(PassphraseError::TooLong));
    assert_eq!(format!("{:?}", passphrase("correct horse")), MASK);
    assert!(format!("{:?}", SigningKey::generate().unwrap()).ends_with(&format!("key: {MASK} }}")));
}
