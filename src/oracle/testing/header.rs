//! What a tape begins with.

use std::collections::BTreeMap;

use squall_protocol::Millis;

use crate::trace::{Claims, Header, Per, Policy};

/// The rules that a session keeps if nothing else is said.
pub(crate) fn policy() -> Policy {
    Policy {
        keep_alive: Millis::from_secs(25),
        active_ping: Millis::from_mins(2),
        late_after: Millis::from_secs(10),
        dead_after: Millis::from_secs(60),
        zombie_after: Millis::from_mins(5),
        connect_timeout: Millis::from_secs(20),
        handshake_timeout: Millis::from_secs(20),
        login_timeout: Millis::from_secs(60),
        pairing_timeout: Millis::from_secs(60),
        handoff: true,
        global: (3, Millis::from_hours(1)),
        per_org: (2, Per::Rolling(Millis::from_days(1))),
        cooldown: Millis::from_hours(2),
        block: Millis::from_days(1),
        block_all: false,
        delay: Millis::from_secs(30),
    }
}

/// A header that nothing is unusual about.
pub(crate) fn header() -> Header {
    Header {
        version: crate::trace::FORMAT,
        name: "by hand".to_owned(),
        scenario: String::new(),
        seed: 7,
        engine: "wire".to_owned(),
        subject: "session".to_owned(),
        starts: "2026-01-19T09:00:00-05:00".parse().unwrap(),
        utc_offset: -5 * 3_600,
        runs_for: Millis::from_days(3),
        organizations: BTreeMap::from([("2".into(), true)]),
        policy: policy(),
        guard_expected: false,
        claims: Claims {
            waits: true,
            ..Claims::default()
        },
    }
}
