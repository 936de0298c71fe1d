//! Annotations for GitHub: a workflow command for each scenario that did not hold, at its line.
//!
//! What may not stand in such a command is escaped the way GitHub's own toolkit does it.

use super::time::point;
use crate::exit::Exit;
use crate::oracle::Finding;
use crate::runner::Outcome;

/// The annotations of one scenario, each with a line end; empty where it held.
pub fn annotations(outcome: &Outcome) -> String {
    let mut text = String::new();
    let mut say = |level: &str, what: &str, message: &str| {
        let file = property(&outcome.path.display().to_string());
        let title = property(&format!("{}: {what}", outcome.scenario));
        let message = data(&format!("{message}\nreplay: {}", outcome.replay));
        text.push_str(&format!(
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
    debug_assert!(outcome.exit() == Exit::Held || !text.is_empty());
    text
}

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
