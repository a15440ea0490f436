//! nginx and HAProxy with the settings of the documents.

use everwire_tests::{ProxyKind, ReverseProxy, root};

/// Starts a balancer before these servers, with the settings that `docs/cluster.md` shows under this name.
pub(crate) async fn start(kind: ProxyKind, name: &str, servers: &[String]) -> ReverseProxy {
    let mut settings = shown(kind, name);
    for (number, server) in (1..).zip(servers) {
        settings = settings.replace(&format!("192.0.2.{number}:8080"), server);
    }
    ReverseProxy::start(kind, |port| match kind {
        ProxyKind::HaProxy => settings.replace("bind :80", &format!("bind 127.0.0.1:{port}")),
        ProxyKind::Nginx => settings.replace("listen 80;", &format!("listen 127.0.0.1:{port};")),
    })
    .await
}

/// The document's block of this kind that defines this name.
fn shown(kind: ProxyKind, name: &str) -> String {
    let page = std::fs::read_to_string(root().join("docs/cluster.md")).expect("the document");
    let (fence, begin) = match kind {
        ProxyKind::Nginx => ("```nginx\n", format!("upstream {name} ")),
        ProxyKind::HaProxy => ("```haproxy\n", format!("listen {name}\n")),
    };
    let mut blocks = page.split(fence).skip(1).filter_map(|rest| rest.split_once("```")).map(|(block, _)| block);
    blocks.find(|block| block.contains(&begin)).expect("the document shows it").to_owned()
}
