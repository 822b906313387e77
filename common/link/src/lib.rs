//! Frames of the link over any ordered byte stream.
//!
//! Hub and agent read and write the same frames; over QUIC today, over TCP should a site ever need
//! it. A stream opens with a [`Hello`] either way, then carries messages of the version agreed.
//!
//! Guarantees: no more than one frame is in memory at a time; a length beyond the limit is refused
//! before anything is allocated; every read and write has a deadline or is cancelled with its task.
//!
//! Reading is *not* cancel-safe: a reader belongs to one task that does nothing but read.

use std::io;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use skerry_common::wire::codec::{self, CodecError};
use skerry_common::wire::frame::{self, FrameError};
use skerry_common::wire::negotiate::{Hello, NegotiateError};
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::time::timeout;

/// How long the other end may take to say hello: a satellite link needs a few seconds.
pub const HELLO_TIMEOUT: Duration = Duration::from_secs(15);

/// How long one frame may take to be written: then the other end does not read, or the path is gone.
pub const WRITE_TIMEOUT: Duration = Duration::from_secs(60);

/// A stream that cannot go on.
#[derive(Debug, Error)]
pub enum LinkError {
    /// The other end closed, or the connection broke.
    #[error("the link broke")]
    Io(#[source] io::Error),
    /// The other end closed the stream between two frames.
    #[error("the other end closed the stream")]
    Closed,
    /// Nothing came, or nothing was taken, in time.
    #[error("the other end did not {0} in time")]
    Timeout(&'static str),
    /// A frame of an impossible length.
    #[error("the other end sent an impossible frame")]
    Frame(#[source] FrameError),
    /// Bytes that are no message.
    #[error("the other end sent something unreadable")]
    Codec(#[source] CodecError),
    /// No common version.
    #[error("the two ends do not speak a common version")]
    Negotiate(#[source] NegotiateError),
}

/// Reads frames.
#[derive(Debug)]
pub struct FrameReader<R> {
    stream: R,
}

impl<R: AsyncRead + Unpin> FrameReader<R> {
    /// Takes the reading half of a stream.
    pub fn new(stream: R) -> Self {
        Self { stream }
    }

    /// Reads the other end's hello, within [`HELLO_TIMEOUT`].
    pub async fn hello(&mut self) -> Result<Hello, LinkError> {
        let bytes = timeout(HELLO_TIMEOUT, self.frame()).await.map_err(|_| LinkError::Timeout("say hello"))??;
        let hello = Hello::parse(&bytes).map_err(LinkError::Negotiate)?;
        hello.agree().map_err(LinkError::Negotiate)?;
        Ok(hello)
    }

    /// Reads one message; waits as long as the connection lives.
    pub async fn message<T: DeserializeOwned>(&mut self) -> Result<T, LinkError> {
        codec::decode(&self.frame().await?).map_err(LinkError::Codec)
    }

    async fn frame(&mut self) -> Result<Vec<u8>, LinkError> {
        let mut header = [0; frame::HEADER_BYTES];
        match self.stream.read(&mut header[..1]).await {
            Ok(0) => return Err(LinkError::Closed),
            Ok(_) => {}
            Err(error) => return Err(LinkError::Io(error)),
        }
        self.stream.read_exact(&mut header[1..]).await.map_err(LinkError::Io)?;
        let mut bytes = vec![0; frame::length(header).map_err(LinkError::Frame)?];
        self.stream.read_exact(&mut bytes).await.map_err(LinkError::Io)?;
        Ok(bytes)
    }
}

/// Writes frames.
#[derive(Debug)]
pub struct FrameWriter<W> {
    stream: W,
}

impl<W: AsyncWrite + Unpin> FrameWriter<W> {
    /// Takes the writing half of a stream.
    pub fn new(stream: W) -> Self {
        Self { stream }
    }

    /// Says hello.
    pub async fn hello(&mut self, program: &str) -> Result<(), LinkError> {
        let frame = frame::enclose(&Hello::ours(program).to_bytes()).map_err(LinkError::Frame)?;
        self.write(&frame).await
    }

    /// Writes one message, within [`WRITE_TIMEOUT`].
    pub async fn message<T: Serialize + Sync>(&mut self, message: &T) -> Result<(), LinkError> {
        let frame = codec::encode_frame(message).map_err(LinkError::Codec)?;
        self.write(&frame).await
    }

    /// Ends the stream after what was written.
    pub async fn finish(&mut self) -> Result<(), LinkError> {
        self.stream.shutdown().await.map_err(LinkError::Io)
    }

    async fn write(&mut self, frame: &[u8]) -> Result<(), LinkError> {
        let written = timeout(WRITE_TIMEOUT, async {
            self.stream.write_all(frame).await?;
            self.stream.flush().await
        });
        written.await.map_err(|_| LinkError::Timeout("take a message"))?.map_err(LinkError::Io)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use skerry_common::limits::FRAME_BYTES_MAX;
    use skerry_common::wire::v1::HubMessage;

    #[tokio::test]
    async fn hello_and_messages_cross() {
        let (here, there) = tokio::io::duplex(64);
        let mut writer = FrameWriter::new(here);
        let mut reader = FrameReader::new(there);
        let send = async {
            writer.hello("1.2.3").await.expect("hello");
            writer.message(&HubMessage::FetchDone).await.expect("message");
            writer.finish().await.expect("finish");
        };
        let receive = async {
            assert_eq!(reader.hello().await.expect("hello").program, "1.2.3");
            assert_eq!(reader.message::<HubMessage>().await.expect("message"), HubMessage::FetchDone);
            assert!(matches!(reader.message::<HubMessage>().await, Err(LinkError::Closed)));
        };
        tokio::join!(send, receive);
    }

    #[tokio::test]
    async fn a_frame_beyond_the_limit_is_refused_before_it_is_read() {
        let header = u32::try_from(FRAME_BYTES_MAX + 1).expect("fits").to_be_bytes();
        let mut reader = FrameReader::new(&header[..]);
        assert!(matches!(reader.message::<HubMessage>().await, Err(LinkError::Frame(FrameError::TooLong(_)))));
    }

    #[tokio::test]
    async fn a_cut_frame_is_a_broken_link() {
        let mut reader = FrameReader::new(&[0, 0, 0, 9, 1][..]);
        assert!(matches!(reader.message::<HubMessage>().await, Err(LinkError::Io(_))));
    }

    #[tokio::test(start_paused = true)]
    async fn silence_instead_of_a_hello_ends_in_time() {
        let (_here, there) = tokio::io::duplex(64);
        let mut reader = FrameReader::new(there);
        assert!(matches!(reader.hello().await, Err(LinkError::Timeout(_))));
    }
}
