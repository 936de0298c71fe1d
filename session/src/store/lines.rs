//! A store as JSON lines, a record a line: what `squall store export` writes and `import` reads.
//!
//! The first line says which version wrote them, the last how many stand between: a text that was cut off is refused.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use super::keys::WrittenDevice;
use super::{Attempt, Contents, LimiterTime};
use crate::id::{AttemptId, OrgId};
use crate::state::State;

/// The version of the lines that is written, and the latest that is read.
pub const VERSION: u32 = 1;

/// A line.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Record {
    SquallStore {
        version: u32,
    },
    Clock {
        high_water: Option<LimiterTime>,
        attempts_ever: u64,
    },
    Attempt {
        id: AttemptId,
        org: OrgId,
        admitted_at: LimiterTime,
        open: bool,
        spent: bool,
    },
    Failure {
        org: OrgId,
        at: LimiterTime,
    },
    /// Of one organization, or of all.
    Block {
        org: Option<OrgId>,
        until: LimiterTime,
    },
    End {
        org: OrgId,
        state: State,
    },
    Device {
        org: OrgId,
        device: WrittenDevice,
    },
    Aside {
        org: OrgId,
        attempt: AttemptId,
        device: WrittenDevice,
    },
    Complete {
        records: usize,
    },
}

/// Why lines are no store.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct NoStore {
    /// From 1.
    pub line: usize,
    /// What is wrong with it. It quotes no line that holds keys.
    pub what: String,
}

/// Everything as lines. They hold each device's keys.
pub fn write(contents: &Contents) -> String {
    let records = records(contents);
    let count = records.len();
    let all = std::iter::once(Record::SquallStore { version: VERSION })
        .chain(records)
        .chain(std::iter::once(Record::Complete { records: count }));
    let mut text = String::new();
    for record in all {
        let line = serde_json::to_string(&record).expect("a record has string keys and no floats");
        let _ = writeln!(text, "{line}");
    }
    text
}

fn records(contents: &Contents) -> Vec<Record> {
    let Contents {
        ledger,
        devices,
        aside,
    } = contents;
    let mut records = vec![Record::Clock {
        high_water: ledger.high_water,
        attempts_ever: ledger.attempts_ever,
    }];
    records.extend(ledger.attempts.iter().map(|(id, attempt)| Record::Attempt {
        id: *id,
        org: attempt.org.clone(),
        admitted_at: attempt.admitted_at,
        open: attempt.open,
        spent: attempt.spent,
    }));
    records.extend(ledger.failures.iter().map(|(org, at)| Record::Failure {
        org: org.clone(),
        at: *at,
    }));
    let of_all = ledger.block_of_all.map(|until| (None, until));
    let of_one = ledger.blocks.iter();
    let blocks = of_all
        .into_iter()
        .chain(of_one.map(|(org, until)| (Some(org.clone()), *until)));
    records.extend(blocks.map(|(org, until)| Record::Block { org, until }));
    records.extend(ledger.ends.iter().map(|(org, state)| Record::End {
        org: org.clone(),
        state: *state,
    }));
    records.extend(devices.iter().map(|(org, device)| Record::Device {
        org: org.clone(),
        device: device.into(),
    }));
    records.extend(aside.iter().map(|((org, attempt), device)| Record::Aside {
        org: org.clone(),
        attempt: *attempt,
        device: device.into(),
    }));
    records
}

/// Everything that lines say.
///
/// # Errors
/// A line that is no record of a known version, one that says again what another said, or an end too early.
pub fn read(text: &str) -> Result<Contents, NoStore> {
    let mut reading = Reading::default();
    let mut last = 0;
    for (number, line) in (1..).zip(text.lines()) {
        last = number;
        let take = |reading: &mut Reading| reading.take(parse(line)?);
        take(&mut reading).map_err(|what| NoStore { line: number, what })?;
    }
    if reading.stage == Stage::Complete {
        return Ok(reading.contents);
    }
    Err(NoStore {
        line: last + 1,
        what: "the lines end without a `complete`: they were cut off".to_owned(),
    })
}

fn parse(line: &str) -> Result<Record, String> {
    serde_json::from_str(line).map_err(|error| {
        let holds_keys = ["device", "aside"]
            .iter()
            .any(|name| line.contains(&format!("{name:?}")));
        if holds_keys {
            format!("column {}: this is no device's record", error.column())
        } else {
            error.to_string()
        }
    })
}

#[derive(Default)]
struct Reading {
    stage: Stage,
    records: usize,
    has_clock: bool,
    contents: Contents,
}

#[derive(Default, PartialEq, Eq)]
enum Stage {
    #[default]
    Begins,
    Records,
    Complete,
}

impl Reading {
    fn take(&mut self, record: Record) -> Result<(), String> {
        match (&self.stage, record) {
            (Stage::Begins, Record::SquallStore { version }) if version <= VERSION => {
                self.stage = Stage::Records;
                Ok(())
            }
            (Stage::Begins, Record::SquallStore { version }) => Err(format!(
                "the lines have version {version}, and this version reads up to {VERSION}"
            )),
            (Stage::Begins, _) => Err("the first line must be a `squall_store`".to_owned()),
            (Stage::Complete, _) => Err("there is more after `complete`".to_owned()),
            (Stage::Records, Record::Complete { records }) => self.complete(records),
            (Stage::Records, record) => {
                self.records += 1;
                self.keep(record)
            }
        }
    }

    fn complete(&mut self, records: usize) -> Result<(), String> {
        if records != self.records {
            return Err(format!(
                "{records} records were written, and {} are here",
                self.records
            ));
        }
        if !self.has_clock {
            return Err("there is no `clock`".to_owned());
        }
        let ledger = &self.contents.ledger;
        if let Some((last, _)) = ledger.attempts.last_key_value()
            && last.0 > ledger.attempts_ever
        {
            return Err(format!(
                "{last} is here, and the clock counts {} ever",
                ledger.attempts_ever
            ));
        }
        self.stage = Stage::Complete;
        Ok(())
    }

    fn keep(&mut self, record: Record) -> Result<(), String> {
        let Contents {
            ledger,
            devices,
            aside,
        } = &mut self.contents;
        let is_new = match record {
            Record::Clock {
                high_water,
                attempts_ever,
            } => {
                ledger.high_water = high_water;
                ledger.attempts_ever = attempts_ever;
                !std::mem::replace(&mut self.has_clock, true)
            }
            Record::Attempt {
                id,
                org,
                admitted_at,
                open,
                spent,
            } => {
                let attempt = Attempt {
                    org,
                    admitted_at,
                    open,
                    spent,
                };
                ledger.attempts.insert(id, attempt).is_none()
            }
            Record::Failure { org, at } => ledger.failures.insert(org, at).is_none(),
            Record::Block { org: None, until } => ledger.block_of_all.replace(until).is_none(),
            Record::Block {
                org: Some(org),
                until,
            } => ledger.blocks.insert(org, until).is_none(),
            Record::End { org, state } => ledger.ends.insert(org, state).is_none(),
            Record::Device { org, device } => devices.insert(org, device.into()).is_none(),
            Record::Aside {
                org,
                attempt,
                device,
            } => aside.insert((org, attempt), device.into()).is_none(),
            Record::SquallStore { .. } | Record::Complete { .. } => false,
        };
        is_new
            .then_some(())
            .ok_or_else(|| "this was said before".to_owned())
    }
}
