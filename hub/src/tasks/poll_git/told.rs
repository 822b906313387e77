//! Which repositories a webhook names.
//!
//! Git servers write the address of a repository in several ways, and often under another host name than a source
//! does. So only the path on the server is compared: looking at one repository too many costs a request.

use crate::api::Poke;

/// True when one of the addresses may be that of a repository.
pub(super) fn names(poke: &Poke, url: &str) -> bool {
    path(url).is_some_and(|wanted| poke.addresses.iter().any(|address| path(address).as_deref() == Some(&wanted)))
}

/// The path of an address on its server, in the one form in which it is compared.
fn path(address: &str) -> Option<String> {
    let path = match address.split_once("://") {
        Some((_, rest)) => rest.split_once('/')?.1,
        // As OpenSSH and Git write it: `git@host:path`.
        None => address.split_once(':')?.1,
    };
    let path = path.trim_matches('/');
    let path = path.strip_suffix(".git").unwrap_or(path);
    (!path.is_empty()).then(|| path.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_compared_by_their_path() {
        let check = |address: &str, url: &str, expected: bool| {
            let poke = Poke { addresses: [address.to_owned()].into() };
            assert_eq!(names(&poke, url), expected, "{address} {url}");
        };
        check("https://git.example/team/shop.git", "https://git.example/team/shop", true);
        check("https://git.example/Team/Shop/", "ssh://git@git.internal:2222/team/shop.git", true);
        check("git@git.example:team/shop.git", "https://git.example/team/shop.git", true);
        check("https://git.example/team/shop", "https://git.example/team/shop-two", false);
        check("https://git.example/shop", "https://git.example/team/shop", false);
        check("https://git.example", "https://git.example/shop", false);
        check("", "file:///srv/shop.git", false);
    }
}
