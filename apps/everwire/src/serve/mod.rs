//! `everwire serve`: a chat server on this machine.
//!
//! - [`listen`]: the port, and who may reach it
//! - [`settings`]: merges the settings of the command line, the environment and a file
//! - `export`: the history as JSON lines
//! - `backup`: backup and restore
//! - `people`: accounts, bans and rooms
//! - `renew`: a new epoch of a cluster
//! - [`banner`]: the text that is printed once it listens, without I/O

mod backup;
mod banner;
mod export;
mod listen;
mod people;
mod renew;
mod settings;

use std::error::Error;
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use everwire_chat_server::{Auth, ChatServer, ClusterError, OpenError, PageFile, StoreOpenError};
use everwire_server::Server;

use crate::args::ServeArgs;
use crate::exit::{Exit, Failure};
use crate::logs;
use crate::term::Stop;
pub(crate) use backup::{backup, restore};
pub(crate) use export::export;
pub(crate) use listen::bind;
pub(crate) use people::{room, user};
pub(crate) use renew::renew;
use settings::Settings;
pub(crate) use settings::check;

include!(concat!(env!("OUT_DIR"), "/page.rs"));

/// The longest time for the members' closing handshakes at the end.
const PARTING: Duration = Duration::from_secs(8);

pub(crate) async fn run(args: ServeArgs) -> Result<Exit, Failure> {
    let Settings { listen, admin_listen, allow_remote, data, mut server } = Settings::of(args)?;
    server.page = PAGE;
    server.lost_log_lines = Some(logs::lost);
    // The port first: if it is in use, nothing else is touched.
    let guarded = listen::Guarded {
        tls: server.tls.is_some(),
        auth: !matches!(server.auth, Auth::Guests),
        tokens: matches!(server.auth, Auth::Issuer(_)),
    };
    let listener = listen::listen(listen, allow_remote, guarded).await?;
    let address = listener.local_addr().map_err(|error| failed("does not know its address", &error))?;
    let admin = match admin_listen {
        Some(address) => Some(listen::listen_for_admin(address, allow_remote).await?),
        None => None,
    };
    let grace = server.drain.saturating_add(PARTING);
    let base_path = server.base_path.clone();
    let server = ChatServer::open(server).map_err(|error| refused(&error))?;
    let stop = Stop::listen(grace);
    let admin_address = admin.as_ref().and_then(|listener| listener.local_addr().ok());
    let place = banner::Place { address, base_path: base_path.as_str(), admin: admin_address };
    tell(banner::banner(place, &program(), &shown(&data), !PAGE.is_empty(), guarded));
    tokio::spawn(logs::tell_lost());
    let admin_router = server.admin_router();
    let admin = async move {
        match admin {
            Some(listener) => drop(Server::new().serve_router(listener, admin_router, std::future::pending()).await),
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = server.serve(listener, async move { stop.asked().await }) => {}
        // Served until the very end, so that health checks report the end.
        () = admin => {}
    }
    tracing::info!("ended in order");
    Ok(Exit::Done)
}

/// Prints to stdout, so that scripts can read the port; on a thread of its own, so that the server also works if nobody reads
/// stdout or the terminal is stopped.
fn tell(banner: String) {
    std::thread::spawn(move || {
        let mut stdout = std::io::stdout().lock();
        let _ = writeln!(stdout, "{banner}").and_then(|()| stdout.flush());
    });
}

fn program() -> String {
    let called = std::env::args_os().next();
    let here = std::env::current_dir().ok();
    banner::program(called.as_deref().map(Path::new), here.as_deref())
}

/// The folder's absolute path.
fn shown(data: &Path) -> String {
    std::path::absolute(data).unwrap_or_else(|_| data.to_owned()).display().to_string()
}

/// An error of the start, in one line with the option that it is about.
fn refused(error: &OpenError) -> Failure {
    let option = match error {
        OpenError::Tls(_) => "--tls-cert FILE, --tls-key FILE",
        OpenError::Keys(_) => "--issuer-keys FILE",
        OpenError::Cluster(error) => return not_a_node(error),
        _ => "--data DIR",
    };
    Failure::new(Exit::Failed, format!("{} ({option})", described(error)))
}

/// The same for an error about a cluster; no option is added if the error names it already.
fn not_a_node(error: &ClusterError) -> Failure {
    let option = match error {
        ClusterError::Credentials
        | ClusterError::Replicas { .. }
        | ClusterError::OtherReplicas { .. }
        | ClusterError::TooSmall { .. }
        | ClusterError::Sync => "",
        ClusterError::File { .. } => " (--cluster-credentials FILE, --cluster-ca FILE)",
        ClusterError::Folder(_)
        | ClusterError::ForeignFolder { .. }
        | ClusterError::FolderOfOneNode { .. }
        | ClusterError::OlderEpoch { .. }
        | ClusterError::NoFolder => " (--data DIR)",
        _ => " (--cluster URL)",
    };
    Failure::new(Exit::Failed, format!("{}{option}", described(error)))
}

/// The same for a data folder that can't be used.
fn unusable(error: &StoreOpenError) -> Failure {
    Failure::new(Exit::Failed, format!("{} (--data DIR)", described(error)))
}

/// An error with its cause, in one line.
fn described(error: &dyn Error) -> String {
    let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
    format!("{error}{cause}")
}

fn failed(what: &str, error: &std::io::Error) -> Failure {
    Failure::new(Exit::Failed, format!("the server {what}: {error}"))
}

#[cfg(test)]
mod tests {
    use everwire_chat_server::ClusterError;

    use super::not_a_node;

    #[test]
    fn an_error_of_a_node_names_the_option_that_it_is_about() {
        let (file, folder) = ("node.creds".into(), "data".into());
        let unreachable = ClusterError::Unreachable { cause: "refused".into() };
        for (error, end) in [
            (unreachable, " (--cluster URL)"),
            (
                ClusterError::File { file, cause: "no such file".into() },
                " (--cluster-credentials FILE, --cluster-ca FILE)",
            ),
            (ClusterError::ForeignFolder { folder }, " (--data DIR)"),
            (ClusterError::Sync, "--cluster-accept-sync"),
            (ClusterError::OtherReplicas { replicas: 3, found: 1 }, "(nats stream edit --replicas 3)"),
        ] {
            let line = not_a_node(&error).line;
            assert!(line.ends_with(end), "{line}");
        }
    }
}
