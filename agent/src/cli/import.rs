//! `skerry-agent import`: a bundle from a file, by the same checks as over the link.

use std::io::Read as _;
use std::path::Path;
use std::time::Duration;

use skerry_common::bundle::archive::{ARCHIVE_BYTES_MAX, Archive};
use skerry_common::diagnostic::ErrorClass;

use super::failure::not_joined;
use super::inbox::{self, Answer};
use super::run::seed;
use super::told::{data, talk};
use super::{Failure, Place, Verdict, codes, system_clock};
use crate::agent::{identity_folder, store_folder};
use crate::identity::IdentityFolder;
use crate::target::Targets;
use crate::tasks::keeper::Keeper;
use crate::trust::Trust;

/// How long the running agent may take to judge an archive: a large one on a small disk.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);

/// Takes an archive, or hands it to the agent that runs.
pub(super) async fn import(state: &Path, file: &Path) -> Result<Verdict, Failure> {
    let bytes = read(file)?;
    let archive = Archive::read(bytes.as_slice())?;
    match Place::if_free(state)? {
        Some(place) => {
            let generation = take(state, archive).await?;
            drop(place);
            talk("✓ stored; no agent runs here: the next one starts with it");
            data(&format!("generation {generation}"))
        }
        None => hand_over(state, bytes).await,
    }
}

fn read(file: &Path) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let opened = std::fs::File::open(file);
    let read = opened.and_then(|source| source.take(ARCHIVE_BYTES_MAX + 1).read_to_end(&mut bytes));
    read.map_err(|error| Failure::file(file, &error))?;
    if bytes.len() as u64 > ARCHIVE_BYTES_MAX {
        return Err(Failure::file(file, &std::io::ErrorKind::FileTooLarge.into()));
    }
    Ok(bytes)
}

async fn take(state: &Path, archive: Archive) -> Result<String, Failure> {
    let identity = IdentityFolder::open(&identity_folder(state))?;
    let enrolled = identity.enrolled()?.ok_or_else(not_joined)?;
    let keeper = Keeper::open(&store_folder(state), seed()?)?;
    let trust = Trust::new(identity, enrolled.trust);
    let targets = Targets::open(keeper, enrolled.me, trust, system_clock()).await?;
    Ok(targets.import(archive).await?.place.to_string())
}

async fn hand_over(state: &Path, bytes: Vec<u8>) -> Result<Verdict, Failure> {
    let failed = |error: std::io::Error| Failure::retry(codes::STATE, &error).about("the inbox of the running agent");
    let handed = inbox::hand_over(state, &bytes).map_err(failed)?;
    talk("✓ handed to the agent that runs here");
    match handed.answer(ANSWER_TIMEOUT).await.map_err(failed)? {
        Some(Answer::Generation(generation)) => {
            talk("✓ taken by the agent");
            data(&format!("generation {generation}"))
        }
        Some(Answer::Refused(reason)) => Err(Failure::words(ErrorClass::NeedsUser, codes::ARCHIVE, reason)
            .about("the running agent refuses the archive")),
        None => {
            let message = format!("the running agent did not judge the archive within {} s", ANSWER_TIMEOUT.as_secs());
            Err(Failure::words(ErrorClass::Retry, codes::STATE, message)
                .help("the archive stays in its inbox; look with `skerry-agent status`"))
        }
    }
}
