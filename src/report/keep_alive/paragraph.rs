//! The paragraph that answers whoever has to choose, from the study's own numbers.

use squall_protocol::Millis;

use super::{a_day, bytes, seconds};
use crate::keep_alive::policy::Silence;
use crate::keep_alive::{Broken, Row, Study};

/// What the session's policy costs and buys, and which interval would be taken for a phone and for a server.
pub fn answer(study: &Study) -> String {
    let mut sentences: Vec<String> = Vec::new();
    if let Some(session) = study.row("session") {
        sentences.push(costs(session));
        sentences.push(finds(session));
        let others = study.rows.iter().filter(|row| !row.swept);
        let others = others.filter(|row| row.policy.name != session.policy.name);
        sentences.extend(others.map(|other| compared(session, other)));
    }
    sentences.push(phone(study));
    sentences.push(server(study));
    sentences.join(" ")
}

fn costs(session: &Row) -> String {
    let costs = &session.costs;
    format!(
        "The session's policy, an IQ ping every {} and a WebSocket Ping every {}, costs {:.0} frames an hour: {} of WebSocket, \
         {} of TLS records and {} with TCP and IP, which is {} a day; {:.0} wake-ups an hour, and on LTE a radio that is up \
         for {:.0} % of the time, {:.1} % of a phone's battery a day.",
        session.policy.ping.every.0,
        session.policy.web_socket_ping.unwrap_or(Millis::ZERO),
        costs.frames,
        bytes(costs.web_socket),
        bytes(costs.tls),
        bytes(costs.ip),
        bytes(costs.ip * 24.0),
        costs.wakeups,
        costs.radio_on_s / 36.0,
        costs.battery_day_percent,
    )
}

fn finds(session: &Row) -> String {
    format!(
        "For that it finds silence within {} (p50 {}, p99 {}), a half-open link within {} and a zombie within {}, with {}.",
        seconds(session.dead(Broken::Silence, 1_000)),
        seconds(session.dead(Broken::Silence, 500)),
        seconds(session.dead(Broken::Silence, 990)),
        seconds(session.dead(Broken::HalfOpen, 1_000)),
        seconds(session.dead(Broken::Zombie, 1_000)),
        alarms(session),
    )
}

fn compared(session: &Row, other: &Row) -> String {
    let zombie = match other.dead(Broken::Zombie, 1_000) {
        Some(found) => format!("a zombie within {}", seconds(Some(found))),
        None => "a zombie never".to_owned(),
    };
    let share = (session.costs.ip / other.costs.ip - 1.0) * 100.0;
    let price = match share {
        share if share >= 0.5 => format!("{share:.0} % more bytes than"),
        share if share <= -0.5 => format!("{:.0} % fewer bytes than", -share),
        _ => "as many bytes as".to_owned(),
    };
    format!(
        "It takes {price} {}, which finds silence within {} (p99 {}) and {zombie}, with {}.",
        other.policy.name,
        seconds(other.dead(Broken::Silence, 1_000)),
        seconds(other.dead(Broken::Silence, 990)),
        alarms(other),
    )
}

fn alarms(row: &Row) -> String {
    match row.false_alarms_per_day {
        0.0 => "no good connection given up over the slow link".to_owned(),
        many => format!(
            "{} good connections a day given up over the slow link",
            a_day(many)
        ),
    }
}

fn phone(study: &Study) -> String {
    let assumptions = &study.question.assumptions;
    let assumed = format!(
        "a NAT that forgets after {}, an LTE radio that stays up for {} after each packet, and a link that stalls for up to {}",
        assumptions.nat_idle, assumptions.radio_tail, assumptions.stall.1
    );
    match study.for_a_phone() {
        Some(row) => format!(
            "For a phone on mobile data, on the assumption of {assumed}, the least radio energy that keeps the connection is an IQ \
             ping every {}{}: {:.1} % of the battery a day, and silence is found within {}.",
            row.policy.ping.every.0,
            patience(row),
            row.costs.battery_day_percent,
            seconds(row.dead(Broken::Silence, 1_000)),
        ),
        None => format!(
            "For a phone on mobile data no interval of the sweep is safe on the assumption of {assumed}."
        ),
    }
}

/// When a policy of the sweep gives up, as what is said next of its pings.
fn patience(row: &Row) -> String {
    match row.policy.silence {
        Some(Silence::AfterPing(after)) => format!(" and the end after {after} of silence"),
        _ => String::new(),
    }
}

fn server(study: &Study) -> String {
    let within = study.question.assumptions.server_notices_within;
    match study.for_a_server() {
        Some(row) => format!(
            "For a server, where bytes are all that is paid and silence is to be known within {within}, it is one every {}{}: {} a \
             day over IP, and silence is found within {}.",
            row.policy.ping.every.0,
            patience(row),
            bytes(row.costs.ip * 24.0),
            seconds(row.dead(Broken::Silence, 1_000)),
        ),
        None => format!(
            "For a server no interval of the sweep is safe and finds silence within {within}."
        ),
    }
}
