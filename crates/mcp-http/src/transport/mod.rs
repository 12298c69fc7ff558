//! What transports share that are built upon this client. Applications do not need it.
//!
//! - [`Endpoint`], [`EndpointAuth`], [`EnvelopeExtras`]: the settings of a server, and what an envelope adds to a
//!   request
//! - [`follow_redirects`], [`final_url`], [`SafeUrl`]: URLs that move, and URLs in errors
//! - [`media_type`], [`is_event_stream`], [`read_to_end`], [`messages`]: what a body holds
//! - [`SentSecrets`]: what a server must not have shown that repeats it
//! - [`TransportTasks`]: what a transport does in the background, how much of it at a time, and its close
//!
//! What a failure of HTTP means for a message is [`Error::into_transport_error`](crate::Error) and
//! [`StatusError::into_transport_error`](crate::StatusError).

mod auth;
mod endpoint;
mod extras;
mod failure;
mod headers;
pub mod messages;
mod tasks;

pub use auth::EndpointAuth;
pub use endpoint::Endpoint;
pub use extras::EnvelopeExtras;
pub use headers::{is_event_stream, media_type};
pub use tasks::{ResponseSlot, TransportTasks, closed};

pub use crate::collect::read_to_end;
pub use crate::redirect::{FinalUrl, final_url, follow_redirects};
pub use crate::secrets::SentSecrets;
pub use crate::url::SafeUrl;
