//! How the hub is asked: HTTPS, one bearer token, bounded answers, no retries.
//!
//! Who wants to try again does so knowingly: exit code 3 says that it may help.

use std::time::Duration;

use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderValue};
use reqwest::{Method, Response, StatusCode, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;
use skerry_common::redact::Redacted;

use crate::config::Endpoint;

mod error;
pub mod events;

pub use error::{ClientError, Refusal};

/// How long a connection may take, TLS included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a stream may be silent: three of the hub's keep-alives.
const SILENCE_MAX: Duration = Duration::from_secs(45);

/// Largest JSON answer that is read, in bytes: a thousand rows of a page, each with long texts.
const JSON_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Largest problem document that is read, in bytes.
const PROBLEM_BYTES_MAX: usize = 64 * 1024;

/// The hub's API, as one caller.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    base: Url,
    token: Redacted<String>,
    origin: String,
    request_timeout: Duration,
}

/// What is asked for: path segments below the server's address, and parameters.
#[derive(Debug, Clone, Default)]
pub struct Request<'a> {
    /// Path segments; each is escaped.
    pub path: Vec<&'a str>,
    /// Parameters; each is escaped.
    pub query: Vec<(&'static str, String)>,
}

impl<'a> Request<'a> {
    /// Something of the API.
    pub fn api(path: &[&'a str]) -> Self {
        Self { path: ["api", "v1"].into_iter().chain(path.iter().copied()).collect(), query: Vec::new() }
    }

    /// With a parameter.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.query.push((name, value.into()));
        self
    }
}

impl Client {
    /// Prepares to ask; connects at the first request.
    pub fn new(endpoint: Endpoint, request_timeout: Duration) -> Result<Self, ClientError> {
        let tls = skerry_certs::tls::api_client_config(&endpoint.authority).map_err(ClientError::Authority)?;
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .https_only(true)
            .connect_timeout(CONNECT_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("skerry/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(ClientError::Settings)?;
        let base = Url::parse(&endpoint.server).map_err(|_| ClientError::Address(endpoint.server.clone()))?;
        let Endpoint { token, origin, .. } = endpoint;
        Ok(Self { http, base, token, origin, request_timeout })
    }

    /// Where the address was found, in words.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Reads something.
    pub async fn get<T: DeserializeOwned>(&self, request: &Request<'_>) -> Result<T, ClientError> {
        let response = self.send(Method::GET, request, None::<&()>, Some(self.request_timeout)).await?;
        self.json(response).await
    }

    /// Asks for a change.
    pub async fn post<T: DeserializeOwned>(
        &self,
        request: &Request<'_>,
        body: Option<&impl Serialize>,
    ) -> Result<T, ClientError> {
        let response = self.send(Method::POST, request, body, Some(self.request_timeout)).await?;
        self.json(response).await
    }

    /// Opens a file; its pieces are read with [`Download::next`].
    pub async fn download(&self, request: &Request<'_>, bytes_max: u64) -> Result<Download, ClientError> {
        let response = self.send(Method::GET, request, None::<&()>, None).await?;
        Ok(Download { client: self.clone(), response, left: bytes_max, bytes_max })
    }

    /// Opens a watch that begins after a position.
    pub async fn watch(&self, request: &Request<'_>, position: u64) -> Result<events::Watch, ClientError> {
        let mut request = request.clone();
        request.query.push(("watch", "true".to_owned()));
        let builder = self
            .builder(Method::GET, &request)?
            .header(ACCEPT, "text/event-stream")
            .header("last-event-id", position.to_string());
        let sent = tokio::time::timeout(self.request_timeout, builder.send()).await.map_err(|_| self.silent())?;
        let response = self.checked(sent).await?;
        Ok(events::Watch::new(self.clone(), response))
    }

    fn builder(&self, method: Method, request: &Request<'_>) -> Result<reqwest::RequestBuilder, ClientError> {
        let address = || ClientError::Address(self.base.to_string());
        let mut url = self.base.clone();
        url.path_segments_mut().map_err(|()| address())?.pop_if_empty().extend(&request.path);
        if !request.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&request.query);
        }
        let mut token =
            HeaderValue::from_str(&format!("Bearer {}", self.token.expose())).map_err(|_| ClientError::TokenForm)?;
        token.set_sensitive(true);
        Ok(self.http.request(method, url).header(AUTHORIZATION, token))
    }

    async fn send(
        &self,
        method: Method,
        request: &Request<'_>,
        body: Option<&impl Serialize>,
        timeout: Option<Duration>,
    ) -> Result<Response, ClientError> {
        let mut builder = self.builder(method, request)?;
        if let Some(body) = body {
            builder = builder.json(body);
        }
        if let Some(timeout) = timeout {
            builder = builder.timeout(timeout);
        }
        let sent = builder.send().await;
        self.checked(sent).await
    }

    async fn checked(&self, sent: Result<Response, reqwest::Error>) -> Result<Response, ClientError> {
        let response = sent.map_err(|error| ClientError::of(error, &self.base, &self.origin))?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let body = self.bytes(response, PROBLEM_BYTES_MAX).await.unwrap_or_default();
        Err(ClientError::Refused(Refusal::read(status, &body)))
    }

    async fn json<T: DeserializeOwned>(&self, response: Response) -> Result<T, ClientError> {
        let body = self.bytes(response, JSON_BYTES_MAX).await?;
        serde_json::from_slice(&body).map_err(ClientError::Answer)
    }

    async fn bytes(&self, mut response: Response, bytes_max: usize) -> Result<Vec<u8>, ClientError> {
        let mut bytes = Vec::new();
        while let Some(piece) = self.piece(&mut response).await? {
            if bytes.len() + piece.len() > bytes_max {
                return Err(ClientError::TooLarge { bytes_max: bytes_max as u64 });
            }
            bytes.extend_from_slice(&piece);
        }
        Ok(bytes)
    }

    /// The next piece of a body, unless the hub falls silent.
    async fn piece(
        &self,
        response: &mut Response,
    ) -> Result<Option<impl AsRef<[u8]> + std::ops::Deref<Target = [u8]> + use<>>, ClientError> {
        let piece = tokio::time::timeout(SILENCE_MAX, response.chunk()).await.map_err(|_| self.silent())?;
        piece.map_err(|error| ClientError::of(error, &self.base, &self.origin))
    }

    fn silent(&self) -> ClientError {
        ClientError::Silent { server: self.base.to_string(), origin: self.origin.clone() }
    }
}

/// A file on its way.
#[derive(Debug)]
pub struct Download {
    client: Client,
    response: Response,
    left: u64,
    bytes_max: u64,
}

impl Download {
    /// The next piece; `None` at the end.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>, ClientError> {
        let Some(piece) = self.client.piece(&mut self.response).await? else { return Ok(None) };
        let too_large = || ClientError::TooLarge { bytes_max: self.bytes_max };
        self.left = self.left.checked_sub(piece.len() as u64).ok_or_else(too_large)?;
        Ok(Some(piece.to_vec()))
    }
}

/// True for answers that say «not now» without being the hub's own.
fn is_passing(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT
            | StatusCode::REQUEST_TIMEOUT
    )
}
