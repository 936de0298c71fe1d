//! Outcomes, as text or a page for people, JSON for programs, annotations for GitHub and JUnit for a CI server.

pub mod diff;
pub mod github;
pub mod html;
pub mod json;
pub mod junit;
pub mod keep_alive;
pub mod merge;
pub mod perfetto;
pub mod selftest;
pub mod story;
#[cfg(test)]
mod tests;
pub mod text;
mod time;

use std::borrow::Cow;

use comfy_table::{Table, presets};

/// One line of text without anything that a terminal or a log would act on.
pub fn one_line(text: &str) -> Cow<'_, str> {
    if text.contains(char::is_control) {
        text.chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect::<String>()
            .into()
    } else {
        text.into()
    }
}

/// A number and what it counts: `1 dial`, `2 dials`.
fn counted(number: u64, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {what}{plural}")
}

/// Rows in columns without lines, each with a line end and no space before it.
pub fn table(head: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_header(head.to_vec())
        .add_rows(rows);
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table.trim_fmt() + "\n"
}
