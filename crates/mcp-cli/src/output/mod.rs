//! What is written to stdout.

mod content;
mod printer;
mod signature;
mod table;
mod times;

pub(crate) use content::described;
pub(crate) use printer::{Format, OutputOptions, Printer, bold, dim};
pub(crate) use signature::{of_prompt, of_tool, type_name};
pub(crate) use table::table;
pub(crate) use times::{milliseconds, percentile, time};
