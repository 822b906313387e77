//! Credentials: named in the hub's configuration, bound to URL prefixes.

use std::path::PathBuf;

use skerry_common::redact::{Redacted, redact};
use skerry_hub_core::fleet::suggest;

use super::error::GitError;
use super::url::{RemoteUrl, UrlPrefix};

/// Credentials as the hub's configuration names them.
#[derive(Debug, Clone)]
pub struct Credential {
    /// What sources call them.
    pub name: String,
    /// Where they may be used: `https://git.example/team`. Scheme, host and port must be equal, and
    /// the path must begin with whole segments of the prefix.
    pub url_prefixes: Vec<String>,
    /// What is shown to the server.
    pub kind: CredentialKind,
    /// CA certificates (PEM) that are trusted instead of the system's; for `https://` only.
    pub ca_file: Option<PathBuf>,
}

/// What is shown to a server.
#[derive(Debug, Clone)]
pub enum CredentialKind {
    /// Nothing: only the CA file counts.
    Anonymous,
    /// User and password.
    Basic {
        /// The user.
        user: String,
        /// The password.
        password: Redacted<String>,
    },
    /// A bearer token.
    Bearer(Redacted<String>),
    /// An SSH key.
    SshKey {
        /// The private key, without a passphrase.
        key_file: PathBuf,
        /// The host keys that are accepted.
        known_hosts: PathBuf,
    },
}

/// Credentials whose prefixes were parsed.
#[derive(Debug, Clone)]
pub(crate) struct BoundCredential {
    pub(crate) credential: Credential,
    pub(crate) prefixes: Vec<UrlPrefix>,
}

impl BoundCredential {
    pub(crate) fn new(credential: Credential) -> Result<Self, GitError> {
        let prefixes: Result<_, _> = credential.url_prefixes.iter().map(|prefix| UrlPrefix::parse(prefix)).collect();
        Ok(Self { prefixes: prefixes?, credential })
    }

    /// Whether they may be used for a URL without showing anything: they only say which CA is trusted.
    pub(crate) fn is_anonymous_for(&self, url: &RemoteUrl) -> bool {
        matches!(self.credential.kind, CredentialKind::Anonymous)
            && self.prefixes.iter().any(|prefix| prefix.holds(url))
    }
}

/// Finds the credentials that a source names, and checks that they may be used for its URL.
pub(crate) fn choose<'a>(
    all: &'a [BoundCredential],
    name: Option<&str>,
    url: &RemoteUrl,
) -> Result<Option<&'a BoundCredential>, GitError> {
    let shown = || redact(&url.key());
    let Some(name) = name else {
        return match url {
            RemoteUrl::Ssh(_) => Err(GitError::CredentialKind { url: shown(), needed: SSH_NEEDS }),
            RemoteUrl::File(_) | RemoteUrl::Https(_) => Ok(None),
        };
    };
    let Some(found) = all.iter().find(|bound| bound.credential.name == name) else {
        let names = all.iter().map(|bound| bound.credential.name.as_str());
        let meant = suggest::closest(name, names).map(str::to_owned);
        return Err(GitError::NoSuchCredential { name: redact(name), meant });
    };
    if matches!(url, RemoteUrl::File(_)) {
        return Err(GitError::CredentialKind { url: shown(), needed: "no credentials: it is on the hub's own disk" });
    }
    if !found.prefixes.iter().any(|prefix| prefix.holds(url)) {
        return Err(GitError::CredentialNotAllowed { name: name.to_owned(), url: shown() });
    }
    let is_key = matches!(found.credential.kind, CredentialKind::SshKey { .. });
    match url {
        RemoteUrl::Ssh(_) if !is_key => Err(GitError::CredentialKind { url: shown(), needed: SSH_NEEDS }),
        RemoteUrl::Https(_) if is_key => {
            Err(GitError::CredentialKind { url: shown(), needed: "user and password or a token, not an SSH key" })
        }
        RemoteUrl::File(_) | RemoteUrl::Https(_) | RemoteUrl::Ssh(_) => Ok(Some(found)),
    }
}

const SSH_NEEDS: &str = "credentials with an SSH key and a known_hosts file";

#[cfg(test)]
mod tests {
    use super::*;

    fn credential(name: &str, prefix: &str, kind: CredentialKind) -> BoundCredential {
        let url_prefixes = vec![prefix.to_owned()];
        BoundCredential::new(Credential { name: name.to_owned(), url_prefixes, kind, ca_file: None }).expect("valid")
    }

    #[test]
    fn credentials_go_only_where_they_are_bound() {
        let token = || CredentialKind::Bearer(Redacted::new("hunter2".to_owned()));
        let key = CredentialKind::SshKey { key_file: "/k".into(), known_hosts: "/h".into() };
        let all = [
            credential("shop-read", "https://git.example/shop", token()),
            credential("key", "ssh://git.example", key),
            credential("odd", "ssh://git.example", token()),
        ];
        let check = |name: Option<&str>, url: &str, expected: Option<u16>| {
            let url = RemoteUrl::parse(url).expect(url);
            let code = choose(&all, name, &url).err().map(|error| error.code().0);
            assert_eq!(code, expected, "{name:?} {url:?}");
        };
        check(Some("shop-read"), "https://git.example/shop/x", None);
        check(Some("shop-read"), "https://git.example/shop-evil/x", Some(705));
        check(Some("shop-raed"), "https://git.example/shop/x", Some(704));
        check(None, "https://git.example/open", None);
        check(None, "ssh://git@git.example/x", Some(706));
        check(Some("key"), "ssh://git@git.example/x", None);
        check(Some("odd"), "ssh://git@git.example/x", Some(706));
        check(Some("key"), "file:///x", Some(706));
        let error = choose(&all, Some("shop-raed"), &RemoteUrl::parse("https://git.example/shop/x").expect("a URL"));
        assert_eq!(error.expect_err("no such").help().as_deref(), Some("did you mean `shop-read`?"));
        assert!(!format!("{all:?}").contains("hunter2"));
    }
}
