//! Server-sent events: the decoder of `text/event-stream`.
//!
//! [`Decoder`] decodes bytes into [`Event`]s, [`Events`] does so for the body of a response. Both follow the WHATWG
//! living standard (HTML, section 9.2.6) with one addition: a block without data is yielded as well, since its `id` and
//! `retry` matter for resuming the stream.
//!
//! ```
//! # fn main() -> Result<(), mcp_http::Error> {
//! let mut decoder = mcp_http::sse::Decoder::new();
//! decoder.push("id: 7\ndata: {}\n\ndata: not comp".into());
//! let event = decoder.next_event()?.ok_or("no event").unwrap();
//! assert_eq!(event.id.as_deref(), Some("7"));
//! assert_eq!(event.data.as_deref(), Some(&b"{}"[..]));
//! assert!(decoder.next_event()?.is_none());
//! assert!(decoder.is_mid_event());
//! # Ok(())
//! # }
//! ```

mod decoder;
mod events;
mod pieces;

pub use decoder::{Decoder, Event};
pub use events::Events;

/// Default limit of a line of a stream and of the data of an event: 64 MiB.
pub const DEFAULT_LIMIT: usize = 64 * 1024 * 1024;
