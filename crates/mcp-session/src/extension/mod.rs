//! API for authors of protocol extensions: the hooks of a session, and the parts of a session that extensions use.
//!
//! An extension implements [`Extension`] and is passed to
//! [`SessionOptions::extensions`](crate::SessionOptions::extensions). Its methods are sent with
//! [`Session::request`](crate::Session::request) and through an [`ExtensionHost`].
//!
//! Spec: SEP-2133

mod declare;
mod hook;
mod host;

pub use crate::server_requests::InputError;
pub(crate) use declare::{declared, malformed, twice};
pub(crate) use hook::Extensions;
pub use hook::{Extension, ForeignResult, SettingsContext};
pub use host::ExtensionHost;
