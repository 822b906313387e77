//! The one table of operations; router and OpenAPI document are made from it.

use axum::extract::DefaultBodyLimit;
use axum::handler::Handler;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::IntoResponse as _;
use axum::routing::{MethodFilter, MethodRouter, on};
use axum::{Router, extract::Request};
use skerry_hub_core::access::Action;

use super::auth::{Gate, check};
use super::error::Problem;
use super::{Api, ApiStore, HubControl, detail, limits, lists, openapi, revisions, webhook, why, writes};

/// One operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route {
    /// Which.
    pub operation: Operation,
    /// How it is called.
    pub method: Method,
    /// Where, with `{name}` for parameters.
    pub path: &'static str,
    /// What a caller must be allowed; `None` for those that need no token.
    pub needs: Option<Action>,
    /// What it takes beside the path.
    pub takes: Takes,
    /// What it answers, as the name of a schema.
    pub answers: &'static str,
    /// In one line.
    pub summary: &'static str,
}

/// How an operation is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Reads.
    Get,
    /// Writes.
    Post,
}

/// What an operation takes beside the path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takes {
    /// Nothing.
    Nothing,
    /// `filter`, `labelSelector`, `limit`, `cursor`.
    Page,
    /// Those, and `watch`.
    PageOrWatch,
    /// Parameters of its own.
    Query(&'static [QueryParameter]),
    /// A JSON body of this schema.
    Body(&'static str),
}

/// A parameter of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueryParameter {
    /// Its name.
    pub name: &'static str,
    /// Whether it must be given.
    pub is_required: bool,
    /// In one line.
    pub description: &'static str,
}

macro_rules! operations {
    ($($variant:ident = $name:literal: $method:ident $path:literal, $needs:expr, $takes:expr, $answers:literal, $summary:literal;)+) => {
        /// Every operation.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[expect(missing_docs, reason = "the table says what each one does")]
        pub enum Operation { $($variant),+ }

        impl Operation {
            /// Its id in the OpenAPI document and in metrics.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }
        }

        /// The table.
        pub const ROUTES: &[Route] = &[$(Route {
            operation: Operation::$variant, method: Method::$method, path: $path, needs: $needs, takes: $takes,
            answers: $answers, summary: $summary,
        }),+];
    };
}

const READ: Option<Action> = Some(Action::Read);

operations! {
    GetFleet = "getFleet": Get "/api/v1/fleet", READ, Takes::Nothing, "FleetView", "The fleet at a glance: counts, sources, what needs a person.";
    ListGroups = "listGroups": Get "/api/v1/groups", READ, Takes::Page, "GroupView", "Cluster groups, each with its counts.";
    ListClusters = "listClusters": Get "/api/v1/clusters", READ, Takes::PageOrWatch, "ClusterView", "Clusters by name.";
    GetCluster = "getCluster": Get "/api/v1/clusters/{name}", READ, Takes::Nothing, "ClusterView", "One cluster.";
    ExplainObject = "explainObject": Get "/api/v1/clusters/{name}/why", READ, Takes::Query(why::PARAMETERS), "WhyView", "Why an object on a cluster is as it is: which commit, file, line and step set each field, which bundle brought it, what holds it back.";
    ListApplications = "listApplications": Get "/api/v1/applications", READ, Takes::PageOrWatch, "ApplicationView", "Applications over all clusters; a watch tells of every one that a change touches.";
    GetApplication = "getApplication": Get "/api/v1/applications/{name}", READ, Takes::Nothing, "ApplicationView", "One application over all clusters.";
    ListObjects = "listObjects": Get "/api/v1/objects", READ, Takes::Page, "ObjectView", "Objects of all applications on all clusters, as the newest bundles list them.";
    ListDrift = "listDrift": Get "/api/v1/drift", READ, Takes::PageOrWatch, "DriftView", "Drifts, the newest change first.";
    ListEvents = "listEvents": Get "/api/v1/events", READ, Takes::PageOrWatch, "EventView", "What happened, newest first.";
    ListRevisions = "listRevisions": Get "/api/v1/revisions", READ, Takes::Page, "RevisionView", "Commits that are part of what clusters run or should run.";
    ListSources = "listSources": Get "/api/v1/sources", READ, Takes::Page, "SourceView", "Repositories and how far each was read.";
    RegisterCluster = "registerCluster": Post "/api/v1/clusters", Some(Action::Register), Takes::Body("RegisterRequest"), "JoinCommand", "Registers a cluster and answers how it joins.";
    RevokeCluster = "revokeCluster": Post "/api/v1/clusters/{name}/revoke", Some(Action::Revoke), Takes::Nothing, "Done", "Shuts a cluster out.";
    RejoinCluster = "rejoinCluster": Post "/api/v1/clusters/{name}/rejoin", Some(Action::Register), Takes::Nothing, "JoinCommand", "Lets a cluster join again with new keys.";
    ConfirmPrune = "confirmPrune": Post "/api/v1/clusters/{name}/confirm-prune", Some(Action::ConfirmPrune), Takes::Body("ConfirmRequest"), "Confirmed", "Confirms a held deletion.";
    RequestSync = "requestSync": Post "/api/v1/clusters/{name}/sync", Some(Action::RequestSync), Takes::Nothing, "SyncRequested", "Asks for a look at Git and a full pass now.";
    EnrollOffline = "enrollOffline": Post "/api/v1/clusters/{name}/offline", Some(Action::Register), Takes::Body("OfflineRequest"), "OfflineReply", "Admits a cluster without a network by its request file.";
    ExportBundle = "exportBundle": Get "/api/v1/clusters/{name}/bundle", Some(Action::ExportBundle), Takes::Nothing, "Archive", "The newest bundle of a cluster, as an archive.";
    ReceiveWebhook = "receiveWebhook": Post "/webhooks/git", None, Takes::Body("Webhook"), "Done", "Told by a Git server that something was pushed.";
    GetOpenApi = "getOpenApi": Get "/openapi.json", None, Takes::Nothing, "OpenApi", "This document.";
    GetHealth = "getHealth": Get "/healthz", None, Takes::Nothing, "Text", "Whether the hub's process answers.";
    GetReadiness = "getReadiness": Get "/readyz", None, Takes::Nothing, "Text", "Whether the hub can serve: its store answers.";
    GetMetrics = "getMetrics": Get "/metrics", READ, Takes::Nothing, "Text", "Numbers in the Prometheus text format.";
}

