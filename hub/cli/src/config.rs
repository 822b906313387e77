//! Contexts: which hub, which CA, which token; and what of it the command line replaces.
//!
//! ```text
//! config file ──▶ context ──┐
//! flags, environment ───────┴──▶ Endpoint ──▶ client
//! ```
//! A context's token goes to the context's server only: with another `--server`, the token must be
//! given as well.

use std::path::{Path, PathBuf};

use skerry_common::diagnostic::ErrorClass;
use skerry_common::redact::Redacted;
use thiserror::Error;

use crate::args::Global;
use crate::errors::{Failure, codes};

pub mod file;

use file::{ConfigError, ConfigFile, Context};

/// Largest token or certificate file that is read, in bytes.
const SMALL_FILE_BYTES_MAX: u64 = 64 * 1024;

/// Everything that a request needs.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// `https://host:port`, without a slash at the end.
    pub server: String,
    /// Bearer token.
    pub token: Redacted<String>,
    /// CA certificates, PEM.
    pub authority: String,
    /// Where it was found, in words.
    pub origin: String,
}

/// Why no hub can be asked.
#[derive(Debug, Error)]
pub enum EndpointError {
    /// The configuration file cannot be used.
    #[error("the configuration file cannot be used")]
    Config(#[source] ConfigError),
    /// A context that is not there.
    #[error("there is no context `{name}`")]
    UnknownContext {
        /// Which.
        name: String,
        /// Those that are there.
        known: Vec<String>,
    },
    /// No context and no `--server`.
    #[error("no hub is configured")]
    NoServer,
    /// No token for this server.
    #[error("no token for `{server}`")]
    NoToken {
        /// The server.
        server: String,
    },
    /// No CA certificate for this server.
    #[error("no CA certificate for `{server}`")]
    NoAuthority {
        /// The server.
        server: String,
    },
    /// Not `https://host`.
    #[error("`{0}` is not an address of a hub: `https://host:port` is needed")]
    Address(String),
    /// A file given on the command line.
    #[error("`{path}` cannot be read")]
    File {
        /// Which.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

impl From<EndpointError> for Failure {
    fn from(error: EndpointError) -> Self {
        const ADD: &str = "run `skerry context add NAME --server URL --ca-file FILE --token-file FILE`";
        let (code, help) = match &error {
            EndpointError::Config(_) => (codes::CONFIG, "repair the file, or give another with `--config`".to_owned()),
            EndpointError::UnknownContext { known, .. } if known.is_empty() => (codes::CONTEXT, ADD.to_owned()),
            EndpointError::UnknownContext { known, name } => {
                let known: Vec<&str> = known.iter().map(String::as_str).collect();
                (codes::CONTEXT, skerry_hub_core::fleet::suggest::help(name, &known))
            }
            EndpointError::NoServer => (codes::NO_HUB, ADD.to_owned()),
            EndpointError::NoToken { .. } => {
                (codes::NO_HUB, "give `--token-file FILE`, or set SKERRY_TOKEN".to_owned())
            }
            EndpointError::NoAuthority { .. } => {
                (codes::NO_HUB, "give `--ca-file FILE`, or set SKERRY_CA_FILE".to_owned())
            }
            EndpointError::Address(_) => (codes::ADDRESS, "write for example `https://hub.example:8443`".to_owned()),
            EndpointError::File { .. } => (codes::FILE, "check the path and who may read it".to_owned()),
        };
        Self::of(ErrorClass::NeedsUser, code, &error).help(help)
    }
}

/// Where the configuration file is.
pub fn path(global: &Global) -> PathBuf {
    global
        .config
        .clone()
        .unwrap_or_else(|| std::env::home_dir().unwrap_or_default().join(".config").join("skerry").join("config.yaml"))
}

/// Reads the configuration file; one that is not there is empty.
pub fn load(global: &Global) -> Result<ConfigFile, EndpointError> {
    ConfigFile::read(&path(global)).map_err(EndpointError::Config)
}

/// Finds out which hub is asked, and how.
pub fn endpoint(global: &Global) -> Result<Endpoint, EndpointError> {
    let config = load(global)?;
    let context = chosen(global, &config)?;
    let server = match (&global.server, &context) {
        (Some(server), _) => server.clone(),
        (None, Some(context)) => context.server.clone(),
        (None, None) => return Err(EndpointError::NoServer),
    };
    let server = address(&server)?;
    // What a context knows counts for its own server only.
    let context = context.filter(|context| address(&context.server).is_ok_and(|own| own == server));
    let token = match (token(global)?, context) {
        (Some(token), _) => token,
        (None, Some(context)) => Redacted::new(context.token.clone()),
        (None, None) => return Err(EndpointError::NoToken { server }),
    };
    let authority = match (&global.ca_file, context) {
        (Some(file), _) => small_file(file)?,
        (None, Some(context)) => context.authority.clone(),
        (None, None) => return Err(EndpointError::NoAuthority { server }),
    };
    let origin = match context {
        Some(context) => format!("context `{}` in `{}`", context.name, path(global).display()),
        None => format!("`{server}`, from the command line"),
    };
    Ok(Endpoint { server, token, authority, origin })
}

fn chosen<'a>(global: &Global, config: &'a ConfigFile) -> Result<Option<&'a Context>, EndpointError> {
    let Some(name) = global.context.as_ref().or(config.current_context.as_ref()) else { return Ok(None) };
    match config.contexts.iter().find(|context| context.name == *name) {
        Some(context) => Ok(Some(context)),
        None => {
            let known = config.contexts.iter().map(|context| context.name.clone()).collect();
            Err(EndpointError::UnknownContext { name: name.clone(), known })
        }
    }
}

/// The token of the command line or the environment.
pub fn token(global: &Global) -> Result<Option<Redacted<String>>, EndpointError> {
    let text = match (&global.token_file, &global.token) {
        (Some(file), _) => Some(small_file(file)?),
        (None, token) => token.clone(),
    };
    Ok(text.map(|text| Redacted::new(text.trim().to_owned())))
}

/// Checks an address and cuts a slash at its end.
pub fn address(text: &str) -> Result<String, EndpointError> {
    let wrong = || EndpointError::Address(text.to_owned());
    let trimmed = text.trim().trim_end_matches('/');
    let url = reqwest::Url::parse(trimmed).map_err(|_| wrong())?;
    let bare =
        url.username().is_empty() && url.password().is_none() && url.query().is_none() && url.fragment().is_none();
    if url.scheme() == "https" && url.host().is_some() && bare { Ok(trimmed.to_owned()) } else { Err(wrong()) }
}

/// Reads a small text file of the command line.
pub fn small_file(path: &Path) -> Result<String, EndpointError> {
    read_bounded(path, SMALL_FILE_BYTES_MAX)
        .and_then(|bytes| String::from_utf8(bytes).map_err(std::io::Error::other))
        .map_err(|source| EndpointError::File { path: path.display().to_string(), source })
}

/// Reads a file of at most so many bytes.
pub fn read_bounded(path: &Path, bytes_max: u64) -> std::io::Result<Vec<u8>> {
    use std::io::Read as _;
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(bytes_max.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > bytes_max {
        return Err(std::io::Error::other(format!("it has more than {bytes_max} bytes")));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests;
