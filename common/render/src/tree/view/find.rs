//! What lies at a path, links inside the source followed.

use skerry_common::diagnostic::Location;

use super::{Found, LINKS_MAX, View};
use crate::codes::{self, Fallible, fail};
use crate::tree::{Entry, parent};

/// A way through folders and links.
struct Walk {
    /// How far it has come; no link is in it.
    place: String,
    /// The names ahead, the next one last.
    ahead: Vec<String>,
    /// The last link that was followed, and where it points.
    link: Option<(String, String)>,
    links: usize,
}

impl Walk {
    /// Puts a path before what is ahead.
    fn push(&mut self, path: &str) {
        let names = path.split('/').rev().filter(|name| !matches!(*name, "" | "."));
        self.ahead.extend(names.map(str::to_owned));
    }
}

impl View<'_> {
    /// What is at a path, links inside the source followed; `at` is who asks.
    pub(crate) fn find(&self, path: &str, at: &Location) -> Fallible<Option<Found>> {
        // Most paths have no link in them.
        match self.entry(path)? {
            Some(Entry::File { .. }) => return Ok(Some(Found { path: path.to_owned(), is_folder: false })),
            Some(Entry::Directory { .. }) => return Ok(Some(Found { path: path.to_owned(), is_folder: true })),
            Some(Entry::Symlink { .. } | Entry::Submodule) | None => {}
        }
        let mut walk = Walk { place: String::new(), ahead: Vec::new(), link: None, links: 0 };
        walk.push(path);
        while let Some(name) = walk.ahead.pop() {
            if name == ".." {
                self.go_up(&mut walk, at)?;
                continue;
            }
            let next = if walk.place.is_empty() { name } else { format!("{}/{name}", walk.place) };
            match self.entry(&next)? {
                Some(Entry::Directory { .. }) => walk.place = next,
                Some(Entry::File { .. }) if walk.ahead.is_empty() => {
                    return Ok(Some(Found { path: next, is_folder: false }));
                }
                Some(Entry::File { .. }) | None => {
                    let Some((place, target)) = walk.link else { return Ok(None) };
                    let message = format!("the symbolic link `{place}` leads to nothing: `{target}`");
                    return fail(codes::SYMLINK, at, message);
                }
                Some(Entry::Submodule) => {
                    return fail(codes::SUBMODULE, at, format!("`{path}` lies in the submodule `{next}`"));
                }
                Some(Entry::Symlink { target }) => self.follow(&mut walk, (path, next, target), at)?,
            }
        }
        Ok(Some(Found { path: walk.place, is_folder: true }))
    }

    fn go_up(&self, walk: &mut Walk, at: &Location) -> Fallible<()> {
        let above = parent(&walk.place).to_owned();
        if walk.place.is_empty() || !self.same_tree(&walk.place, &above) {
            return leaves(walk.link.as_ref(), at);
        }
        walk.place = above;
        Ok(())
    }

    fn follow(&self, walk: &mut Walk, (path, place, target): (&str, String, String), at: &Location) -> Fallible<()> {
        walk.links += 1;
        if walk.links > LINKS_MAX {
            let message = format!("`{path}` leads through more than {LINKS_MAX} symbolic links");
            return fail(codes::SYMLINK, at, message);
        }
        let is_odd = target.starts_with('/') || target.contains(['\0', '\\']);
        walk.push(&target);
        walk.link = Some((place, target));
        if is_odd { leaves(walk.link.as_ref(), at) } else { Ok(()) }
    }
}

fn leaves<T>(link: Option<&(String, String)>, at: &Location) -> Fallible<T> {
    let (place, target) = link.map_or(("", ""), |(place, target)| (place.as_str(), target.as_str()));
    fail(codes::SYMLINK, at, format!("the symbolic link `{place}` leaves the source: `{target}`"))
}
