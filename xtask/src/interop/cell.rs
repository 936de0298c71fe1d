//! What one client did in one case, in the words of the table.

use anyhow::Context;
use serde::Deserialize;
use serde_json::Value;

use super::clients::Client;

/// What the table says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cell {
    pub(crate) text: String,
    /// What it asked that the mock server does not know.
    pub(crate) unknown: Vec<String>,
}

/// What `squall probe --format json` says of a client.
#[derive(Debug, Deserialize)]
struct Seen {
    connections: Vec<Connection>,
    unknown_requests: Vec<String>,
    died: Option<Died>,
    said: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Connection {
    dialed_ms: u64,
    paired_ms: Option<u64>,
    logged_in_ms: Option<u64>,
    pings_answered: u64,
    last_answer_ms: Option<u64>,
    struck: Option<At>,
    server_ended_ms: Option<u64>,
    client_ended: Option<At>,
}

#[derive(Debug, Deserialize)]
struct At {
    at_ms: u64,
}

/// A line of its driver.
#[derive(Debug, Deserialize)]
struct Word {
    event: String,
    at: u64,
    #[serde(default)]
    code: Value,
}

#[derive(Debug, Deserialize)]
struct Died {
    exit_code: Option<i32>,
    at_ms: Option<u64>,
}

/// Reads the report of this client.
pub(crate) fn of(report: &Value, client: &Client) -> anyhow::Result<Cell> {
    let seen = Seen::deserialize(&report["client"]).context("the report of the probe")?;
    let struck = seen
        .connections
        .iter()
        .enumerate()
        .find_map(|(nth, connection)| Some((nth, connection.struck.as_ref()?.at_ms)));
    let text = match (struck, report["scenario"].as_str()) {
        (Some((nth, at)), _) => seen.after(nth, at),
        (None, Some(name)) if name.starts_with("idle") => seen.idle(),
        (None, _) => format!("never struck: {}", seen.idle()),
    };
    let text = match text.as_str() {
        GOES_ON if client.trusts_any_root => NOT_ASKED.to_owned(),
        _ => text,
    };
    Ok(Cell {
        text,
        unknown: seen.unknown_requests,
    })
}

impl Seen {
    /// Without a fault: one connection to pair, one that stays.
    fn idle(&self) -> String {
        match self.connections.as_slice() {
            _ if self.died.is_some() => "process dies".to_owned(),
            [_, last] if last.logged_in_ms.is_some() && last.is_open() => {
                match last.pings_answered {
                    0..PINGS => format!("{} pings", last.pings_answered),
                    _ => "holds".to_owned(),
                }
            }
            [] => "never dials".to_owned(),
            all => format!("{} dials", all.len()),
        }
    }

    /// After a fault that struck this connection at this time.
    fn after(&self, nth: usize, struck: u64) -> String {
        let connection = &self.connections[nth];
        let since = |at: u64| class(at.saturating_sub(struck));
        let words: Vec<Word> = self
            .words()
            .into_iter()
            .filter(|word| word.at + SLACK >= struck)
            .collect();
        let closed = words.iter().find(|word| word.event == "closed");
        if connection.paired_ms > Some(struck) {
            return GOES_ON.to_owned();
        }
        let redial = self.connections.get(nth + 1).map(|next| next.dialed_ms);
        let redials = match redial {
            Some(at) => format!("redials {}", since(at)),
            None => "stays away".to_owned(),
        };
        let is_late = words.iter().any(|word| word.event == "keep_alive_late");
        let first = match closed {
            Some(closed) => format!("{} {}; {redials}", closed.code(), since(closed.at)),
            None if redial.is_some() && is_late => format!("late; {redials}"),
            None if redial.is_some() => format!("says nothing; {redials}"),
            None if self.died.is_some() => String::new(),
            None if connection.is_open() && connection.last_answer_ms > Some(struck) => {
                "holds".to_owned()
            }
            None if connection.is_open() => "**never notices**".to_owned(),
            None => "**no close event**".to_owned(),
        };
        match &self.died {
            None => first,
            Some(died) if first.is_empty() => died.told(struck),
            Some(died) => format!("{first}; then {}", died.told(struck)),
        }
    }

