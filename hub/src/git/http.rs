//! The HTTPS transport: Git's smart protocol over reqwest and rustls.
//!
//! No proxy, cookie or credential helper is used. Redirects are followed by hand, for the first
//! request only, as Git does: to the same scheme, host and port, and with credentials only below
//! their prefixes.

use std::any::Any;
use std::cell::RefCell;
use std::error::Error;
use std::io::{self, BufReader, Cursor, Read, Write};
use std::rc::Rc;
use std::sync::Arc;

use gix::error::ErrorExt as _;
use gix::protocol::transport::client::blocking_io::http::{
    GetResponse, Http, PostBodyDataKind, PostResponse, Transport,
};
use reqwest::blocking::{Client, Response};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, LOCATION};
use reqwest::{Method, StatusCode, Url};
use skerry_common::redact::redact;

use super::credential::{BoundCredential, CredentialKind};
use super::error::GitError;
use super::meter::Meter;

/// Most redirects in a row; one is common (`/x` to `/x.git`).
const REDIRECTS_MAX: usize = 3;

/// Largest request: what we have and want of a repository with a hundred thousand refs.
const REQUEST_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Makes a transport to a repository.
pub(super) fn transport(
    url: &Url,
    credential: Option<&BoundCredential>,
    meter: &Arc<Meter>,
) -> Result<Transport<HttpClient>, GitError> {
    let failed = |source: gix::Error| GitError::Exchange { url: meter.url().to_owned(), source: source.into() };
    let gix_url = gix::url::parse(url.as_str()).map_err(failed)?;
    let sender = Sender {
        client: client(credential, meter)?,
        credential: credential.cloned(),
        base: url.clone(),
        meter: Arc::clone(meter),
    };
    let http = HttpClient { sender: Rc::new(sender), redirected: None };
    Ok(Transport::new_http(http, gix_url, gix::protocol::transport::Protocol::V2, false))
}

fn client(credential: Option<&BoundCredential>, meter: &Meter) -> Result<Client, GitError> {
    let limits = meter.limits();
    let mut builder = Client::builder()
        .https_only(true)
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(limits.connect)
        // Of each wait, not of the whole: the meter bounds that.
        .timeout(limits.idle)
        .user_agent(concat!("skerry-hub/", env!("CARGO_PKG_VERSION")));
    match credential.and_then(|bound| bound.credential.ca_file.as_ref().map(|file| (bound, file))) {
        Some((bound, file)) => {
            let failed = |source: super::error::Cause| GitError::CredentialFile {
                name: bound.credential.name.clone(),
                file: file.clone(),
                source,
            };
            let pem = std::fs::read_to_string(file).map_err(|error| failed(error.into()))?;
            let tls = skerry_certs::tls::api_client_config(&pem).map_err(|error| failed(error.into()))?;
            builder = builder.tls_backend_preconfigured(tls);
        }
        None => {
            // The system's roots need the process's provider; false means that it is there already.
            skerry_certs::tls::install_provider();
        }
    }
    builder.build().map_err(|error| GitError::Exchange { url: meter.url().to_owned(), source: error.into() })
}

/// Sends requests and explains failures.
struct Sender {
    client: Client,
    credential: Option<BoundCredential>,
    base: Url,
    meter: Arc<Meter>,
}

impl Sender {
    fn send(&self, method: Method, url: Url, headers: HeaderMap, body: Vec<u8>) -> io::Result<Response> {
        self.meter.check()?;
        if url.origin() != self.base.origin() {
            return Err(self.meter.fail(self.redirect(&url)));
        }
        let mut request = self.client.request(method, url.clone()).headers(headers).body(body);
        if let Some(bound) = &self.credential {
            if !bound.prefixes.iter().any(|prefix| prefix.holds_https(&url)) {
                return Err(self.meter.fail(self.redirect(&url)));
            }
            request = match &bound.credential.kind {
                CredentialKind::Basic { user, password } => request.basic_auth(user, Some(password.expose())),
                CredentialKind::Bearer(token) => request.bearer_auth(token.expose()),
                CredentialKind::Anonymous | CredentialKind::SshKey { .. } => request,
            };
        }
        let response = request.send().map_err(|error| self.meter.fail(self.explain(error)))?;
        if response.status().is_success() || response.status().is_redirection() {
            return Ok(response);
        }
        Err(self.meter.fail(self.refused(response.status())))
    }

