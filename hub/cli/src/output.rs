//! What a command prints: stdout is data, stderr is talk.

use std::io::{self, BufWriter, IsTerminal as _, Write};

use serde::Serialize;
use thiserror::Error;

pub mod age;
pub mod table;

use table::{Headings, Layout, Shown, Tone, paint};

/// How data is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Format {
    /// A table, one line per item.
    #[default]
    Table,
    /// A table with more columns.
    Wide,
    /// JSON, as the hub says it.
    Json,
    /// The same as YAML.
    Yaml,
    /// Only `kind/name`, for scripts.
    Name,
}

/// When there is colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum ColorChoice {
    /// On a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Why something was not printed.
#[derive(Debug, Error)]
pub enum OutputError {
    /// The reader went away, as `head` does: not an error of anybody.
    #[error("the output was closed")]
    Closed,
    /// The output failed otherwise, as on a full disk.
    #[error("the output cannot be written")]
    Write(#[source] io::Error),
    /// A value has no JSON form: a mistake in this program.
    #[error("the answer cannot be shown as JSON")]
    Json(#[source] serde_json::Error),
}

impl From<io::Error> for OutputError {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe { Self::Closed } else { Self::Write(error) }
    }
}

/// Both outputs of the process.
pub struct Output {
    data: Box<dyn Write + Send>,
    talk: Box<dyn Write + Send>,
    color_data: bool,
    color_talk: bool,
    /// How wide a line is that is drawn over; `None` where nobody would see it.
    drawn: Option<usize>,
}

impl Output {
    /// The process's own.
    pub fn process(choice: ColorChoice) -> Self {
        let (data, talk) = (io::stdout(), io::stderr());
        let color = |terminal: bool| match choice {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            // https://no-color.org: set to anything but nothing.
            ColorChoice::Auto => terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
        };
        Self {
            drawn: talk.is_terminal().then_some(0),
            color_data: color(data.is_terminal()),
            color_talk: color(talk.is_terminal()),
            data: Box::new(BufWriter::new(data)),
            talk: Box::new(talk),
        }
    }

    /// Prints data, exactly.
    pub fn data(&mut self, text: &str) -> Result<(), OutputError> {
        Ok(self.data.write_all(text.as_bytes())?)
    }

    /// Prints data that is no text.
    pub fn bytes(&mut self, bytes: &[u8]) -> Result<(), OutputError> {
        Ok(self.data.write_all(bytes)?)
    }

    /// Prints one value in a format for machines.
    pub fn value(&mut self, value: &impl Serialize, form: Machine) -> Result<(), OutputError> {
        self.data(&Self::form(value, form)?)
    }

    /// One value in a format for machines.
    pub fn form(value: &impl Serialize, form: Machine) -> Result<String, OutputError> {
        match form {
            Machine::Json => Ok(serde_json::to_string_pretty(value).map_err(OutputError::Json)? + "\n"),
            Machine::Yaml => {
                let json = serde_json::to_value(value).map_err(OutputError::Json)?;
                Ok(skerry_yaml::json_to_yaml_in_order(&json))
            }
        }
    }

    /// Sends what was printed on its way.
    pub fn flush(&mut self) -> Result<(), OutputError> {
        Ok(self.data.flush()?)
    }

    /// Says something to the person. When even that fails there is nobody to tell.
    pub fn say(&mut self, text: &str) {
        let _ = writeln!(self.talk, "{text}");
    }

    /// Draws a line that the next one is drawn over; only on a terminal.
    pub fn draw_line(&mut self, text: &str) {
        if let Some(drawn) = &mut self.drawn {
            *drawn = text.chars().count();
            let _ = write!(self.talk, "\r{text}");
            let _ = self.talk.flush();
        }
    }

    /// Takes away a line that was drawn.
    pub fn wipe_line(&mut self) {
        if let Some(drawn) = self.drawn.as_mut().filter(|drawn| **drawn > 0) {
            let _ = write!(self.talk, "\r{}\r", " ".repeat(*drawn));
            *drawn = 0;
        }
    }

    /// Says something in a colour.
    pub fn say_toned(&mut self, word: &str, tone: Tone, rest: &str) {
        let word = paint(word, tone, self.color_talk);
        self.say(&format!("{word}{rest}"));
    }

    /// Colours data, when there is colour.
    pub fn paint(&self, text: &str, tone: Tone) -> String {
        paint(text, tone, self.color_data)
    }

    /// How tables are laid out.
    pub fn layout(&self, headings: Headings, width: Shown) -> Layout {
        Layout { headings, width, color: self.color_data }
    }
}

/// A format for machines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Machine {
    /// JSON.
    Json,
    /// YAML.
    Yaml,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closed_pipe_is_told_from_a_full_disk() {
        let closed = OutputError::from(io::Error::from(io::ErrorKind::BrokenPipe));
        assert!(matches!(closed, OutputError::Closed));
        let full = OutputError::from(io::Error::from(io::ErrorKind::StorageFull));
        assert!(matches!(full, OutputError::Write(_)));
    }
}
