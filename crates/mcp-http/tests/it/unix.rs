use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use http::Uri;
use mcp_http::{ConnectStep, ErrorKind, HttpClient, Proxy};
use tokio::io::AsyncWriteExt;
use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinHandle;

use crate::server::{post, read_request};

/// Runs `handler` for each connection to the socket at `path`. Returns the number of connections.
fn listen<F: Future<Output = ()> + Send + 'static>(
    path: &Path,
    handler: impl Fn(UnixStream) -> F + Send + 'static,
) -> (JoinHandle<()>, Arc<AtomicUsize>) {
    let listener = UnixListener::bind(path).unwrap();
    let connections = Arc::new(AtomicUsize::new(0));
    let counter = connections.clone();
    let task = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            counter.fetch_add(1, Relaxed);
            tokio::spawn(handler(stream));
        }
    });
    (task, connections)
}

#[tokio::test]
async fn requests_use_the_socket_for_any_host() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let (task, connections) = listen(&path, |mut stream| async move {
        while let Some(request) = read_request(&mut stream).await {
            let answer =
                format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{request}", request.len());
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    let client = HttpClient::builder()
        .proxy(Proxy::http("http://proxy.invalid").unwrap())
        .unix_socket(&path)
        .build()
        .unwrap();
    for host in ["localhost", "server.invalid:81"] {
        for _ in 0..2 {
            let url: Uri = format!("http://{host}/mcp").parse().unwrap();
            let response = client.send(post(&url, "{}")).await.unwrap();
            let sent = response.into_body().read_to_end(1024).await.unwrap();
            let sent = String::from_utf8(sent.into()).unwrap();
            assert!(sent.starts_with("POST /mcp HTTP/1.1\r\n"), "{sent}");
            assert!(sent.contains(&format!("\r\nhost: {host}\r\n")), "{sent}");
        }
    }
    assert_eq!(connections.load(Relaxed), 2, "one for each host, reused");
    task.abort();
}

#[tokio::test]
async fn a_socket_without_a_listener_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing");
    let dead = folder.path().join("dead");
    drop(UnixListener::bind(&dead).unwrap());
    for path in [missing, dead] {
        let client = HttpClient::builder().unix_socket(&path).build().unwrap();
        let url = Uri::from_static("http://localhost/");
        let error = client.send(post(&url, "{}")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Connect(ConnectStep::Refused), "{error:?}");
        assert!(error.is_not_sent());
        assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
    }
}

#[cfg(all(feature = "http2", feature = "tls-ring"))]
#[tokio::test]
async fn tls_is_used_over_a_socket_if_the_url_is_https() {
    let (server, url, ca) = crate::tls::start(&[b"h2"]).await;
    let target = server.url.authority().unwrap().to_string();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let (task, _) = listen(&path, move |mut stream| {
        let target = target.clone();
        async move {
            let mut server = tokio::net::TcpStream::connect(target).await.unwrap();
            let _ = tokio::io::copy_bidirectional(&mut stream, &mut server).await;
        }
    });
    let client = crate::tls::trusting(ca).unix_socket(&path).build().unwrap();
    // Nothing listens at that port.
    let url: Uri = format!("https://{}:1/", url.host().unwrap()).parse().unwrap();
    let response = client.send(post(&url, "{}")).await.unwrap();
    assert_eq!(response.into_body().read_to_end(1024).await.unwrap(), url.to_string());
    task.abort();
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_socket_with_a_full_queue_is_retried() {
    use socket2::{Domain, SockAddr, Socket, Type};

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let address = SockAddr::unix(&path).unwrap();
    let listener = Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
    listener.bind(&address).unwrap();
    listener.listen(1).unwrap();
    let mut waiting = Vec::new();
    loop {
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
        socket.set_nonblocking(true).unwrap();
        if socket.connect(&address).is_err() {
            break;
        }
        waiting.push(socket);
    }
    let client = HttpClient::builder().unix_socket(&path).build().unwrap();
    let url = Uri::from_static("http://localhost/mcp");
    let calling = tokio::spawn(async move { client.send(post(&url, "{}")).await });
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    assert!(!calling.is_finished());
    listener.set_nonblocking(true).unwrap();
    let listener = std::os::unix::net::UnixListener::from(std::os::fd::OwnedFd::from(listener));
    let listener = UnixListener::from_std(listener).unwrap();
    let serving = tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                if read_request(&mut stream).await.is_some() {
                    stream.write_all(crate::server::OK).await.unwrap();
                }
            });
        }
    });
    calling.await.unwrap().unwrap();
    serving.abort();
}
