use std::sync::{Arc, Mutex};

use http::Uri;
use mcp_http::{ConnectStep, Error, ErrorKind, HttpClient, Proxy};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::TcpStream;

use crate::server::{OK, Server, post};

/// The targets that clients requested from a proxy.
type Seen = Arc<Mutex<Vec<String>>>;

/// A SOCKS5 proxy that requires `user` and `secret`, or nothing if `is_open`.
async fn start(is_open: bool) -> (Server, Seen) {
    let seen = Seen::default();
    let log = seen.clone();
    let server = Server::start(move |stream| {
        let log = log.clone();
        async move {
            // A client that disconnects is not an error.
            let _ = serve(stream, is_open, log).await;
        }
    })
    .await;
    (server, seen)
}

async fn serve(mut stream: TcpStream, is_open: bool, log: Seen) -> std::io::Result<()> {
    assert_eq!(stream.read_u8().await?, 5);
    let methods = read(&mut stream).await?;
    if is_open {
        assert!(methods.contains(&0));
        stream.write_all(&[5, 0]).await?;
    } else if methods.contains(&2) {
        stream.write_all(&[5, 2]).await?;
        assert_eq!(stream.read_u8().await?, 1);
        let user = read(&mut stream).await?;
        let is_known = (&*user, &*read(&mut stream).await?) == (b"user", b"secret");
        stream.write_all(&[1, u8::from(!is_known)]).await?;
        if !is_known {
            return Ok(());
        }
    } else {
        return stream.write_all(&[5, 0xff]).await;
    }
    let mut head = [0; 4];
    stream.read_exact(&mut head).await?;
    assert_eq!(head[..3], [5, 1, 0]);
    let host = match head[3] {
        1 => std::net::Ipv4Addr::from(stream.read_u32().await?).to_string(),
        4 => format!("[{}]", std::net::Ipv6Addr::from(stream.read_u128().await?)),
        _ => String::from_utf8(read(&mut stream).await?).unwrap(),
    };
    let port = stream.read_u16().await?;
    log.lock().unwrap().push(format!("{host}:{port}"));
    // The only name that only the proxy can resolve.
    let host = host.replace("server.invalid", "127.0.0.1");
    match TcpStream::connect(format!("{host}:{port}")).await {
        Ok(mut server) => {
            stream.write_all(&[5, 0, 0, 3, 1, b'x', 0, 0]).await?;
            copy_bidirectional(&mut stream, &mut server).await?;
        }
        Err(_) => stream.write_all(&[5, 5, 0, 1, 0, 0, 0, 0, 0, 0]).await?,
    }
    Ok(())
}

/// Reads a length-prefixed field.
async fn read(stream: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let mut bytes = vec![0; stream.read_u8().await?.into()];
    stream.read_exact(&mut bytes).await?;
    Ok(bytes)
}

fn through(proxy: &Server, scheme_and_credentials: &str) -> HttpClient {
    let url = format!("{scheme_and_credentials}{}", proxy.url.authority().unwrap());
    HttpClient::builder().proxy(Proxy::socks5(url).unwrap()).build().unwrap()
}

fn at(server: &Server, host: &str) -> Uri {
    format!("http://{host}:{}/mcp", server.url.port().unwrap()).parse().unwrap()
}

async fn call(client: &HttpClient, url: &Uri) -> Result<String, Error> {
    let response = client.send(post(url, "{}")).await?;
    let body = response.into_body().read_to_end(1024).await?;
    Ok(String::from_utf8(body.into()).unwrap())
}

#[tokio::test]
async fn names_are_looked_up_here_or_there() {
    let server = Server::answering(OK).await;
    let port = server.url.port_u16().unwrap();
    for (scheme, host, asked) in [
        ("socks5h://user:secret@", "server.invalid", "server.invalid"),
        ("socks5h://user:secret@", "127.0.0.1", "127.0.0.1"),
        ("socks5://user:secret@", "127.0.0.1", "127.0.0.1"),
    ] {
        let (proxy, seen) = start(false).await;
        let client = through(&proxy, scheme);
        for _ in 0..3 {
            assert_eq!(call(&client, &at(&server, host)).await.unwrap(), "{}");
        }
        assert_eq!(*seen.lock().unwrap(), [format!("{asked}:{port}")]);
        assert_eq!(proxy.connections(), 1);
    }

    let (proxy, seen) = start(false).await;
    let client = through(&proxy, "socks5://user:secret@");
    let _ = call(&client, &at(&server, "localhost")).await;
    let seen = seen.lock().unwrap().clone();
    assert!(seen == [format!("127.0.0.1:{port}")] || seen == [format!("[::1]:{port}")], "{seen:?}");
    let error = call(&client, &at(&server, "server.invalid")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect(ConnectStep::Dns), "{error:?}");
    assert!(error.is_not_sent());
}

#[tokio::test]
async fn credentials_are_sent_only_if_required() {
    let server = Server::answering(OK).await;
    let (open, _) = start(true).await;
    for scheme in ["socks5h://", "socks5h://user:secret@"] {
        call(&through(&open, scheme), &server.url).await.unwrap();
    }
    let (closed, seen) = start(false).await;
    for (scheme, text) in [
        ("socks5h://", "requires credentials"),
        ("socks5h://user:wrong@", "refuses the configured credentials"),
    ] {
        let error = call(&through(&closed, scheme), &server.url).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Connect(ConnectStep::Proxy), "{error:?}");
        assert!(error.is_not_sent());
        assert!(error.to_string().contains(text), "{error}");
        assert!(!format!("{error:?}").contains("wrong"));
    }
    assert!(seen.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_refused_connection_is_reported() {
    let (proxy, _) = start(false).await;
    let server = Server::answering(OK).await;
    let url = server.url.clone();
    server.stop().await;
    let error = call(&through(&proxy, "socks5://user:secret@"), &url).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect(ConnectStep::Proxy), "{error:?}");
    assert!(error.is_not_sent());
    let text = format!("{}: the connection was refused;", url.authority().unwrap());
    assert!(error.to_string().contains(&text), "{error}");
    // The server is local, which a remote proxy cannot reach.
    assert!(error.to_string().ends_with("add 127.0.0.1 to NO_PROXY to reach it directly"));
}

#[tokio::test]
async fn a_server_that_is_no_socks_proxy_is_reported() {
    for answer in [&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], b"", b"\x05", b"\x05\x00\x05\x00"] {
        let proxy = Server::start(move |mut stream| async move {
            let _ = stream.write_all(answer).await;
            let _ = stream.read(&mut [0; 1024]).await;
        })
        .await;
        let server = Server::answering(OK).await;
        let error = call(&through(&proxy, "socks5://"), &server.url).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Connect(ConnectStep::Proxy), "{error:?}");
        assert!(error.is_not_sent());
        assert_eq!(server.connections(), 0);
    }
}

#[cfg(all(feature = "http2", feature = "tls-ring"))]
#[tokio::test]
async fn https_uses_the_proxy_too() {
    let (server, url, ca) = crate::tls::start(&[b"h2"]).await;
    let (proxy, _) = start(false).await;
    let address = proxy.url.authority().unwrap();
    let proxy_url = format!("socks5h://user:secret@{address}");
    let client = crate::tls::trusting(ca).proxy(Proxy::all(proxy_url).unwrap()).build().unwrap();
    assert_eq!(call(&client, &url).await.unwrap(), url.to_string());
    assert_eq!((server.connections(), proxy.connections()), (1, 1));
}
