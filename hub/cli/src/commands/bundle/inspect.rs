//! `skerry bundle inspect`: what a bundle file holds. Believes it; `verify` does not.

use std::fmt::Write as _;

use serde::Serialize;
use skerry_common::bundle::archive::Archive;
use skerry_common::bundle::digest::Digest;
use skerry_common::bundle::manifest::Manifest;
use skerry_common::bundle::root::BundleRoot;
use skerry_common::bundle::trust::TrustRoot;
use skerry_common::diagnostic::ErrorClass;

use crate::args::bundle::InspectArgs;
use crate::errors::{Failure, Stop, Verdict, codes};
use crate::output::table::{Cell, Column, Headings, Shown, Table, column, one_line};
use crate::output::{Format, Machine, Output};

const COLUMNS: &[Column] = &[column("APPLICATION"), column("OBJECTS"), column("BYTES"), column("SOURCES")];

/// What is told.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Contents {
    /// Digest of the signed trust root: what `--pin` takes.
    trust_root_digest: Digest,
    trust_root: TrustRoot,
    /// Digest of the signed bundle root.
    root_digest: Digest,
    root: BundleRoot,
    applications: Vec<ApplicationContents>,
    blobs: usize,
    bytes: u64,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ApplicationContents {
    name: String,
    sources: Vec<String>,
    bytes: u64,
    objects: Vec<String>,
}

/// Shows it.
pub(super) fn run(args: &InspectArgs, output: &mut Output) -> Result<Verdict, Stop> {
    let contents = contents(&super::read(&args.file)?)?;
    match args.output {
        Format::Json => output.value(&contents, Machine::Json)?,
        Format::Yaml => output.value(&contents, Machine::Yaml)?,
        Format::Name => {
            for object in contents.applications.iter().flat_map(|application| &application.objects) {
                output.data(&format!("{}\n", one_line(object)))?;
            }
        }
        Format::Table | Format::Wide => {
            output.data(&heading(&contents))?;
            let rows: Vec<Vec<Cell>> = contents.applications.iter().map(row).collect();
            let table = Table::new(COLUMNS, output.layout(Headings::Shown, Shown::Always)).print(&rows);
            output.data(&table)?;
            output.say("nothing of this is verified: run `skerry bundle verify`");
        }
    }
    Ok(Verdict::Yes)
}

fn contents(archive: &Archive) -> Result<Contents, Stop> {
    let unreadable = |what: &str, error: &dyn std::fmt::Display| {
        Failure::new(ErrorClass::No, codes::ARCHIVE, format!("the archive's {what} cannot be read: {error}"))
    };
    let trust_root: TrustRoot =
        serde_json::from_slice(&archive.trust_root.payload).map_err(|error| unreadable("trust root", &error))?;
    let root: BundleRoot =
        serde_json::from_slice(&archive.root.payload).map_err(|error| unreadable("bundle root", &error))?;
    let mut applications = Vec::new();
    for reference in &root.applications {
        let what = format!("manifest of `{}`", reference.name);
        let bytes = archive.blobs.get(&reference.manifest.digest).ok_or_else(|| unreadable(&what, &"it is missing"))?;
        let manifest = Manifest::parse(bytes).map_err(|error| unreadable(&what, &error))?;
        applications.push(ApplicationContents {
            name: reference.name.to_string(),
            sources: reference.sources.iter().map(ToString::to_string).collect(),
            bytes: manifest.objects.iter().map(|entry| entry.content.size).sum(),
            objects: manifest.objects.iter().map(|entry| entry.key().to_string()).collect(),
        });
    }
    Ok(Contents {
        trust_root_digest: archive.trust_root.digest(),
        trust_root,
        root_digest: archive.root.digest(),
        root,
        applications,
        blobs: archive.blobs.len(),
        bytes: archive.blobs.values().map(|blob| blob.len() as u64).sum(),
    })
}

fn heading(contents: &Contents) -> String {
    let root = &contents.root;
    let mut text = String::new();
    let mut line = |name: &str, value: &str| {
        let _ = writeln!(text, "{:<14}{}", format!("{name}:"), one_line(value));
    };
    line("Fleet", root.fleet.as_str());
    line("Cluster", root.cluster.as_str());
    line("Generation", &root.place().to_string());
    line("Issued", &root.issued);
    line("Expires", &root.expires);
    line("Hub", &root.hub);
    line("Renderer", &root.renderer);
    for source in &root.sources {
        line("Source", &format!("{} {} {} {}", source.name, source.url, source.reference, source.commit));
    }
    line("Root", &contents.root_digest.to_string());
    line("Trust root", &format!("{} (version {})", contents.trust_root_digest, contents.trust_root.version));
    line("Content", &format!("{} blobs, {} bytes", contents.blobs, contents.bytes));
    text.push('\n');
    text
}

fn row(application: &ApplicationContents) -> Vec<Cell> {
    let count = |number: usize| Cell::number(i64::try_from(number).unwrap_or(i64::MAX));
    vec![
        Cell::new(&application.name),
        count(application.objects.len()),
        Cell::number(i64::try_from(application.bytes).unwrap_or(i64::MAX)),
        Cell::new(application.sources.join(",")),
    ]
}
