//! Bearer tokens that are read again for every attempt, so that a token that has expired is replaced automatically.

use std::error::Error;
use std::path::PathBuf;
use std::process::Stdio;

use everwire::{AttemptRequest, Builder};
use http::HeaderValue;
use http::header::AUTHORIZATION;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};

use crate::args::TokenArgs;

/// The longest token, in bytes.
const MAX_TOKEN: u64 = 64 << 10;

pub(crate) type Problem = Box<dyn Error + Send + Sync>;

#[derive(Clone, Debug)]
pub(crate) enum Source {
    File(PathBuf),
    Command(String),
}

/// Makes every attempt of the client send a fresh token, if the options name a source.
pub(crate) fn attach(builder: Builder, args: &TokenArgs) -> Builder {
    let Some(source) = Source::of(args) else { return builder };
    builder.before_attempt(move |request| {
        let source = source.clone();
        async move { authorise(request, &source).await }
    })
}

async fn authorise(mut request: AttemptRequest, source: &Source) -> Result<AttemptRequest, Problem> {
    request.headers.insert(AUTHORIZATION, bearer(&source.token().await?)?);
    Ok(request)
}

impl Source {
    /// The source that the options name, if any.
    pub(crate) fn of(args: &TokenArgs) -> Option<Self> {
        match (&args.bearer_file, &args.token_command) {
            (Some(file), _) => Some(Self::File(file.clone())),
            (None, Some(command)) => Some(Self::Command(command.clone())),
            (None, None) => None,
        }
    }

    /// Reads the present token.
    pub(crate) async fn token(&self) -> Result<Vec<u8>, Problem> {
        match self {
            Self::File(path) => {
                Ok(from_file(path).await.map_err(|problem| format!("{}: {problem}", path.display()))?)
            }
            Self::Command(line) => {
                Ok(from_command(line).await.map_err(|problem| format!("token command: {problem}"))?)
            }
        }
    }
}

async fn from_file(path: &PathBuf) -> Result<Vec<u8>, Problem> {
    bounded(tokio::fs::File::open(path).await?).await
}

async fn from_command(line: &str) -> Result<Vec<u8>, Problem> {
    let mut child =
        shell(line).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit()).kill_on_drop(true).spawn()?;
    // When the attempt times out, the command and all processes that it has started are killed. The group is dropped before the
    // child, so that its number can't belong to another process yet.
    let group = Group::of(&child);
    let token = match child.stdout.take() {
        Some(output) => bounded(output).await?,
        None => Vec::new(),
    };
    let status = child.wait().await?;
    group.forget();
    if status.success() { Ok(token) } else { Err(format!("ended with {status}").into()) }
}

#[cfg(unix)]
fn shell(line: &str) -> Command {
    let mut command = Command::new("sh");
    command.arg("-c").arg(line).process_group(0);
    command
}

/// The processes of a command: killed together when this is dropped, unless the command has ended. Processes that it then
/// leaves running, for instance an agent, are left alone.
#[cfg(unix)]
struct Group(Option<rustix::process::Pid>);

#[cfg(unix)]
impl Group {
    fn of(leader: &Child) -> Self {
        let id = leader.id().and_then(|id| i32::try_from(id).ok());
        Self(id.and_then(rustix::process::Pid::from_raw))
    }

    fn forget(mut self) {
        self.0 = None;
    }
}

#[cfg(unix)]
impl Drop for Group {
    fn drop(&mut self) {
        if let Some(leader) = self.0 {
            // An error means that no process is left.
            let _ = rustix::process::kill_process_group(leader, rustix::process::Signal::KILL);
        }
    }
}

/// On other systems only the command itself is killed.
#[cfg(not(unix))]
struct Group;

#[cfg(not(unix))]
impl Group {
    fn of(_: &Child) -> Self {
        Self
    }

    fn forget(self) {}
}

#[cfg(windows)]
fn shell(line: &str) -> Command {
    let mut command = Command::new("cmd");
    // `cmd` parses its command line by rules of its own: with /S it removes the outer quotes and keeps all others.
    command.args(["/D", "/S", "/C"]).raw_arg(format!("\"{line}\""));
    command
}

async fn bounded(from: impl AsyncRead + Unpin) -> Result<Vec<u8>, Problem> {
    let mut token = Vec::new();
    from.take(MAX_TOKEN + 1).read_to_end(&mut token).await?;
    if token.len() as u64 > MAX_TOKEN { Err("more than 64 KiB is no token".into()) } else { Ok(token) }
}

fn bearer(token: &[u8]) -> Result<HeaderValue, Problem> {
    let token = token.trim_ascii();
    if token.is_empty() {
        return Err("the token is empty".into());
    }
    let value = [b"Bearer ", token].concat();
    let mut value = HeaderValue::from_bytes(&value).map_err(|_| "the token has characters that no header may carry")?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;

    use super::{bearer, bounded, from_command};

    #[test]
    fn white_space_around_a_token_is_removed_and_the_header_is_marked_as_sensitive() {
        let value = bearer(b" abc\n").unwrap();
        assert_eq!(value, "Bearer abc");
        assert!(value.is_sensitive());
        assert!(bearer(b" \n").is_err() && bearer(b"a\nb").is_err());
    }

    #[tokio::test]
    async fn a_token_that_is_too_long_is_refused() {
        assert!(bounded([b'x'; 70_000].as_slice()).await.is_err());
        assert_eq!(bounded(b"abc".as_slice()).await.unwrap(), b"abc");
    }

    /// Waits until no process has the pipe open for writing, which a reader sees as its end.
    #[cfg(unix)]
    #[tokio::test]
    async fn a_command_and_its_children_are_killed_with_the_attempt() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
        assert!(made.success());
        // Both processes of the pipeline hold the other end as long as they live.
        let line = format!("exec 3>{}; sleep 3600 | cat", pipe.display());
        let attempt = tokio::spawn(async move { from_command(&line).await.map_err(|error| error.to_string()) });
        let mut reading = tokio::fs::File::open(&pipe).await.unwrap();
        attempt.abort();
        let ended = tokio::time::timeout(std::time::Duration::from_secs(30), reading.read(&mut [0])).await;
        assert_eq!(ended.expect("they are killed").unwrap(), 0);
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn processes_that_a_finished_command_leaves_running_are_not_killed() {
        let folder = tempfile::tempdir().unwrap();
        let (go, done) = (folder.path().join("go"), folder.path().join("done"));
        let line = format!(
            "(while [ ! -e {} ]; do sleep 0.01; done; touch {}) >/dev/null 2>&1 & echo secret",
            go.display(),
            done.display()
        );
        assert_eq!(from_command(&line).await.unwrap(), b"secret\n");
        std::fs::write(&go, "").unwrap();
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
        while !done.exists() {
            assert!(std::time::Instant::now() < deadline, "it was killed");
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_command_that_fails_gives_no_token() {
        assert_eq!(from_command("echo secret").await.unwrap(), b"secret\n");
        let problem = from_command("echo secret; exit 3").await.unwrap_err().to_string();
        assert!(problem.contains('3'), "{problem}");
    }
}
