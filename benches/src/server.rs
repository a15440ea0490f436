//! The server of every contender: `/sink` counts messages and answers `end` with the count, `/echo` sends all back.

use everwire_tokio::{Socket, SocketError};
use everwire_ws::{Config, Incoming, Message};
use tokio::net::{TcpListener, TcpStream};

use crate::process;

pub(crate) fn run() -> Result<(), Box<dyn std::error::Error>> {
    process::pin(1);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        println!("{}", listener.local_addr()?);
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            tokio::spawn(async move {
                if let Err(error) = serve(stream).await {
                    eprintln!("connection: {error}");
                }
            });
        }
    })
}

async fn serve(stream: TcpStream) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let (mut socket, opened) = everwire_tokio::server(stream, Config::default(), |_| None).await?;
    let echo = opened.request.uri().path() == "/echo";
    let ended = if echo { echo_all(&mut socket).await } else { count(&mut socket).await };
    match ended {
        // A client that has finished just disconnects.
        Ok(()) | Err(SocketError::UnexpectedEnd | SocketError::Io(_)) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

async fn count(socket: &mut Socket<TcpStream>) -> Result<(), SocketError> {
    let mut count = 0_u64;
    let mut next = socket.recv().await?;
    while let Some(incoming) = next {
        if let Incoming::Message(message) = incoming {
            if message.as_text() == Some("end") {
                socket.send(&Message::from(count.to_string())).await?;
            } else {
                count += 1;
            }
        }
        next = match socket.try_recv()? {
            Some(more) => Some(more),
            None => socket.recv().await?,
        };
    }
    Ok(())
}

async fn echo_all(socket: &mut Socket<TcpStream>) -> Result<(), SocketError> {
    let mut next = socket.recv().await?;
    while let Some(incoming) = next {
        if let Incoming::Message(message) = incoming
            && !socket.queue(&message)
        {
            return Ok(());
        }
        next = match socket.try_recv()? {
            Some(more) => Some(more),
            None => {
                socket.flush().await.map_err(SocketError::Io)?;
                socket.recv().await?
            }
        };
    }
    Ok(())
}
