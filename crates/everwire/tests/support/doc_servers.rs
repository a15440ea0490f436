// Servers for the examples in the documentation.

/// An echo server on a free port of 127.0.0.1; its URL.
#[allow(dead_code)]
async fn echo_server() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let config = everwire_ws::Config::default();
                let Ok((mut socket, _)) = everwire_tokio::server(stream, config, |_| None).await else { return };
                while let Ok(Some(incoming)) = socket.recv().await {
                    if let everwire_ws::Incoming::Message(message) = incoming {
                        let _ = socket.send(&message).await;
                    }
                }
            });
        }
    });
    url
}
