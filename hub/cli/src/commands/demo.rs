//! `skerry demo`: a hub and agents in this process, shown at work.

use std::error::Error;

use skerry_common::diagnostic::ErrorClass;
use skerry_common::redact::redact;

use crate::args::DemoArgs;
use crate::demo::{self, DemoOptions};
use crate::errors::{Failure, REPORT, Stop, Verdict, codes};

/// Runs it; yes when everything that it showed was checked.
pub async fn run(args: &DemoArgs) -> Result<Verdict, Stop> {
    let options = DemoOptions { keep: args.keep, verbose: args.verbose };
    match Box::pin(demo::run(options)).await {
        Ok(seen) => Ok(Verdict::of(seen)),
        Err(error) => {
            let error: Box<dyn Error + Send + Sync> = error;
            let message = redact(&format!("the demo stopped: {error}"));
            Err(Failure::new(ErrorClass::Bug, codes::BUG, message).help(REPORT).into())
        }
    }
}
