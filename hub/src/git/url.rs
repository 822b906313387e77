//! URLs of repositories: parsed once, strictly, and never shown with what should not be in them.

use std::path::{Path, PathBuf};

use reqwest::Url;
use skerry_common::redact::redact;

use super::error::GitError;

/// Longest URL that is looked at: far above what servers and proxies take.
const URL_BYTES_MAX: usize = 4096;

/// Where a repository is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RemoteUrl {
    /// On the hub's own disk.
    File(PathBuf),
    /// On an HTTPS server; normalised, no credentials, query or fragment.
    Https(Url),
    /// On an SSH server.
    Ssh(SshUrl),
}

/// An `ssh://` URL, its parts safe to hand to OpenSSH.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SshUrl {
    /// Login, if the URL names one.
    pub(crate) user: Option<String>,
    /// Host name or address, without brackets.
    pub(crate) host: String,
    /// Port, if the URL names one.
    pub(crate) port: Option<u16>,
    /// Path on the server, as it reaches `git-upload-pack`.
    pub(crate) path: String,
}

impl RemoteUrl {
    /// Parses a URL, or says what is wrong with it.
    pub(crate) fn parse(text: &str) -> Result<Self, GitError> {
        let shown = || redact(text);
        let wrong = |reason: &str| GitError::Url { url: shown(), reason: reason.to_owned() };
        if text.len() > URL_BYTES_MAX {
            let start: String = text.chars().take(80).collect();
            return Err(GitError::Url {
                url: redact(&start),
                reason: format!("it is longer than {URL_BYTES_MAX} bytes"),
            });
        }
        let Some((scheme, rest)) = text.split_once("://") else { return Err(wrong("it has no scheme")) };
        if text.chars().any(|c| c.is_control() || c.is_whitespace() || c == '\\') {
            return Err(wrong("it holds a space, a backslash or a control character"));
        }
        let lower = rest.to_ascii_lowercase();
        if lower.contains("%2f") || lower.contains("%5c") || lower.contains("%00") {
            return Err(wrong("it holds an encoded slash, backslash or NUL"));
        }
        let scheme = scheme.to_ascii_lowercase();
        if !["file", "https", "ssh"].contains(&scheme.as_str()) {
            return Err(GitError::Scheme { url: shown(), scheme });
        }
        let url = Url::parse(text).map_err(|error| wrong(&error.to_string()))?;
        if url.query().is_some() || url.fragment().is_some() {
            return Err(wrong("it has a query or a fragment"));
        }
        if url.password().is_some() || (scheme != "ssh" && !url.username().is_empty()) {
            return Err(GitError::UrlCredentials { url: shown() });
        }
        match scheme.as_str() {
            "file" => file(&url).map(Self::File).ok_or_else(|| wrong("it names a host, or no absolute path")),
            "https" => Ok(Self::Https(url)),
            _ => SshUrl::of(&url).map(Self::Ssh).map_err(wrong),
        }
    }

    /// What tells it apart from others; equal for spellings that mean the same.
    pub(crate) fn key(&self) -> String {
        match self {
            Self::File(path) => format!("file://{}", path.display()),
            Self::Https(url) => url.as_str().trim_end_matches('/').to_owned(),
            Self::Ssh(url) => url.text(),
        }
    }
}

fn file(url: &Url) -> Option<PathBuf> {
    let path = url.to_file_path().ok()?;
    path.is_absolute().then_some(path)
}

