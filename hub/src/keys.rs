//! The hub's keys and the trust root, in one folder readable by its owner only.
//!
//! ```text
//! authority.pem      fleet CA: certificate and key
//! api-authority.pem  CA of the HTTPS API: certificate and key
//! bundle.key         signs bundles (PKCS#8)
//! seal.secret        from which Secrets' data keys derive (32 bytes)
//! webhook.secret     what Git servers sign webhooks with
//! trust-root.json    the signed trust root in force; trust-root.N.json: those before it
//! bundle.next.key    the next signing key while a rotation is under way
//! ```
//! The root key is not among them: it signs the trust root and is kept elsewhere. Nor are the certificates
//! that the hub shows: it issues them to itself at start, and anew while it runs.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, fchown};
use std::path::{Path, PathBuf};

use skerry_certs::authority::{ApiAuthority, Authority};
use skerry_certs::identity::Identity;
use skerry_certs::issue::{API_LIFETIME_DAYS, ApiName, HUB_LIFETIME_DAYS};
use skerry_certs::root_key::SigningKey;
use skerry_certs::seal::Sealer;
use skerry_common::bundle::digest::hex;
use skerry_common::bundle::signature::{Envelope, KeyId};
use skerry_common::bundle::trust::{TRUST_ROOT_SCHEMA, TRUST_ROOT_TYPE, TrustError, TrustRoot, TrustedRoot};
use skerry_common::id::{Epoch, FleetId};
use thiserror::Error;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::trust::{EARLIER_MAX, TrustLine};

const API_AUTHORITY_FILE: &str = "api-authority.pem";
const TRUST_ROOT_FILE: &str = "trust-root.json";
const SIGNING_KEY_FILE: &str = "bundle.key";
const NEXT_SIGNING_KEY_FILE: &str = "bundle.next.key";

/// A key cannot be made, read or written.
#[derive(Debug, Error)]
pub enum KeyError {
    /// The disk said no.
    #[error("`{path}` cannot be {doing}")]
    Io {
        /// Which file.
        path: PathBuf,
        /// `read` or `written`.
        doing: &'static str,
        /// What the disk said.
        #[source]
        source: io::Error,
    },
    /// A file is not what it should be.
    #[error("`{path}` is damaged: {what}")]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// In which way.
        what: String,
    },
    /// A key or certificate cannot be made.
    #[error("a key or certificate cannot be made: {0}")]
    Make(String),
    /// The trust root does not verify.
    #[error("the trust root is refused")]
    Trust(#[source] TrustError),
    /// The key that signs bundles is not one that agents believe.
    #[error("the signing key `{}` is not listed in the trust root", .0.0)]
    Unlisted(KeyId),
}

impl KeyError {
    pub(crate) fn make(error: impl std::fmt::Display) -> Self {
        Self::Make(error.to_string())
    }
}

/// The folder.
#[derive(Debug, Clone)]
pub struct KeyFolder {
    path: PathBuf,
}

/// What a running hub holds in memory.
pub struct Keys {
    /// Fleet CA.
    pub authority: Authority,
    /// CA of the HTTPS API.
    pub api_authority: ApiAuthority,
    /// Signs bundles.
    pub signing: SigningKey,
    /// Seals Secrets.
    pub sealer: Sealer,
    /// The trust root in force, and those before it.
    pub trust: TrustLine,
    /// The webhook secret.
    pub webhook_secret: String,
}

fn random<const N: usize>() -> Result<[u8; N], KeyError> {
    let mut bytes = [0; N];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| KeyError::make("no randomness"))?;
    Ok(bytes)
}

