//! `skerry bundle verify`: the checks of the agent, without its history.
//!
//! An archive brings its own trust root, which proves nothing: what counts is given as a digest or a
//! file. From there on the agent's own functions judge, so that what passes here passes there, unless
//! the agent has seen a higher generation.

use skerry_agent_core::accept::{self, AcceptedBundle, ContentRefusal, Me, Refusal};
use skerry_common::bundle::archive::Archive;
use skerry_common::bundle::digest::Digest;
use skerry_common::bundle::root::BundleRoot;
use skerry_common::bundle::signature::Envelope;
use skerry_common::bundle::trust::{TrustError, TrustedRoot};
use skerry_common::diagnostic::{Code, ErrorClass};
use skerry_common::id::ClusterId;
use skerry_common::limits::TRUST_ROOT_BYTES_MAX;
use thiserror::Error;
use time::OffsetDateTime;

use crate::args::bundle::VerifyArgs;
use crate::config;
use crate::errors::{Failure, Stop, Verdict, codes};
use crate::output::Output;

/// Room for the envelope around a trust root: base64 and signatures.
const ENVELOPE_FACTOR: u64 = 2;

/// What `skerry explain` calls damaged or incomplete.
const DAMAGED: Code = Code(506);

/// Why an archive is not good.
#[derive(Debug, Error)]
enum Unverified {
    /// Another trust root, or one that does not follow from the one that counts.
    #[error("the archive's trust root does not count")]
    Trust(#[source] TrustError),
    /// The root names no cluster.
    #[error("the archive's bundle root cannot be read")]
    Root(#[source] serde_json::Error),
    /// The root is refused.
    #[error("the bundle is refused")]
    Refused(#[source] Refusal),
    /// The content is refused.
    #[error("the bundle is not complete")]
    Content(#[source] ContentRefusal),
}

impl Unverified {
    /// As `skerry explain` knows it.
    fn code(&self) -> Code {
        match self {
            Self::Refused(refusal) => refusal.code(),
            Self::Content(_) => DAMAGED,
            Self::Trust(_) | Self::Root(_) => codes::ARCHIVE,
        }
    }
}

/// What counts.
enum Anchor {
    Pin(Digest),
    File(Envelope),
}

/// Checks it.
pub(super) fn run(args: &VerifyArgs, output: &mut Output) -> Result<Verdict, Stop> {
    let anchor = anchor(args)?;
    let cluster = args.cluster.as_deref().map(ClusterId::parse).transpose();
    let cluster = cluster.map_err(|error| Failure::of(ErrorClass::NeedsUser, codes::REFUSED, &error))?;
    let archive = super::read(&args.file)?;
    let now =
        OffsetDateTime::from_unix_timestamp(crate::clock::now_unix_ms() / 1000).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    match verify(archive, anchor, cluster, now) {
        Ok(bundle) => {
            let root = bundle.root().root();
            let objects: usize = bundle.manifests().iter().map(|manifest| manifest.objects.len()).sum();
            output.data(&format!(
                "verified: fleet {}, cluster {}, generation {}, {} applications, {objects} objects, {} blobs\n",
                root.fleet,
                root.cluster,
                root.place(),
                root.applications.len(),
                bundle.blobs().len(),
            ))?;
            if args.cluster.is_none() {
                output.say("which cluster it is for was not checked: give `--cluster ID`");
            }
            Ok(Verdict::Yes)
        }
        Err(error) => {
            let failure = Failure::of(ErrorClass::No, error.code(), &error).at(format!("`{}`", args.file.display()));
            Err(failure.help("export it again: `skerry bundle export CLUSTER FILE`").into())
        }
    }
}

fn anchor(args: &VerifyArgs) -> Result<Anchor, Stop> {
    if let Some(pin) = &args.pin {
        let wrong = |error| Failure::of(ErrorClass::NeedsUser, codes::UNPINNED, &error);
        return Ok(Anchor::Pin(pin.parse::<Digest>().map_err(wrong)?));
    }
    let Some(file) = &args.trust_root else {
        let failure = Failure::user(codes::UNPINNED, "nothing to check the archive against");
        return Err(failure
            .help("give `--pin sha256:…` or `--trust-root FILE`; `skerry explain SK0919` says why")
            .into());
    };
    let unusable = |error: &dyn std::fmt::Display| {
        Failure::user(codes::FILE, format!("`{}` is no trust root: {error}", file.display()))
    };
    let bytes = config::read_bounded(file, TRUST_ROOT_BYTES_MAX * ENVELOPE_FACTOR).map_err(|error| unusable(&error))?;
    Ok(Anchor::File(serde_json::from_slice(&bytes).map_err(|error| unusable(&error))?))
}

fn verify(
    archive: Archive,
    anchor: Anchor,
    cluster: Option<ClusterId>,
    now: OffsetDateTime,
) -> Result<AcceptedBundle, Unverified> {
    let Archive { trust_root, root, blobs } = archive;
    let trust = match anchor {
        Anchor::Pin(pin) => TrustedRoot::pinned(trust_root, &pin),
        Anchor::File(own) => TrustedRoot::stored(own).and_then(|own| own.successor(trust_root)),
    };
    let trust = trust.map_err(Unverified::Trust)?;
    let cluster = match cluster {
        Some(cluster) => cluster,
        None => serde_json::from_slice::<BundleRoot>(&root.payload).map_err(Unverified::Root)?.cluster,
    };
    let me = Me { fleet: trust.root().fleet.clone(), cluster };
    let accepted = accept::accept(root, &trust, &me, None, now).map_err(Unverified::Refused)?;
    // Archive::read checked each blob against its digest; sizes are checked here.
    let has = |blob: &skerry_common::bundle::digest::BlobRef| {
        blobs.get(&blob.digest).is_some_and(|bytes| bytes.len() as u64 == blob.size)
    };
    let manifests = accepted.read_manifests(|blob| blobs.get(&blob.digest).cloned()).map_err(Unverified::Content)?;
    manifests.complete(has).map_err(Unverified::Content)
}
