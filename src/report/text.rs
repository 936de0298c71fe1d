//! The report for people: a line for each scenario, what was found below it, a line in all.
//!
//! It is written with colours; the stream that it goes to takes them out where nobody could see them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use squall_protocol::{Instant, Millis};

use super::time::{point, stretch, took};
use super::{counted, one_line};
use crate::exit::Exit;
use crate::oracle::Finding;
use crate::run::Verdict;
use crate::runner::{Outcome, Word, names};
use crate::scenario::Scenario;
use crate::words::OracleName;

/// Of each oracle so many findings are shown; all that were kept are in `--format json`.
const SHOWN: usize = 3;
/// A longer name moves the rest of its line.
const LONGEST_NAME: usize = 48;

pub(super) const GOOD: Style = AnsiColor::Green.on_default();
pub(super) const BAD: Style = AnsiColor::Red.on_default().bold();
pub(super) const UNSURE: Style = AnsiColor::Yellow.on_default();
pub(super) const FAINT: Style = Style::new().dimmed();
pub(super) const STRONG: Style = Style::new().bold();

/// Text in a style.
pub(super) fn painted(style: Style, text: &str) -> String {
    format!("{style}{text}{style:#}")
}

/// The widths of a report's columns, known before anything has run.
#[derive(Clone, Copy, Debug)]
pub struct Columns {
    name: usize,
    simulated: usize,
}

impl Columns {
    /// For scenarios that have run.
    pub fn fitting(outcomes: &[Outcome]) -> Self {
        let simulated = |outcome: &Outcome| {
            outcome
                .ran
                .as_ref()
                .map_or(Millis::ZERO, |verdict| verdict.simulated)
        };
        Self::new(
            outcomes
                .iter()
                .map(|outcome| (outcome.scenario.as_str(), simulated(outcome))),
        )
    }

    fn new<'a>(scenarios: impl Iterator<Item = (&'a str, Millis)>) -> Self {
        let mut columns = Self {
            name: "scenario".len(),
            simulated: "simulated".len(),
        };
        for (name, simulated) in scenarios {
            columns.name = columns.name.max(name.chars().count().min(LONGEST_NAME));
            columns.simulated = columns.simulated.max(simulated.to_string().chars().count());
        }
        columns
    }

    /// For these scenarios, none of which runs past `until`.
    pub fn of(scenarios: &[Scenario], until: Option<Instant>) -> Self {
        let cut = until.map_or(Millis::MAX, Instant::since_start);
        Self::new(
            scenarios
                .iter()
                .map(|scenario| (scenario.name.as_str(), scenario.runs_for.min(cut))),
        )
    }

    /// What the columns are.
    pub fn head(&self) -> String {
        let Self { name, simulated } = *self;
        let line = format!(
            "{:<12}  {:<name$}  {:>simulated$}  {:>8}  {:>7}  {:>11}  {:>6}  {:>8}",
            "verdict",
            "scenario",
            "simulated",
            "took",
            "dials",
            "disconnects",
            "faults",
            "findings"
        );
        format!("{}\n", painted(FAINT, &line))
    }
}

/// One scenario: its line, and whatever there is to say below it.
pub fn outcome(outcome: &Outcome, columns: Columns) -> String {
    let mut text = line(outcome, columns);
    let mut below = |said: &str| {
        text.push_str("    ");
        text.push_str(said);
        text.push('\n');
    };
    match &outcome.ran {
        Err(broke) => below(&format!("panicked: {}", one_line(broke))),
        Ok(verdict) => {
            for said in findings(verdict) {
                below(&said);
            }
            for open in &verdict.inconclusive {
                below(&format!("not put to the test: {}", one_line(open)));
            }
        }
    }
    if outcome.differs() {
        below(&format!(
            "first run   {}",
            outcome.hash.as_deref().unwrap_or("no trace")
        ));
        below(&format!(
            "second run  {}",
            outcome.second_hash.as_deref().unwrap_or("no trace")
        ));
    }
    if let Word::Kept(oracles) = &outcome.word {
        let said = match oracles.is_empty() {
            true => format!("as the scenario says of {}: passes", outcome.subject),
            false => format!(
                "as the scenario says of {}: {}",
                outcome.subject,
                names(oracles)
            ),
        };
        below(&painted(FAINT, &said));
    }
    if let Some(unwritten) = &outcome.unwritten {
        below(&format!("the trace could not be written: {unwritten}"));
    }
    for (nth, excerpt) in outcome.explained.iter().enumerate() {
        below("");
        if nth == 0 {
            below(&painted(STRONG, "around the first finding of each oracle:"));
        } else {
            below(&painted(FAINT, "…"));
        }
        for line in &excerpt.lines {
            below(&one_line(line));
        }
        if nth + 1 == outcome.explained.len() {
            below("");
        }
    }
    if outcome.exit() != Exit::Held {
        below(&format!(
            "{} {}",
            painted(STRONG, "replay:"),
            outcome.replay
        ));
    }
    // An empty line has no spaces.
    text.replace("    \n", "\n")
}

