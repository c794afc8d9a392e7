//! Tables. On a phone each row becomes a card, and what stood above a column stands beside each of its cells.

use maud::{Markup, Render, html};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Holds {
    Text,
    Numbers,
    Buttons,
}

#[derive(Debug, Clone)]
struct Column {
    name: String,
    holds: Holds,
}

/// A table with a caption that is heard, not seen: what is seen is the heading above it. The first cell names its row.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    caption: String,
    columns: Vec<Column>,
    rows: Vec<Vec<Markup>>,
}

impl Table {
    /// An empty table of `caption`.
    pub(crate) fn new(caption: impl Into<String>) -> Self {
        Self { caption: caption.into(), columns: Vec::new(), rows: Vec::new() }
    }

    fn with(mut self, name: &str, holds: Holds) -> Self {
        self.columns.push(Column { name: name.into(), holds });
        self
    }

    /// With a column of text.
    pub(crate) fn text(self, name: &str) -> Self {
        self.with(name, Holds::Text)
    }

    /// With a column of numbers, which stand below each other.
    pub(crate) fn numbers(self, name: &str) -> Self {
        self.with(name, Holds::Numbers)
    }

    /// With a column of buttons, whose heading is heard alone.
    pub(crate) fn buttons(self) -> Self {
        self.with("Actions", Holds::Buttons)
    }

    /// With a row: one cell for each column.
    pub(crate) fn row(mut self, cells: Vec<Markup>) -> Self {
        self.rows.push(cells);
        self
    }
}

impl Render for Table {
    fn render(&self) -> Markup {
        html! {
            div .table {
                table {
                    caption .visually-hidden { (self.caption) }
                    thead {
                        tr {
                            @for column in &self.columns {
                                th scope="col" .number[column.holds == Holds::Numbers] {
                                    span .visually-hidden[column.holds == Holds::Buttons] { (column.name) }
                                }
                            }
                        }
                    }
                    tbody { @for row in &self.rows { tr { (cells(&self.columns, row)) } } }
                }
            }
        }
    }
}

fn cells(columns: &[Column], row: &[Markup]) -> Markup {
    html! {
        @for (index, (column, cell)) in columns.iter().zip(row).enumerate() {
            @if index == 0 {
                th scope="row" { (cell) }
            } @else if column.holds == Holds::Buttons {
                td .actions { div .buttons { (cell) } }
            } @else {
                td .number[column.holds == Holds::Numbers] data-label=(column.name) { div { (cell) } }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_named_by_their_column_and_their_row() {
        let table = Table::new("Keys").text("Name").numbers("Requests").buttons();
        let table = table.row(vec![html! { "one" }, html! { "12" }, html! {}]);
        let html = table.render().into_string();
        assert!(html.contains("<th scope=\"row\">one</th>"), "{html}");
        assert!(
            html.contains("<td class=\"number\" data-label=\"Requests\"><div>12</div></td>"),
            "{html}"
        );
    }
}