    fn redirect(&self, to: &Url) -> GitError {
        GitError::Redirect { url: self.meter.url().to_owned(), to: redact(to.as_str()) }
    }

    fn refused(&self, status: StatusCode) -> GitError {
        let url = self.meter.url().to_owned();
        match status {
            StatusCode::UNAUTHORIZED if self.credential.is_none() => {
                GitError::LoginRefused { url, reason: "the source names none, and the server asks for them".to_owned() }
            }
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                GitError::LoginRefused { url, reason: format!("HTTP status {}", status.as_u16()) }
            }
            StatusCode::NOT_FOUND | StatusCode::GONE => {
                GitError::NoRepository { url, reason: format!("HTTP status {}", status.as_u16()) }
            }
            _ => GitError::Server { url, reason: format!("HTTP status {}", status.as_u16()) },
        }
    }

    fn explain(&self, error: reqwest::Error) -> GitError {
        let url = self.meter.url().to_owned();
        let error = error.without_url();
        if let Some(rustls::Error::InvalidCertificate(reason)) = find_tls(&error) {
            return GitError::Certificate { url, reason: reason.to_string() };
        }
        if error.is_connect() {
            return GitError::Unreachable { url, source: error.into() };
        }
        if error.is_timeout() {
            let what = format!("silent for {} s", self.meter.limits().idle.as_secs());
            return GitError::TooSlow { url, what };
        }
        GitError::Exchange { url, source: error.into() }
    }
}

/// The TLS error among the causes; IO errors hide theirs.
fn find_tls<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    let mut next: Option<&'a (dyn Error + 'static)> = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<rustls::Error>() {
            return Some(found);
        }
        next = match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    None
}

/// What gix talks HTTP through.
pub(super) struct HttpClient {
    sender: Rc<Sender>,
    redirected: Option<String>,
}

impl HttpClient {
    fn start(&mut self, url: &str, base_url: &str, headers: HeaderMap) -> io::Result<Response> {
        let tail = url.strip_prefix(base_url).unwrap_or_default();
        let mut target = parse(url)?;
        for _ in 0..=REDIRECTS_MAX {
            let response = self.sender.send(Method::GET, target.clone(), headers.clone(), Vec::new())?;
            if !response.status().is_redirection() {
                let base = target.as_str().strip_suffix(tail).filter(|base| *base != base_url);
                self.redirected = base.map(str::to_owned);
                return Ok(response);
            }
            let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
            let next = location.and_then(|location| target.join(location).ok());
            let credentials_free = |next: &Url| next.username().is_empty() && next.password().is_none();
            match next.filter(|next| credentials_free(next) && next.as_str().ends_with(tail)) {
                Some(next) => target = next,
                None => break,
            }
        }
        Err(self.sender.meter.fail(self.sender.redirect(&target)))
    }
}

impl Http for HttpClient {
    type Headers = BufReader<HeadPart>;
    type ResponseBody = BufReader<BodyPart>;
    type PostBody = PostPart;

    fn get(
        &mut self,
        url: &str,
        base_url: &str,
        headers: impl IntoIterator<Item = impl AsRef<str>>,
    ) -> gix::Result<GetResponse<Self::Headers, Self::ResponseBody>> {
        let response = header_map(headers).and_then(|headers| self.start(url, base_url, headers));
        let state = State::Answered(response.map_err(|error| error.raise())?);
        let exchange = Exchange::new(&self.sender, state);
        Ok(GetResponse { headers: BufReader::new(HeadPart::of(&exchange)), body: BufReader::new(BodyPart(exchange)) })
    }

    fn post(
        &mut self,
        url: &str,
        _base_url: &str,
        headers: impl IntoIterator<Item = impl AsRef<str>>,
        _body: PostBodyDataKind,
    ) -> gix::Result<PostResponse<Self::Headers, Self::ResponseBody, Self::PostBody>> {
        let pending =
            header_map(headers).and_then(|headers| Ok(Pending { url: parse(url)?, headers, body: Vec::new() }));
        let state = State::Pending(pending.map_err(|error| error.raise())?);
        let exchange = Exchange::new(&self.sender, state);
        Ok(PostResponse {
            post_body: PostPart(Rc::clone(&exchange)),
            headers: BufReader::new(HeadPart::of(&exchange)),
            body: BufReader::new(BodyPart(exchange)),
        })
    }

