//! QUIC's bounds.

use std::sync::Arc;
use std::time::Duration;

use quinn::{IdleTimeout, TransportConfig, VarInt};

/// How long a silent connection lives: three keep-alives may be lost, and an agent whose address
/// changed without notice is noticed well before it counts as offline (180 s).
pub const IDLE_TIMEOUT: Duration = Duration::from_secs(60);

/// How often an idle agent speaks: below the 30 s after which the meanest NATs forget a UDP flow.
/// Only the agent does it, as only its packets keep its own NAT's entry.
pub const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(20);

/// Streams that the peer may have open at once: one for control, one for content, and as many
/// again for the moment in which one is replaced. Streams in one direction only are not used.
pub const STREAMS_MAX: u32 = 4;

/// What one side of the link grants the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinkLimits {
    /// Bytes that the peer may send on one stream before they are read.
    pub stream_window_bytes: u32,
    /// The same for all streams of a connection together.
    pub connection_window_bytes: u32,
    /// Bytes that are kept until the peer acknowledges them.
    pub send_window_bytes: u32,
    /// Connection attempts that may wait for the listener to look at them; more are refused at once
    /// (the agent backs off and tries again). Handshakes under way are the listener's to bound.
    pub attempts_max: usize,
    /// Bytes kept of the packets that follow the first of such an attempt.
    pub attempt_buffer_bytes: u32,
}

/// The hub's: 10,000 agents may each fill their windows with reports, so these are small.
pub const HUB_LIMITS: LinkLimits = LinkLimits {
    stream_window_bytes: 64 * 1024,
    connection_window_bytes: 128 * 1024,
    // Content goes down: enough for 20 Mbit/s at 100 ms.
    send_window_bytes: 256 * 1024,
    // A restart storm of 10,000 agents comes spread over seconds; the listener only looks at an
    // attempt before it gives it away, so the queue is short. With the buffers: at most 48 MiB.
    attempts_max: 4096,
    // The client's first flight with a hybrid key share takes two packets; eight leave room.
    attempt_buffer_bytes: 12 * 1024,
};

/// The agent's: one connection, and its memory is small.
pub const AGENT_LIMITS: LinkLimits = LinkLimits {
    stream_window_bytes: 512 * 1024,
    connection_window_bytes: 768 * 1024,
    send_window_bytes: 128 * 1024,
    // An agent accepts no connections.
    attempts_max: 0,
    attempt_buffer_bytes: 0,
};

/// Which side a transport is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Hub,
    Agent,
}

/// Builds quinn's transport settings.
pub(super) fn transport(side: Side, limits: &LinkLimits) -> Arc<TransportConfig> {
    let mut config = TransportConfig::default();
    config
        .max_concurrent_bidi_streams(VarInt::from_u32(STREAMS_MAX))
        .max_concurrent_uni_streams(VarInt::from_u32(0))
        .stream_receive_window(VarInt::from_u32(limits.stream_window_bytes))
        .receive_window(VarInt::from_u32(limits.connection_window_bytes))
        .send_window(u64::from(limits.send_window_bytes))
        .max_idle_timeout(Some(idle_timeout()))
        .datagram_receive_buffer_size(None)
        .datagram_send_buffer_size(0);
    match side {
        Side::Hub => config.keep_alive_interval(None),
        Side::Agent => config.keep_alive_interval(Some(KEEP_ALIVE_INTERVAL)),
    };
    Arc::new(config)
}

fn idle_timeout() -> IdleTimeout {
    // Milliseconds of a minute fit any integer of QUIC's.
    let milliseconds = u32::try_from(IDLE_TIMEOUT.as_millis()).unwrap_or(u32::MAX);
    IdleTimeout::from(VarInt::from_u32(milliseconds))
}
