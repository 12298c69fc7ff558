//! OAuth 2.1 for clients of the Model Context Protocol, as a layer of any HTTP transport.
//!
//! - [`OAuth`]: settings and tokens for any number of servers. Set it on a transport (`StreamableHttp::auth`,
//!   `Sse::auth`) or wrap any HTTP service ([`OAuth::for_server`]).
//! - [`UserAgent`]: how a user logs in: `Browser`, [`Terminal`], [`follow`].
//! - [`TokenStore`]: persistence of tokens: [`MemoryStore`], or `FileStore`, which a key of a `Keyring` can encrypt.
//! - [`Sign`], [`Grant`]: external keys and custom grants.
//! - [`Event`], [`Error`]: progress, and why there is no token.
//!
//! ```
//! use mcp_auth::{OAuth, Terminal};
//!
//! # fn run(pem: &str) -> Result<(), mcp_auth::Error> {
//! // A user at a shell, possibly on a remote machine.
//! let auth = OAuth::new().user_agent(Terminal::new());
//! // A service, without a user.
//! let auth = OAuth::client_credentials("service").secret("…").issuer("https://auth.example.com");
//! // A device without a keyboard.
//! let auth = OAuth::device_code("tv").on_code(|code| println!("{}", code.user_code));
//! # Ok(()) }
//! ```
//!
//! No token, secret, code, verifier, assertion, proof or `state` appears in a log, a `Debug`, an error or a page. A
//! token is only sent to the origin of its server. Authorization requests use `https`, or plain `http` if both hosts
//! are this machine, and are bounded in time and size.
//!
//! Spec: [Authorization](https://modelcontextprotocol.io/specification/2026-07-28/basic/authorization)
#![cfg_attr(docsrs, feature(doc_cfg))]

mod agent;
mod builder;
mod callback;
mod discovery;
mod error;
mod event;
mod flow;
#[cfg(feature = "_fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod grant;
mod identity;
mod oauth;
mod revoke;
mod secret;
mod settings;
mod sign;
mod store;
mod token;

#[cfg(feature = "browser")]
pub use agent::Browser;
pub use agent::{Follow, Prompt, Redirect, Terminal, UserAgent, Visit, follow};
pub use callback::IntoSecret;
pub use error::{Error, ErrorKind};
pub use event::{Event, LoginUrl};
pub use flow::run::ServerAuth;
pub use grant::kind::{DeviceCode, Grant, GrantRequest};
pub use oauth::{OAuth, Status};
pub use secret::Secret;
pub use settings::{Dpop, Resource};
#[cfg(feature = "_crypto")]
pub use sign::PrivateKey;
pub use sign::Sign;
#[cfg(feature = "file")]
pub use store::FileStore;
#[cfg(feature = "keyring")]
pub use store::Keyring;
#[cfg(all(feature = "file", feature = "_crypto"))]
pub use store::sealed::Sealed;
pub use store::{MemoryStore, StoreKey, StoreLock, TokenStore};
