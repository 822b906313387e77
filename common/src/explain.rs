//! The form in which crates list their error codes for `skerry explain`.

use crate::diagnostic::Code;

/// One code: number, title, and what a person should know and do.
pub type Entry = (u16, &'static str, &'static str);

/// Codes of the link, of enrolment and of bundles.
pub const CODES: &[Entry] = &[
    (
        101,
        "the join token cannot be used",
        "A join token works once, for one key, until it expires. Running `skerry-agent join` again with the same \
         store resumes; with another key it is refused. Ask for a new token with `skerry cluster rejoin NAME`.",
    ),
    (
        102,
        "the other end speaks no common version",
        "Hub and agent agree on the highest version of the link that both know; a hub knows the two before its own. \
         Upgrade the older of the two.",
    ),
    (
        103,
        "the trust root is not the one expected",
        "The join token pins the digest of the trust root. Another one at this address means that the address is \
         wrong, that the fleet was made anew, or that somebody is in between. Nothing was stored.",
    ),
    (
        104,
        "the client certificate is not accepted",
        "It is missing, expired, revoked or of another fleet. An expired one is renewed by the agent by itself; for a \
         revoked cluster use `skerry cluster rejoin NAME`.",
    ),
    (
        501,
        "the bundle is not signed by a key that counts",
        "The signature does not verify against the trust root in force, or a byte changed on the way. The last good \
         bundle stays in force.",
    ),
    (
        502,
        "the bundle is for another cluster or fleet",
        "A bundle names the one cluster that it is for. Export the one for this cluster: `skerry bundle export NAME FILE`.",
    ),
    (
        503,
        "the bundle is older than one already seen",
        "Generations only grow. To go back, revert the commit in Git: that makes a new generation.",
    ),
    (
        504,
        "other bytes under a generation already seen",
        "Two different bundles claim the same place. That never happens with one hub and an undamaged store: find out \
         who signed the second one before doing anything else.",
    ),
    (
        505,
        "the bundle has expired",
        "It was issued too long ago to be accepted. Export a fresh one. What was accepted before stays in force.",
    ),
    (
        506,
        "the bundle is damaged or incomplete",
        "A part is missing, has another digest or size than the part above it says, or is larger than allowed.",
    ),
];

/// Finds a code's entry in some lists.
pub fn find<'a>(lists: &[&'a [Entry]], code: Code) -> Option<&'a Entry> {
    lists.iter().flat_map(|list| list.iter()).find(|entry| entry.0 == code.0)
}
