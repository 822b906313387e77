//! The API over its real HTTPS listener, on loopback.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use reqwest::{Method, StatusCode};
use serde_json::Value;
use skerry_certs::authority::ApiAuthority;
use skerry_certs::issue::ApiName;
use skerry_common::bundle::digest::Digest;
use skerry_common::diagnostic::{Code, Diagnostic, Location};
use skerry_common::id::{ClusterId, ClusterName, FleetId};
use skerry_common::redact::Redacted;
use skerry_common::status::ContactBounds;
use skerry_hub_core::view::{JoinCommand, RegisterRequest, Timestamp};
use skerry_render::{Explained, ExplainedField, SetBy};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::control::{ControlError, EXPORT_QUEUE, Export};
use super::snapshot::Keeper;
use super::{Api, ApiSettings, FleetInForce, HubControl, Parts, Poke, serve};
use crate::explainer::{ExplainRequest, Explanation};
use crate::metrics::Metrics;
use crate::store::access::{ApiToken, Role};
use crate::store::clusters::{Heard, NewCluster, Registration, Says};
use crate::store::memory::MemoryStore;
use crate::store::{AccessStore as _, ClusterStore as _};

mod access;
mod documents;
mod limits;
mod listing;
mod watching;
mod webhooks;
mod why;
mod writing;

const ADMIN: &str = "skerry_api_admin";
const VIEWER: &str = "skerry_api_viewer";
const EXPIRED: &str = "skerry_api_expired";
const WEBHOOK_SECRET: &str = "hook-secret";

/// The clock of the tests: it stands still.
const NOW: i64 = 1_700_000_000_000;

fn clock() -> i64 {
    NOW
}

/// The agent of a cluster is heard, and tells no change.
fn heard(cluster: &ClusterId, at_unix_ms: i64) -> Heard {
    Heard { cluster: cluster.clone(), at_unix_ms, says: Says::Unchanged }
}

/// A running API, its store, and a client that trusts it.
struct Rig {
    store: MemoryStore,
    client: reqwest::Client,
    trust: rustls::ClientConfig,
    base: String,
    address: std::net::SocketAddr,
    pokes: mpsc::Receiver<Poke>,
    fleet: watch::Sender<Arc<FleetInForce>>,
    _stop: DropGuard,
}

/// What a request was answered.
struct Answer {
    status: StatusCode,
    kind: String,
    body: Value,
}

impl Rig {
    async fn start() -> Self {
        Self::start_on(MemoryStore::new()).await
    }

    async fn start_on(store: MemoryStore) -> Self {
        for (name, secret, role, expires) in [
            ("ops", ADMIN, Role::Admin, None),
            ("eyes", VIEWER, Role::Viewer, Some(NOW + 1)),
            ("old", EXPIRED, Role::Admin, Some(NOW)),
        ] {
            let hash = Digest::of(secret.as_bytes());
            let token = ApiToken { name: name.into(), hash, role, created_unix_ms: 0, expires_unix_ms: expires };
            assert!(store.add_api_token(token).await.expect("adds"));
        }
        let stop = CancellationToken::new();
        let (fleet, documents) = watch::channel(Arc::default());
        let (keeper, snapshot) = Keeper::new(store.clone(), documents, ContactBounds::default(), clock);
        tokio::task::spawn(keeper.run(stop.clone()));
        let (poke, pokes) = mpsc::channel(1);
        let settings = ApiSettings {
            fleet: FleetId::parse("test").expect("valid"),
            bounds: ContactBounds::default(),
            webhook_secret: Some(Redacted::new(WEBHOOK_SECRET.to_owned())),
        };
        let control = Fake { store: store.clone() };
        let metrics = Metrics::default();
        let api = Api::new(Parts { store: store.clone(), control, settings, snapshot, poke, metrics, clock });
        let now = time::OffsetDateTime::now_utc();
        let authority = ApiAuthority::create(now).expect("a CA");
        let names = [ApiName::parse("127.0.0.1").expect("valid")];
        let identity = authority.issue_api(&names, now, 1).expect("a certificate");
        let tls =
            skerry_certs::tls::api_server_config(&skerry_certs::tls::ServedIdentity::new(&identity).expect("fits"))
                .expect("settings");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("bound");
        tokio::task::spawn(serve(api, listener, tls, stop.clone()));
        let trust = skerry_certs::tls::api_client_config(&authority.certificate_pem()).expect("settings");
        let client = client(trust.clone());
        let base = format!("https://{address}");
        Self { store, client, trust, base, address, pokes, fleet, _stop: stop.drop_guard() }
    }

    /// A client with a connection of its own.
    fn another_client(&self) -> reqwest::Client {
        client(self.trust.clone())
    }

    async fn call(&self, method: Method, path: &str, token: Option<&str>, body: Option<Value>) -> Answer {
        let mut request = self.client.request(method, format!("{}{path}", self.base));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await.expect("an answer");
        let status = response.status();
        let kind = response.headers().get("content-type").map(|value| value.to_str().expect("text").to_owned());
        let text = response.text().await.expect("a body");
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Answer { status, kind: kind.unwrap_or_default(), body }
    }

    async fn get(&self, path: &str) -> Answer {
        self.call(Method::GET, path, Some(VIEWER), None).await
    }

