//! One finding as a story, for people: what was injected, what the session knew, what it did, which rule it broke.

use super::text::{BAD, FAINT, STRONG, painted};
use super::time::point;
use crate::oracle::{Finding, says};
use crate::run::Verdict;
use crate::trace::Strands;

/// The story of the finding of this number, from 1.
pub fn told(verdict: &Verdict, number: usize, finding: &Finding, strands: &Strands) -> String {
    let facts = [
        Some(point(finding.at)),
        finding.conn.map(|conn| conn.to_string()),
        finding.org.as_ref().map(|org| format!("org {org}")),
    ];
    let facts: Vec<String> = facts.into_iter().flatten().collect();
    let mut text = format!(
        "finding {number} of {}: {} at {}\n{}\n",
        verdict.findings.len(),
        painted(BAD, finding.oracle.name()),
        facts.join(", "),
        painted(
            FAINT,
            &format!(
                "scenario {:?}, subject {}, engine {}, seed {}",
                verdict.scenario,
                verdict.subject,
                verdict.engine.name(),
                verdict.seed
            )
        )
    );
    let nothing = vec!["nothing".to_owned()];
    for (heading, lines) in [
        ("What was injected", &strands.injected),
        ("What the session knew", &strands.knew),
        ("What it did", &strands.did),
    ] {
        let lines = if lines.is_empty() { &nothing } else { lines };
        text += &format!("\n{}\n", painted(STRONG, heading));
        for line in lines {
            text += &format!("    {}\n", super::one_line(line));
        }
    }
    text += &format!(
        "\n{}\n    The rule: {}.\n    Here: {}.\n",
        painted(STRONG, "Which rule it broke"),
        says(finding.oracle),
        super::one_line(&finding.message)
    );
    text
}
