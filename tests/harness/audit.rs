//! The API server's audit log: who wrote what, and what came of it.
//!
//! The log is the judge of what an agent did, since nothing that an agent says about itself enters it. The API
//! server writes an event just after it answered, so wait for an expected event with
//! [`eventually`](crate::wait::eventually); the absence of events is judged after a later, expected one.

use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use serde::Deserialize;

/// Verbs that may change something; all others only read.
const WRITE_VERBS: [&str; 5] = ["create", "update", "patch", "delete", "deletecollection"];

/// API groups whose «create» asks a question and stores nothing.
const QUESTION_GROUPS: [&str; 2] = ["authorization.k8s.io", "authentication.k8s.io"];

/// Why the log could not be read.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The file could not be read.
    #[error("cannot read the audit log `{path}`")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A complete line is no audit event.
    #[error("line {line} of what was read from `{path}` is no audit event")]
    Parse {
        /// The file.
        path: PathBuf,
        /// Counted from one, from where reading began.
        line: usize,
        /// What the parser said.
        #[source]
        source: serde_json::Error,
    },
}

/// One finished request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEvent {
    /// `create`, `update`, `patch`, `delete`, `deletecollection`, `get`, `list` or `watch`.
    pub verb: String,
    /// Who was authenticated, for example `system:serviceaccount:skerry:skerry-agent`.
    pub user: String,
    /// What the client calls itself.
    pub user_agent: String,
    /// API group; empty for the core group.
    pub group: String,
    /// Plural resource name, for example `deployments`; empty for requests that name no resource.
    pub resource: String,
    /// Subresource such as `status`; mostly empty.
    pub subresource: String,
    /// Namespace; empty for what has none.
    pub namespace: String,
    /// Object name; empty for lists and `generateName`.
    pub name: String,
    /// Path and query of the request.
    pub request_uri: String,
    /// HTTP status; 0 when the request was cut off before an answer.
    pub code: u16,
    /// When the API server received it, RFC 3339 with microseconds.
    pub received_at: String,
}

impl AuditEvent {
    /// Whether the request could change what is stored: a writing verb, no dry run, no mere question.
    pub fn is_write(&self) -> bool {
        WRITE_VERBS.contains(&self.verb.as_str())
            && !QUESTION_GROUPS.contains(&self.group.as_str())
            && self.subresource != "token"
            && !self.is_dry_run()
    }

    /// Whether the request asked for `dryRun=All`.
    pub fn is_dry_run(&self) -> bool {
        let query = self.request_uri.split_once('?').map_or("", |(_, query)| query);
        query.split('&').any(|part| part.starts_with("dryRun="))
    }

    /// Whether the request was answered with 2xx.
    pub fn succeeded(&self) -> bool {
        (200..300).contains(&self.code)
    }

    /// `VERB RESOURCE NAMESPACE/NAME CODE`, for messages of failed assertions.
    pub fn summary(&self) -> String {
        let slash = if self.subresource.is_empty() { "" } else { "/" };
        format!(
            "{} {}{slash}{} {}/{} {} by {}",
            self.verb, self.resource, self.subresource, self.namespace, self.name, self.code, self.user
        )
    }
}

/// A view on an audit log, from the start or from a mark.
#[derive(Clone, Debug)]
pub struct AuditLog {
    path: PathBuf,
    from: u64,
}

impl AuditLog {
    /// The whole log at `path`.
    pub fn open(path: impl AsRef<Path>) -> Self {
        Self { path: path.as_ref().to_owned(), from: 0 }
    }

    /// The same log, without what is in it now.
    pub fn from_now_on(&self) -> Result<Self, AuditError> {
        let bytes = self.read().map_err(|source| self.unreadable(source))?;
        Ok(Self { path: self.path.clone(), from: self.from + complete_lines(&bytes).len() as u64 })
    }

    /// Every finished request, in the order of the log; a line that is still being written is left out.
    pub fn events(&self) -> Result<AuditEvents, AuditError> {
        let bytes = self.read().map_err(|source| self.unreadable(source))?;
        let mut events = Vec::new();
        for (index, line) in complete_lines(&bytes).split(|byte| *byte == b'\n').enumerate() {
            if line.is_empty() {
                continue;
            }
            let raw: RawEvent = serde_json::from_slice(line).map_err(|source| AuditError::Parse {
                path: self.path.clone(),
                line: index + 1,
                source,
            })?;
            if raw.stage == "ResponseComplete" {
                events.push(AuditEvent::from(raw));
            }
        }
        Ok(AuditEvents(events))
    }

    /// The finished requests that could change something.
    pub fn writes(&self) -> Result<AuditEvents, AuditError> {
        Ok(self.events()?.matching(AuditEvent::is_write))
    }

    fn read(&self) -> std::io::Result<Vec<u8>> {
        let mut file = std::fs::File::open(&self.path)?;
        file.seek(SeekFrom::Start(self.from))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn unreadable(&self, source: std::io::Error) -> AuditError {
        AuditError::Read { path: self.path.clone(), source }
    }
}

/// The bytes up to the last line break: behind it lies a line that is still being written.
fn complete_lines(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().rposition(|byte| *byte == b'\n');
    &bytes[..end.map_or(0, |end| end + 1)]
}

/// Events that can be narrowed down step by step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditEvents(pub Vec<AuditEvent>);

impl AuditEvents {
    /// Keeps what `keep` says yes to.
    pub fn matching(mut self, keep: impl Fn(&AuditEvent) -> bool) -> Self {
        self.0.retain(keep);
        self
    }

    /// Keeps the requests of one user.
    pub fn by_user(self, user: &str) -> Self {
        self.matching(|event| event.user == user)
    }

