//! Tables as kubectl prints them: headers in capitals, columns three spaces apart.

use std::fmt::Write as _;

use skerry_common::redact::escape_controls;

/// Space between two columns.
const GAP: usize = 3;

/// What stands for «nothing».
pub const NONE: &str = "<none>";

/// How a cell is coloured, when there is colour at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Tone {
    /// As it is.
    #[default]
    Plain,
    /// All is well.
    Good,
    /// On its way, or stale.
    Wary,
    /// Somebody has to look.
    Bad,
    /// Less important.
    Faint,
}

impl Tone {
    /// The escape sequence (ECMA-48 SGR) that begins it.
    fn sequence(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Good => "\u{1b}[32m",
            Self::Wary => "\u{1b}[33m",
            Self::Bad => "\u{1b}[31m",
            Self::Faint => "\u{1b}[2m",
        }
    }
}

/// Colours a text that is already escaped.
pub fn paint(text: &str, tone: Tone, color: bool) -> String {
    if color && tone != Tone::Plain { format!("{}{text}\u{1b}[0m", tone.sequence()) } else { text.to_owned() }
}

/// One cell; its text cannot hold a control character.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell {
    text: String,
    tone: Tone,
    rank: Option<i64>,
}

impl Cell {
    /// Shows a text; nothing becomes `<none>`.
    pub fn new(text: impl AsRef<str>) -> Self {
        Self { text: one_line(text.as_ref()), tone: Tone::Plain, rank: None }
    }

    /// Shows a number, and sorts by it.
    pub fn number(number: impl Into<i64>) -> Self {
        let number = number.into();
        Self::new(number.to_string()).ranked(number)
    }

    /// Sorts by a number, in place of its text.
    #[must_use]
    pub fn ranked(mut self, rank: i64) -> Self {
        self.rank = Some(rank);
        self
    }

    /// How two cells of one column are sorted: numbers first, by their value.
    pub fn compare(&self, other: &Self) -> std::cmp::Ordering {
        match (self.rank, other.rank) {
            (Some(a), Some(b)) => a.cmp(&b),
            (Some(_), None) => std::cmp::Ordering::Less,
            (None, Some(_)) => std::cmp::Ordering::Greater,
            (None, None) => self.text.cmp(&other.text),
        }
    }

    /// Gives it a colour.
    #[must_use]
    pub fn tone(mut self, tone: Tone) -> Self {
        self.tone = tone;
        self
    }

    /// What is shown.
    pub fn text(&self) -> &str {
        &self.text
    }

    fn width(&self) -> usize {
        self.text.chars().count()
    }
}

/// A cell as a key to sort by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sorted(pub Cell);

impl Ord for Sorted {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.compare(&other.0)
    }
}

impl PartialOrd for Sorted {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// Escapes everything that could end a line, move the cursor or turn the reading direction.
pub fn one_line(text: &str) -> String {
    if text.is_empty() {
        return NONE.to_owned();
    }
    let escaped = escape_controls(text);
    if !escaped.contains(['\n', '\t']) {
        return escaped.into_owned();
    }
    escaped.replace('\n', "\\n").replace('\t', "\\t")
}

/// A heading and whether it is shown without `-o wide`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// In capitals.
    pub heading: &'static str,
    /// When it is shown.
    pub shown: Shown,
}

/// When a column is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// Always.
    Always,
    /// With `-o wide`.
    Wide,
}

/// A column that is always shown.
pub const fn column(heading: &'static str) -> Column {
    Column { heading, shown: Shown::Always }
}

/// A column of `-o wide`.
pub const fn wide(heading: &'static str) -> Column {
    Column { heading, shown: Shown::Wide }
}

/// How a table is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    /// Whether there is a heading line.
    pub headings: Headings,
    /// Which columns.
    pub width: Shown,
    /// Whether cells are coloured.
    pub color: bool,
}

/// Whether there is a heading line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Headings {
    /// There is.
    Shown,
    /// `--no-headers`.
    Hidden,
}

