//! Many MCP servers behind one: a [`Group`] is a [`Serve`](mcp_transport::Serve) over many sessions.
//!
//! It merges the lists of the servers, and routes requests with an exact table. Servers are opened in parallel. A
//! server that fails does not affect the others, and one that ends is reopened.
//!
//! ```
//! use mcp_group::{Backend, Group};
//! # use mcp_server::{JsonSchema, Server};
//! use mcp_session::{Session, SessionOptions};
//! use mcp_transport_memory::Memory;
//!
//! # async fn run() -> Result<(), mcp_session::Error> {
//! # let (weather, news) = (Server::builder("a").build(), Server::builder("b").build());
//! let group = Group::builder()
//!     .backend(Backend::new("weather", Memory::new(weather)))
//!     .backend(Backend::new("news", Memory::new(news)))
//!     .build();
//! let session = Session::open(Memory::new(group.clone()), None, SessionOptions::default()).await?;
//! for tool in session.list_tools().await? {
//!     println!("{}", tool.name); // weather_..., news_...
//! }
//! group.close().await?;
//! # Ok(()) }
//! ```
//!
//! # Names
//!
//! A group of one server, to which none was added, keeps all names and acts as that server. In a group of several:
//!
//! - Tools and prompts are named `{server}_{name}`. A character that is not valid in the name of a tool becomes `_`,
//!   and a name that is longer than 128 characters, or has non-ASCII letters, ends with a checksum.
//! - Resources and templates have the server after their scheme: `weather://icons/sunny` of the server `weather` is
//!   `weather://weather/icons/sunny`, `file:///x` of `fs` is `file://fs//x`, `urn:isbn:1` of `books` is
//!   `urn:books/isbn:1`, and `x` without a scheme is `//books/x`. URIs inside of results are changed likewise.
//!   Characters of the server's name that are not valid there are percent-encoded.
//! - A name is never split to find its server: there is a table, whose entries are stable for the life of the group. If
//!   two servers would have the same name, the one listed first keeps it (in one listing, the first in the order of the
//!   servers), and the other is named `..._2`, `..._3`. Such collisions are logged as a warning; see
//!   [`Group::collisions`].
//!
//! With [`name_as_prefix(false)`](GroupBuilder::name_as_prefix) names and URIs are unchanged, except those that
//! collide. A URI that no server lists is routed to the server with a matching template prefix; if two servers match,
//! to none.
//!
//! # Eras
//!
//! Clients may use any revision, and each server is used in its own. Input that a modern server requests in an
//! `input_required` result is requested from the client, with [`SERVER_META_KEY`] in the `_meta` of the result.
//! Requests of a legacy server are answered by the handlers in the [options](Backend::options) of its backend.
//!
//! With [`forward_requests`](GroupBuilder::forward_requests) they go to the client instead, and so does input that a
//! modern server requests in a call of a legacy client. A modern client receives them in an `input_required` result,
//! while the call at the server stays open.
//!
//! # Time
//!
//! A session with a group limits the total time of a call. The idle limit is enforced by the session with the server,
//! which knows when the server waits for a user; a call without an idle limit has that of its server.
#![cfg_attr(docsrs, feature(doc_cfg))]

mod app_uri;
mod asker;
mod backend;
mod builder;
mod calls;
mod catalog;
mod client;
mod clients;
mod dirty;
mod dispatch;
mod error;
mod exposure;
mod forward;
#[cfg(feature = "_fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod group;
mod handshake;
mod info;
mod lifecycle;
mod list_change;
mod list_kind;
mod listen;
mod listener;
mod lists;
mod member;
mod meta;
mod names;
mod notifications;
mod pagination;
mod parked;
mod pending;
mod phase;
mod relay;
mod request;
mod resource_subscription;
mod rewrite;
mod route;
mod rules;
mod serve;
mod state;
mod status;
mod subscribe;
mod supervise;
mod task;
mod upkeep;
mod uri;

pub use backend::Backend;
pub use builder::GroupBuilder;
pub use group::Group;
pub use mcp_session::SERVER_META_KEY;
pub use names::{Collision, ItemKind, Origin};
pub use rules::{ArgumentChange, ToolChange, ToolRules};
pub use status::{ServerState, ServerStatus};
