//! The extension MCP Apps, `io.modelcontextprotocol/ui`: tools whose results a host displays as a page of
//! HTML.
//!
//! This is the part of a client: declaration of the extension, typed metadata of tools and pages, and
//! reading of pages with checks. The host displays pages and communicates with them.
//!
//! ```
//! use mcp_agent::{AgentError, apps::{App, AppsExtension, ToolUi}};
//! use mcp_session::{Session, SessionOptions};
//!
//! let options = SessionOptions::default().with_extension(AppsExtension::new());
//!
//! # async fn show(session: Session) -> Result<(), AgentError> {
//! for tool in session.list_tools().await? {
//!     let Some(uri) = ToolUi::of(&tool)?.and_then(|ui| ui.resource_uri) else { continue };
//!     let app = App::read(&session, &uri).await?;
//!     println!("{} bytes of HTML under {}", app.html.len(), app.ui.csp.header()?);
//! }
//! # Ok(()) }
//! ```
//!
//! A [`Toolset`](crate::Toolset) does not declare tools that are for apps alone.
//!
//! Spec: ext-apps 2026-01-26

mod app;
mod extension;
mod mime;
mod resource_ui;
mod tool_ui;

pub use app::App;
pub use extension::{AppsExtension, ID, MIME_TYPE};
pub use resource_ui::{Csp, Permissions, ResourceUi};
pub(crate) use tool_ui::is_app_uri;
pub use tool_ui::{ToolUi, Visibility};
