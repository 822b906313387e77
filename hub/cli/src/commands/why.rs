//! `skerry why`: which commit, file, line and step set each field of an object on a cluster, which
//! bundle brought it there, and what holds it back.

use skerry_hub_core::view::{BundleView, SinceView, WhyField, WhySetting, WhyView};

use super::describe::Block;
use super::get::client;
use crate::args::Global;
use crate::args::why::WhyArgs;
use crate::client::{ClientError, Request};
use crate::errors::{Failure, Stop, Verdict, codes};
use crate::output::table::{Cell, Column, Headings, Shown, Table, Tone, column};
use crate::output::{Format, Machine, Output, age};

const COLUMNS: &[Column] = &[column("FIELD"), column("VALUE"), column("SET BY"), column("AT"), column("OVERRODE")];

/// Asks the hub, and shows what it says.
pub async fn run(args: &WhyArgs, global: &Global, output: &mut Output) -> Result<Verdict, Stop> {
    let question = &args.question;
    let mut request = Request::api(&["clusters", &args.cluster, "why"]);
    let mut parameter = |name: &'static str, value: Option<&String>| {
        request.query.extend(value.map(|value| (name, value.clone())));
    };
    parameter("kind", Some(&question.kind));
    parameter("name", Some(&question.name));
    parameter("group", question.group.as_ref());
    parameter("namespace", args.namespace.as_ref().or(question.namespace.as_ref()));
    parameter("application", args.application.as_ref());
    parameter("field", Some(&question.field).filter(|field| !field.is_empty()));
    let raw: serde_json::Value = client(global)?.get(&request).await?;
    let view: WhyView = serde_json::from_value(raw.clone()).map_err(ClientError::Answer)?;
    if view.fields.is_empty() && view.not_explained.is_none() {
        let message = format!("`{}/{}` has no field `{}`", view.object.kind, view.object.name, question.field);
        return Err(Failure::user(codes::NOT_FOUND, message).help("leave out the field to see them all").into());
    }
    match args.output {
        Format::Json => output.value(&raw, Machine::Json)?,
        Format::Yaml => output.value(&raw, Machine::Yaml)?,
        Format::Name => output.data(&format!("{}/{}\n", view.object.kind.to_lowercase(), view.object.name))?,
        Format::Table | Format::Wide => show(&view, output)?,
    }
    Ok(Verdict::Yes)
}

fn show(view: &WhyView, output: &mut Output) -> Result<(), Stop> {
    let now = view.generated_at;
    let object = &view.object;
    let mut block = Block::default();
    let group = if object.group.is_empty() { String::new() } else { format!(".{}", object.group) };
    let namespace = object.namespace.as_ref().map(|namespace| format!(" in {namespace}")).unwrap_or_default();
    block.line("Object", format!("{}{group}/{}{namespace}", object.kind, object.name));
    block.line("On", format!("cluster {}, by application {}", view.cluster, view.application));
    if let Some(source) = &view.source {
        block.line("From", format!("{} {}, commit {}", source.url, source.reference, source.commit));
    }
    block.line("Since", since(&view.since, now.0));
    block.line("Newest bundle", bundle(&view.bundle));
    let observed = view.observed_at.map(|at| format!(", observed {} ago", age::since(at.0, now.0)));
    block.line("Sync", format!("{}{}", view.sync, observed.unwrap_or_default()));
    if view.held_back.is_empty() {
        block.line("Held back by", "nothing");
    }
    block.list("Held back by", view.held_back.iter().cloned());
    block.line_if("Not explained", view.not_explained.as_deref().unwrap_or_default());
    output.data(&block.finish())?;
    if view.fields.is_empty() {
        return Ok(());
    }
    let rows: Vec<Vec<Cell>> = view.fields.iter().map(|field| row(field, view)).collect();
    let table = Table::new(COLUMNS, output.layout(Headings::Shown, Shown::Always)).print(&rows);
    output.data(&format!("\n{table}"))?;
    if view.fields_left_out > 0 {
        output.say(&format!("{} fields are left out: ask for a part of them, as in `:/spec`", view.fields_left_out));
    }
    Ok(())
}

fn row(field: &WhyField, view: &WhyView) -> Vec<Cell> {
    let overrode: Vec<String> = field.overrode.iter().map(short).collect();
    vec![
        Cell::new(&field.field),
        value(&field.set_by, view),
        Cell::new(&field.set_by.step),
        Cell::new(field.set_by.at.to_string()),
        Cell::new(overrode.join(", ")),
    ]
}

/// A setting without its value.
fn short(by: &WhySetting) -> String {
    if by.at.is_empty() { by.step.clone() } else { format!("{} {}", by.step, by.at) }
}

fn value(by: &WhySetting, view: &WhyView) -> Cell {
    match &by.value {
        Some(value) => Cell::new(value),
        None if view.object.kind == "Secret" => Cell::new("(secret)").tone(Tone::Faint),
        None => Cell::new(""),
    }
}

fn since(since: &SinceView, now_unix_ms: i64) -> String {
    let ago = age::since(since.published_at.0, now_unix_ms);
    let commits: Vec<String> =
        since.sources.iter().map(|source| format!("{} at {}", source.name, source.commit.short())).collect();
    let earlier = if since.or_earlier { " or earlier" } else { "" };
    format!("{}{earlier}, published {ago} ago from {}", bundle(&since.bundle), commits.join(", "))
}

fn bundle(bundle: &BundleView) -> String {
    match bundle.epoch {
        0 | 1 => format!("generation {}", bundle.generation),
        epoch => format!("epoch {epoch}, generation {}", bundle.generation),
    }
}
