//! The study for people, in a terminal: its tables, the paragraph, what was assumed.

use super::machine::Took;
use super::paragraph;
use super::tables::{assumed, tables};
use crate::keep_alive::Study;
use crate::report::table;

/// All of it; and what it takes of the machine, where that was measured.
pub fn report(study: &Study, took: Option<&[Took]>) -> String {
    let mut out = String::new();
    for each in tables(study, took) {
        out += &format!("{}:\n\n{}\n", each.about, table(&each.head, each.rows));
    }
    out += &wrapped(&paragraph::answer(study));
    out += "\n\nAssumed, each to be set by its flag:\n";
    for (flags, what) in assumed(&study.question.assumptions) {
        out += &format!("  {flags}: {what}\n");
    }
    out
}

/// Lines of at most 118 characters.
fn wrapped(text: &str) -> String {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let last = lines.last_mut().expect("there is a line");
        if last.is_empty() {
            last.push_str(word);
        } else if last.chars().count() + 1 + word.chars().count() > 118 {
            lines.push(word.to_owned());
        } else {
            last.push(' ');
            last.push_str(word);
        }
    }
    lines.join("\n")
}
