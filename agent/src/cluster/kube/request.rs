//! Requests as bytes: path, query, headers, body.

use std::fmt::Write as _;
use std::time::Duration;

use http::header::{ACCEPT, CONTENT_TYPE};
use http::{Method, Request};
use kube::client::Body;
use serde_json::{Value, json};

use crate::cluster::{ApiKind, ClusterError, Detail, Scope, Target};

/// One request.
#[derive(Debug)]
pub(super) struct Ask<'a> {
    method: Method,
    path: String,
    query: String,
    accept: &'static str,
    body: Option<(&'static str, Vec<u8>)>,
    kind: Option<&'a ApiKind>,
    /// How long it may take.
    pub(super) timeout: Duration,
    /// How large its answer may be.
    pub(super) bytes_max: usize,
}

impl<'a> Ask<'a> {
    /// A request without body.
    pub(super) fn new(method: Method, path: String) -> Self {
        Self {
            method,
            path,
            query: String::new(),
            accept: "application/json",
            body: None,
            kind: None,
            timeout: super::OBJECT_TIMEOUT,
            bytes_max: super::OBJECT_BYTES_MAX,
        }
    }

    /// A read.
    pub(super) fn get(path: String) -> Self {
        Self::new(Method::GET, path)
    }

    /// Adds a parameter.
    pub(super) fn query(mut self, name: &str, value: &str) -> Self {
        self.query.push(if self.query.is_empty() { '?' } else { '&' });
        self.query.push_str(name);
        self.query.push('=');
        encode(value, &mut self.query);
        self
    }

    /// In which form the answer is wanted.
    pub(super) fn accept(mut self, accept: &'static str) -> Self {
        self.accept = accept;
        self
    }

    /// Which kind it is about: decides whether the server's words may be shown.
    pub(super) fn about(mut self, kind: &'a ApiKind) -> Self {
        self.kind = Some(kind);
        self
    }

    /// What is sent.
    pub(super) fn body(mut self, content_type: &'static str, body: &Value) -> Self {
        self.body = Some((content_type, body.to_string().into_bytes()));
        self
    }

    /// The bounds of the answer.
    pub(super) fn within(mut self, timeout: Duration, bytes_max: usize) -> Self {
        self.timeout = timeout;
        self.bytes_max = bytes_max;
        self
    }

    /// Method and path, for error texts.
    pub(super) fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    /// Whether an error may echo the values of a Secret: only where they were sent.
    pub(super) fn is_secret(&self) -> bool {
        self.body.is_some() && self.kind.is_some_and(ApiKind::is_secret)
    }

    /// The request for the client.
    pub(super) fn into_request(self) -> Result<Request<Body>, ClusterError> {
        let name = self.name();
        let request = Request::builder().method(self.method).uri(self.path + &self.query).header(ACCEPT, self.accept);
        let request = match self.body {
            Some((content_type, body)) => request.header(CONTENT_TYPE, content_type).body(Body::from(body)),
            None => request.body(Body::empty()),
        };
        request.map_err(|source| ClusterError::Malformed { request: name, source: source.into() })
    }
}

/// Where a kind is: `/apis/apps/v1/namespaces/shop/deployments`.
pub(super) fn collection(kind: &ApiKind, namespace: Option<&str>) -> String {
    let mut out = if kind.group.is_empty() { "/api/".to_owned() } else { format!("/apis/{}/", kind.group) };
    out.push_str(&kind.version);
    if let Some(namespace) = namespace {
        out.push_str("/namespaces/");
        encode(namespace, &mut out);
    }
    out.push('/');
    out.push_str(&kind.plural);
    out
}

/// Where the objects of a scope are.
pub(super) fn in_scope(kind: &ApiKind, scope: &Scope) -> String {
    match scope {
        Scope::All => collection(kind, None),
        Scope::Namespace(namespace) => collection(kind, Some(namespace)),
    }
}

/// Where an object is.
pub(super) fn path(target: &Target) -> String {
    let mut out = collection(&target.kind, target.namespace.as_deref());
    out.push('/');
    encode(&target.name, &mut out);
    out
}

/// The form of one object.
pub(super) fn single(detail: Detail) -> &'static str {
    match detail {
        Detail::Metadata => "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1",
        Detail::Whole => "application/json",
    }
}

/// The form of many.
pub(super) fn many(detail: Detail) -> &'static str {
    match detail {
        Detail::Metadata => "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1",
        Detail::Whole => "application/json",
    }
}

/// Says of which kind an object is: lists leave it out, and partial objects name the kind of the excerpt.
pub(super) fn name_kind(object: &mut Value, kind: &ApiKind) {
    if let Some(map) = object.as_object_mut() {
        map.insert("apiVersion".into(), json!(kind.api_version()));
        map.insert("kind".into(), json!(kind.kind));
    }
}

/// Percent-encodes everything but what is safe in a path segment and a query value.
fn encode(text: &str, out: &mut String) {
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b':' => out.push(char::from(byte)),
            _ => {
                // Writing into a string does not fail.
                let _written = write!(out, "%{byte:02X}");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_those_of_the_api() {
        let kind = |group: &str, plural: &str| ApiKind {
            group: group.into(),
            version: "v1".into(),
            kind: String::new(),
            plural: plural.into(),
            namespaced: true,
        };
        let check = |kind: ApiKind, namespace: Option<&str>, name: &str, expected: &str| {
            let target = Target { kind, namespace: namespace.map(str::to_owned), name: name.into() };
            assert_eq!(path(&target), expected);
        };
        check(kind("", "services"), Some("shop"), "web", "/api/v1/namespaces/shop/services/web");
        check(kind("apps", "deployments"), Some("a"), "b", "/apis/apps/v1/namespaces/a/deployments/b");
        check(kind("", "namespaces"), None, "../x?y", "/api/v1/namespaces/..%2Fx%3Fy");
        check(
            kind("rbac.authorization.k8s.io", "clusterroles"),
            None,
            "system:a",
            "/apis/rbac.authorization.k8s.io/v1/clusterroles/system:a",
        );
    }

    #[test]
    fn queries_are_encoded() {
        let ask = Ask::get("/x".into()).query("labelSelector", "a/b in (c,d)").query("limit", "5");
        assert_eq!(ask.query, "?labelSelector=a%2Fb%20in%20%28c%2Cd%29&limit=5");
    }
}