impl KeyFolder {
    /// Names a folder.
    pub fn new(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    fn read(&self, name: &str) -> Result<String, KeyError> {
        let path = self.path.join(name);
        fs::read_to_string(&path).map_err(|source| KeyError::Io { path, doing: "read", source })
    }

    /// Writes a file that must not exist yet, so that no key is ever overwritten.
    fn write_new(&self, name: &str, text: &str) -> Result<(), KeyError> {
        let path = self.path.join(name);
        let written = (|| {
            let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
            // Written by root for a hub that runs as somebody else: it must be able to read it.
            let (folder, made) = (fs::metadata(&self.path)?, file.metadata()?);
            if folder.uid() != made.uid() {
                fchown(&file, Some(folder.uid()), Some(folder.gid()))?;
            }
            file.write_all(text.as_bytes())?;
            file.sync_all()
        })();
        written.map_err(|source| KeyError::Io { path, doing: "written", source })
    }

    fn damaged(&self, name: &str, what: impl std::fmt::Display) -> KeyError {
        KeyError::Damaged { path: self.path.join(name), what: what.to_string() }
    }

    /// Makes everything for a new fleet; gives the root key, which belongs elsewhere.
    pub fn create(&self, fleet: &FleetId, hubs: &[String], now: OffsetDateTime) -> Result<SigningKey, KeyError> {
        let created = fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.path);
        created.map_err(|source| KeyError::Io { path: self.path.clone(), doing: "written", source })?;
        let authority = Authority::create(fleet.clone(), now).map_err(KeyError::make)?;
        let api = ApiAuthority::create(now).map_err(KeyError::make)?;
        let (root, bundle) =
            (SigningKey::generate().map_err(KeyError::make)?, SigningKey::generate().map_err(KeyError::make)?);
        let document = TrustRoot {
            schema: TRUST_ROOT_SCHEMA,
            fleet: fleet.clone(),
            version: 1,
            epoch: Epoch(1),
            threshold: 1,
            root_keys: vec![root.public_key()],
            bundle_keys: vec![bundle.public_key()],
            authorities: vec![authority.certificate_pem()],
            hubs: hubs.to_vec(),
            issued: now.replace_nanosecond(0).unwrap_or(now).format(&Rfc3339).map_err(KeyError::make)?,
        };
        let payload = skerry_common::canonical::of(&document).map_err(KeyError::make)?;
        let envelope = root.sign_envelope(TRUST_ROOT_TYPE, payload).map_err(KeyError::make)?;
        let trust = TrustedRoot::stored(envelope).map_err(KeyError::Trust)?;
        self.write_new("authority.pem", &[authority.certificate_pem(), authority.key_pem().to_string()].concat())?;
        self.write_new(API_AUTHORITY_FILE, &[api.certificate_pem(), api.key_pem().to_string()].concat())?;
        let pkcs8 = bundle.to_pkcs8().map_err(KeyError::make)?;
        self.write_new(SIGNING_KEY_FILE, &hex(&pkcs8))?;
        self.write_new("seal.secret", &hex(&random::<32>()?))?;
        self.write_new("webhook.secret", &hex(&random::<16>()?))?;
        self.write_new(TRUST_ROOT_FILE, &serde_json::to_string(trust.envelope()).map_err(KeyError::make)?)?;
        Ok(root)
    }

    /// The certificate by which clients know the HTTPS API, PEM; no secret.
    pub fn api_certificate(&self) -> Result<String, KeyError> {
        self.certificate_and_key(API_AUTHORITY_FILE).map(|(certificate, _)| certificate)
    }

    fn certificate_and_key(&self, name: &'static str) -> Result<(String, String), KeyError> {
        let text = self.read(name)?;
        let at = text.find("-----BEGIN PRIVATE KEY").ok_or_else(|| self.damaged(name, "it holds no key"))?;
        let (certificate, key) = text.split_at(at);
        Ok((certificate.to_owned(), key.to_owned()))
    }

    /// Reads everything.
    pub fn load(&self) -> Result<Keys, KeyError> {
        let (certificate, key) = self.certificate_and_key("authority.pem")?;
        let authority =
            Authority::from_pem(&certificate, &key).map_err(|error| self.damaged("authority.pem", error))?;
        let (certificate, key) = self.certificate_and_key(API_AUTHORITY_FILE)?;
        let api_authority =
            ApiAuthority::from_pem(&certificate, &key).map_err(|error| self.damaged(API_AUTHORITY_FILE, error))?;
        let secret = skerry_common::bundle::digest::unhex::<32>(self.read("seal.secret")?.trim());
        let sealer = Sealer::new(secret.ok_or_else(|| self.damaged("seal.secret", "not 32 bytes"))?);
        let (trust, signing) = self.standing()?;
        let webhook_secret = self.read("webhook.secret")?.trim().to_owned();
        Ok(Keys { authority, api_authority, signing, sealer, trust, webhook_secret })
    }
}

/// What a rotation replaces.
impl KeyFolder {
    /// The trust root in force with those before it, and the signing key that it lists.
    pub fn standing(&self) -> Result<(TrustLine, SigningKey), KeyError> {
        let newest = self.trust_root(TRUST_ROOT_FILE)?;
        let version = newest.root().version;
        let mut earlier = Vec::new();
        for version in version.saturating_sub(EARLIER_MAX).max(1)..version {
            let name = earlier_file(version);
            if self.path.join(&name).exists() {
                earlier.push(self.trust_root(&name)?);
            }
        }
        let signing = self.listed_signing_key(newest.root())?;
        Ok((TrustLine::new(newest, &earlier), signing))
    }

    /// The file of the trust root in force, to notice that it changed.
    pub(crate) fn trust_root_text(&self) -> Result<String, KeyError> {
        self.read(TRUST_ROOT_FILE)
    }