    fn configure(&mut self, _config: &dyn Any) -> gix::Result {
        Ok(())
    }

    fn redirected_base_url(&self) -> Option<String> {
        self.redirected.clone()
    }
}

fn parse(url: &str) -> io::Result<Url> {
    Url::parse(url).map_err(io::Error::other)
}

fn header_map(lines: impl IntoIterator<Item = impl AsRef<str>>) -> io::Result<HeaderMap> {
    let mut map = HeaderMap::new();
    for line in lines {
        let Some((name, value)) = line.as_ref().split_once(':') else { continue };
        let name: HeaderName = name.parse().map_err(io::Error::other)?;
        let value: HeaderValue = value.trim().parse().map_err(io::Error::other)?;
        map.insert(name, value);
    }
    Ok(map)
}

/// One request and its answer. A POST is sent when its answer is first read: then its body is whole.
struct Exchange {
    sender: Rc<Sender>,
    state: State,
}

enum State {
    Pending(Pending),
    Answered(Response),
    Failed,
}

struct Pending {
    url: Url,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Exchange {
    fn new(sender: &Rc<Sender>, state: State) -> Rc<RefCell<Self>> {
        Rc::new(RefCell::new(Self { sender: Rc::clone(sender), state }))
    }

    fn response(&mut self) -> io::Result<&mut Response> {
        if let State::Pending(_) = &self.state
            && let State::Pending(pending) = std::mem::replace(&mut self.state, State::Failed)
        {
            let response = self.sender.send(Method::POST, pending.url, pending.headers, pending.body)?;
            if response.status().is_redirection() {
                return Err(self.sender.meter.fail(self.sender.redirect(response.url())));
            }
            self.state = State::Answered(response);
        }
        match &mut self.state {
            State::Answered(response) => Ok(response),
            State::Pending(_) | State::Failed => Err(io::Error::other("the request has failed before")),
        }
    }
}

/// The answer's headers, as lines.
pub(super) struct HeadPart {
    exchange: Rc<RefCell<Exchange>>,
    lines: Option<Cursor<String>>,
}

impl HeadPart {
    fn of(exchange: &Rc<RefCell<Exchange>>) -> Self {
        Self { exchange: Rc::clone(exchange), lines: None }
    }
}

impl Read for HeadPart {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.lines.is_none() {
            // Only the content type is asked for.
            let mut exchange = self.exchange.borrow_mut();
            let value = exchange.response()?.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
            self.lines = Some(Cursor::new(format!("content-type: {}\n", value.unwrap_or_default())));
        }
        self.lines.as_mut().map_or(Ok(0), |lines| lines.read(buffer))
    }
}

/// The answer's body, metered.
pub(super) struct BodyPart(Rc<RefCell<Exchange>>);

impl Read for BodyPart {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut exchange = self.0.borrow_mut();
        let sender = Rc::clone(&exchange.sender);
        let response = exchange.response()?;
        sender.meter.read(response, buffer).map_err(|error| {
            let timed_out = error.get_ref().and_then(|inner| inner.downcast_ref::<reqwest::Error>());
            if timed_out.is_some_and(reqwest::Error::is_timeout) {
                let what = format!("silent for {} s", sender.meter.limits().idle.as_secs());
                return sender.meter.fail(GitError::TooSlow { url: sender.meter.url().to_owned(), what });
            }
            error
        })
    }
}

/// The request's body.
pub(super) struct PostPart(Rc<RefCell<Exchange>>);

impl Write for PostPart {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.0.borrow_mut().state {
            State::Pending(pending) if pending.body.len() + bytes.len() <= REQUEST_BYTES_MAX => {
                pending.body.extend_from_slice(bytes);
                Ok(bytes.len())
            }
            State::Pending(_) => Err(io::Error::other("the request is too large")),
            State::Answered(_) | State::Failed => Err(io::Error::other("the request was sent already")),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
