#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;

/// The route of a URL for these variables, abbreviated.
fn way(vars: &[(&str, &str)], url: &'static str) -> String {
    let proxy = Proxy::from_vars(|name| {
        vars.iter().find(|(set, _)| *set == name).map(|(_, value)| (*value).to_owned())
    });
    match proxy.route(&Uri::from_static(url)) {
        Ok(Route::Direct) => "direct".to_owned(),
        Ok(Route::Forward(proxy)) => format!("forward {proxy}"),
        Ok(Route::Tunnel(proxy)) => format!("tunnel {proxy}"),
        Ok(Route::Socks(proxy)) => format!("socks {proxy}"),
        #[cfg(unix)]
        Ok(Route::Unix(_)) => "unix".to_owned(),
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Connect(ConnectStep::Proxy));
            assert!(error.is_not_sent());
            error.to_string()
        }
    }
}

#[test]
fn variables_determine_the_route() {
    let http = "http://host/";
    let https = "https://host/";
    let local = "http://localhost:1/";
    for (vars, url, expected) in [
        (&[][..], http, "direct"),
        (&[("HTTP_PROXY", "http://p:1")], http, "forward http://p:1"),
        (&[("HTTP_PROXY", "http://p:1")], https, "direct"),
        (&[("HTTP_PROXY", "p")], http, "forward http://p:80"),
        (&[("HTTPS_PROXY", "p:3128")], https, "tunnel http://p:3128"),
        (&[("https_proxy", "p:1"), ("HTTPS_PROXY", "p:2")], https, "tunnel http://p:1"),
        (&[("https_proxy", " "), ("HTTPS_PROXY", "p:2")], https, "tunnel http://p:2"),
        (&[("ALL_PROXY", "socks5h://p"), ("http_proxy", "p:1")], https, "socks socks5h://p:1080"),
        (&[("ALL_PROXY", "socks5://p:9"), ("http_proxy", "p:1")], http, "forward http://p:1"),
        (&[("HTTP_PROXY", "p:1"), ("REQUEST_METHOD", "GET")], http, "direct"),
        (&[("http_proxy", "p:1"), ("REQUEST_METHOD", "GET")], http, "forward http://p:1"),
        (&[("ALL_PROXY", "p:1"), ("NO_PROXY", "x,host")], https, "direct"),
        (&[("ALL_PROXY", "p:1"), ("no_proxy", "x"), ("NO_PROXY", "*")], https, "tunnel http://p:1"),
        // No implicit exceptions.
        (&[("HTTP_PROXY", "p:1")], local, "forward http://p:1"),
        (&[("HTTP_PROXY", "[::1]:8")], http, "forward http://[::1]:8"),
    ] {
        assert_eq!(way(vars, url), expected, "{vars:?} {url}");
    }
}

#[test]
fn an_invalid_variable_fails_the_affected_requests() {
    for value in ["http://", "socks4://p:1", "https://p:1", "http://u:hidden@p:x"] {
        let vars = [("HTTPS_PROXY", value), ("NO_PROXY", "localhost")];
        let text = way(&vars, "https://host/");
        assert!(text.contains("HTTPS_PROXY") && !text.contains("hidden"), "{text}");
        assert_eq!(way(&vars, "http://host/"), "direct");
        assert_eq!(way(&vars, "https://localhost/"), "direct");
    }
}

#[test]
fn the_kind_of_a_proxy_is_checked() {
    for (proxy, is_valid) in [
        (Proxy::http("http://p"), true),
        (Proxy::http("p:3128"), true),
        (Proxy::http("socks5://p"), false),
        (Proxy::socks5("socks5://p"), true),
        (Proxy::socks5("socks5h://p"), true),
        (Proxy::socks5("http://p"), false),
        (Proxy::all("socks5://p"), true),
        (Proxy::all("ftp://p"), false),
        (Proxy::all(""), false),
        (Proxy::socks5(format!("socks5://{}:x@p", "u".repeat(256))), false),
    ] {
        assert_eq!(proxy.is_ok(), is_valid, "{proxy:?}");
        if let Err(error) = proxy {
            assert_eq!(error.kind(), ErrorKind::InvalidUrl);
        }
    }
}

#[test]
fn credentials_are_decoded_and_redacted() {
    let proxy = ProxyServer::parse("http://us%65r:hid%3Aden@p:1").unwrap();
    assert_eq!(proxy.credentials().unwrap(), &(b"user".to_vec(), b"hid:den".to_vec()));
    let value = proxy.authorization().unwrap();
    assert_eq!(value, "Basic dXNlcjpoaWQ6ZGVu");
    assert!(value.is_sensitive());
    let shown = format!("{proxy} {proxy:?} {:?}", Proxy::all("http://user:hidden@p").unwrap());
    assert!(!shown.contains("hid") && !shown.contains("user"), "{shown}");
}
