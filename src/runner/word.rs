//! What a scenario says of the gateway as it was before, held against what that did.

use std::collections::BTreeSet;

use squall_protocol::Instant;

use crate::oracle::Finding;
use crate::run::Verdict;
use crate::scenario::{Before, Scenario};
use crate::words::OracleName;

/// How what was found compares with what the scenario says of this subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Word {
    /// It says nothing of this subject, or the run was cut short and cannot be held to it.
    None,
    /// As it says: these oracles found something, or none did.
    Kept(BTreeSet<OracleName>),
    /// Otherwise, which is a finding of its own.
    Broken,
}

/// Holds a run of `before` to the scenario's word. A difference becomes a finding of `expect`, at the run's end.
pub(super) fn hold(scenario: &Scenario, verdict: &mut Verdict) -> Word {
    let end = Instant::START + verdict.simulated;
    let Some(before) = scenario.before.as_ref().filter(|_| end >= scenario.ends()) else {
        return Word::None;
    };
    let said = match before {
        Before::Passes => BTreeSet::new(),
        Before::Fails(oracles) => oracles.clone(),
    };
    let found: BTreeSet<OracleName> = verdict.counts.keys().copied().collect();
    if said == found {
        return Word::Kept(said);
    }
    let mut differs = Vec::new();
    let silent: Vec<OracleName> = said.difference(&found).copied().collect();
    if !silent.is_empty() {
        differs.push(format!("{} found nothing", names(&silent)));
    }
    let unnamed: Vec<OracleName> = found.difference(&said).copied().collect();
    if !unnamed.is_empty() {
        differs.push(format!(
            "{} found something and is not named",
            names(&unnamed)
        ));
    }
    let word = match before {
        Before::Passes => "`before: passes`".to_owned(),
        Before::Fails(oracles) => format!("`before: {{ fails: [{}] }}`", names(oracles)),
    };
    let message = format!("the scenario says {word}, but {}", differs.join(", and "));
    verdict.findings.push(Finding {
        oracle: OracleName::Expectations,
        at: end,
        org: None,
        conn: None,
        message,
    });
    *verdict.counts.entry(OracleName::Expectations).or_default() += 1;
    Word::Broken
}

/// Names in a row.
pub(crate) fn names<'a>(oracles: impl IntoIterator<Item = &'a OracleName>) -> String {
    let names: Vec<&str> = oracles.into_iter().map(|oracle| oracle.name()).collect();
    names.join(", ")
}
