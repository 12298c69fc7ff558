//! An MCP server that requires a token, and its authorization server.
//!
//! Both are one scripted server on this machine. It grants every request, verifies PKCE, rotates refresh tokens and
//! revokes all tokens when a refresh token is used twice. A test changes its behaviour with [`State`], and overrides
//! single responses with [`Guarded::twist`].

mod guarded;
mod mcp;
mod provider;
mod state;

pub use guarded::Guarded;
pub use state::{Answer, CANARY, State, json_answer, params};
