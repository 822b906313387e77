//! Serves blobs on a session's content streams, one request at a time.

use quinn::{Connection, RecvStream, SendStream};
use skerry_common::bundle::digest::{BlobRef, Digest};
use skerry_common::error_chain::Chain;
use skerry_common::id::ClusterId;
use skerry_common::wire::v1::{AgentMessage, FETCH_MAX, HubMessage};
use skerry_link::{FrameReader, FrameWriter, LinkError};
use thiserror::Error;
use tracing::debug;

use crate::store::{BlobStore, StoreError};

/// Why a content stream ended.
#[derive(Debug, Error)]
enum ContentError {
    #[error("the content stream ended")]
    Link(#[from] LinkError),
    #[error("content cannot be read")]
    Store(#[from] StoreError),
    #[error("the agent asked for something that is no content")]
    Protocol,
}

/// Serves content until the connection ends.
///
/// Any member may read any blob: content is named by digest, a digest is known only to those whose
/// root refers to it, and Secrets are sealed to their audience.
pub(super) async fn serve<B: BlobStore>(connection: Connection, blobs: B, cluster: ClusterId) {
    while let Ok((send, receive)) = connection.accept_bi().await {
        // In turn: an agent has one content stream at a time.
        if let Err(error) = stream(send, receive, &blobs).await {
            debug!(%cluster, error = %Chain(&error), "a content stream ended");
        }
    }
}

async fn stream<B: BlobStore>(send: SendStream, receive: RecvStream, blobs: &B) -> Result<(), ContentError> {
    let (mut reader, mut writer) = (FrameReader::new(receive), FrameWriter::new(send));
    loop {
        match reader.message().await {
            Ok(AgentMessage::Fetch { blobs: wanted }) if wanted.len() <= FETCH_MAX => {
                for blob in wanted {
                    send_blob(&mut writer, blobs, &blob).await?;
                }
                writer.message(&HubMessage::FetchDone).await?;
            }
            Ok(_) => return Err(ContentError::Protocol),
            Err(LinkError::Closed) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
    }
}

async fn send_blob<B: BlobStore>(
    writer: &mut FrameWriter<SendStream>,
    blobs: &B,
    blob: &BlobRef,
) -> Result<(), ContentError> {
    let digest: Digest = blob.digest;
    let Some(frames) = blobs.packed(&digest).await? else {
        writer.message(&HubMessage::BlobMissing { digest }).await?;
        return Ok(());
    };
    let pieces = frames.len();
    for (index, zstd) in frames.into_iter().enumerate() {
        writer.message(&HubMessage::BlobChunk { digest, zstd, last: index + 1 == pieces }).await?;
    }
    Ok(())
}