impl SshUrl {
    fn of(url: &Url) -> Result<Self, &'static str> {
        let host = url.host_str().unwrap_or_default();
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let host_fits = |c: char| c.is_ascii_alphanumeric() || ".-_:".contains(c);
        if host.is_empty() || host.starts_with('-') || !host.chars().all(host_fits) {
            return Err("its host is not a host name");
        }
        let user = Some(url.username()).filter(|user| !user.is_empty());
        let user_fits = |c: char| c.is_ascii_alphanumeric() || "._-+".contains(c);
        if user.is_some_and(|user| user.starts_with('-') || !user.chars().all(user_fits)) {
            return Err("its user is not a login name");
        }
        let path = decode(url.path()).ok_or("its path is not text")?;
        if path.chars().any(char::is_control) || path.split('/').any(|part| part == "..") {
            return Err("its path holds `..` or a control character");
        }
        // `/~user/x` means the home folder of a user of the server, as Git reads it.
        let path = if path.starts_with("/~") { path[1..].to_owned() } else { path };
        if path.trim_matches('/').is_empty() {
            return Err("it has no path");
        }
        Ok(Self { user: user.map(str::to_owned), host: host.to_owned(), port: url.port(), path })
    }

    /// The URL again, in one spelling.
    fn text(&self) -> String {
        let user = self.user.as_ref().map(|user| format!("{user}@")).unwrap_or_default();
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        let port = self.port.filter(|port| *port != SSH_PORT).map(|port| format!(":{port}")).unwrap_or_default();
        let slash = if self.path.starts_with('/') { "" } else { "/" };
        format!("ssh://{user}{host}{port}{slash}{}", self.path)
    }

    /// Host as `known_hosts` files name it.
    pub(crate) fn known_hosts_name(&self) -> String {
        match self.port {
            Some(port) if port != SSH_PORT => format!("[{}]:{port}", self.host),
            Some(_) | None => self.host.clone(),
        }
    }
}

const SSH_PORT: u16 = 22;

/// Undoes percent-encoding; `None` when the result is no text.
fn decode(text: &str) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let digits = tail.get(..2).filter(|_| *first == b'%').and_then(|digits| std::str::from_utf8(digits).ok());
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                out.push(byte);
                rest = &tail[2..];
            }
            None => {
                out.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8(out).ok()
}

/// A URL prefix that credentials are bound to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UrlPrefix {
    scheme: String,
    host: String,
    port: Option<u16>,
    segments: Vec<String>,
}

impl UrlPrefix {
    /// Parses a prefix: a URL whose path may be empty.
    pub(crate) fn parse(text: &str) -> Result<Self, GitError> {
        let with_path = match text.split_once("://") {
            Some((_, rest)) if !rest.contains('/') => format!("{text}/"),
            Some(_) | None => text.to_owned(),
        };
        let wrong = |reason: &str| GitError::Url { url: redact(text), reason: reason.to_owned() };
        let url = Url::parse(&with_path).map_err(|error| wrong(&error.to_string()))?;
        if !["https", "ssh"].contains(&url.scheme()) {
            return Err(GitError::Scheme { url: redact(text), scheme: url.scheme().to_owned() });
        }
        if url.password().is_some() || !url.username().is_empty() {
            return Err(GitError::UrlCredentials { url: redact(text) });
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(wrong("it has a query or a fragment"));
        }
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or_else(|| wrong("it has no host"))?;
        let host = host.trim_matches(['[', ']']).to_ascii_lowercase();
        let path = decode(url.path()).ok_or_else(|| wrong("its path is not text"))?;
        Ok(Self { scheme: url.scheme().to_owned(), host, port: port_of(&url), segments: segments(&path) })
    }

    /// True when a repository lies below the prefix.
    pub(crate) fn holds(&self, url: &RemoteUrl) -> bool {
        match url {
            RemoteUrl::File(_) => false,
            RemoteUrl::Https(url) => self.holds_https(url),
            RemoteUrl::Ssh(url) => {
                self.scheme == "ssh"
                    && self.host == url.host.to_ascii_lowercase()
                    && self.port == Some(url.port.unwrap_or(SSH_PORT))
                    && segments(&url.path).starts_with(&self.segments)
            }
        }
    }

    /// True when an address lies below the prefix.
    pub(crate) fn holds_https(&self, url: &Url) -> bool {
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_ascii_lowercase();
        let path = decode(url.path());
        self.scheme == "https"
            && url.scheme() == "https"
            && self.host == host
            && self.port == port_of(url)
            && path.is_some_and(|path| segments(&path).starts_with(&self.segments))
    }
}

fn port_of(url: &Url) -> Option<u16> {
    url.port_or_known_default().or((url.scheme() == "ssh").then_some(SSH_PORT))
}

