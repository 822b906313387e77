//! Runs the `helm` program for charts of kustomizations.
//!
//! Each call has a folder of its own, for its owner alone, which goes away afterwards: chart and
//! values lie there, and Helm's own settings, so that neither those of a user nor the environment
//! count. Output and time are bounded. Helm runs what templates say, but no program; only `pull`
//! uses the network.

use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Component, Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use skerry_render::{ChartError, ChartRenderer, ChartRequest, ChartSource};
use thiserror::Error;

/// Longest silence of one call: the largest charts render in some seconds, a slow pull takes a minute.
const TIMEOUT: Duration = Duration::from_secs(120);

/// Most bytes that a call may print, or a chart may have: what a render reads of one application.
const BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Most folders of a chart inside each other: charts of charts have about ten.
const DEPTH_MAX: usize = 32;

/// Most bytes of what Helm says on errors that are shown.
const SAID_MAX: usize = 4096;

/// The `helm` program.
#[derive(Debug)]
pub struct HelmProgram {
    program: PathBuf,
    /// Where calls have their folders.
    folder: PathBuf,
    calls: AtomicU64,
}

/// Why a call gives nothing.
#[derive(Debug, Error)]
enum CallError {
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

impl HelmProgram {
    /// Runs a program, in folders below one that is made when it is needed.
    pub fn new(program: PathBuf, folder: PathBuf) -> Self {
        Self { program, folder, calls: AtomicU64::new(0) }
    }

    fn call(&self) -> Result<Call, CallError> {
        let number = self.calls.fetch_add(1, Ordering::Relaxed);
        let path = self.folder.join(format!("{}-{number}", std::process::id()));
        // One of a process before us that had the same number.
        let _ = fs::remove_dir_all(&path);
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(&path);
        made.map_err(|source| CallError::File { path: path.clone(), source })?;
        Ok(Call { path })
    }

    /// What a call prints.
    fn run(&self, call: &Call, words: &[String]) -> Result<Vec<u8>, ChartError> {
        let home = |name: &str| call.path.join("home").join(name);
        let mut command = Command::new(&self.program);
        command
            .args(words)
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("HOME", home(""))
            .env("HELM_CONFIG_HOME", home("config"))
            .env("HELM_CACHE_HOME", home("cache"))
            .env("HELM_DATA_HOME", home("data"))
            .current_dir(&call.path)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let start = command.spawn().map_err(|source| CallError::File { path: self.program.clone(), source })?;
        let mut child = Running(start);
        let (printed, said) = (read(child.0.stdout.take()), read(child.0.stderr.take()));
        let (printed, said) = (bytes(&printed)?, bytes(&said)?);
        let status = child.0.wait().map_err(|source| CallError::File { path: self.program.clone(), source })?;
        if status.success() {
            return Ok(printed);
        }
        let said = said.get(..SAID_MAX).unwrap_or(&said);
        Err(ChartError::Refused { said: skerry_common::redact::redact(String::from_utf8_lossy(said).trim()) })
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
    let bytes = read.map_err(|source| CallError::File { path: PathBuf::from("helm"), source })?;
    if bytes.len() as u64 > BYTES_MAX { Err(CallError::TooLarge) } else { Ok(bytes) }
}

/// The folder of one call.
struct Call {
    path: PathBuf,
}

impl Drop for Call {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.path) {
            tracing::warn!(folder = %self.path.display(), %error, "cannot remove the folder of a helm call");
        }
    }
}

impl Call {
    fn write(&self, path: &str, content: &[u8]) -> Result<String, CallError> {
        if !Path::new(path).components().all(|part| matches!(part, Component::Normal(_))) {
            return Err(CallError::Path(path.to_owned()));
        }
        let path = self.path.join(path);
        let written = path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(&path, content));
        written.map_err(|source| CallError::File { path: path.clone(), source })?;
        Ok(path.to_string_lossy().into_owned())
    }
}

impl ChartRenderer for HelmProgram {
    fn pull(&self, chart: &ChartSource) -> Result<Vec<(String, Vec<u8>)>, ChartError> {
        let call = self.call()?;
        let folder = call.path.join("charts");
        self.run(&call, &chart.arguments(&folder.to_string_lossy()))?;
        let mut files = Vec::new();
        collect(&folder.join(&chart.name), "", &mut files, 0)?;
        Ok(files)
    }

