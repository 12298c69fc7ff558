//! Formats of the output.

mod content;
mod image;
mod printer;
mod signature;
mod table;
mod task;
mod times;

pub(crate) use content::described;
pub(crate) use image::Images;
pub(crate) use printer::{Format, OutputOptions, Printer, bold, dim, error_label};
pub(crate) use signature::{of_prompt, of_tool, type_name};
pub(crate) use table::table;
pub(crate) use task::task_state;
pub(crate) use times::{milliseconds, percentile, time};
