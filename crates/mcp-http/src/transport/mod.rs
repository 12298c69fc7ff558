//! Helpers for transports built on this client. Not needed by applications.
//!
//! - [`Endpoint`], [`EndpointAuth`], [`EnvelopeExtras`]: settings of a server, and additions of an envelope to a
//!   request
//! - [`follow_redirects`], [`final_url`], [`SafeUrl`]: redirects, and URLs in errors
//! - [`media_type`], [`is_event_stream`], [`read_to_end`], [`messages`]: reading of bodies
//! - [`SentSecrets`]: redaction of secrets that a server repeats
//! - [`TransportTasks`]: background tasks of a transport, their limits, and closing
//!
//! [`Error::into_transport_error`](crate::Error) and [`StatusError::into_transport_error`](crate::StatusError) convert
//! HTTP failures into transport errors.

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
pub use headers::{is_event_stream, is_event_stream_type, media_type};
pub use tasks::{ResponseSlot, TransportTasks, closed};

pub use crate::collect::read_to_end;
pub use crate::redirect::{FinalUrl, final_url, follow_redirects};
pub use crate::secrets::SentSecrets;
pub use crate::url::SafeUrl;