/// All of them in one line, and which oracles did not judge.
pub fn total(outcomes: &[Outcome], wall: Duration) -> String {
    let mut text = String::new();
    let mut not_judged: BTreeMap<&str, &[OracleName]> = BTreeMap::new();
    for verdict in outcomes
        .iter()
        .filter_map(|outcome| outcome.ran.as_ref().ok())
    {
        if !verdict.not_judged.is_empty() {
            not_judged.insert(&verdict.subject, &verdict.not_judged);
        }
    }
    for (subject, oracles) in not_judged {
        let said = format!(
            "not judged, since {subject} never claimed it: {}",
            names(oracles)
        );
        text.push_str(&format!("\n{}", painted(FAINT, &said)));
    }
    let Totals {
        held,
        findings,
        inconclusive,
        panicked,
        differ,
        unwritten,
        simulated,
    } = Totals::of(outcomes);
    let mut parts = vec![painted(
        if held > 0 { GOOD } else { FAINT },
        &format!("{held} held"),
    )];
    for (number, word, style) in [
        (findings, "with findings", BAD),
        (inconclusive, "inconclusive", UNSURE),
        (panicked, "panicked", BAD),
        (differ, "not deterministic", BAD),
        (unwritten, "whose trace could not be written", BAD),
    ] {
        if number > 0 {
            parts.push(painted(style, &format!("{number} {word}")));
        }
    }
    text.push_str(&format!(
        "\n{}: {}; {} simulated in {}\n",
        set(outcomes),
        parts.join(", "),
        stretch(simulated),
        took(wall)
    ));
    text
}

/// How many scenarios ran; and, where seeds were swept, how many runs that was.
fn set(outcomes: &[Outcome]) -> String {
    let said = counted(scenarios(outcomes) as u64, "scenario");
    if outcomes.len() == scenarios(outcomes) {
        return said;
    }
    format!("{} of {said}", counted(outcomes.len() as u64, "run"))
}

/// How many different scenarios ran.
pub(super) fn scenarios(outcomes: &[Outcome]) -> usize {
    let paths: BTreeSet<&Path> = outcomes.iter().map(|outcome| &*outcome.path).collect();
    paths.len()
}

/// The set in numbers. A run counts once, where it is gravest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Totals {
    pub(super) held: u64,
    pub(super) findings: u64,
    pub(super) inconclusive: u64,
    pub(super) panicked: u64,
    pub(super) differ: u64,
    pub(super) unwritten: u64,
    pub(super) simulated: Millis,
}

impl Totals {
    pub(super) fn of(outcomes: &[Outcome]) -> Self {
        let mut totals = Self::default();
        for outcome in outcomes {
            *match outcome.exit() {
                Exit::Bug => &mut totals.panicked,
                Exit::NotDeterministic => &mut totals.differ,
                Exit::Usage | Exit::BadScenario => &mut totals.unwritten,
                Exit::Findings => &mut totals.findings,
                Exit::Inconclusive => &mut totals.inconclusive,
                Exit::Held => &mut totals.held,
            } += 1;
            if let Ok(verdict) = &outcome.ran {
                totals.simulated = totals.simulated.saturating_add(verdict.simulated);
            }
        }
        totals
    }
}

fn line(outcome: &Outcome, Columns { name, simulated }: Columns) -> String {
    let (word, style) = match outcome.exit() {
        Exit::Bug => ("PANICKED", BAD),
        Exit::NotDeterministic => ("TWO TRACES", BAD),
        Exit::Usage | Exit::BadScenario => ("NO TRACE", BAD),
        Exit::Findings => ("FINDINGS", BAD),
        Exit::Inconclusive => ("inconclusive", UNSURE),
        Exit::Held => ("held", GOOD),
    };
    let verdict = painted(style, &format!("{word:<12}"));
    let called = one_line(&outcome.scenario);
    let Ok(ran) = &outcome.ran else {
        return format!("{verdict}  {called}\n");
    };
    let found: u64 = ran.counts.values().sum();
    let happened = &ran.happened;
    format!(
        "{verdict}  {called:<name$}  {:>simulated$}  {:>8}  {:>7}  {:>11}  {:>6}  {found:>8}\n",
        ran.simulated.to_string(),
        took(ran.wall),
        happened.dials,
        happened.disconnects,
        happened.faults,
    )
}

/// The first findings of each oracle in their order, in columns; then how many more there are.
fn findings(verdict: &Verdict) -> Vec<String> {
    let mut shown: BTreeMap<OracleName, usize> = BTreeMap::new();
    let mut kept: Vec<&Finding> = verdict
        .findings
        .iter()
        .filter(|finding| {
            let shown = shown.entry(finding.oracle).or_default();
            *shown += 1;
            *shown <= SHOWN
        })
        .collect();
    kept.sort_by_key(|finding| finding.at);
    let rows: Vec<(String, String, &Finding)> = kept
        .into_iter()
        .map(|finding| (point(finding.at), place(finding), finding))
        .collect();
    let width =
        |of: &dyn Fn(&(String, String, &Finding)) -> usize| rows.iter().map(of).max().unwrap_or(0);
    let (at_width, place_width) = (
        width(&|row| row.0.len()),
        width(&|row| row.1.chars().count()),
    );
    let oracle_width = width(&|row| row.2.oracle.name().len());
    let mut lines: Vec<String> = rows
        .iter()
        .map(|(at, place, finding)| {
            let oracle = painted(BAD, &format!("{:<oracle_width$}", finding.oracle));
            format!(
                "{at:>at_width$}  {place:<place_width$}  {oracle}  {}",
                one_line(&finding.message)
            )
        })
        .collect();
    for (oracle, count) in &verdict.counts {
        let more = count.saturating_sub(SHOWN as u64);
        if more > 0 {
            lines.push(painted(
                FAINT,
                &format!("and {} of {oracle}", counted(more, "more finding")),
            ));
        }
    }
    lines
}

/// On which connection, of whom.
fn place(finding: &Finding) -> String {
    let conn = finding.conn.map(|conn| conn.to_string());
    let org = finding
        .org
        .as_ref()
        .map(|org| format!("org {}", one_line(org)));
    conn.into_iter().chain(org).collect::<Vec<_>>().join("  ")
}
