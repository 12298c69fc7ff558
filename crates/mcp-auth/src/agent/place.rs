//! The address to listen at for a redirect.

use url::Url;

use super::loopback::Loopback;
use crate::error::{Error, ErrorKind};

/// The address to listen at, and the redirect URI sent to the authorization server.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) host: String,
    /// 0 for any free port.
    pub(crate) port: u16,
    pub(crate) path: String,
    /// A URI that forwards to the listener.
    pub(crate) redirect_uri: Option<String>,
}

impl Default for Place {
    fn default() -> Self {
        let (host, path) = ("127.0.0.1".to_owned(), "/callback".to_owned());
        Self { host, port: 0, path, redirect_uri: None }
    }
}

impl Place {
    /// Takes host, port and path from a redirect URI of this machine; any other URI must forward to the configured
    /// listener.
    pub(crate) fn set_redirect_uri(&mut self, uri: &str) {
        if let Ok(url) = Url::parse(uri)
            && url.scheme() == "http"
            && let Some(host @ ("127.0.0.1" | "localhost" | "[::1]")) = url.host_str()
        {
            host.clone_into(&mut self.host);
            self.port = url.port().unwrap_or(self.port);
            url.path().clone_into(&mut self.path);
            // Keep the registered spelling if it is complete.
            self.redirect_uri = (self.port != 0 && url.port().is_some()).then(|| uri.to_owned());
        } else {
            self.redirect_uri = Some(uri.to_owned());
        }
    }

    /// Listens at the port of an earlier registration if that is free and no port is set.
    pub(crate) async fn listen(&self, earlier: Option<&str>) -> Result<Loopback, Error> {
        if !self.path.starts_with('/')
            || !matches!(&*self.host, "127.0.0.1" | "localhost" | "[::1]")
        {
            let message =
                "the host of a redirect is 127.0.0.1, localhost or [::1], its path begins with /";
            return Err(Error::new(ErrorKind::Config, message));
        }
        let earlier = earlier.and_then(|uri| Url::parse(uri).ok()).and_then(|url| url.port());
        if let Some(port) = earlier.filter(|_| self.port == 0)
            && let Ok(loopback) = Loopback::bind(&self.host, port, &self.path).await
        {
            return Ok(loopback);
        }
        let bound = Loopback::bind(&self.host, self.port, &self.path).await;
        let mut loopback = bound.map_err(|error| {
            let message = format!("could not listen at port {} for the redirect", self.port);
            Error::new(ErrorKind::Config, message).with_source(error)
        })?;
        if let Some(uri) = &self.redirect_uri {
            loopback.set_redirect_uri(uri);
        }
        Ok(loopback)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[tokio::test]
    async fn the_port_of_an_earlier_registration_is_used_if_it_is_free() {
        let place = Place::default();
        let first = place.listen(None).await.unwrap();
        let uri = first.redirect_uri().to_owned();
        assert!(uri.starts_with("http://127.0.0.1:") && uri.ends_with("/callback"), "{uri}");
        let second = place.listen(Some(&uri)).await.unwrap();
        assert!(second.redirect_uri() != uri, "the port is in use");
        drop(first);
        let third = place.listen(Some(&uri)).await.unwrap();
        assert_eq!(third.redirect_uri(), uri);
    }

    #[tokio::test]
    async fn a_redirect_uri_of_this_machine_says_where_to_listen() {
        let free = Place::default().listen(None).await.unwrap();
        let port = Url::parse(free.redirect_uri()).unwrap().port().unwrap();
        drop(free);
        let mut place = Place::default();
        let uri = format!("http://localhost:{port}/oauth/back");
        place.set_redirect_uri(&uri);
        assert_eq!(place.listen(None).await.unwrap().redirect_uri(), uri);
        // A URI of another machine forwards to the configured address.
        let mut place = Place { port, ..Place::default() };
        place.set_redirect_uri("https://tunnel.example/back");
        let loopback = place.listen(None).await.unwrap();
        assert_eq!(loopback.redirect_uri(), "https://tunnel.example/back");
        // A configured port is never replaced.
        let error = place.listen(None).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains(&port.to_string()), "{error}");
        for (host, path) in [("0.0.0.0", "/x"), ("example.com", "/x"), ("127.0.0.1", "x")] {
            let place = Place { host: host.into(), path: path.into(), ..Place::default() };
            assert_eq!(place.listen(None).await.unwrap_err().kind(), ErrorKind::Config, "{host}");
        }
    }
}