    /// Keeps the requests of one service account.
    pub fn by_account(self, namespace: &str, account: &str) -> Self {
        self.by_user(&format!("system:serviceaccount:{namespace}:{account}"))
    }

    /// Keeps the requests whose user agent starts with `prefix`, for example `skerry-agent`.
    pub fn by_user_agent(self, prefix: &str) -> Self {
        self.matching(|event| event.user_agent.starts_with(prefix))
    }

    /// Leaves out the control plane's own parts and kwok: what is left was sent by the test or its subject.
    pub fn from_outside(self) -> Self {
        self.matching(|event| {
            let own_account = event.user.starts_with("system:serviceaccount:kube-system:");
            let own_part =
                ["system:apiserver", "system:kube-controller-manager", "system:kube-scheduler", "system:kwok"]
                    .contains(&event.user.as_str());
            !own_account && !own_part
        })
    }

    /// Keeps one verb.
    pub fn verb(self, verb: &str) -> Self {
        self.matching(|event| event.verb == verb)
    }

    /// Keeps one plural resource name, without its subresources.
    pub fn resource(self, resource: &str) -> Self {
        self.matching(|event| event.resource == resource && event.subresource.is_empty())
    }

    /// Leaves out one plural resource name, for example the agent's own `leases`.
    pub fn without_resource(self, resource: &str) -> Self {
        self.matching(|event| event.resource != resource)
    }

    /// Keeps one namespace.
    pub fn namespace(self, namespace: &str) -> Self {
        self.matching(|event| event.namespace == namespace)
    }

    /// Keeps one object name.
    pub fn named(self, name: &str) -> Self {
        self.matching(|event| event.name == name)
    }

    /// Keeps what was answered with 2xx.
    pub fn succeeded(self) -> Self {
        self.matching(AuditEvent::succeeded)
    }

    /// How many are left.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// One line for each, for messages of failed assertions.
    pub fn summary(&self) -> String {
        let lines: Vec<String> = self.0.iter().map(AuditEvent::summary).collect();
        lines.join("\n")
    }
}

/// What the log's lines hold of interest (`audit.k8s.io/v1` Event).
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawEvent {
    stage: String,
    verb: String,
    #[serde(default)]
    user: RawUser,
    #[serde(default)]
    user_agent: String,
    #[serde(default)]
    object_ref: RawObject,
    #[serde(rename = "requestURI", default)]
    request_uri: String,
    #[serde(default)]
    response_status: RawStatus,
    #[serde(default)]
    request_received_timestamp: String,
}

#[derive(Default, Deserialize)]
struct RawUser {
    #[serde(default)]
    username: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct RawObject {
    api_group: String,
    resource: String,
    subresource: String,
    namespace: String,
    name: String,
}

#[derive(Default, Deserialize)]
struct RawStatus {
    #[serde(default)]
    code: u16,
}

impl From<RawEvent> for AuditEvent {
    fn from(raw: RawEvent) -> Self {
        Self {
            verb: raw.verb,
            user: raw.user.username,
            user_agent: raw.user_agent,
            group: raw.object_ref.api_group,
            resource: raw.object_ref.resource,
            subresource: raw.object_ref.subresource,
            namespace: raw.object_ref.namespace,
            name: raw.object_ref.name,
            request_uri: raw.request_uri,
            code: raw.response_status.code,
            received_at: raw.request_received_timestamp,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(verb: &str, uri: &str, object: &str) -> String {
        format!(
            r#"{{"kind":"Event","level":"Metadata","stage":"ResponseComplete","requestURI":"{uri}","verb":"{verb}","user":{{"username":"admin"}},"userAgent":"skerry-agent/0.1","objectRef":{{{object}}},"responseStatus":{{"metadata":{{}},"code":200}},"requestReceivedTimestamp":"2026-01-01T00:00:00.000000Z"}}"#
        )
    }

    fn log(lines: &[String]) -> (tempfile::TempDir, AuditLog) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.log");
        std::fs::write(&path, lines.concat()).unwrap();
        (folder, AuditLog::open(path))
    }

    #[test]
    fn only_what_is_stored_counts_as_written() {
        let cases = [
            ("get", "/api/v1/namespaces/a/configmaps/b", "", false),
            ("patch", "/api/v1/namespaces/a/configmaps/b?force=true", "", true),
            ("patch", "/api/v1/namespaces/a/configmaps/b?dryRun=All&force=true", "", false),
            ("create", "/apis/authorization.k8s.io/v1/x", r#""apiGroup":"authorization.k8s.io""#, false),
            ("create", "/api/v1/x", r#""resource":"serviceaccounts","subresource":"token""#, false),
            ("delete", "/api/v1/namespaces/a/configmaps/b", "", true),
        ];
        for (verb, uri, object, written) in cases {
            let (_folder, log) = log(&[line(verb, uri, object), "\n".to_owned()]);
            assert_eq!(log.writes().unwrap().count() == 1, written, "{verb} {uri}");
        }
    }

    #[test]
    fn a_line_still_being_written_is_left_out() {
        let whole = line("create", "/a", r#""resource":"pods","namespace":"n","name":"p""#);
        let (_folder, log) = log(&[whole.clone(), "\n".to_owned(), whole[..40].to_owned()]);
        let events = log.events().unwrap().resource("pods").namespace("n").named("p");
        assert_eq!(events.count(), 1, "{}", events.summary());
        assert_eq!(log.from_now_on().unwrap().events().unwrap().count(), 0);
    }

    #[test]
    fn a_damaged_line_is_named() {
        let (_folder, log) = log(&["{}\n".to_owned()]);
        assert!(matches!(log.events(), Err(AuditError::Parse { line: 1, .. })));
    }
}
