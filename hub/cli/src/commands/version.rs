//! `skerry version`: of this program, of what it reads, and of the hub.

use serde::{Deserialize, Serialize};
use skerry_common::bundle::root::ROOT_SCHEMA;

use crate::args::Global;
use crate::args::get::VersionArgs;
use crate::client::{Client, Request};
use crate::config::{self, EndpointError};
use crate::errors::{Failure, Stop, Verdict};
use crate::output::{Format, Machine, Output};

/// What is told.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Versions {
    client: String,
    bundle_schema: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    hub_api: Option<String>,
}

/// The part of the hub's OpenAPI document that tells which API it is.
#[derive(Debug, Deserialize)]
struct Document {
    info: Info,
}

#[derive(Debug, Deserialize)]
struct Info {
    version: String,
}

/// Prints versions. A hub that cannot be asked is an error, after this program's own was printed.
pub async fn run(args: &VersionArgs, global: &Global, output: &mut Output) -> Result<Verdict, Stop> {
    let hub = if args.client { Ok(None) } else { hub(global).await };
    let versions = Versions {
        client: env!("CARGO_PKG_VERSION").to_owned(),
        bundle_schema: ROOT_SCHEMA,
        hub_api: hub.as_ref().ok().cloned().flatten(),
    };
    match args.output {
        Format::Json => output.value(&versions, Machine::Json)?,
        Format::Yaml => output.value(&versions, Machine::Yaml)?,
        Format::Name => output.data(&format!("{}\n", versions.client))?,
        Format::Table | Format::Wide => {
            output.data(&format!("skerry: {}\nbundle schema: {}\n", versions.client, versions.bundle_schema))?;
            if let Some(hub) = &versions.hub_api {
                output.data(&format!("hub API: {}\n", crate::output::table::one_line(hub)))?;
            }
        }
    }
    hub.map(|_| Verdict::Yes)
}

/// The version of the hub's API; none when no hub is configured.
async fn hub(global: &Global) -> Result<Option<String>, Stop> {
    let endpoint = match config::endpoint(global) {
        Ok(endpoint) => endpoint,
        Err(EndpointError::NoServer) => return Ok(None),
        Err(error) => return Err(Failure::from(error).into()),
    };
    let client = Client::new(endpoint, global.request_timeout)?;
    let request = Request { path: vec!["openapi.json"], query: Vec::new() };
    let document: Document = client.get(&request).await?;
    Ok(Some(document.info.version))
}
