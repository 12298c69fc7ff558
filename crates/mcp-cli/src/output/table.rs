//! Tables as text.

use comfy_table::{ContentArrangement, Table, presets};

/// A table without borders, at most `width` columns wide.
pub(crate) fn table(
    width: usize,
    header: &[&str],
    rows: impl IntoIterator<Item = Vec<String>>,
) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_width(u16::try_from(width).unwrap_or(u16::MAX)).set_header(header);
    table.add_rows(rows);
    let lines = table.to_string();
    let lines = lines.lines().map(str::trim_end);
    lines.map(|line| line.strip_prefix(' ').unwrap_or(line)).collect::<Vec<_>>().join("\n")
}
