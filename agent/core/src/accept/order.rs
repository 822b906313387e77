//! Order and time of bundle roots.

use skerry_common::bundle::digest::Digest;
use skerry_common::id::Place;
use skerry_common::report::BundleMark;
use time::{Duration, OffsetDateTime};

use super::{Freshness, Refusal};

/// How far a bundle's `issued` may lie in our future: sites without NTP drift by hours, and a time
/// floor taken from a hub whose clock is years ahead would refuse every honest bundle after it.
pub const BACK_DATED: Duration = Duration::hours(24);

/// The time that the agent goes by: never before its own build, nor before the newest `issued` that
/// it accepted, whatever the system's clock says.
pub fn time_floor(system: OffsetDateTime, build: OffsetDateTime, accepted: Option<OffsetDateTime>) -> OffsetDateTime {
    accepted.map_or(system, |accepted| accepted.max(system)).max(build)
}

pub(super) fn compare(place: Place, root: Digest, highest: Option<BundleMark>) -> Result<Freshness, Refusal> {
    let Some(highest) = highest else { return Ok(Freshness::Newer) };
    if place > highest.place {
        Ok(Freshness::Newer)
    } else if place < highest.place {
        Err(Refusal::Older { highest: highest.place, found: place })
    } else if root == highest.root {
        Ok(Freshness::Unchanged)
    } else {
        Err(Refusal::OtherBytes { place, known: highest.root, found: root })
    }
}

pub(super) fn check_time(issued: OffsetDateTime, expires: OffsetDateTime, now: OffsetDateTime) -> Result<(), Refusal> {
    if expires <= now {
        return Err(Refusal::Expired { expires, now });
    }
    if issued - now > BACK_DATED {
        return Err(Refusal::NotYet { issued, now });
    }
    Ok(())
}
