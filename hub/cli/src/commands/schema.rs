//! `skerry schema`: the JSON Schema of a kind of fleet document.

use skerry_common::diagnostic::ErrorClass;
use skerry_hub_core::fleet::schema::Kind;
use skerry_hub_core::fleet::suggest;

use crate::args::get::SchemaArgs;
use crate::errors::{Failure, REPORT, Stop, Verdict, codes};
use crate::output::Output;

/// Prints the schema.
pub fn run(args: &SchemaArgs, output: &mut Output) -> Result<Verdict, Stop> {
    let kind = Kind::ALL.into_iter().find(|kind| kind.name().eq_ignore_ascii_case(&args.kind));
    let Some(kind) = kind else {
        let known = Kind::ALL.map(Kind::name);
        let failure = Failure::user(codes::NOT_FOUND, format!("`{}` is no kind of fleet document", args.kind));
        return Err(failure.help(suggest::help(&args.kind, &known)).into());
    };
    let text = skerry_hub_core::schema::text(kind)
        .map_err(|error| Failure::of(ErrorClass::Bug, codes::BUG, &error).help(REPORT))?;
    output.data(&text)?;
    Ok(Verdict::Yes)
}