/// Rows under headings. Widths only grow, so that lines of a watch stay aligned.
#[derive(Debug)]
pub struct Table {
    columns: &'static [Column],
    layout: Layout,
    widths: Vec<usize>,
    begun: bool,
}

impl Table {
    /// An empty table.
    pub fn new(columns: &'static [Column], layout: Layout) -> Self {
        Self { columns, layout, widths: vec![0; columns.len()], begun: false }
    }

    /// Prints rows; the first time with the heading line before them.
    ///
    /// A row has as many cells as there are columns; missing ones are empty.
    pub fn print(&mut self, rows: &[Vec<Cell>]) -> String {
        let heading: Vec<Cell> = self.columns.iter().map(|column| Cell::new(column.heading)).collect();
        let with_heading = !self.begun && self.layout.headings == Headings::Shown;
        self.begun = true;
        let lines = with_heading.then_some(&heading).into_iter().chain(rows);
        for line in lines.clone() {
            for (width, cell) in self.widths.iter_mut().zip(line) {
                *width = (*width).max(cell.width());
            }
        }
        let mut text = String::new();
        for line in lines {
            self.line(line, &mut text);
        }
        text
    }

    fn line(&self, cells: &[Cell], text: &mut String) {
        let shown: Vec<(&Cell, usize)> = self
            .columns
            .iter()
            .zip(cells.iter().zip(&self.widths))
            .filter(|(column, _)| column.shown == Shown::Always || self.layout.width == Shown::Wide)
            .map(|(_, (cell, width))| (cell, *width))
            .collect();
        let last = shown.len().saturating_sub(1);
        for (index, (cell, width)) in shown.into_iter().enumerate() {
            text.push_str(&paint(&cell.text, cell.tone, self.layout.color));
            if index < last {
                let space = width - cell.width() + GAP;
                let _ = write!(text, "{:space$}", "");
            }
        }
        text.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: &[Column] = &[column("NAME"), column("SYNC"), wide("VERSION"), column("AGE")];
    const PLAIN: Layout = Layout { headings: Headings::Shown, width: Shown::Always, color: false };

    fn row(cells: [&str; 4]) -> Vec<Cell> {
        cells.into_iter().map(Cell::new).collect()
    }

    #[test]
    fn columns_are_three_spaces_apart_and_the_last_is_not_padded() {
        let rows = [row(["edge-01", "current", "1", "3m"]), row(["b", "", "2", "2h5m"])];
        let expected = "NAME      SYNC      AGE\nedge-01   current   3m\nb         <none>    2h5m\n";
        assert_eq!(Table::new(COLUMNS, PLAIN).print(&rows), expected);
    }

    #[test]
    fn wide_shows_every_column_and_headings_can_be_hidden() {
        let layout = Layout { headings: Headings::Hidden, width: Shown::Wide, color: false };
        let text = Table::new(COLUMNS, layout).print(&[row(["a", "held", "v1", "1s"])]);
        assert_eq!(text, "a   held   v1   1s\n");
    }

    #[test]
    fn a_watch_prints_the_heading_once_and_stays_aligned() {
        let mut table = Table::new(COLUMNS, PLAIN);
        table.print(&[row(["edge-01", "current", "", "3m"])]);
        assert_eq!(table.print(&[row(["b", "held", "", "1s"])]), "b         held      1s\n");
    }

    #[test]
    fn hostile_text_stays_in_its_cell() {
        let cell = Cell::new("a\u{1b}[2J\nb\tc\u{202e}");
        assert_eq!(cell.text(), "a\\u{1b}[2J\\nb\\tc\\u{202e}");
    }

    #[test]
    fn colour_does_not_count_as_width() {
        let layout = Layout { color: true, ..PLAIN };
        let cells = vec![Cell::new("a").tone(Tone::Bad), Cell::new("b"), Cell::new(""), Cell::new("c")];
        let text = Table::new(COLUMNS, layout).print(&[cells]);
        assert_eq!(text, "NAME   SYNC   AGE\n\u{1b}[31ma\u{1b}[0m      b      c\n");
    }
}