    /// What its driver said, by the server's clock.
    fn words(&self) -> Vec<Word> {
        let lines = self.said.iter();
        let mut words: Vec<Word> = lines
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect();
        // The driver counts from its own start; the dial that both saw tells when that was.
        let dial = words.iter().find(|word| word.event == "dial");
        let first = self.connections.first().map_or(0, |first| first.dialed_ms);
        let begun = dial.map_or(0, |dial| first.saturating_sub(dial.at));
        for word in &mut words {
            word.at += begun;
        }
        words
    }
}

impl Word {
    fn code(&self) -> String {
        match &self.code {
            Value::Null => WITHOUT.to_owned(),
            Value::String(text) if text.is_empty() => WITHOUT.to_owned(),
            Value::String(text) => text.clone(),
            code => code.to_string(),
        }
    }
}

const WITHOUT: &str = "closed without a code";

/// It paired with a server that it should not have trusted.
const GOES_ON: &str = "**goes on**";

/// Its driver does not let it ask.
const NOT_ASKED: &str = "not asked";

impl Died {
    fn told(&self, struck: u64) -> String {
        let when = self.at_ms.map_or("", |at| class(at.saturating_sub(struck)));
        match self.exit_code {
            Some(code) => format!("**process dies** {when} (exit {code})"),
            None => format!("**process dies** {when} (by a signal)"),
        }
    }
}

impl Connection {
    fn is_open(&self) -> bool {
        self.server_ended_ms.is_none() && self.client_ended.is_none()
    }
}

/// So many pings have to be answered.
const PINGS: u64 = 3;

/// So far apart, in milliseconds, are the driver's clock and the server's at the most.
const SLACK: u64 = 150;

/// The classes of time: up to where, in milliseconds, and what it is called. Each bound lies below its name where a
/// client's own constants come near to it (a back-off of 1 s ± 10 %, a watchdog that may take 35 to 65 s), so that the
/// class is the same in every run and what it says is always true.
pub(crate) const CLASSES: [(u64, &str); 5] = [
    (700, "<1 s"),
    (10_000, "<10 s"),
    (33_000, "<60 s"),
    (120_000, "<120 s"),
    (240_000, "<240 s"),
];

fn class(ms: u64) -> &'static str {
    let found = CLASSES.iter().find(|(bound, _)| ms < *bound);
    found.map_or("after 240 s", |(_, name)| name)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::interop::clients::ALL;

    fn connection(dialed_ms: u64, change: impl FnOnce(&mut Value)) -> Value {
        let mut connection = json!({
            "dialed_ms": dialed_ms, "paired_ms": null, "logged_in_ms": dialed_ms + 300, "pings_answered": 4, "last_answer_ms": 9_000,
            "struck": null, "server_ended_ms": null, "client_ended": null,
        });
        change(&mut connection);
        connection
    }

    fn cell(scenario: &str, connections: &[Value], said: &[Value], died: &Value) -> String {
        let said: Vec<String> = said.iter().map(Value::to_string).collect();
        let client = json!({
            "connections": connections, "unknown_requests": [], "said": said, "died": died,
        });
        of(&json!({ "scenario": scenario, "client": client }), &ALL[0])
            .unwrap()
            .text
    }

    #[test]
    fn what_held_is_told_from_what_did_not() {
        let two = [connection(100, |_| {}), connection(500, |_| {})];
        assert_eq!(cell("idle", &two, &[], &json!(null)), "holds");
        assert_eq!(cell("idle", &two[..1], &[], &json!(null)), "1 dials");
        let few = [
            connection(100, |_| {}),
            connection(500, |it| it["pings_answered"] = json!(2)),
        ];
        assert_eq!(cell("idle", &few, &[], &json!(null)), "2 pings");
        assert_eq!(cell("open", &two, &[], &json!(null)), "never struck: holds");
    }

