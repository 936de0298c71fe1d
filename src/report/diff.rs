//! Two traces side by side, for people: how their runs were set up, where they part, what each came to.

use serde_json::{Map, Value};

use super::text::{GOOD, STRONG, painted};
use super::{one_line, table};
use crate::runner::{Compared, Parting, Whole};
use crate::trace::Facts;

/// What they are called.
const SIDES: [&str; 2] = ["the first", "the second"];

/// All of it.
pub fn text(compared: &Compared) -> String {
    let mut text = format!("scenario {:?}\n", compared.scenario);
    if compared.is_equal() {
        let entries = counted_entries(compared.equal);
        return text + &format!("{}: {entries}\n", painted(GOOD, "equal"));
    }
    if !compared.differences.is_empty() {
        let rows = compared.differences.iter().map(|difference| {
            let sides = difference
                .sides
                .iter()
                .map(|side| one_line(side).into_owned());
            std::iter::once(difference.what.clone())
                .chain(sides)
                .collect()
        });
        text += &heading("How the runs were set up");
        text += &indented(&table(&["", SIDES[0], SIDES[1]], rows));
    }
    match &compared.parting {
        None => {
            let entries = counted_entries(compared.equal);
            text += &format!("\nWhat happened is equal: {entries}\n");
        }
        Some(parting) => text += &parted(compared, parting),
    }
    text
}

fn parted(compared: &Compared, parting: &Parting) -> String {
    let [one, other] = &compared.wholes;
    let mut text = heading(&format!(
        "They part after {} of {} and {}",
        counted_entries(compared.equal),
        one.entries,
        other.entries
    ));
    text += &lines(&parting.before);
    for (side, after) in SIDES.iter().zip(&parting.after) {
        text += &heading(&format!("Then, in {side}"));
        text += &match after.is_empty() {
            true => "    nothing: it has ended\n".to_owned(),
            false => lines(after),
        };
    }
    if let Some(stored) = &parting.stored {
        text += &heading("The entry in which they part, as it is stored");
        text += &lines(stored);
    }
    let rows = rows([one, other]);
    text += &heading("What each run came to");
    text += &match rows.is_empty() {
        true => "    the same, in all that is counted\n".to_owned(),
        false => indented(&table(&["", SIDES[0], SIDES[1]], rows)),
    };
    text
}

/// The counts that are not the same.
fn rows(wholes: [&Whole; 2]) -> Vec<Vec<String>> {
    let [one, other] = wholes.map(|whole| fields(&whole.facts));
    let differ = one
        .iter()
        .filter(|(name, value)| other.get(*name) != Some(*value));
    differ
        .map(|(name, value)| {
            let shown = |value: &Value| match value {
                Value::Null => "none".to_owned(),
                Value::String(text) => text.clone(),
                value => value.to_string(),
            };
            let right = other.get(name).map_or_else(String::new, shown);
            vec![name.replace('_', " "), shown(value), right]
        })
        .collect()
}

fn fields(facts: &Facts) -> Map<String, Value> {
    match serde_json::to_value(facts) {
        Ok(Value::Object(fields)) => fields,
        _ => unreachable!("facts are plain values, which JSON can always hold"),
    }
}

fn heading(text: &str) -> String {
    format!("\n{}\n", painted(STRONG, text))
}

fn lines(all: &[String]) -> String {
    let of = |line: &String| format!("    {}\n", one_line(line));
    all.iter().map(of).collect()
}

fn indented(table: &str) -> String {
    table.lines().map(|line| format!("    {line}\n")).collect()
}

fn counted_entries(count: u64) -> String {
    match count {
        1 => "1 entry".to_owned(),
        count => format!("{count} entries"),
    }
}
