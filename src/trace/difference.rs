//! What two traces are about, side by side: in what their headers differ.

use serde_json::{Map, Value};

use super::Header;

/// One thing that two headers do not share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Its key; within the rules and the claims, with theirs: `policy.dead_after`.
    pub what: String,
    /// What each has there.
    pub sides: [String; 2],
}

impl Header {
    /// In what this one and another differ, by name.
    ///
    /// # Panics
    /// Never: a header is plain values, which JSON can always hold.
    pub fn differences(&self, other: &Self) -> Vec<Difference> {
        let mut found = Vec::new();
        gather("", [&fields(self), &fields(other)], &mut found);
        found
    }
}

fn fields(header: &Header) -> Map<String, Value> {
    match serde_json::to_value(header) {
        Ok(Value::Object(fields)) => fields,
        _ => unreachable!("a header is plain values, which JSON can always hold"),
    }
}

fn gather(within: &str, sides: [&Map<String, Value>; 2], found: &mut Vec<Difference>) {
    let [one, other] = sides;
    let more = other.keys().filter(|key| !one.contains_key(*key));
    for key in one.keys().chain(more) {
        let (left, right) = (one.get(key), other.get(key));
        if left == right {
            continue;
        }
        let what = format!("{within}{key}");
        match (left, right) {
            (Some(Value::Object(left)), Some(Value::Object(right))) => {
                gather(&format!("{what}."), [left, right], found);
            }
            (Some(Value::String(left)), Some(Value::String(right))) if what == "scenario" => {
                found.push(first_line(left, right));
            }
            (left, right) => {
                let sides = [shown(left), shown(right)];
                found.push(Difference { what, sides });
            }
        }
    }
}

/// Of two texts of a scenario, the first line that is not the same.
fn first_line(one: &str, other: &str) -> Difference {
    let equal = one.lines().zip(other.lines());
    let equal = equal.take_while(|(left, right)| left == right).count();
    let line = |text: &str| {
        text.lines()
            .nth(equal)
            .unwrap_or("nothing")
            .trim()
            .to_owned()
    };
    Difference {
        what: format!("scenario, line {}", equal + 1),
        sides: [line(one), line(other)],
    }
}

fn shown(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => "none".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
    }
}