    #[test]
    fn a_close_is_told_with_its_code_and_when_and_what_followed() {
        let struck = connection(1_000, |it| {
            it["struck"] = json!({ "fault": "close", "at_ms": 5_000 });
            it["server_ended_ms"] = json!(5_000);
            it["client_ended"] = json!({ "how": "by the end of the stream", "at_ms": 5_010 });
        });
        // Its driver began 600 ms after the run; the close of the pairing came before the fault.
        let said = [
            json!({ "event": "dial", "at": 400 }),
            json!({ "event": "closed", "at": 900, "code": 515 }),
            json!({ "event": "closed", "at": 4_420, "code": 428 }),
        ];
        let redialed = [struck.clone(), connection(6_000, |_| {})];
        assert_eq!(
            cell("open", &redialed, &said, &json!(null)),
            "428 <1 s; redials <10 s"
        );
        assert_eq!(
            cell("open", &redialed, &said[..2], &json!(null)),
            "says nothing; redials <10 s"
        );
        let alone = [struck];
        assert_eq!(
            cell("open", &alone, &said[..2], &json!(null)),
            "**no close event**"
        );
        let died = json!({ "exit_code": 1, "at_ms": 5_200 });
        assert_eq!(
            cell("open", &alone, &said[..2], &died),
            "**process dies** <1 s (exit 1)"
        );
    }

    #[test]
    fn whoever_pairs_after_a_broken_handshake_went_on() {
        let struck = connection(1_000, |it| {
            it["struck"] = json!({ "fault": "bad_certificate", "at_ms": 1_100 });
            it["paired_ms"] = json!(1_490);
        });
        let said = [
            json!({ "event": "dial", "at": 400 }),
            json!({ "event": "closed", "at": 950, "code": 515 }),
        ];
        let all = [struck, connection(2_000, |_| {})];
        assert_eq!(cell("hello", &all, &said, &json!(null)), "**goes on**");
        let report = json!({ "scenario": "hello", "client": {
            "connections": all, "unknown_requests": [], "said": [], "died": null,
        }});
        let blind = ALL.iter().find(|client| client.trusts_any_root).unwrap();
        assert_eq!(of(&report, blind).unwrap().text, "not asked");
    }

    #[test]
    fn a_client_that_says_that_it_is_late_says_something() {
        let silent = connection(1_000, |it| {
            it["struck"] = json!({ "fault": "blackhole", "at_ms": 5_000 });
            it["last_answer_ms"] = json!(4_000);
        });
        let said = [
            json!({ "event": "dial", "at": 400 }),
            json!({ "event": "keep_alive_late", "at": 16_400, "missed": 1 }),
            json!({ "event": "keep_alive_late", "at": 28_400, "missed": 2 }),
        ];
        let redialed = [silent.clone(), connection(190_000, |_| {})];
        assert_eq!(
            cell("open", &redialed, &said, &json!(null)),
            "late; redials <240 s"
        );
        assert_eq!(
            cell("open", &[silent], &said, &json!(null)),
            "**never notices**"
        );
    }

    #[test]
    fn whoever_still_gets_answers_holds_and_whoever_does_not_notices_nothing() {
        let struck = |last: u64| {
            [connection(1_000, |it| {
                it["struck"] = json!({ "fault": "zombie", "at_ms": 5_000 });
                it["last_answer_ms"] = json!(last);
            })]
        };
        assert_eq!(cell("open", &struck(9_000), &[], &json!(null)), "holds");
        assert_eq!(
            cell("open", &struck(4_000), &[], &json!(null)),
            "**never notices**"
        );
    }

    #[test]
    fn every_time_has_the_class_that_holds_it() {
        let times = [0, 699, 700, 9_999, 10_000, 33_000, 239_999, 240_000];
        let classes = times.map(class);
        assert_eq!(
            classes,
            [
                "<1 s",
                "<1 s",
                "<10 s",
                "<10 s",
                "<60 s",
                "<120 s",
                "<240 s",
                "after 240 s"
            ]
        );
    }
}
