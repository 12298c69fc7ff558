#![allow(clippy::unwrap_used, reason = "tests")]

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use url::Url;

use super::*;
use crate::secret::Secret;

async fn get(address: &str, method: &str, target: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!("{method} {target} HTTP/1.1\r\nhost: x\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    text
}

#[tokio::test]
async fn only_the_redirect_of_this_login_counts_and_its_page_shows_the_outcome() {
    let mut loopback = Loopback::bind("localhost", 0, "/callback").await.unwrap();
    let uri = Url::parse(loopback.redirect_uri()).unwrap();
    let address = format!("127.0.0.1:{}", uri.port().unwrap());
    let page = Url::parse("https://as/login").unwrap();
    let prompt = Prompt::new(&page, "https://mcp", Secret::new("right"), None);
    let browser = tokio::spawn(async move {
        for (method, target) in [
            ("GET", "/callback?code=c&state=wrong"),
            ("GET", "/other?code=c&state=right"),
            ("POST", "/callback?code=c&state=right"),
            ("GET", "/callback"),
            ("GET", "/favicon.ico"),
        ] {
            let answer = get(&address, method, target).await;
            assert!(answer.starts_with("HTTP/1.1 404"), "{target}: {answer}");
        }
        get(&address, "GET", "/callback?code=c&state=right").await
    });
    let redirect = loopback.redirect(&prompt).await.unwrap();
    assert_eq!(redirect.param("code"), Some("c"));
    assert!(!browser.is_finished(), "the page waits for the outcome");
    let error = Error::new(ErrorKind::Refused, "no token");
    loopback.finish(&Err(error)).await;
    let page = browser.await.unwrap();
    assert!(page.contains("The login failed") && page.contains("no token"), "{page}");
    let page = page.to_ascii_lowercase();
    assert!(page.contains("cache-control: no-store") && page.contains("no-referrer"));
    assert!(!page.contains("right") && !page.contains("<script"));
}

#[tokio::test]
async fn localhost_is_both_addresses() {
    let loopback = Loopback::bind("localhost", 0, "/c").await.unwrap();
    let addresses: Vec<_> = loopback.listeners.iter().map(|it| it.local_addr().unwrap()).collect();
    assert!(addresses.iter().all(|it| it.port() == addresses[0].port()));
    let taken = Loopback::bind("127.0.0.1", addresses[0].port(), "/c").await;
    assert_eq!(taken.unwrap_err().kind(), io::ErrorKind::AddrInUse);
}
