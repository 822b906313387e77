//! Codes of what the hub's shell refuses: kept here, so that `skerry explain` knows them without a hub.

use skerry_common::explain::Entry;

/// Codes of reading Git.
pub const GIT_CODES: &[Entry] = &[
    (
        700,
        "not the URL of a repository",
        "The URL of a Source cannot be understood. Write `https://HOST/PATH`, `ssh://USER@HOST/PATH` or `file:///PATH`; the short form `USER@HOST:PATH` is not one.",
    ),
    (
        701,
        "scheme not supported",
        "Repositories are read by `https://`, `ssh://` and `file://`. `http://` and `git://` are neither private nor authentic: whoever is in between decides what runs on the clusters.",
    ),
    (
        702,
        "credentials inside the URL",
        "A URL is shown in many places and kept in Git. Credentials stand in the hub's configuration, bound to URL prefixes, and a Source names them. Renew those that stood in the URL.",
    ),
    (
        703,
        "folder not allowed",
        "A `file://` repository must lie, after symbolic links are resolved, below one of the allowed roots of the hub's configuration. The same holds for everything that it borrows objects from.",
    ),
    (704, "no such credentials", "A Source names credentials that the hub's configuration does not have."),
    (
        705,
        "credentials not for this URL",
        "Credentials are bound to URL prefixes in the hub's configuration: scheme, host and port must be equal and the path must begin with whole segments of the prefix. Nothing was sent.",
    ),
    (
        706,
        "credentials of the wrong kind",
        "`ssh://` needs a key file and a known_hosts file; `https://` takes user and password, or a token; `file://` takes none.",
    ),
    (
        707,
        "file of the credentials not usable",
        "A key, known_hosts or CA file that credentials name is missing, unreadable or malformed.",
    ),
    (
        710,
        "repository unreachable",
        "The server does not answer. What is published stays in force and is healed; the hub tries again.",
    ),
    (
        711,
        "repository too slow",
        "The server stopped sending, or sent so slowly that the deadline passed. The hub tries again.",
    ),
    (
        712,
        "login refused",
        "The server does not accept the credentials, or they may not read this repository. An SSH key must be without a passphrase.",
    ),
    (
        713,
        "certificate not trusted",
        "The certificate of the Git server is expired, for another name, or from a CA that the hub does not trust. A private CA is named as the `ca_file` of credentials.",
    ),
    (
        714,
        "SSH host key unknown",
        "The server's host key is not in the known_hosts file of the credentials. The hub never accepts a key at first sight. Get the key by a trusted way and add it.",
    ),
    (
        715,
        "SSH host key changed",
        "The server shows another host key than the known_hosts file says: it was renewed, or somebody is in between. Nothing was sent.",
    ),
    (716, "repository not found", "There is no Git repository at the URL, or the login may not see it."),
    (
        717,
        "redirect refused",
        "The server redirects to another host, to another scheme, out of the prefixes of the credentials, or too often.",
    ),
    (
        718,
        "server failed",
        "The Git server answered with an error or with something that is not Git. The hub tries again.",
    ),
    (
        719,
        "repository too large",
        "The server sends more than the hub takes in one fetch. Use a repository of its own for what is deployed.",
    ),
    (
        720,
        "fetch failed",
        "The exchange with the server broke, or what arrived was damaged. Nothing of it is used; the hub tries again.",
    ),
    (721, "repository empty", "The repository has no branch and no tag yet. What is published stays in force."),
    (722, "not a commit", "The ref points to a file or a folder, not to a commit."),
    (
        723,
        "commit not found",
        "The server does not hand out the commit, and no branch or tag holds it. What is published stays in force.",
    ),
    (730, "repository unreadable", "A repository on the hub's own disk is damaged or may not be read."),
    (
        731,
        "cache folder unusable",
        "The hub keeps what it fetched in a cache folder, which cannot be read or written. It holds nothing that cannot be fetched again.",
    ),
    (732, "OpenSSH missing", "`ssh://` repositories are read by the OpenSSH client, which cannot be started."),
];

/// Codes of the hub's program.
pub const HUB_CODES: &[Entry] = &[
    (
        620,
        "hub.toml cannot be used",
        "The hub's configuration file cannot be read, has a setting that is not known or not valid, or names a file that is missing. The message says where. Every setting is described in docs/hub.toml.md and has a flag of `skerry-hub serve`.",
    ),
    (
        621,
        "the hub's keys cannot be used",
        "A file in the hub's key folder is missing, unreadable or damaged, or the trust root does not list the key that signs bundles. Restore the folder from a backup (`skerry-hub restore`); the hub never overwrites a key.",
    ),
    (
        622,
        "the hub's store cannot be used",
        "The database in the data folder cannot be opened, read or written: another process holds it, the disk is full, or it is damaged. Exit code 3 means that trying again may help. If it is damaged, restore a backup: agents show what they saw, and nothing is issued twice.",
    ),
    (
        623,
        "a port cannot be opened",
        "Another process has the address (exit code 3), it is not one of this machine, or the port needs more rights. `--listen` and `--api-listen` choose others.",
    ),
    (
        624,
        "there is something already",
        "`skerry-hub init`, `restore` and `backup` never overwrite: choose another folder or file, or move what is there away.",
    ),
    (
        625,
        "the passphrase does not open the file",
        "The passphrase file cannot be used, or what it should open is damaged, was encrypted to another passphrase, or is something else. Root keys and backups have a passphrase each.",
    ),
    (
        626,
        "the trust root cannot change so",
        "A successor needs the signatures of enough root keys that count now and of enough of its own; its version grows and its epoch never falls. `skerry-hub trust show` tells what is in force. Nothing was changed.",
    ),
    (
        627,
        "the backup cannot be used",
        "The backup would be too large, or the file holds something that is no part of one. Nothing was written outside the folder.",
    ),
];

/// Codes of the status API.
pub const API_CODES: &[Entry] = &[
    (
        600,
        "request not understood",
        "A parameter or the body of the request is not what the API expects. The OpenAPI document at /openapi.json lists what each operation takes.",
    ),
    (
        601,
        "no valid API token",
        "The API wants `Authorization: Bearer TOKEN`. The token is missing, expired, or was withdrawn. Make one with `skerry-hub token NAME`.",
    ),
    (602, "not allowed", "The token is valid, but its role may not do this. Ask somebody who has an admin token."),
    (603, "not found", "There is nothing of this name. `skerry get` lists what there is."),
    (604, "conflict", "What was asked for contradicts what is there already, such as a name that is taken."),
    (605, "refused", "The hub understood the request and refuses it; the message says why."),
    (606, "too large", "The body of the request is larger than the API reads."),
    (607, "busy", "The hub serves as many requests as it may at once, or waits for its store. Try again in a moment."),
    (608, "internal error", "Something that should not happen. The hub's log has more; please report it."),
    (
        609,
        "webhook refused",
        "The signature or token of the webhook is missing or wrong, or the hub has no webhook secret. Compare the secret in the Git server's settings with the hub's configuration.",
    ),
    (610, "method not allowed", "The address exists, but not for this method."),
];
