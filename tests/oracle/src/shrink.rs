//! Makes a tree that shows a difference as small as it gets.
//!
//! Knows of YAML only that what is indented deeper belongs to the line above: whole files, and
//! lines with what is below them, are left out for as long as a difference of the same sort stays.

use std::io;

use crate::compare::{Difference, Oracle, Outcome};
use crate::tree::Tree;

/// Most builds spent on one tree: some trees have many lines that all must stay.
const TRIES_MAX: usize = 1_500;

/// Shrinks a tree; gives it with the difference that it shows then.
pub(crate) fn shrink(oracle: &Oracle, tree: Tree, found: Difference) -> io::Result<(Tree, Difference)> {
    let mut shrinker = Shrinker { oracle, tree, found, tries: 0 };
    loop {
        let before = (shrinker.tree.files.clone(), shrinker.tree.links.clone());
        shrinker.links()?;
        shrinker.files()?;
        shrinker.documents()?;
        shrinker.lines()?;
        if (&shrinker.tree.files, &shrinker.tree.links) == (&before.0, &before.1) || shrinker.tries >= TRIES_MAX {
            return Ok((shrinker.tree, shrinker.found));
        }
    }
}

struct Shrinker<'a> {
    oracle: &'a Oracle,
    tree: Tree,
    found: Difference,
    tries: usize,
}

impl Shrinker<'_> {
    fn holds(&mut self, smaller: &Tree) -> io::Result<bool> {
        self.tries += 1;
        if self.tries > TRIES_MAX {
            return Ok(false);
        }
        match self.oracle.compare(smaller)? {
            Outcome::Differ(difference) if difference.is_like(&self.found) => {
                self.found = difference;
                Ok(true)
            }
            Outcome::Differ(_)
            | Outcome::Same
            | Outcome::Deliberate(_)
            | Outcome::BothRefuse(_)
            | Outcome::NotYet(_) => Ok(false),
        }
    }

    /// Leaves out links, or puts what they lead to in their place.
    fn links(&mut self) -> io::Result<()> {
        for (path, target) in self.tree.links.clone() {
            let mut smaller = self.tree.clone();
            smaller.links.remove(&path);
            if self.holds(&smaller)? {
                self.tree = smaller;
                continue;
            }
            let folder = path.rsplit_once('/').map_or(String::new(), |(folder, _)| format!("{folder}/"));
            let real = format!("{folder}{}", target.trim_start_matches("./"));
            if let Some(next) = smaller.links.remove(&real) {
                smaller.links.insert(path, next);
            } else if let Some(content) = smaller.files.remove(&real) {
                smaller.files.insert(path, content);
            } else {
                let below = format!("{real}/");
                let moved =
                    |name: String| name.strip_prefix(&below).map_or(name.clone(), |rest| format!("{path}/{rest}"));
                smaller.files = smaller.files.into_iter().map(|(name, content)| (moved(name), content)).collect();
                smaller.links = smaller.links.into_iter().map(|(name, target)| (moved(name), target)).collect();
            }
            if self.holds(&smaller)? {
                self.tree = smaller;
            }
        }
        Ok(())
    }

    fn files(&mut self) -> io::Result<()> {
        let paths: Vec<String> = self.tree.files.keys().cloned().collect();
        for path in paths {
            let mut smaller = self.tree.clone();
            smaller.files.remove(&path);
            if self.holds(&smaller)? {
                self.tree = smaller;
            }
        }
        Ok(())
    }

    /// Leaves out whole documents of a file.
    fn documents(&mut self) -> io::Result<()> {
        let paths: Vec<String> = self.tree.files.keys().cloned().collect();
        for path in paths {
            let mut index = 0;
            while let Some(content) = self.tree.files.get(&path) {
                let mut documents: Vec<&str> = content.split("---\n").collect();
                if documents.len() < 2 || index >= documents.len() {
                    break;
                }
                documents.remove(index);
                let mut smaller = self.tree.clone();
                smaller.files.insert(path.clone(), documents.join("---\n"));
                if self.holds(&smaller)? {
                    self.tree = smaller;
                } else {
                    index += 1;
                }
            }
        }
        Ok(())
    }

    fn lines(&mut self) -> io::Result<()> {
        let paths: Vec<String> = self.tree.files.keys().cloned().collect();
        for path in paths {
            let mut index = 0;
            while let Some(content) = self.tree.files.get(&path) {
                let lines: Vec<String> = content.lines().map(str::to_owned).collect();
                if index >= lines.len() {
                    break;
                }
                let end = block_end(&lines, index);
                let without = |from: usize, to: usize| {
                    let kept = lines.iter().enumerate().filter(|(place, _)| *place < from || *place >= to);
                    kept.map(|(_, line)| format!("{line}\n")).collect::<String>()
                };
                let mut smaller = self.tree.clone();
                smaller.files.insert(path.clone(), without(index, end));
                if self.holds(&smaller)? {
                    self.tree = smaller;
                    continue;
                }
                if let Some(kept) = hoisted(&lines, index) {
                    smaller.files.insert(path.clone(), kept);
                    if self.holds(&smaller)? {
                        self.tree = smaller;
                        continue;
                    }
                }
                index += 1;
            }
        }
        Ok(())
    }
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// Where what belongs to a line ends.
fn block_end(lines: &[String], start: usize) -> usize {
    let own = indent(&lines[start]);
    let is_item = lines[start].trim_start().starts_with("- ");
    let mut end = start + 1;
    while end < lines.len() {
        let line = &lines[end];
        let below = indent(line) > own || line.is_empty();
        let beside =
            !is_item && indent(line) == own && line.trim_start().starts_with("- ") && lines[start].ends_with(':');
        if !below && !beside {
            break;
        }
        end += 1;
    }
    end
}

/// An item of a list without its first field: the next takes the dash.
fn hoisted(lines: &[String], index: usize) -> Option<String> {
    let own = indent(&lines[index]);
    let next = lines.get(index + 1)?;
    if !lines[index].trim_start().starts_with("- ") || indent(next) != own + 2 {
        return None;
    }
    let mut kept = lines.to_vec();
    kept[index + 1] = format!("{}- {}", " ".repeat(own), next.trim_start());
    kept.remove(index);
    Some(kept.iter().map(|line| format!("{line}\n")).collect())
}
