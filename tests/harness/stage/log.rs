//! What hubs and agents log: to the test runner, and kept to be searched.

use std::io::{self, Write};
use std::sync::{Mutex, Once, PoisonError};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::TestWriter;
use tracing_subscriber::fmt::writer::MakeWriterExt as _;

/// Everything that was logged by this process.
static LOG: Mutex<Vec<u8>> = Mutex::new(Vec::new());

/// Our own crates say everything, since nothing that they say may hold a secret.
const FILTER: &str = "info,skerry_agent=trace,skerry_agent_core=trace,skerry_hub=trace,skerry_hub_core=trace";

struct Kept;

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LOG.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Once per process: logs, and the process-wide cryptography.
pub(super) fn prepare() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        skerry_certs::tls::install_provider();
        let writer = TestWriter::default().and(|| Kept);
        let subscriber = tracing_subscriber::fmt().with_ansi(false).with_env_filter(EnvFilter::new(FILTER));
        subscriber.with_writer(writer).try_init().expect("nobody else subscribes in this program");
    });
}

/// Everything that was logged until now.
pub fn logged() -> Vec<u8> {
    LOG.lock().unwrap_or_else(PoisonError::into_inner).clone()
}
