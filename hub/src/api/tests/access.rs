//! Who may do what.

use reqwest::Method;
use skerry_hub_core::access::Role;

use super::{ADMIN, EXPIRED, Rig, VIEWER};
use crate::api::routes::{self, ROUTES};

#[tokio::test]
async fn every_route_holds_callers_to_its_role() {
    let rig = Rig::start().await;
    rig.register("edge", &[]).await;
    for route in ROUTES {
        let path = route.path.replace("{name}", "edge");
        let method = match route.method {
            routes::Method::Get => Method::GET,
            routes::Method::Post => Method::POST,
        };
        let status = async |token| rig.call(method.clone(), &path, token, None).await.status.as_u16();
        let Some(action) = route.needs else {
            assert_ne!(status(None).await, 403, "{path}");
            continue;
        };
        for token in [None, Some(""), Some(EXPIRED), Some("skerry_api_unknown")] {
            assert_eq!(status(token).await, 401, "{method} {path} with {token:?}");
        }
        let viewer = status(Some(VIEWER)).await;
        assert_eq!(viewer == 403, action.needs() == Role::Admin, "{method} {path}: {viewer}");
        assert!(!matches!(status(Some(ADMIN)).await, 401 | 403), "{method} {path}");
    }
}

#[tokio::test]
async fn refusals_are_problem_documents() {
    let rig = Rig::start().await;
    let anonymous = rig.call(Method::GET, "/api/v1/clusters", None, None).await;
    assert_eq!(anonymous.problem(), (401, "SK0601"));
    let viewer = rig.call(Method::POST, "/api/v1/clusters/edge/revoke", Some(VIEWER), None).await;
    assert_eq!(viewer.problem(), (403, "SK0602"));
    assert_eq!(viewer.body["detail"], "`eyes` is a viewer: this needs the role admin");
    assert_eq!(viewer.body["type"], "https://skerry.dev/errors/SK0602");
    assert_eq!(rig.get("/api/v1/clusters/nobody").await.problem(), (404, "SK0603"));
    assert_eq!(rig.get("/nowhere").await.problem(), (404, "SK0603"));
    let wrong_method = rig.call(Method::DELETE, "/api/v1/clusters", Some(ADMIN), None).await;
    assert_eq!(wrong_method.problem(), (405, "SK0610"));
}
