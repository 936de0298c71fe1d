//! The table of cases and clients, as Markdown that people read and a run compares.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::Value;

use super::case::Case;
use super::cell::{CLASSES, Cell};
use super::clients::Client;
use super::runs;

/// A cell for each case and client.
#[derive(Debug, Default)]
pub(crate) struct Table {
    rows: Vec<String>,
    columns: Vec<&'static str>,
    cells: BTreeMap<(String, &'static str), Done>,
}

#[derive(Debug)]
struct Done {
    cell: Cell,
    /// What to run to see it again.
    command: String,
    did: Value,
}

impl Table {
    /// An empty one.
    pub(crate) fn of(cases: &[Case], clients: &[Client]) -> Self {
        Self {
            rows: cases.iter().map(|case| case.name.clone()).collect(),
            columns: clients.iter().map(|client| client.name).collect(),
            cells: BTreeMap::new(),
        }
    }

    /// What a client did, or did when it was run once more. What it asked that the server does not know stands whenever it
    /// asked it.
    pub(crate) fn set(&mut self, case: &Case, client: &Client, mut cell: Cell, report: &Value) {
        let key = (case.name.clone(), client.name);
        if let Some(before) = self.cells.remove(&key) {
            cell.unknown.extend(before.cell.unknown);
        }
        let done = Done {
            cell,
            command: runs::command(case, client).join(" "),
            did: report["client"]["did"].clone(),
        };
        self.cells.insert(key, done);
    }

    pub(crate) fn len(&self) -> usize {
        self.cells.len()
    }

    /// The whole file.
    pub(crate) fn markdown(&self) -> String {
        let mut text = HEAD.to_owned();
        let bounds: Vec<String> = CLASSES.iter().map(|(ms, _)| seconds(*ms)).collect();
        text = text.replace("BOUNDS", &bounds.join(", "));
        let _ = writeln!(text, "| case | {} |", self.columns.join(" | "));
        let _ = writeln!(text, "|---{}|", "|---".repeat(self.columns.len()));
        for row in &self.rows {
            let cells: Vec<&str> = self
                .columns
                .iter()
                .map(|column| self.text(row, column))
                .collect();
            let _ = writeln!(text, "| {row} | {} |", cells.join(" | "));
        }
        text
    }

    fn text(&self, row: &str, column: &'static str) -> &str {
        let done = self.cells.get(&(row.to_owned(), column));
        done.map_or("not run", |done| done.cell.text.as_str())
    }

    /// The cells that are not as the committed file says.
    pub(crate) fn differing<'a>(
        &self,
        committed: &str,
        cases: &'a [Case],
        clients: &'a [Client],
    ) -> Vec<(&'a Case, Client)> {
        let committed = read(committed);
        runs::pairs(cases, clients)
            .filter(|(case, client)| {
                let before = committed.get(&(case.name.as_str(), client.name));
                before.copied() != Some(self.text(&case.name, client.name))
            })
            .collect()
    }

    /// What is not as the committed file says, and what no client may do: ask what the server does not know.
    pub(crate) fn differences(&self, committed: &str) -> Vec<String> {
        let committed = read(committed);
        let mut all = Vec::new();
        for ((row, column), done) in &self.cells {
            let before = committed.get(&(row.as_str(), column));
            if before.copied() != Some(done.cell.text.as_str()) {
                let before = before.copied().unwrap_or("nothing");
                all.push(format!(
                    "{row}, {column}: {} (the table says {before})\n    {}\n    {}",
                    done.cell.text, done.command, done.did
                ));
            }
            if !done.cell.unknown.is_empty() {
                let unknown = done.cell.unknown.join(", ");
                all.push(format!(
                    "{row}, {column}: asked what the server does not know: {unknown}"
                ));
            }
        }
        for (row, column) in committed.keys() {
            if self.columns.contains(column) && !self.rows.iter().any(|it| it == row) {
                all.push(format!(
                    "{row}, {column}: the table has it, and there is no such case"
                ));
            }
        }
        all
    }
}

