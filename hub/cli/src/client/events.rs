//! Watches: server-sent events, read piece by piece with bounds.

use std::collections::VecDeque;

use reqwest::Response;

use super::{Client, ClientError};

/// Longest event that is read, in bytes: one row of a list.
const EVENT_BYTES_MAX: usize = 4 * 1024 * 1024;

/// One event of a watch.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Event {
    /// What kind: `row` or `gap`.
    pub kind: String,
    /// Its data: JSON.
    pub data: String,
}

/// An open watch.
#[derive(Debug)]
pub struct Watch {
    client: Client,
    response: Response,
    parser: Parser,
    ready: VecDeque<Event>,
}

impl Watch {
    pub(super) fn new(client: Client, response: Response) -> Self {
        Self { client, response, parser: Parser::default(), ready: VecDeque::new() }
    }

    /// Waits for the next event. A watch does not end well: that the hub ended it is an error.
    pub async fn next(&mut self) -> Result<Event, ClientError> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Ok(event);
            }
            let piece = self.client.piece(&mut self.response).await?.ok_or(ClientError::Ended)?;
            self.parser.feed(&piece, &mut self.ready)?;
        }
    }
}

/// Cuts a stream into events (WHATWG HTML, «server-sent events», interpretation of a stream).
#[derive(Debug, Default)]
struct Parser {
    line: Vec<u8>,
    event: Event,
    after_carriage_return: bool,
}

impl Parser {
    fn feed(&mut self, piece: &[u8], ready: &mut VecDeque<Event>) -> Result<(), ClientError> {
        for byte in piece {
            let follows = std::mem::replace(&mut self.after_carriage_return, *byte == b'\r');
            match byte {
                b'\n' if follows => {}
                b'\n' | b'\r' => self.end_line(ready),
                _ => self.line.push(*byte),
            }
            if self.line.len() + self.event.data.len() > EVENT_BYTES_MAX {
                return Err(ClientError::TooLarge { bytes_max: EVENT_BYTES_MAX as u64 });
            }
        }
        Ok(())
    }

    fn end_line(&mut self, ready: &mut VecDeque<Event>) {
        let bytes = std::mem::take(&mut self.line);
        let line = String::from_utf8_lossy(&bytes);
        if line.is_empty() {
            let event = std::mem::take(&mut self.event);
            if !event.data.is_empty() {
                ready.push_back(event);
            }
            return;
        }
        let (field, value) = line.split_once(':').unwrap_or((&line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.event.kind),
            "data" => {
                if !self.event.data.is_empty() {
                    self.event.data.push('\n');
                }
                self.event.data.push_str(value);
            }
            // Comments keep the connection alive; ids are not needed, because nothing is resumed.
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pieces: &[&str]) -> Vec<(String, String)> {
        let (mut parser, mut ready) = (Parser::default(), VecDeque::new());
        for piece in pieces {
            parser.feed(piece.as_bytes(), &mut ready).expect("small");
        }
        ready.into_iter().map(|event| (event.kind, event.data)).collect()
    }

    #[test]
    fn events_are_read_however_they_are_cut() {
        let text = ": hello\n\nevent: row\nid: 7\ndata: {\"a\":\ndata: 1}\n\nevent:gap\r\ndata:{}\r\n\r\n";
        let expected = vec![("row".to_owned(), "{\"a\":\n1}".to_owned()), ("gap".to_owned(), "{}".to_owned())];
        assert_eq!(read(&[text]), expected);
        for at in 1..text.len() {
            assert_eq!(read(&[&text[..at], &text[at..]]), expected, "cut at {at}");
        }
    }

    #[test]
    fn an_endless_event_is_refused() {
        let (mut parser, mut ready) = (Parser::default(), VecDeque::new());
        let result = parser.feed(&vec![b'x'; EVENT_BYTES_MAX + 1], &mut ready);
        assert!(matches!(result, Err(ClientError::TooLarge { .. })));
    }
}
