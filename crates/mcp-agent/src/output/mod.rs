//! Results of tools for a model.

mod blocks;
mod limits;
mod media;
mod messages;
mod omission;
mod same;
mod text;
mod tool_output;

pub use limits::OutputLimits;
pub use omission::{Omission, OmissionReason};
pub use tool_output::ToolOutput;
