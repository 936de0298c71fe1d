//! For GitHub: annotations, a workflow command for each scenario that did not hold, at its line; and the summary of a step.
//!
//! What may not stand in such a command is escaped the way GitHub's own toolkit does it.

use std::time::Duration;

use super::time::point;
use super::{one_line, text};
use crate::exit::Exit;
use crate::oracle::Finding;
use crate::runner::{Outcome, names};

/// The annotations of one scenario, each with a line end; empty where it held.
pub fn annotations(outcome: &Outcome) -> String {
    let mut told = String::new();
    let mut say = |level: &str, what: &str, message: &str| {
        let file = property(&outcome.path.display().to_string());
        let title = property(&format!("{}: {what}", outcome.scenario));
        let message = data(&format!("{message}\nreplay: {}", outcome.replay));
        told.push_str(&format!(
            "::{level} file={file},line={},title={title}::{message}\n",
            outcome.line
        ));
    };
    match &outcome.ran {
        Err(broke) => say("error", "panicked", broke),
        Ok(verdict) => {
            for (oracle, count) in &verdict.counts {
                let first = verdict
                    .findings
                    .iter()
                    .find(|finding| finding.oracle == *oracle);
                let mut message = first.map(sentence).unwrap_or_default();
                if *count > 1 {
                    message.push_str(&format!("\n(the first of {count} findings)"));
                }
                say("error", oracle.name(), &message);
            }
            for open in &verdict.inconclusive {
                say("warning", "inconclusive", open);
            }
        }
    }
    if outcome.differs() {
        let hash = |hash: &Option<String>| hash.clone().unwrap_or_else(|| "no trace".to_owned());
        let message = format!(
            "two runs, two traces: {} and {}",
            hash(&outcome.hash),
            hash(&outcome.second_hash)
        );
        say("error", "not deterministic", &message);
    }
    if let Some(unwritten) = &outcome.unwritten {
        say("error", "the trace could not be written", unwritten);
    }
    debug_assert!(outcome.exit() == Exit::Held || !told.is_empty());
    told
}

/// The summary of a step, in Markdown: the total, and each run that did not hold with its replay line.
pub fn summary(outcomes: &[Outcome], wall: Duration) -> String {
    let said = anstream::adapter::strip_str(&text::total(outcomes, wall)).to_string();
    let mut summary = format!("### Squall\n\n{}\n", literal(said.trim()));
    let bad = outcomes
        .iter()
        .filter(|outcome| outcome.exit() != Exit::Held);
    let rows: Vec<String> = bad.map(row).collect();
    if !rows.is_empty() {
        summary.push_str("\n| scenario | subject | what | replay |\n|---|---|---|---|\n");
    }
    for row in rows.iter().take(ROWS) {
        summary.push_str(row);
    }
    if rows.len() > ROWS {
        summary.push_str(&format!("\nand {} more\n", rows.len() - ROWS));
    }
    summary + "\n"
}

fn row(outcome: &Outcome) -> String {
    let what = match &outcome.ran {
        Err(broke) => format!("panicked: {broke}"),
        Ok(_) if outcome.differs() => "two runs, two traces".to_owned(),
        Ok(verdict) => match verdict.findings.first() {
            Some(finding) => format!("{}: {}", names(verdict.counts.keys()), sentence(finding)),
            None => verdict.inconclusive.join("; "),
        },
    };
    let what = match &outcome.unwritten {
        Some(unwritten) if what.is_empty() => {
            format!("the trace could not be written: {unwritten}")
        }
        _ => what,
    };
    let cells = [&outcome.scenario, &outcome.subject, &what, &outcome.replay];
    let cells = cells.map(|cell| literal(&one_line(cell)));
    format!("| {} |\n", cells.join(" | "))
}

/// Text that Markdown takes as it is: any sign of ASCII punctuation may be escaped (CommonMark 0.31, 2.4).
fn literal(text: &str) -> String {
    let mut literal = String::with_capacity(text.len());
    for char in text.chars() {
        if char.is_ascii_punctuation() {
            literal.push('\\');
        }
        literal.push(char);
    }
    literal
}

/// A summary may have 1 MiB; nobody reads on behind this.
const ROWS: usize = 200;

fn sentence(finding: &Finding) -> String {
    let org = finding.org.as_ref().map(|org| format!(", org {org}"));
    let conn = finding.conn.map(|conn| format!(", {conn}"));
    let place = org.into_iter().chain(conn).collect::<String>();
    format!("at {}{place}: {}", point(finding.at), finding.message)
}

fn data(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
