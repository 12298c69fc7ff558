//! The listener of the proxy.

use std::{net::IpAddr, sync::Arc};

use mcp_client::serve::{BearerToken, Http, Listener, Routes, Tls};

use super::{listening::Listening, upstream::Served};
use crate::{context::Context, exit::Exit, failure::Failure};

/// A listener that is bound, and how requests are served.
pub(super) struct Front {
    listener: Listener,
    url: String,
    ip: IpAddr,
    token: Option<BearerToken>,
    settings: Settings,
}

struct Settings {
    hosts: Vec<String>,
    origins: Vec<String>,
    max_sessions: usize,
    idle: std::time::Duration,
    has_sse: bool,
}

impl Front {
    /// Binds to the address. Other machines are served only with a token, or where it is said that none is needed.
    pub(super) async fn bind(options: &Listening) -> Result<Self, Failure> {
        let address = options.listen.as_deref().unwrap_or_default();
        let token = match &options.token_env {
            Some(variable) => match std::env::var(variable) {
                Ok(token) if !token.is_empty() => Some(BearerToken::new(token)),
                _ => {
                    let message = format!("--token-env: the variable {variable} is not set");
                    return Err(Failure::usage(message));
                }
            },
            None => None,
        };
        let tls = match (&options.tls_cert, &options.tls_key) {
            (Some(chain), Some(key)) => Some(Tls::from_files(chain, key).map_err(|error| {
                Failure::usage(format!("--tls-cert {}: {error}", chain.display()))
            })?),
            _ => None,
        };
        let scheme = if tls.is_some() { "https" } else { "http" };
        let listener = Listener::bind(address).await;
        let listener = listener
            .map_err(|error| Failure::new(Exit::Usage, format!("--listen {address}: {error}")))?;
        let bound = listener.local_addr()?;
        if !bound.ip().is_loopback() && token.is_none() && !options.no_auth {
            return Err(Failure::usage(format!(
                "{bound} can be reached from other machines: set a token with --token-env VARIABLE, or \
                 pass --no-auth"
            )));
        }
        Ok(Self {
            url: format!("{scheme}://{bound}/mcp"),
            ip: bound.ip(),
            listener: match tls {
                Some(tls) => listener.tls(tls),
                None => listener,
            },
            token,
            settings: Settings {
                hosts: options.allow_hosts.clone(),
                origins: options.allow_origins.clone(),
                max_sessions: options.max_sessions,
                idle: options.idle,
                has_sse: options.serve_sse,
            },
        })
    }

    /// Serves until Ctrl-C, which is how it ends in an orderly way.
    pub(super) async fn serve(self, cx: &Context, served: Served) -> Result<(), Failure> {
        let Self { listener, url, ip, token, settings } = self;
        let mut http = Http::new(served.main)
            .max_sessions(settings.max_sessions)
            .session_timeout(settings.idle);
        for host in settings.hosts {
            http = http.allow_host(host);
        }
        for origin in settings.origins {
            http = http.allow_origin(origin);
        }
        if !ip.is_unspecified() {
            http = http.allow_host(ip.to_string());
        }
        if let Some(token) = token {
            // A page in a browser that rebinds its name does not know the token.
            http = http.authenticate(token).allow_any_host();
        }
        let mut routes = Routes::new(http);
        for (name, server) in served.named {
            routes = routes.server(name, server);
        }
        if settings.has_sse {
            routes = routes.sse_path("/sse");
        }
        let (ready, secrets) = (served.ready, Arc::new(cx.secrets()));
        let listener = listener.ready(move || {
            let (ready, secrets) = (ready.clone(), Arc::clone(&secrets));
            async move { ready.check(&secrets).await }
        });
        anstream::eprintln!("listening on {url}");
        let shutdown = cx.shutdown();
        listener.serve(routes, shutdown).await;
        Ok(())
    }
}
