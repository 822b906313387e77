//! Symbolic links in a finished tree: what lay at a path lies elsewhere, and a link leads there.
//!
//! Files go below their folder, or out of it, which both programs refuse; whole folders get a
//! neighbour, so that what is written in them still leads where it did.

use crate::random::Random;
use crate::tree::Tree;

/// Chance in percent that a tree has links.
const TREES: usize = 6;

/// Chance in percent that a file is moved out of the folder that may load it.
const OUTSIDE: usize = 5;

/// Puts links into a tree, now and then.
pub(crate) fn scatter(tree: &mut Tree, random: &mut Random) {
    if !random.percent(TREES) || tree.files.is_empty() {
        return;
    }
    tree.fields.insert("links");
    for _ in 0..random.between(1, 3) {
        if random.percent(65) { move_file(tree, random) } else { move_folder(tree, random) }
    }
}

fn move_file(tree: &mut Tree, random: &mut Random) {
    let paths: Vec<&str> = tree.files.keys().map(String::as_str).collect();
    let path = random.pick(&paths).to_owned();
    let Some((folder, name)) = path.rsplit_once('/') else { return };
    let (place, target) = if random.percent(OUTSIDE) {
        (format!("outside/{name}"), format!("../outside/{name}"))
    } else {
        let below = random.pick(&["real", "of/files", "."]);
        let written = random.pick(&["", "./", "../{}/"]);
        let last = folder.rsplit('/').next().unwrap_or(folder);
        let place = format!("{below}/{name}.real").replace("./", "");
        (format!("{folder}/{place}"), format!("{}{place}", written.replace("{}", last)))
    };
    if is_taken(tree, &place) {
        return;
    }
    let content = tree.files.remove(&path).unwrap_or_default();
    tree.files.insert(place, content);
    link(tree, &path, target, random);
}

fn move_folder(tree: &mut Tree, random: &mut Random) {
    let mut folders: Vec<&str> =
        tree.files.keys().filter_map(|path| path.split_once('/')).map(|(top, _)| top).collect();
    folders.dedup();
    let folder = random.pick(&folders).to_owned();
    let place = format!("{folder}-real");
    if is_taken(tree, &place) || tree.links.contains_key(&folder) {
        return;
    }
    let moved = |path: &str| match path.split_once('/') {
        Some((top, rest)) if top == folder => format!("{place}/{rest}"),
        Some(_) | None => path.to_owned(),
    };
    tree.files = std::mem::take(&mut tree.files).into_iter().map(|(path, content)| (moved(&path), content)).collect();
    tree.links = std::mem::take(&mut tree.links).into_iter().map(|(path, target)| (moved(&path), target)).collect();
    link(tree, &folder, place, random);
}

/// Makes a link, or one that leads to another beside it.
fn link(tree: &mut Tree, path: &str, target: String, random: &mut Random) {
    let by = format!("{path}.link");
    if random.percent(80) || is_taken(tree, &by) {
        tree.links.insert(path.to_owned(), target);
        return;
    }
    let name = by.rsplit('/').next().unwrap_or(&by).to_owned();
    tree.links.insert(path.to_owned(), name);
    tree.links.insert(by, target);
}

/// Whether something lies at a path, below it or on the way to it.
fn is_taken(tree: &Tree, path: &str) -> bool {
    let meets = |there: &String| {
        let (there, path) = (format!("{there}/"), format!("{path}/"));
        there.starts_with(&path) || path.starts_with(&there)
    };
    tree.files.keys().chain(tree.links.keys()).any(meets)
}
