//! `skerry-agent join`: with a token over the network, or with two files.

use std::path::Path;

use skerry_common::join::JoinToken;

use super::told::talk;
use super::{Failure, JoinArgs, Verdict, codes, system_clock};
use crate::agent::identity_folder;
use crate::identity::{Enrolled, IdentityFolder};
use crate::join::{Step, join as join_with_token, offline_reply, offline_request};
use crate::store::disk::{self, FolderDisk};

/// Largest reply file that is read, in bytes: a certificate chain and a trust root, with room.
const REPLY_BYTES_MAX: u64 = 1024 * 1024;

/// Joins, or does one half of joining.
pub(super) async fn join(state: &Path, args: JoinArgs) -> Result<Verdict, Failure> {
    let folder = IdentityFolder::open(&identity_folder(state))?;
    let mut told = |step: Step| talk(&format!("✓ {step}"));
    if let Some(path) = args.request {
        write(&path, &offline_request(&folder)?)?;
        talk("✓ keys made on this machine");
        talk(&format!("✓ request written to `{}`: carry it to the hub and bring back its reply", path.display()));
        return Ok(Verdict::Yes);
    }
    let enrolled = if let Some(path) = args.reply {
        let reply = read(&path)?;
        offline_reply(&folder, &reply, args.pin.as_ref(), &system_clock(), &mut told)?
    } else {
        let token = JoinToken::parse(args.token.as_deref().unwrap_or_default())?;
        join_with_token(&folder, &token, &system_clock(), &mut told).await?
    };
    tell_who(&enrolled)
}

fn tell_who(enrolled: &Enrolled) -> Result<Verdict, Failure> {
    super::told::data(&format!("cluster {} of fleet {} ({})", enrolled.name, enrolled.me.fleet, enrolled.me.cluster))
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    use std::io::Read as _;
    let mut bytes = Vec::new();
    let read = std::fs::File::open(path).and_then(|file| file.take(REPLY_BYTES_MAX + 1).read_to_end(&mut bytes));
    read.map_err(|error| Failure::file(path, &error))?;
    if bytes.len() as u64 > REPLY_BYTES_MAX {
        let error = std::io::Error::from(std::io::ErrorKind::FileTooLarge);
        return Err(Failure::file(path, &error));
    }
    Ok(bytes)
}

/// Writes a file whole or not at all.
fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::file(path, &error);
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
        return Err(Failure::words(
            skerry_common::diagnostic::ErrorClass::NeedsUser,
            codes::FILE,
            format!("`{}` names no file", path.display()),
        ));
    };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let disk = FolderDisk::open(folder).map_err(failed)?;
    disk::replace(&disk, name, bytes).map_err(failed)
}
