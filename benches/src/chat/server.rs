//! The shipped chat server, at its defaults except the number of members.

use std::net::Ipv4Addr;
use std::path::Path;

use everwire_chat_server::{ChatServer, ServerConfig, listen};

use crate::process;

/// `port`: 0 for any.
pub(crate) fn run(folder: &str, port: u16) -> super::Done<()> {
    process::pin(1);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut config = ServerConfig::with_data(Path::new(folder));
        config.max_connections = 20_000;
        let server = ChatServer::open(config)?;
        let listener = listen((Ipv4Addr::LOCALHOST, port).into()).await?;
        println!("{}", listener.local_addr()?);
        server.serve(listener, std::future::pending()).await;
        Ok(())
    })
}
