//! The tables of a store, and what each holds.

use std::collections::BTreeMap;

use redb::{
    Database, ReadTransaction, ReadableDatabase, ReadableTable, TableDefinition, TableError,
    WriteTransaction,
};
use squall_protocol::pairing::Device;

use crate::id::{AttemptId, OrgId};
use crate::state::State;
use crate::store::keys::WrittenDevice;
use crate::store::{Attempt, Contents, Ledger, LimiterTime, StoreError};

/// The format that is written, and the latest that is read.
pub(super) const FORMAT: u64 = 1;

/// `format`, `attempts_ever`.
const COUNTS: TableDefinition<'_, &str, u64> = TableDefinition::new("counts");
/// `high_water`, `block_of_all`: in milliseconds of the Unix epoch, as are all times.
const TIMES: TableDefinition<'_, &str, i64> = TableDefinition::new("times");
/// By number: organization, when it was admitted, whether it is open, whether it is spent.
const ATTEMPTS: TableDefinition<'_, u64, (&str, i64, bool, bool)> =
    TableDefinition::new("attempts");
const FAILURES: TableDefinition<'_, &str, i64> = TableDefinition::new("failures");
const BLOCKS: TableDefinition<'_, &str, i64> = TableDefinition::new("blocks");
/// By organization: the name of a state.
const ENDS: TableDefinition<'_, &str, &str> = TableDefinition::new("ends");
/// By organization: a device as JSON.
const DEVICES: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("devices");
/// By organization and attempt: a device as JSON.
const ASIDE: TableDefinition<'_, (&str, u64), &[u8]> = TableDefinition::new("aside");

/// Everything that a database holds; or why it is no store.
pub(super) fn read(database: &Database) -> Result<Contents, StoreError> {
    let read = || -> Result<Result<Contents, StoreError>, redb::Error> {
        let transaction = database.begin_read()?;
        Ok(match format(&transaction)? {
            Some(FORMAT) => contents(&transaction)?,
            Some(found) if found > FORMAT => Err(StoreError::Newer {
                found,
                known: FORMAT,
            }),
            _ => Err(StoreError::Damaged("it is no store of Squall's".to_owned())),
        })
    };
    // What opened and was checked can fail to be read only because it holds something else.
    read().unwrap_or_else(|error| Err(StoreError::Damaged(error.to_string())))
}