    fn template(&self, request: &ChartRequest) -> Result<Vec<u8>, ChartError> {
        let call = self.call()?;
        for (path, content) in &request.files {
            call.write(&format!("charts/{}/{path}", request.name), content)?;
        }
        let mut values = Vec::with_capacity(request.values.len());
        for (index, content) in request.values.iter().enumerate() {
            values.push(call.write(&format!("values/{index}.yaml"), content)?);
        }
        let chart = call.path.join("charts").join(&request.name);
        self.run(&call, &request.arguments(&chart.to_string_lossy(), &values))
    }
}

/// Reads the files below a folder; links are passed over.
fn collect(folder: &Path, prefix: &str, files: &mut Vec<(String, Vec<u8>)>, depth: usize) -> Result<(), CallError> {
    let failed = |source| CallError::File { path: folder.to_owned(), source };
    if depth > DEPTH_MAX {
        return Err(CallError::TooLarge);
    }
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        let kind = entry.file_type().map_err(failed)?;
        if kind.is_dir() {
            collect(&entry.path(), &format!("{name}/"), files, depth + 1)?;
        } else if kind.is_file() {
            files.push((name, fs::read(entry.path()).map_err(failed)?));
            if files.iter().map(|(_, content)| content.len() as u64).sum::<u64>() > BYTES_MAX {
                return Err(CallError::TooLarge);
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Not Helm: a script that shows its arguments (see `common/render/testcharts`).
    fn stand_in(folder: &Path) -> HelmProgram {
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("../common/render/testcharts/helm");
        HelmProgram::new(program.canonicalize().expect("the stand-in"), folder.join("helm"))
    }

    fn request(files: &[(&str, &str)]) -> ChartRequest {
        let files = files.iter().map(|(path, content)| ((*path).to_owned(), content.as_bytes().to_vec())).collect();
        ChartRequest {
            name: "web".to_owned(),
            files,
            release_name: "rel".to_owned(),
            namespace: "shop".to_owned(),
            name_template: String::new(),
            values: vec![b"a: 1\n".to_vec(), b"b: 2\n".to_vec()],
            api_versions: Vec::new(),
            kube_version: String::new(),
            flags: Vec::new(),
        }
    }

    #[test]
    fn a_chart_is_pulled_and_rendered_and_leaves_nothing_behind() {
        let folder = tempfile::tempdir().expect("a folder");
        let helm = stand_in(folder.path());
        let printed = helm.template(&request(&[("templates/out.yaml", "made: true\n")])).expect("renders");
        let printed = String::from_utf8(printed).expect("text");
        assert!(printed.contains("words: \"template rel CHART --namespace shop -f FILE -f FILE\""), "{printed}");
        assert!(printed.contains("    b: 2\n") && printed.ends_with("made: true\n"), "{printed}");
        let (name, repo) = ("db".to_owned(), "https://charts.example".to_owned());
        let source = ChartSource { name, repo, version: "1.0.0".to_owned(), is_devel: false };
        let mut paths: Vec<_> = helm.pull(&source).expect("pulls").into_iter().map(|(path, _)| path).collect();
        paths.sort();
        assert_eq!(paths, ["templates/out.yaml", "values.yaml"]);
        assert_eq!(fs::read_dir(folder.path().join("helm")).expect("a folder").count(), 0);
    }

    #[test]
    fn failures_are_told() {
        let folder = tempfile::tempdir().expect("a folder");
        let refused = stand_in(folder.path()).template(&request(&[])).expect_err("no templates");
        assert!(matches!(&refused, ChartError::Refused { said } if said.contains("out.yaml")), "{refused:?}");
        let escapes = stand_in(folder.path()).template(&request(&[("../x", "")])).expect_err("leads out");
        assert!(matches!(escapes, ChartError::Unavailable(_)));
        let missing = HelmProgram::new("/nowhere/helm".into(), folder.path().join("helm"));
        assert!(matches!(missing.template(&request(&[])), Err(ChartError::Unavailable(_))));
    }
}