/// The cells of a file, by row and column.
fn read(text: &str) -> BTreeMap<(&str, &str), &str> {
    let mut lines = text.lines().filter(|line| line.starts_with("| "));
    let columns = lines.next().map(words).unwrap_or_default();
    let mut cells = BTreeMap::new();
    for line in lines {
        let row = words(line);
        for (column, cell) in columns.iter().zip(&row).skip(1) {
            cells.insert((row[0], *column), *cell);
        }
    }
    cells
}

fn words(line: &str) -> Vec<&str> {
    line.trim_matches('|').split('|').map(str::trim).collect()
}

#[expect(clippy::cast_precision_loss, reason = "a few minutes in milliseconds")]
fn seconds(ms: u64) -> String {
    format!("{} s", ms as f64 / 1_000.0)
}

const HEAD: &str = "\
# What real clients do

Made by `cargo xtask interop --write`, and compared by `cargo xtask test`: every case of [cases](cases), run by
`squall probe` over a real socket, once for each client. Each client is driven as its own README shows (Baileys' `connectionUpdate` dials
again for every code but 401; whatsmeow and whatsapp-rust dial again by themselves). Where the library lets one choose,
pings go every 2 s; whatsapp-rust pings every 15 to 30 s.

A cell says with what code the client told its application that the connection was over, how long after the fault, and
how long after the fault it dialed again. *Late* means that it told its application that a ping is not answered, and
nothing more; *says nothing* that it dialed without a word to its application; *no close event* that the connection was
over and its application never heard of it while the case ran; *goes on* that it paired with a server that it should not
have trusted; *not asked* that its driver had to switch off the library's check of the root, which the library itself has;
*holds* that pings were answered afterwards; *never notices* that none was and the client kept the connection.

A time is told by its class. The bounds of the classes are BOUNDS: below their names where a client's own constants come
near to them.

";

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;
    use crate::interop::clients::ALL;

    fn table(text: &str, unknown: &[&str]) -> Table {
        let case = Case {
            path: "x.yaml".to_owned(),
            name: "open, then 515".to_owned(),
            lasts: Duration::ZERO,
        };
        let mut table = Table::of(std::slice::from_ref(&case), &ALL[..1]);
        let cell = Cell {
            text: text.to_owned(),
            unknown: unknown.iter().map(|&it| it.to_owned()).collect(),
        };
        table.set(&case, &ALL[0], cell, &json!({}));
        table
    }

    #[test]
    fn a_table_is_read_as_it_was_written() {
        let written = table("515 <1 s; redials <1 s", &[]).markdown();
        assert_eq!(
            table("515 <1 s; redials <1 s", &[]).differences(&written),
            [""; 0]
        );
    }

    #[test]
    fn what_was_asked_in_vain_stands_when_it_is_not_asked_again() {
        let written = table("holds", &[]).markdown();
        let mut table = table("515 <1 s; stays away", &["iq w:new"]);
        let case = Case {
            path: "x.yaml".to_owned(),
            name: "open, then 515".to_owned(),
            lasts: Duration::ZERO,
        };
        let again = Cell {
            text: "holds".to_owned(),
            unknown: Vec::new(),
        };
        table.set(&case, &ALL[0], again, &json!({}));
        let differences = table.differences(&written);
        assert_eq!(differences.len(), 1, "{differences:?}");
        assert!(differences[0].contains("iq w:new"), "{differences:?}");
    }

    #[test]
    fn a_changed_cell_an_unknown_request_and_a_lost_case_are_differences() {
        let written = table("holds", &[]).markdown();
        let changed = table("515 <1 s; stays away", &["iq w:new"]).differences(&written);
        assert_eq!(changed.len(), 2, "{changed:?}");
        assert!(changed[0].contains("the table says holds"), "{changed:?}");
        let more = format!("{written}| another | holds |\n");
        assert_eq!(table("holds", &[]).differences(&more).len(), 1);
    }
}
