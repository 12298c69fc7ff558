//! Many MCP servers behind one: a [`Group`] is a [`Serve`](mcp_transport::Serve) over many sessions.
//!
//! It merges the lists of the servers, and routes the requests of clients by an exact table. Servers are opened
//! all at once. One that fails does not stop the others, and one that ends is opened again.
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
//! A group of one server, to which none was added, leaves all names as they are and answers in the place of
//! this server. In a group of several:
//!
//! - Tools and prompts are called `{server}_{name}`. A character that the name of a tool may not have becomes
//!   `_`, and a name that is longer than 128 characters, or has letters other than ASCII, ends with a checksum.
//! - Resources and templates have the server after their scheme: `weather://icons/sunny` of the server
//!   `weather` is `weather://weather/icons/sunny`, `file:///x` of `fs` is `file://fs//x`, `urn:isbn:1`
//!   of `books` is `urn:books/isbn:1`, and `x` without a scheme is `//books/x`. URIs inside of results are
//!   changed likewise. Characters of the server's name that a URI may not have there are percent-encoded.
//! - A name is never split to find its server: there is a table, whose entries stay for the life of the
//!   group. Where two servers would have the same name, the one that was listed first keeps it (in one listing,
//!   the first in the order of the servers), and the other is called `..._2`, `..._3`. That is logged as a
//!   warning; see [`Group::collisions`].
//!
//! With [`name_as_prefix(false)`](GroupBuilder::name_as_prefix) names and URIs stay as they are, and only
//! those that collide are changed. A URI that no server lists is routed to the server whose template begins
//! like it; where two servers could be meant, to none.
//!
//! # Eras
//!
//! Clients may speak any revision, and each server is spoken to in its own. Input that a server of the modern
//! era asks for, in an `input_required` result, is asked of the client, with [`SERVER_META_KEY`] in the `_meta`
//! of the result. Requests of a server of the legacy era are answered by the handlers in the
//! [options](Backend::options) of its backend.
//!
//! # Time
//!
//! A session with a group limits the whole time of a call. Its idle limit is that of the session with the
//! server, which knows when the server waits for a person; a call without one has the limit of its server.
#![cfg_attr(docsrs, feature(doc_cfg))]

mod app_uri;
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
mod names;
mod notifications;
mod pagination;
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
