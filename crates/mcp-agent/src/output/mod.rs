//! Results of tools as a model reads them.

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
