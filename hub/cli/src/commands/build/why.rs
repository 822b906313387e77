//! `skerry build --why`: which file, line and step set each field, and which it overrode.

use skerry_render::{Allowed, Asked, Explained, RenderLimits, SetBy, explain_allowed};

use super::places::Places;
use crate::args::build::BuildFormat;
use crate::errors::{Failure, Stop, Verdict, codes};
use crate::folder::FolderTree;
use crate::output::table::{Cell, Column, Headings, Shown, Table, Tone, column};
use crate::output::{Machine, Output};

const COLUMNS: &[Column] = &[column("FIELD"), column("VALUE"), column("SET BY"), column("AT"), column("OVERRODE")];

/// Explains, as a table or as JSON.
pub(super) fn run(
    asked: &Asked,
    format: Option<BuildFormat>,
    places: &Places,
    allowed: &Allowed,
    output: &mut Output,
) -> Result<Verdict, Stop> {
    let tree = FolderTree::new(places.root.clone());
    let explained = explain_allowed(&tree, &places.path, RenderLimits::default(), allowed, asked);
    let explained = explained.map_err(Stop::Refused)?;
    if explained.iter().all(|object| object.fields.is_empty()) {
        let message = format!("`{}/{}` has no field `{}`", asked.kind, asked.name, asked.field);
        return Err(Failure::user(codes::NOT_FOUND, message).help("leave out the field to see them all").into());
    }
    match format {
        Some(BuildFormat::Json) => output.value(&explained, Machine::Json)?,
        Some(BuildFormat::Yaml) => output.value(&explained, Machine::Yaml)?,
        Some(BuildFormat::Name) => {
            let failure = Failure::user(codes::USAGE, "`--why` has no names to print");
            return Err(failure.help("use `-o json` or `-o yaml`, or leave it out for a table").into());
        }
        None => {
            for object in &explained {
                show(object, output)?;
            }
        }
    }
    Ok(Verdict::Yes)
}

fn show(object: &Explained, output: &mut Output) -> Result<(), Stop> {
    let place = |by: &SetBy| by.at.to_string();
    let rows: Vec<Vec<Cell>> = object
        .fields
        .iter()
        .map(|field| {
            let value = field.set_by.value.as_deref().map_or(Cell::new("(secret)").tone(Tone::Faint), Cell::new);
            let overrode = field.overrode.iter().map(|by| match by.at.is_empty() {
                true => by.step.clone(),
                false => format!("{} {}", by.step, place(by)),
            });
            let overrode: Vec<String> = overrode.collect();
            vec![
                Cell::new(&field.field),
                value,
                Cell::new(&field.set_by.step),
                Cell::new(place(&field.set_by)),
                Cell::new(overrode.join(", ")),
            ]
        })
        .collect();
    let namespace = object.namespace.as_ref().map(|namespace| format!(" in {namespace}")).unwrap_or_default();
    output.say(&format!("{}{namespace}", object.object));
    let text = Table::new(COLUMNS, output.layout(Headings::Shown, Shown::Always)).print(&rows);
    Ok(output.data(&text)?)
}
