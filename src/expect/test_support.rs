//! Hand-written traces against one expectation.

use std::path::Path;

use squall_protocol::{Instant, Millis};

use super::Expectations;
use crate::oracle::{Findings, Oracle};
use crate::scenario;
use crate::trace::{Ask, ConnectionId, Entry, Event, FaultRef, OrgName, Verdict};
use crate::words::{Alert, Cause, Denial, State};

/// A trace of a day with the organizations 1 and 2, and what is expected of it. Step 1 is a fault, `the fault`; step 2
/// is another.
pub(super) struct Story {
    scenario: scenario::Scenario,
    entries: Vec<Entry>,
    end: Option<Instant>,
    cut: Option<Instant>,
}

impl Story {
    pub(super) fn expecting(expectation: &str) -> Self {
        let text = format!(
            "name: a story\nruns_for: 1d\norganizations: {{ \"1\": {{}}, \"2\": {{}} }}\nsteps:\n  \
             - {{ id: the fault, at: 1h, fault: {{ withhold_pong: {{}} }} }}\n  \
             - {{ id: another, at: 2h, fault: {{ withhold_pong: {{}} }} }}\nexpect:\n  - {expectation}\n"
        );
        let scenario = scenario::parse(&text, Path::new("story.yaml"))
            .unwrap_or_else(|errors| panic!("{}", errors[0]));
        Self {
            scenario,
            entries: Vec::new(),
            end: None,
            cut: None,
        }
    }

    pub(super) fn at(&mut self, at: &str, event: Event) -> &mut Self {
        let at = instant(at);
        self.entries.push(Entry { at, event });
        self.entries.sort_by_key(|entry| entry.at);
        self
    }

    /// The run ends there, though it was meant to go on.
    pub(super) fn ends_at(&mut self, end: &str) -> &mut Self {
        (self.end, self.cut) = (Some(instant(end)), None);
        self
    }

    /// The run ends there, as whoever started it wanted.
    pub(super) fn cut_at(&mut self, end: &str) -> &mut Self {
        (self.end, self.cut) = (Some(instant(end)), Some(instant(end)));
        self
    }

    pub(super) fn is_met(&self) {
        let findings = self.judge();
        assert_eq!(findings.found, []);
        assert!(findings.inconclusive.is_empty(), "{findings:#?}");
    }

    pub(super) fn is_wrong(&self, at: &str, message: &str) {
        let findings = self.judge();
        assert_eq!(findings.found.len(), 1, "{findings:#?}");
        let found = &findings.found[0];
        assert_eq!(found.message, format!("{message} (line 8 of the scenario)"));
        assert_eq!(found.at, instant(at));
        assert!(findings.inconclusive.is_empty(), "{findings:#?}");
    }

    pub(super) fn is_open(&self, why: &str) {
        let findings = self.judge();
        assert_eq!(findings.found, []);
        assert_eq!(findings.inconclusive.len(), 1);
        let text = &findings.inconclusive[0];
        assert!(text.contains(why), "{text}");
    }

    fn judge(&self) -> Findings {
        let mut oracle = Expectations::new(&self.scenario, self.cut);
        let mut findings = Findings::default();
        let end = self.end.unwrap_or(self.scenario.ends());
        for entry in self.entries.iter().filter(|entry| entry.at <= end) {
            oracle.observe(entry, &mut findings);
        }
        oracle.finish(end, &mut findings);
        findings
    }
}

fn instant(at: &str) -> Instant {
    let length: Millis = at.parse().expect("a length of time");
    Instant::START + length
}

pub(super) fn start(org: &str) -> Event {
    Event::Request {
        org: OrgName::from(org),
        ask: Ask::Start,
    }
}

pub(super) fn granted(org: &str) -> Event {
    Event::Verdict {
        org: OrgName::from(org),
        verdict: Verdict::Granted { attempt: 1 },
    }
}

pub(super) fn denied(org: &str, cause: Denial) -> Event {
    Event::Verdict {
        org: OrgName::from(org),
        verdict: Verdict::Denied {
            cause,
            also: vec![Denial::Global],
            retry_at: None,
        },
    }
}

pub(super) fn dial(conn: u64, org: &str) -> Event {
    Event::Dial {
        conn: ConnectionId(conn),
        org: OrgName::from(org),
        attempt: 1,
        handoff: false,
    }
}

pub(super) fn state(org: &str, state: State) -> Event {
    Event::State {
        org: OrgName::from(org),
        state,
    }
}

pub(super) fn alert(org: &str, kind: Alert) -> Event {
    Event::Alert {
        org: Some(OrgName::from(org)),
        kind,
        messages: None,
    }
}

pub(super) fn disconnected(org: &str, cause: Cause) -> Event {
    Event::Disconnected {
        org: OrgName::from(org),
        attempt: 1,
        conn: None,
        cause,
        stage: None,
        failure: true,
        block: None,
        clear: false,
        raw: None,
        detail: String::new(),
    }
}

pub(super) fn acted(step: u32, conn: u64) -> Event {
    Event::FaultActed {
        fault: FaultRef { step, nth: 1 },
        kind: "withhold_pong".into(),
        conn: ConnectionId(conn),
    }
}

pub(super) fn booted() -> Event {
    Event::Booted
}

pub(super) fn crashed() -> Event {
    Event::Crashed {
        store: "lost".into(),
    }
}

pub(super) fn refused_to_start() -> Event {
    Event::RefusedToStart {
        why: "the store is missing".to_owned(),
    }
}
