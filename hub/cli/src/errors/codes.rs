//! The codes of the command line itself.

use skerry_common::diagnostic::Code;
use skerry_common::explain::Entry;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $number:literal $title:literal $text:literal;)*) => {
        $($(#[$doc])* pub const $name: Code = Code($number);)*

        /// Titles and explanations of this crate's codes.
        pub const CODES: &[Entry] = &[$(($number, $title, $text)),*];
    };
}

codes! {
    /// A mistake in this program.
    BUG = 900 "a mistake in skerry" "The program met something that it did not expect of itself. Nothing that you did is wrong. Please report it with the output of `skerry version` and the command that you ran; leave out tokens.";
    /// No server is known.
    NO_HUB = 901 "no hub is configured" "The command needs a hub and knows none. Add one with `skerry context add NAME --server URL --ca-file FILE --token-file FILE`, or give `--server`, `--ca-file` and `--token-file` on each call (`SKERRY_SERVER`, `SKERRY_CA_FILE`, `SKERRY_TOKEN` in the environment).";
    /// The configuration file.
    CONFIG = 902 "the configuration file cannot be used" "The file with contexts (`~/.config/skerry/config.yaml`, or where `SKERRY_CONFIG` points) cannot be read, is no YAML of the known form, or was written by a later version. It holds tokens, so it must belong to you alone (mode 0600).";
    /// Connection.
    UNREACHABLE = 903 "the hub cannot be reached" "No connection could be made, or no answer came in time. Clusters do not need the hub to stay as they are. Check the address with `skerry context list`, that the hub runs, and that nothing between you and it blocks the port. Trying again may help: the exit code is 3.";
    /// TLS.
    UNTRUSTED = 904 "the hub's certificate is not trusted" "The certificate at this address was not issued by the CA that your context names, is for another name, or has expired. Either the address or the CA is wrong, or somebody is in between. Take the CA certificate from the hub itself.";
    /// 404.
    NOT_FOUND = 907 "not found" "Nothing of this kind has this name. Names are exact and lower-case. `skerry get KIND` lists what there is.";
    /// 429, 5xx.
    BUSY = 908 "the hub cannot answer now" "The hub is starting, overloaded, or has a problem of its own. Try again; if it stays, look at the hub's log. The exit code is 3.";
    /// The answer.
    ANSWER = 909 "the answer cannot be read" "The hub's answer is not what this version expects: the hub and this program are too far apart in version, or the address belongs to something else. Compare `skerry version` with the hub's.";
    /// Arguments.
    USAGE = 905 "not a command line" "The command, an option or a value on the command line is not known, or one is missing. `skerry COMMAND --help` lists what there is.";
    /// Files.
    FILE = 910 "a file cannot be read or written" "The message names the file and the reason. Existing files are not overwritten unless `--force` is given.";
    /// Wait: never.
    NEVER = 911 "the wait cannot end well" "What is waited for can no longer become true: a newer generation took its place, rendering failed, the cluster refused the bundle, or the cluster was revoked or removed. Waiting longer would not help, so the command ended at once with exit code 1.";
    /// Wait: not yet.
    TIMEOUT = 912 "the wait took too long" "What is waited for did not become true in the time given by `--timeout`. It still may.";
    /// Selectors and filters.
    SELECTOR = 913 "a selector or filter cannot be read" "A label selector is a list such as `env=production,region!=eu,canary`. A filter is an expression over fields; the message says where reading stopped.";
    /// 400, 409, 422.
    REFUSED = 914 "the hub refused" "The hub understood the request and will not do it as it is; the message says why.";
    /// Contexts.
    CONTEXT = 915 "unknown context" "No context of this name is in the configuration file. `skerry context list` shows them all.";
    /// Explain.
    UNKNOWN_CODE = 916 "unknown code" "No error of this version has this code. Codes are `SK` and four digits, as they stand in error messages.";
    /// Addresses.
    ADDRESS = 917 "not an address of a hub" "A hub's address is a URL such as `https://hub.example:8443`. Plain `http` is not spoken: a token would travel readable.";
    /// Archives.
    ARCHIVE = 918 "the archive is not good" "The file is no bundle archive, is damaged, or is not signed by the fleet that it is checked against. Nothing of it should be used; export it again.";
    /// Pins.
    UNPINNED = 919 "nothing to check the archive against" "An archive carries a trust root, but anybody can make one: it proves nothing by itself. Give the digest of your fleet's trust root with `--pin sha256:…`, or the trust root as a file with `--trust-root FILE`.";
}

/// Every code that can be explained without a hub.
pub fn lists() -> Vec<&'static [Entry]> {
    vec![
        skerry_common::explain::CODES,
        skerry_hub_core::fleet::CODES,
        skerry_hub_core::publish::CODES,
        skerry_hub_core::bundle_lint::CODES,
        skerry_hub_core::source::CODES,
        skerry_hub_core::enroll::CODES,
        skerry_hub_core::filter::CODES,
        skerry_hub_core::shell_codes::GIT_CODES,
        skerry_hub_core::shell_codes::API_CODES,
        skerry_hub_core::shell_codes::HUB_CODES,
        skerry_render::CODES,
        CODES,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_stands_once_and_says_something() {
        let mut seen = std::collections::BTreeSet::new();
        for (number, title, text) in lists().into_iter().flatten() {
            assert!(seen.insert(*number), "SK{number:04} stands twice");
            assert!(!title.is_empty() && text.len() > 40, "SK{number:04} says too little");
        }
    }
}
