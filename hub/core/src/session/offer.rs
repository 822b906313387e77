//! Which root is offered, and what an agent's highest root proves.

use skerry_common::bundle::digest::Digest;
use skerry_common::bundle::root::SignedRoot;
use skerry_common::bundle::signature::Envelope;
use skerry_common::error_chain::Chain;
use skerry_common::id::Place;
use skerry_common::report::BundleMark;

use super::Known;

/// What the signed root of an agent's highest place says.
#[derive(Debug)]
pub(super) enum Proof {
    /// It was signed by a bundle key for this very cluster.
    Proven {
        /// Its place.
        place: Place,
        /// Its digest.
        root: Digest,
        /// The proof itself.
        envelope: Envelope,
    },
    /// It proves nothing.
    Unproven {
        /// Why.
        reason: String,
    },
}

/// Checks what the agent shows as its highest root.
pub(super) fn prove(known: &Known, envelope: Envelope) -> Proof {
    let signed = match SignedRoot::verify(envelope, &known.bundle_keys) {
        Ok(signed) => signed,
        Err(error) => return Proof::Unproven { reason: Chain(&error).to_string() },
    };
    let root = signed.root();
    if root.fleet != known.fleet || root.cluster != known.cluster {
        let reason = format!("the root is for cluster `{}` of fleet `{}`", root.cluster, root.fleet);
        return Proof::Unproven { reason };
    }
    Proof::Proven { place: signed.place(), root: signed.digest(), envelope: signed.envelope().clone() }
}

/// What an agent holds, was offered and refused.
#[derive(Debug)]
pub(super) struct Offers {
    held: Option<BundleMark>,
    /// The highest place that the agent has seen; it refuses other roots at or below it.
    highest: Option<BundleMark>,
    offered: Option<BundleMark>,
    refused: Option<Digest>,
}

impl Offers {
    /// Begins with what the introduction said.
    pub(super) fn new(held: Option<BundleMark>, proof: Option<&Proof>) -> Self {
        let proven = match proof {
            Some(Proof::Proven { place, root, .. }) => Some(BundleMark { place: *place, root: *root }),
            Some(Proof::Unproven { .. }) | None => None,
        };
        let highest = [held, proven].into_iter().flatten().max_by_key(|mark| mark.place);
        Self { held, highest, offered: None, refused: None }
    }

    /// The root that the agent holds.
    pub(super) fn held(&self) -> Option<Digest> {
        self.held.map(|held| held.root)
    }

    /// True when this target should be offered now; it counts as offered from then on.
    pub(super) fn offer(&mut self, target: BundleMark) -> bool {
        let is = |mark: Option<BundleMark>| mark.is_some_and(|mark| mark.root == target.root);
        let known = is(self.held) || is(self.offered) || self.refused == Some(target.root);
        let below = self.highest.is_some_and(|highest| target.place <= highest.place && target.root != highest.root);
        let older = self.offered.is_some_and(|offered| target.place <= offered.place);
        if known || below || older {
            return false;
        }
        self.offered = Some(target);
        true
    }

    /// Notes what became of an offer.
    pub(super) fn verdict(&mut self, root: Digest, refused: bool) {
        if refused {
            self.refused = Some(root);
        } else if let Some(offered) = self.offered.filter(|offered| offered.root == root) {
            self.held = Some(offered);
        }
    }
}
