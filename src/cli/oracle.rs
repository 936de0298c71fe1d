//! `squall oracles NAME`: one oracle in full.

use squall::oracle;
use squall::report::table;
use squall::subject::{MUTANTS, Tested};
use squall::words::OracleName;

/// Every oracle and what it says, that of the scenario's own word included.
pub(super) fn all() -> impl Iterator<Item = (&'static str, &'static str)> {
    let all = OracleName::ALL.iter();
    all.map(|oracle| (oracle.name(), oracle::says(*oracle)))
}

/// What it says, whom it does not judge and which mutants it must catch.
pub(super) fn described(name: &str) -> Option<String> {
    let (name, says) = all().find(|(oracle, _)| *oracle == name)?;
    let mut text = format!("{name} says that {says}.\n\n");
    if let Some(never) = never_judged(name) {
        text.push_str(&format!("It does not judge {never}.\n\n"));
    }
    let caught = MUTANTS.iter().filter(|mutant| mutant.oracle.name() == name);
    let rows: Vec<Vec<String>> = caught
        .map(|mutant| [mutant.name, mutant.about, mutant.scenario].map(str::to_owned))
        .map(Vec::from)
        .collect();
    if rows.is_empty() {
        text.push_str("No mutant names it as the one that must catch it.\n");
    } else {
        text.push_str(&table(
            &["must catch the mutant", "which", "in scenario"],
            rows,
        ));
    }
    Some(text)
}

/// The subjects that never claimed what it asks.
fn never_judged(name: &str) -> Option<String> {
    let subjects: Vec<&str> = Tested::all()
        .filter(|tested| {
            let never = tested.claims().not_judged;
            never.iter().any(|oracle| oracle.name() == name)
        })
        .map(Tested::name)
        .collect();
    match subjects.as_slice() {
        [] => None,
        some => Some(format!("{}, which never claimed it", some.join(", "))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_oracle_is_described_with_the_mutants_that_it_must_catch() {
        for oracle in OracleName::ALL {
            let text = described(oracle.name()).expect("it is in the list");
            assert!(text.starts_with(&format!("{oracle} says that ")), "{text}");
            for mutant in MUTANTS {
                assert_eq!(
                    text.contains(mutant.about),
                    mutant.oracle == *oracle,
                    "{text}"
                );
            }
        }
    }
}
