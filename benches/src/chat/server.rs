//! The chat server as it ships, at its defaults but for the number of members.

use std::path::Path;

use everwire_chat_server::{ChatServer, ServerConfig, listen};

use crate::process;

pub(crate) fn run(folder: &str) -> super::Done<()> {
    process::pin(1);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut config = ServerConfig::with_data(Path::new(folder));
        config.max_connections = 20_000;
        let server = ChatServer::open(config)?;
        let listener = listen("127.0.0.1:0".parse()?).await?;
        println!("{}", listener.local_addr()?);
        server.serve(listener, std::future::pending()).await;
        Ok(())
    })
}