/// Makes the router of the whole table.
pub(super) fn router<S: ApiStore, C: HubControl>(api: &Api<S, C>) -> Router {
    let mut router: Router<Api<S, C>> = Router::new();
    for route in ROUTES {
        let gate = from_fn_with_state(Gate { api: api.clone(), route }, check::<S, C>);
        router = router.route(route.path, handler::<S, C>(route).route_layer(gate));
    }
    router
        .fallback(async |request: Request| Problem::not_found("address", request.uri().path()).into_response())
        .method_not_allowed_fallback(async || Problem::method_not_allowed().into_response())
        .layer(DefaultBodyLimit::max(limits::BODY_BYTES_MAX))
        .layer(from_fn_with_state(api.clone(), limits::admit::<S, C>))
        .layer(from_fn(no_store))
        .with_state(api.clone())
}

/// Answers are about now, and some are secret: nobody keeps them.
async fn no_store(request: Request, next: axum::middleware::Next) -> axum::response::Response {
    use axum::http::{HeaderValue, header};
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

fn handler<S: ApiStore, C: HubControl>(route: &Route) -> MethodRouter<Api<S, C>> {
    match route.operation {
        Operation::GetFleet => method(route, detail::fleet::<S, C>),
        Operation::ListGroups => method(route, lists::groups::<S, C>),
        Operation::ListClusters => method(route, lists::clusters::<S, C>),
        Operation::GetCluster => method(route, detail::cluster::<S, C>),
        Operation::ExplainObject => method(route, why::why::<S, C>),
        Operation::ListApplications => method(route, lists::applications::<S, C>),
        Operation::GetApplication => method(route, detail::application::<S, C>),
        Operation::ListObjects => method(route, detail::objects::<S, C>),
        Operation::ListDrift => method(route, lists::drift::<S, C>),
        Operation::ListEvents => method(route, lists::events::<S, C>),
        Operation::ListRevisions => method(route, revisions::list::<S, C>),
        Operation::ListSources => method(route, lists::sources::<S, C>),
        Operation::RegisterCluster => method(route, writes::register::<S, C>),
        Operation::RevokeCluster => method(route, writes::revoke::<S, C>),
        Operation::RejoinCluster => method(route, writes::rejoin::<S, C>),
        Operation::ConfirmPrune => method(route, writes::confirm_prune::<S, C>),
        Operation::RequestSync => method(route, writes::sync::<S, C>),
        Operation::EnrollOffline => method(route, writes::enroll_offline::<S, C>),
        Operation::ExportBundle => method(route, writes::export::<S, C>),
        Operation::ReceiveWebhook => method(route, webhook::receive::<S, C>),
        Operation::GetOpenApi => method(route, openapi::serve),
        Operation::GetHealth => method(route, detail::health),
        Operation::GetReadiness => method(route, detail::readiness::<S, C>),
        Operation::GetMetrics => method(route, detail::metrics::<S, C>),
    }
}

fn method<S: ApiStore, C: HubControl, T: 'static>(
    route: &Route,
    handler: impl Handler<T, Api<S, C>>,
) -> MethodRouter<Api<S, C>> {
    match route.method {
        Method::Get => on(MethodFilter::GET, handler),
        Method::Post => on(MethodFilter::POST, handler),
    }
}
