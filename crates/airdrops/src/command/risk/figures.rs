//! Tables of figures for a terminal.

use comfy_table::{CellAlignment, Table, presets};

/// A table with a header and without rules: words in the first column, numbers in all others.
#[must_use]
pub fn figures(header: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(header);
    for row in rows {
        table.add_row(row);
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}
