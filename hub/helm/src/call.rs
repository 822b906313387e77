//! One run of the program, in a folder of its own.

use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use skerry_render::ChartError;
use thiserror::Error;

use crate::files::{self, BYTES_MAX, DEPTH_MAX, failed};
use crate::program::HelmSettings;

/// Longest silence of one call: the largest charts render in some seconds, a slow pull takes a minute.
const TIMEOUT: Duration = Duration::from_secs(120);

/// Most bytes of what Helm says on errors that are shown.
const SAID_MAX: usize = 4096;

/// Tells the calls of one process apart.
static CALLS: AtomicU64 = AtomicU64::new(0);

/// Why a call gives nothing.
#[derive(Debug, Error)]
pub(crate) enum CallError {
    #[error("`{path}`")]
    File {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("the chart has a file `{0}`, which leads out of it")]
    Path(String),
    #[error("more than {BYTES_MAX} bytes or {DEPTH_MAX} folders inside each other")]
    TooLarge,
    #[error("no end after {} seconds", TIMEOUT.as_secs())]
    Timeout,
}

impl From<CallError> for ChartError {
    fn from(error: CallError) -> Self {
        ChartError::Unavailable(Box::new(error))
    }
}

/// The folder of one call.
pub(crate) struct Call {
    path: PathBuf,
}

impl Call {
    /// Makes a folder below one.
    pub(crate) fn start(folder: &Path) -> Result<Self, CallError> {
        let number = CALLS.fetch_add(1, Ordering::Relaxed);
        let path = folder.join(format!("{}-{number}", std::process::id()));
        // One of a process before us that had the same number.
        let _ = fs::remove_dir_all(&path);
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(&path);
        made.map_err(|source| failed(&path, source))?;
        Ok(Self { path })
    }

    /// A path in it.
    pub(crate) fn place(&self, path: &str) -> Result<PathBuf, CallError> {
        files::below(&self.path, path)
    }

    /// Writes a file; gives its whole path.
    pub(crate) fn write(&self, path: &str, content: &[u8]) -> Result<String, CallError> {
        let path = self.place(path)?;
        files::write(&path, content)?;
        Ok(path.to_string_lossy().into_owned())
    }

    /// What the program prints.
    pub(crate) fn run(&self, settings: &HelmSettings, words: &[String]) -> Result<Vec<u8>, ChartError> {
        let home = |name: &str| self.path.join("home").join(name);
        let mut command = Command::new(&settings.program);
        command
            .args(words)
            .env_clear()
            .envs(settings.environment.iter().map(|(name, value)| (name, value)))
            .env("HOME", home(""))
            .env("HELM_CONFIG_HOME", home("config"))
            .env("HELM_CACHE_HOME", home("cache"))
            .env("HELM_DATA_HOME", home("data"))
            .current_dir(&self.path)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = Running(command.spawn().map_err(|source| failed(&settings.program, source))?);
        let (printed, said) = (read(child.0.stdout.take()), read(child.0.stderr.take()));
        let (printed, said) = (bytes(&printed)?, bytes(&said)?);
        let status = child.0.wait().map_err(|source| failed(&settings.program, source))?;
        if status.success() {
            return Ok(printed);
        }
        let said = said.get(..SAID_MAX).unwrap_or(&said);
        Err(ChartError::Refused { said: skerry_common::redact::redact(String::from_utf8_lossy(said).trim()) })
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.path) {
            tracing::warn!(folder = %self.path.display(), %error, "cannot remove the folder of a helm call");
        }
    }
}

/// A child that ends with its call.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It has ended already, or has to now; nothing more can be done where that fails.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Reads to the end on a thread of its own: a child that fills one pipe must not wait for the other.
fn read(pipe: Option<impl Read + Send + 'static>) -> Receiver<io::Result<Vec<u8>>> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let read = pipe.map_or(Ok(0), |pipe| pipe.take(BYTES_MAX + 1).read_to_end(&mut bytes));
        // Nobody waits any more after the time is up.
        let _ = sender.send(read.map(|_| bytes));
    });
    receiver
}

fn bytes(receiver: &Receiver<io::Result<Vec<u8>>>) -> Result<Vec<u8>, CallError> {
    let read = receiver.recv_timeout(TIMEOUT).map_err(|_| CallError::Timeout)?;
    let bytes = read.map_err(|source| failed(Path::new("helm"), source))?;
    if bytes.len() as u64 > BYTES_MAX { Err(CallError::TooLarge) } else { Ok(bytes) }
}