fn segments(path: &str) -> Vec<String> {
    path.split('/').filter(|segment| !segment.is_empty()).map(str::to_owned).collect()
}

/// True when a path, its symbolic links resolved, lies below a folder, its links resolved too.
pub(crate) fn lies_below(path: &Path, roots: &[PathBuf]) -> bool {
    roots.iter().filter_map(|root| root.canonicalize().ok()).any(|root| path.starts_with(root))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_three_schemes_and_no_credentials() {
        let check = |text: &str, code: u16| {
            let error = RemoteUrl::parse(text).expect_err(text);
            assert_eq!(error.code().0, code, "{text}: {error}");
            assert!(!error.to_string().contains("hunter2"), "{error}");
        };
        check("http://h/x.git", 701);
        check("git://h/x.git", 701);
        check("ext::sh -c true", 700);
        check("git@h:x.git", 700);
        check("x.git", 700);
        check("https://u:hunter2@h/x", 702);
        check("https://hunter2@h/x", 702);
        check("ssh://git:hunter2@h/x", 702);
        check("https://h/x?token=hunter2", 700);
        check("https://h/a%2f..%2fb", 700);
        check("https://h/a b", 700);
        check("file://host/x", 700);
        check("ssh://-oProxyCommand=x/y", 700);
        check("ssh://-l@h/y", 700);
        check("ssh://h", 700);
        check("ssh://h/", 700);
        check("ssh://h/a%0ab", 700);
        check(&format!("https://h/{}", "x".repeat(5000)), 700);
    }

    #[test]
    fn parts_of_ssh_urls_are_found() {
        let check = |text: &str, user: Option<&str>, host: &str, port: Option<u16>, path: &str| {
            let expected = SshUrl { user: user.map(Into::into), host: host.into(), port, path: path.into() };
            let url = RemoteUrl::parse(text).expect(text);
            assert_eq!(RemoteUrl::parse(&url.key().replace(' ', "%20")).expect("again"), url);
            assert_eq!(url, RemoteUrl::Ssh(expected));
        };
        check("ssh://git@h.example:2222/a/b.git", Some("git"), "h.example", Some(2222), "/a/b.git");
        check("ssh://h/~user/x", None, "h", None, "~user/x");
        check("ssh://[::1]:2222/x%20y", None, "::1", Some(2222), "/x y");
    }

    #[test]
    fn prefixes_end_at_segments() {
        let check = |prefix: &str, url: &str, expected: bool| {
            let (prefix, url) = (UrlPrefix::parse(prefix).expect(prefix), RemoteUrl::parse(url).expect(url));
            assert_eq!(prefix.holds(&url), expected, "{prefix:?} {url:?}");
        };
        check("https://git.example/team", "https://git.example/team/x.git", true);
        check("https://git.example/team", "https://git.example/team", true);
        check("https://git.example/team/", "https://GIT.example:443/team/x.git", true);
        check("https://git.example", "https://git.example/any", true);
        check("https://git.example/team", "https://git.example/team-evil/x", false);
        check("https://git.example/team", "https://git.example/team/../other/x", false);
        check("https://git.example/team", "https://git.example/team/%2e%2e/other/x", false);
        check("https://git.example/team", "https://git.example.evil/team/x", false);
        check("https://git.example/team", "https://git.example:8443/team/x", false);
        check("https://git.example/team", "ssh://git.example/team/x", false);
        check("ssh://git.example", "ssh://git@git.example:22/x", true);
        check("ssh://git.example", "ssh://git@git.example:2222/x", false);
        assert_eq!(UrlPrefix::parse("http://h/").expect_err("refused").code().0, 701);
        assert_eq!(UrlPrefix::parse("https://u:p@h/").expect_err("refused").code().0, 702);
    }

    #[test]
    fn file_urls_are_absolute_paths() {
        assert_eq!(RemoteUrl::parse("file:///a/b%20c").expect("fine"), RemoteUrl::File("/a/b c".into()));
        assert_eq!(RemoteUrl::parse("file:///a/../b").expect("fine"), RemoteUrl::File("/b".into()));
    }
}