    fn trust_root(&self, name: &str) -> Result<TrustedRoot, KeyError> {
        let envelope: Envelope = serde_json::from_str(&self.read(name)?).map_err(|error| self.damaged(name, error))?;
        TrustedRoot::stored(envelope).map_err(KeyError::Trust)
    }

    fn signing_key(&self, name: &str) -> Result<SigningKey, KeyError> {
        let pkcs8 = unhex(self.read(name)?.trim()).ok_or_else(|| self.damaged(name, "no hexadecimal"))?;
        SigningKey::from_pkcs8(&pkcs8).map_err(|error| self.damaged(name, error))
    }

    fn listed_next(&self, trust: &TrustRoot) -> Result<Option<SigningKey>, KeyError> {
        if !self.path.join(NEXT_SIGNING_KEY_FILE).exists() {
            return Ok(None);
        }
        let next = self.signing_key(NEXT_SIGNING_KEY_FILE)?;
        Ok(Some(next).filter(|next| trust.bundle_keys.contains(&next.public_key())))
    }

    /// A rotation that was cut off may have left the key that counts under the next one's name.
    fn listed_signing_key(&self, trust: &TrustRoot) -> Result<SigningKey, KeyError> {
        if let Some(next) = self.listed_next(trust)? {
            return Ok(next);
        }
        let key = self.signing_key(SIGNING_KEY_FILE)?;
        let is_listed = trust.bundle_keys.contains(&key.public_key());
        if is_listed { Ok(key) } else { Err(KeyError::Unlisted(key.key_id())) }
    }

    /// The key that a rotation under way is about to use: made now, or by a run that was cut off.
    pub(crate) fn next_signing_key(&self) -> Result<SigningKey, KeyError> {
        if self.path.join(NEXT_SIGNING_KEY_FILE).exists() {
            return self.signing_key(NEXT_SIGNING_KEY_FILE);
        }
        let key = SigningKey::generate().map_err(KeyError::make)?;
        self.write_new(NEXT_SIGNING_KEY_FILE, &hex(&key.to_pkcs8().map_err(KeyError::make)?))?;
        Ok(key)
    }

    /// Gives the next signing key its place, once the trust root lists it.
    pub(crate) fn finish_signing_key(&self) -> Result<(), KeyError> {
        let trust = self.trust_root(TRUST_ROOT_FILE)?;
        if self.listed_next(trust.root())?.is_none() {
            return Ok(());
        }
        self.rename(NEXT_SIGNING_KEY_FILE, SIGNING_KEY_FILE)
    }

    /// Keeps the trust root in force among the earlier ones, and puts its successor in its place.
    pub(crate) fn put_trust(&self, current: &TrustedRoot, next: &TrustedRoot) -> Result<(), KeyError> {
        self.replace(&earlier_file(current.root().version), current)?;
        self.replace(TRUST_ROOT_FILE, next)
    }

    fn replace(&self, name: &str, trust: &TrustedRoot) -> Result<(), KeyError> {
        let temporary = format!("{name}.new");
        // Left by a run that was cut off.
        let _ = fs::remove_file(self.path.join(&temporary));
        self.write_new(&temporary, &serde_json::to_string(trust.envelope()).map_err(KeyError::make)?)?;
        self.rename(&temporary, name)
    }

    fn rename(&self, from: &str, to: &str) -> Result<(), KeyError> {
        let path = self.path.join(to);
        let renamed = fs::rename(self.path.join(from), &path);
        let synced = renamed.and_then(|()| fs::File::open(&self.path)?.sync_all());
        synced.map_err(|source| KeyError::Io { path, doing: "written", source })
    }
}

fn earlier_file(version: u64) -> String {
    format!("trust-root.{version}.json")
}

/// Issues a certificate for the link.
pub fn hub_identity(authority: &Authority, now: OffsetDateTime) -> Result<Identity, KeyError> {
    authority.issue_hub(now, HUB_LIFETIME_DAYS).map_err(KeyError::make)
}

/// Issues a certificate for the HTTPS API.
pub fn api_identity(authority: &ApiAuthority, names: &[String], now: OffsetDateTime) -> Result<Identity, KeyError> {
    let names = names.iter().map(|name| ApiName::parse(name)).collect::<Result<Vec<_>, _>>().map_err(KeyError::make)?;
    authority.issue_api(&names, now, API_LIFETIME_DAYS).map_err(KeyError::make)
}

/// Reads hexadecimal digits of any length.
fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes();
    if !digits.len().is_multiple_of(2) {
        return None;
    }
    digits.chunks_exact(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}
