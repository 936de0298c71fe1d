//! The study of keep-alive policies, for people and for programs: tables, a picture, a paragraph, JSON, a section of a page.

pub mod json;
pub mod machine;
pub mod paragraph;
pub mod picture;
mod scale;
pub mod section;
mod tables;
#[cfg(test)]
mod tests;
pub mod text;

use squall_protocol::Millis;

/// How long something took, for a table: seconds with one digit, `never` where it was not found.
fn seconds(found: Option<Millis>) -> String {
    found.map_or_else(
        || "never".to_owned(),
        |found| format!("{:.1} s", found.to_duration().as_secs_f64()),
    )
}

/// How often a day, for people.
fn a_day(times: f64) -> String {
    match times > 0.0 && times < 0.05 {
        true => "<0.1".to_owned(),
        false => format!("{times:.1}"),
    }
}

/// Bytes, for people: with the unit in which three digits say most.
fn bytes(count: f64) -> String {
    match count {
        count if count < 1_000.0 => format!("{count:.0} B"),
        count if count < 1_000_000.0 => format!("{:.1} kB", count / 1_000.0),
        count => format!("{:.2} MB", count / 1_000_000.0),
    }
}