    async fn post(&self, path: &str, body: Value) -> Answer {
        self.call(Method::POST, path, Some(ADMIN), Some(body)).await
    }

    async fn register(&self, name: &str, labels: &[(&str, &str)]) -> ClusterId {
        register(&self.store, name, labels).await
    }
}

impl Answer {
    fn problem(&self) -> (u16, &str) {
        assert_eq!(self.kind, "application/problem+json", "{}", self.body);
        assert_eq!(self.body["status"], self.status.as_u16());
        (self.status.as_u16(), self.body["code"].as_str().expect("a code"))
    }

    fn names(&self) -> Vec<&str> {
        assert_eq!(self.status, StatusCode::OK, "{}", self.body);
        let items = self.body["items"].as_array().expect("a page");
        items.iter().map(|item| item["name"].as_str().expect("a name")).collect()
    }
}

fn client(trust: rustls::ClientConfig) -> reqwest::Client {
    reqwest::Client::builder().tls_backend_preconfigured(trust).build().expect("a client")
}

async fn register(store: &MemoryStore, name: &str, labels: &[(&str, &str)]) -> ClusterId {
    let id = ClusterId::parse(&format!("id-{name}")).expect("valid");
    let cluster = NewCluster {
        id: id.clone(),
        name: ClusterName::parse(name).expect("valid"),
        labels: labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
        variables: BTreeMap::new(),
        created_unix_ms: NOW,
    };
    assert_eq!(store.register(cluster, None).await.expect("registers"), Registration::Registered);
    id
}

/// Does what the hub would do, without keys.
#[derive(Clone)]
struct Fake {
    store: MemoryStore,
}

impl Fake {
    async fn id(&self, name: &ClusterName) -> Result<ClusterId, ControlError> {
        let known = self.store.cluster_by_name(name).await?;
        known.map(|record| record.id).ok_or_else(|| ControlError::UnknownCluster(name.clone()))
    }
}

fn command(id: ClusterId, name: ClusterName) -> JoinCommand {
    JoinCommand { id, name, command: "skerry-agent join TOKEN".into(), expires_at: Timestamp(NOW) }
}

impl HubControl for Fake {
    async fn register(&self, request: RegisterRequest) -> Result<JoinCommand, ControlError> {
        let id = ClusterId::parse(&format!("id-{}", request.name)).expect("valid");
        let cluster = NewCluster {
            id: id.clone(),
            name: request.name.clone(),
            labels: request.labels,
            variables: BTreeMap::new(),
            created_unix_ms: NOW,
        };
        match self.store.register(cluster, None).await? {
            Registration::Registered => Ok(command(id, request.name)),
            Registration::NameTaken(_) => Err(ControlError::Conflict(format!("`{}` is taken", request.name))),
        }
    }

    async fn rejoin(&self, cluster: &ClusterName) -> Result<JoinCommand, ControlError> {
        Ok(command(self.id(cluster).await?, cluster.clone()))
    }

    async fn revoke(&self, cluster: &ClusterName) -> Result<(), ControlError> {
        let id = self.id(cluster).await?;
        self.store.revoke(&id).await?;
        Ok(())
    }

    async fn confirm_prune(&self, cluster: &ClusterName, list: Option<Digest>) -> Result<Vec<Digest>, ControlError> {
        let id = self.id(cluster).await?;
        let refused = || ControlError::Refused(Diagnostic::error(Code(605), "nothing is held").help("look again"));
        let list = list.ok_or_else(refused)?;
        self.store.confirm_prune(&id, list).await?;
        Ok(vec![list])
    }

    async fn sync(&self, cluster: &ClusterName) -> Result<u64, ControlError> {
        let id = self.id(cluster).await?;
        Ok(self.store.request_sync(&id).await?.unwrap_or_default())
    }

    async fn enroll_offline(
        &self,
        cluster: &ClusterName,
        labels: BTreeMap<String, String>,
        request: String,
    ) -> Result<String, ControlError> {
        Ok(format!("{cluster} {labels:?} {request}"))
    }

    async fn explain(&self, request: ExplainRequest) -> Result<Explanation, ControlError> {
        let Some(source) = request.revisions.into_iter().flatten().next() else {
            return Ok(Explanation::Unknown("its commit is gone".to_owned()));
        };
        let at = Location::file("apps/web.yaml", Some(3));
        let set_by = SetBy { step: "Resource".to_owned(), at, value: Some("2".to_owned()) };
        let fields = vec![ExplainedField { field: "/spec/replicas".to_owned(), set_by, overrode: Vec::new() }];
        let object = format!("{}/{}", request.key.kind, request.key.name);
        Ok(Explanation::Known { source, explained: Explained { object, namespace: request.key.namespace, fields } })
    }

    async fn export(&self, cluster: &ClusterName) -> Result<Export, ControlError> {
        self.id(cluster).await?;
        let (sender, pieces) = mpsc::channel(EXPORT_QUEUE);
        for _ in 0..EXPORT_QUEUE {
            sender.try_send(Ok(b"piece".to_vec())).expect("room");
        }
        Ok(Export { pieces })
    }
}

/// What a page of JSON rows names, for comparing sets.
fn set<'a>(words: &[&'a str]) -> BTreeSet<&'a str> {
    words.iter().copied().collect()
}