fn format(transaction: &ReadTransaction) -> Result<Option<u64>, redb::Error> {
    match transaction.open_table(COUNTS) {
        Ok(counts) => Ok(counts.get("format")?.map(|value| value.value())),
        Err(TableError::TableDoesNotExist(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn contents(transaction: &ReadTransaction) -> Result<Result<Contents, StoreError>, redb::Error> {
    let counts = transaction.open_table(COUNTS)?;
    let times = transaction.open_table(TIMES)?;
    let time = |name| -> Result<Option<LimiterTime>, redb::Error> {
        Ok(times.get(name)?.map(|value| LimiterTime(value.value())))
    };
    let mut read = Contents {
        ledger: Ledger {
            high_water: time("high_water")?,
            attempts_ever: counts.get("attempts_ever")?.map_or(0, |it| it.value()),
            block_of_all: time("block_of_all")?,
            failures: org_times(transaction, FAILURES)?,
            blocks: org_times(transaction, BLOCKS)?,
            ..Ledger::default()
        },
        ..Contents::default()
    };
    for row in transaction.open_table(ATTEMPTS)?.iter()? {
        let (id, attempt) = row?;
        let (org, admitted_at, open, spent) = attempt.value();
        let attempt = Attempt {
            org: OrgId::new(org),
            admitted_at: LimiterTime(admitted_at),
            open,
            spent,
        };
        read.ledger.attempts.insert(AttemptId(id.value()), attempt);
    }
    for row in transaction.open_table(ENDS)?.iter()? {
        let (org, state) = row?;
        let Some(state) = state_of(state.value()) else {
            let what = format!("an organization's end is {:?}", state.value());
            return Ok(Err(StoreError::Damaged(what)));
        };
        read.ledger.ends.insert(OrgId::new(org.value()), state);
    }
    for row in transaction.open_table(DEVICES)?.iter()? {
        let (org, device) = row?;
        let org = OrgId::new(org.value());
        match device_of(&org, device.value()) {
            Ok(device) => read.devices.insert(org, device),
            Err(damaged) => return Ok(Err(damaged)),
        };
    }
    for row in transaction.open_table(ASIDE)?.iter()? {
        let (key, device) = row?;
        let (org, attempt) = key.value();
        let org = OrgId::new(org);
        match device_of(&org, device.value()) {
            Ok(device) => read.aside.insert((org, AttemptId(attempt)), device),
            Err(damaged) => return Ok(Err(damaged)),
        };
    }
    Ok(Ok(read))
}

fn org_times(
    transaction: &ReadTransaction,
    table: TableDefinition<'static, &str, i64>,
) -> Result<BTreeMap<OrgId, LimiterTime>, redb::Error> {
    let mut read = BTreeMap::new();
    for row in transaction.open_table(table)?.iter()? {
        let (org, at) = row?;
        read.insert(OrgId::new(org.value()), LimiterTime(at.value()));
    }
    Ok(read)
}

fn state_of(name: &str) -> Option<State> {
    serde_json::from_value(name.into()).ok()
}

fn device_of(org: &OrgId, bytes: &[u8]) -> Result<Device, StoreError> {
    let written: WrittenDevice = serde_json::from_slice(bytes)
        .map_err(|_| StoreError::Damaged(format!("the device of {org} cannot be read")))?;
    Ok(written.into())
}

/// The format and all contents, into a database that holds nothing.
pub(super) fn fill(transaction: &WriteTransaction, contents: &Contents) -> Result<(), redb::Error> {
    transaction.open_table(COUNTS)?.insert("format", FORMAT)?;
    // Each table is there from the beginning, so one that is missing later means damage.
    write_ledger(transaction, &Ledger::default(), &contents.ledger)?;
    transaction.open_table(DEVICES)?;
    transaction.open_table(ASIDE)?;
    for (org, device) in &contents.devices {
        put_device(transaction, org, device)?;
    }
    let mut aside = transaction.open_table(ASIDE)?;
    for ((org, attempt), device) in &contents.aside {
        aside.insert((org.as_str(), attempt.0), device_bytes(device).as_slice())?;
    }
    Ok(())
}

/// What is another in `new` than in `old`.
pub(super) fn write_ledger(
    transaction: &WriteTransaction,
    old: &Ledger,
    new: &Ledger,
) -> Result<(), redb::Error> {
    transaction
        .open_table(COUNTS)?
        .insert("attempts_ever", new.attempts_ever)?;
    let mut times = transaction.open_table(TIMES)?;
    let named = [
        ("high_water", new.high_water),
        ("block_of_all", new.block_of_all),
    ];
    for (name, time) in named {
        match time {
            Some(LimiterTime(time)) => times.insert(name, time)?,
            None => times.remove(name)?,
        };
    }
    let mut attempts = transaction.open_table(ATTEMPTS)?;
    for (id, attempt) in differences(&old.attempts, &new.attempts) {
        match attempt {
            Some(Attempt {
                org,
                admitted_at,
                open,
                spent,
            }) => attempts.insert(id.0, (org.as_str(), admitted_at.0, *open, *spent))?,
            None => attempts.remove(id.0)?,
        };
    }
    let mut ends = transaction.open_table(ENDS)?;
    for (org, state) in differences(&old.ends, &new.ends) {
        match state {
            Some(state) => ends.insert(org.as_str(), state.name())?,
            None => ends.remove(org.as_str())?,
        };
    }
    for (table, old, new) in [
        (FAILURES, &old.failures, &new.failures),
        (BLOCKS, &old.blocks, &new.blocks),
    ] {
        let mut table = transaction.open_table(table)?;
        for (org, time) in differences(old, new) {
            match time {
                Some(LimiterTime(time)) => table.insert(org.as_str(), time)?,
                None => table.remove(org.as_str())?,
            };
        }
    }
    Ok(())
}

/// Each key whose value is another in `new`, with that value.
fn differences<'a, K: Ord, V: PartialEq>(
    old: &'a BTreeMap<K, V>,
    new: &'a BTreeMap<K, V>,
) -> impl Iterator<Item = (&'a K, Option<&'a V>)> {
    let gone = old.keys().filter(|key| !new.contains_key(key));
    let changed = new
        .iter()
        .filter(|(key, value)| old.get(key) != Some(value));
    gone.map(|key| (key, None))
        .chain(changed.map(|(key, value)| (key, Some(value))))
}

pub(super) fn put_device(
    transaction: &WriteTransaction,
    org: &OrgId,
    device: &Device,
) -> Result<(), redb::Error> {
    let mut devices = transaction.open_table(DEVICES)?;
    devices.insert(org.as_str(), device_bytes(device).as_slice())?;
    Ok(())
}

pub(super) fn set_device_aside(
    transaction: &WriteTransaction,
    org: &OrgId,
    attempt: AttemptId,
) -> Result<(), redb::Error> {
    let mut devices = transaction.open_table(DEVICES)?;
    if let Some(device) = devices.remove(org.as_str())? {
        let mut aside = transaction.open_table(ASIDE)?;
        aside.insert((org.as_str(), attempt.0), device.value())?;
    }
    Ok(())
}

/// A device that was aside takes its organization's place, and what was there instead takes the place aside.
pub(super) fn restore(
    transaction: &WriteTransaction,
    org: &OrgId,
    attempt: AttemptId,
    device: &Device,
    instead: Option<&Device>,
) -> Result<(), redb::Error> {
    let mut aside = transaction.open_table(ASIDE)?;
    match instead {
        Some(instead) => {
            aside.insert((org.as_str(), attempt.0), device_bytes(instead).as_slice())?
        }
        None => aside.remove((org.as_str(), attempt.0))?,
    };
    put_device(transaction, org, device)
}

fn device_bytes(device: &Device) -> Vec<u8> {
    serde_json::to_vec(&WrittenDevice::from(device))
        .expect("a device has string keys and no floats")
}
