//! `squall subjects NAME`: one subject in full.

use squall::runner::quoted;
use squall::subject::Tested;

/// What it is, what it never claimed, where its bug was seen and who must catch it.
pub(super) fn described(name: &str) -> Option<String> {
    let tested = Tested::by_name(name)?;
    let mut text = format!("{name}: {}\n\n", tested.about());
    let mut say = |what: &str, that: &str| text.push_str(&format!("{what:<14}{that}\n"));
    let subject = quoted(name);
    match tested {
        Tested::Mutant(mutant) => {
            say("a mutant of", mutant.of());
            say("seen in", mutant.incident);
            say("caught by", mutant.oracle.name());
            say("in scenario", mutant.scenario);
            let only = quoted(mutant.scenario);
            say(
                "see it",
                &format!("squall run --subject {subject} --only {only} --explain"),
            );
        }
        Tested::Session | Tested::Gateway | Tested::Before => {
            let never: Vec<&str> = tested
                .claims()
                .not_judged
                .iter()
                .map(|oracle| oracle.name())
                .collect();
            let by = match never.as_slice() {
                [] => "every oracle".to_owned(),
                some => format!("every oracle but {}", some.join(", ")),
            };
            say("judged by", &by);
            say(
                "see it",
                &format!("squall run --subject {subject} --explain"),
            );
        }
    }
    Some(text)
}
