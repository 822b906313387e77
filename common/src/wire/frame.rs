//! Frames: a big-endian `u32` length and that many bytes.

use thiserror::Error;

use crate::limits::FRAME_BYTES_MAX;

/// Bytes of a frame's header.
pub const HEADER_BYTES: usize = 4;

/// A frame that is not read or not written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum FrameError {
    /// Longer than [`FRAME_BYTES_MAX`].
    #[error("a frame of {0} bytes: at most {FRAME_BYTES_MAX} are read")]
    TooLong(u64),
    /// No message is that short.
    #[error("an empty frame")]
    Empty,
}

/// The length that a header announces, checked before anything is allocated.
pub fn length(header: [u8; HEADER_BYTES]) -> Result<usize, FrameError> {
    let length = u32::from_be_bytes(header);
    match usize::try_from(length) {
        Ok(0) => Err(FrameError::Empty),
        Ok(bytes) if bytes <= FRAME_BYTES_MAX => Ok(bytes),
        _ => Err(FrameError::TooLong(u64::from(length))),
    }
}

/// Puts the header before a payload.
pub fn enclose(payload: &[u8]) -> Result<Vec<u8>, FrameError> {
    if payload.is_empty() {
        return Err(FrameError::Empty);
    }
    let too_long = FrameError::TooLong(payload.len() as u64);
    if payload.len() > FRAME_BYTES_MAX {
        return Err(too_long);
    }
    let header = u32::try_from(payload.len()).map_err(|_| too_long)?.to_be_bytes();
    let mut frame = Vec::with_capacity(HEADER_BYTES + payload.len());
    frame.extend_from_slice(&header);
    frame.extend_from_slice(payload);
    Ok(frame)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_bounded_both_ways() {
        let frame = enclose(b"abc").expect("short");
        assert_eq!(frame, b"\0\0\0\x03abc");
        assert_eq!(length([0, 0, 0, 3]), Ok(3));
        assert_eq!(length([0; 4]), Err(FrameError::Empty));
        assert_eq!(length([0xff; 4]), Err(FrameError::TooLong(u64::from(u32::MAX))));
        assert_eq!(enclose(&[]), Err(FrameError::Empty));
        assert!(enclose(&vec![0; FRAME_BYTES_MAX]).is_ok());
        assert!(enclose(&vec![0; FRAME_BYTES_MAX + 1]).is_err());
    }
}
