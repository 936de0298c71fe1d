//! The rules in force: the scenario's own where it has some, the defaults elsewhere.

use squall_mock_server::fault::nearest;
use squall_protocol::{Millis, Zone};

use super::problem::Problem;
use super::raw::{BlockScope, PairingRestart, RawPer, RawPolicy};
use super::yaml::At;
use crate::trace::{Per, Policy};

/// The rules of a session and limiter that nobody changed. Written again here, since a judge does not borrow the
/// accused's numbers; a test holds them equal.
pub const DEFAULT: Policy = Policy {
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
    per_org: (2, Per::Rolling(Millis::from_hours(24))),
    cooldown: Millis::from_hours(2),
    block: Millis::from_hours(24),
    block_all: false,
    delay: Millis::from_secs(30),
};

/// The rules in force. `complain` hears of each value that makes no sense.
pub(super) fn resolve(
    raw: &RawPolicy,
    mut complain: impl FnMut((usize, usize), Problem),
) -> Policy {
    let mut length =
        |key: &'static str, written: &Option<At<Millis>>, default: Millis| match written {
            Some(written) => {
                if written.value == Millis::ZERO {
                    complain(written.at, Problem::Zero(key));
                }
                written.value
            }
            None => default,
        };
    let (ping, limiter) = (&raw.keep_alive, &raw.limiter);
    let mut policy = Policy {
        keep_alive: length("interval", &ping.interval, DEFAULT.keep_alive),
        active_ping: length("interval", &raw.active_ping.interval, DEFAULT.active_ping),
        late_after: length("late_after", &ping.late_after, DEFAULT.late_after),
        dead_after: length("dead_after", &ping.dead_after, DEFAULT.dead_after),
        zombie_after: length("zombie_after", &ping.zombie_after, DEFAULT.zombie_after),
        connect_timeout: length(
            "connect_timeout",
            &raw.connect_timeout,
            DEFAULT.connect_timeout,
        ),
        handshake_timeout: length(
            "handshake_timeout",
            &raw.handshake_timeout,
            DEFAULT.handshake_timeout,
        ),
        login_timeout: length("login_timeout", &raw.login_timeout, DEFAULT.login_timeout),
        pairing_timeout: length(
            "pairing_timeout",
            &raw.pairing_timeout,
            DEFAULT.pairing_timeout,
        ),
        handoff: !matches!(raw.pairing_restart, Some(PairingRestart::Manual)),
        cooldown: limiter.cooldown.unwrap_or(DEFAULT.cooldown),
        block: limiter.block.unwrap_or(DEFAULT.block),
        block_all: matches!(limiter.block_scope, Some(BlockScope::All)),
        delay: limiter.delay.unwrap_or(DEFAULT.delay),
        ..DEFAULT
    };
    policy.global = (
        most(&limiter.global.max, DEFAULT.global.0, &mut complain),
        match &limiter.global.per {
            Some(per) => rolling(per, &mut complain),
            None => DEFAULT.global.1,
        },
    );
    policy.per_org = (
        most(&limiter.per_org.max, DEFAULT.per_org.0, &mut complain),
        match &limiter.per_org.per {
            Some(per) => window(per, &mut complain),
            None => DEFAULT.per_org.1,
        },
    );
    let written = ping.dead_after.as_ref().or(ping.late_after.as_ref());
    if let Some(written) = written
        && policy.dead_after < policy.late_after
    {
        let (dead, late) = (policy.dead_after, policy.late_after);
        complain(written.at, Problem::DeadBeforeLate { dead, late });
    }
    policy
}

type Complain<'a> = &'a mut dyn FnMut((usize, usize), Problem);

fn most(written: &Option<At<u32>>, default: u32, complain: Complain<'_>) -> u32 {
    written.as_ref().map_or(default, |max| {
        if max.value == 0 {
            complain(max.at, Problem::NotOne("max"));
        }
        max.value
    })
}

fn rolling(per: &At<Millis>, complain: Complain<'_>) -> Millis {
    if per.value == Millis::ZERO {
        complain(per.at, Problem::Zero("per"));
    }
    per.value
}

fn window(per: &At<RawPer>, complain: Complain<'_>) -> Per {
    match &per.value {
        RawPer::Rolling(length) => Per::Rolling(rolling(
            &At {
                value: *length,
                at: per.at,
            },
            complain,
        )),
        RawPer::Calendar(name) => match name.value.parse::<Zone>() {
            Ok(zone) => Per::Calendar(zone),
            Err(_) => {
                let names = Zone::names();
                let zone = name.value.clone();
                let nearest = nearest(&zone, names.iter().map(String::as_str));
                complain(name.at, Problem::UnknownZone { zone, nearest });
                DEFAULT.per_org.1
            }
        },
    }
}
