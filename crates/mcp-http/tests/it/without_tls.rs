use http::Uri;
use mcp_http::{ErrorKind, HttpClient};

use crate::server::post;

#[tokio::test]
async fn https_names_the_feature_to_enable() {
    let client = HttpClient::new();
    let url = Uri::from_static("https://host/mcp");
    let failed = client.send(post(&url, "{}")).await.unwrap_err();
    for error in [client.check(&url).unwrap_err(), failed] {
        assert_eq!(error.kind(), ErrorKind::TlsUnavailable);
        assert!(error.to_string().contains("tls-ring"), "{error}");
        assert!(error.is_not_sent());
    }
}

#[test]
fn http_is_fine() {
    HttpClient::new().check(&Uri::from_static("http://host/mcp")).unwrap();
}
