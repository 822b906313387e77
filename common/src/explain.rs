//! The form in which crates list their error codes for `skerry explain`.

use crate::diagnostic::Code;

/// One code: number, title, and what a person should know and do.
pub type Entry = (u16, &'static str, &'static str);

/// Codes of the link, of enrolment and of bundles.
pub const CODES: &[Entry] = &[
    (
        101,
        "not a join token",
        "What was given is not the token of a join command: usually a part was lost when it was copied. Copy the whole \
         line that `skerry cluster register NAME` printed. A token that the hub refuses has a code of its own.",
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
    (
        920,
        "the agent has not joined a fleet",
        "It has no identity yet. Register the cluster at the hub with `skerry cluster register NAME` and run the line \
         that is printed, or join by files with `skerry-agent join --offline`.",
    ),
    (
        921,
        "the agent's state folder cannot be used",
        "Keys, certificate and store lie there. It must exist or be creatable, belong to the agent's user alone, and \
         have room. A file that is damaged is named; what can be rebuilt is rebuilt without asking.",
    ),
    (
        922,
        "another process works on the agent's state folder",
        "One process at a time may write there, by a lock that the kernel gives back when the process ends in any way. \
         Stop the other agent, or give another folder with `--state-folder`.",
    ),
    (
        923,
        "the Kubernetes API cannot be used",
        "It is unreachable, does not accept the credentials, or does not allow what is needed. `skerry-agent check` \
         shows each part of the way with what to do about it.",
    ),
    (
        924,
        "no hub can be reached by the agent",
        "No hub of the join token or trust root answered over QUIC, which needs UDP. What is in force in the cluster \
         stays. Check name, route and firewall with `skerry-agent check`, or bring bundles by files.",
    ),
    (
        925,
        "the agent's admin server cannot be used",
        "Health, metrics and status are served on the address given by `--admin`. It is taken by another program, not \
         of this machine, or nothing answers there. Choose another one, or `--admin off`.",
    ),
    (
        507,
        "the bundle is of another epoch",
        "The epoch is a field of the trust root and is raised only after a compromise. Give the cluster the newer trust \
         root first (the link does it by itself; an archive carries it), then the bundle.",
    ),
    (
        508,
        "the bundle was issued in the future",
        "The hub's clock and this cluster's differ by more than a day. Set the wrong one; the bundle is taken then.",
    ),
    (
        509,
        "the bundle's times make no sense",
        "Issued or expires cannot be read, or the end lies before the beginning. The hub that made it is at fault.",
    ),
];

/// Finds a code's entry in some lists.
pub fn find<'a>(lists: &[&'a [Entry]], code: Code) -> Option<&'a Entry> {
    lists.iter().flat_map(|list| list.iter()).find(|entry| entry.0 == code.0)
}
