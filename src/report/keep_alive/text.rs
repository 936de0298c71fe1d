//! The tables and the paragraph, for people.

use std::fmt::Write;

use super::super::table;
use super::machine::{self, Took};
use super::{a_day, bytes, paragraph, seconds};
use crate::keep_alive::study::Measured;
use crate::keep_alive::{Assumptions, Broken, Row, Study};

/// All of it; and what it takes of the machine, where that was measured.
pub fn report(study: &Study, took: Option<&[Took]>) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "What a session-hour costs over a healthy link:\n");
    out += &costs(study.rows.iter().filter(|row| !row.swept));
    let _ = writeln!(
        out,
        "\nHow long a broken connection is taken for a good one, over {} random phases (p50 / p99 / worst):\n",
        study.question.phases
    );
    out += &found(study.rows.iter().filter(|row| !row.swept));
    if study.rows.iter().any(|row| row.swept) {
        let _ = writeln!(
            out,
            "\nThe sweep, by the session's rules and without WebSocket Pings (* on the front of what costs least for what it finds):\n"
        );
        out += &sweep(study);
    }
    if let Some(took) = took {
        out += &machine::told(took);
    }
    let _ = writeln!(out, "\n{}", wrapped(&paragraph::answer(study)));
    let _ = writeln!(out, "\nAssumed, each to be set by its flag:");
    out += &assumed(&study.question.assumptions);
    out
}

fn costs<'a>(rows: impl Iterator<Item = &'a Row>) -> String {
    let head = [
        "policy",
        "measured",
        "frames",
        "WebSocket",
        "TLS 1.3",
        "TCP/IP",
        "a day",
        "wake-ups",
        "radio up",
        "radio energy",
        "battery a day",
    ];
    let rows = rows.map(|row| {
        let costs = &row.costs;
        let measured = match row.measured {
            Measured::Wire => "wire engine",
            Measured::Model => "model",
        };
        vec![
            row.policy.name.to_string(),
            measured.to_owned(),
            format!("{:.0}", costs.frames),
            bytes(costs.web_socket),
            bytes(costs.tls),
            bytes(costs.ip),
            bytes(costs.ip * 24.0),
            format!("{:.0}", costs.wakeups),
            format!("{:.0} s", costs.radio_on_s),
            format!("{:.0} J", costs.radio_j),
            format!("{:.1} %", costs.battery_day_percent),
        ]
    });
    table(&head, rows)
}

fn found<'a>(rows: impl Iterator<Item = &'a Row>) -> String {
    let head = [
        "policy",
        "silence",
        "half-open",
        "zombie",
        "first word of silence",
        "NAT",
        "false alarms a day",
    ];
    let rows = rows.map(|row| {
        let says = row.found.get(&Broken::Silence);
        vec![
            row.policy.name.to_string(),
            three(row, Broken::Silence),
            three(row, Broken::HalfOpen),
            three(row, Broken::Zombie),
            match says.and_then(|silence| silence.late.per_mille(1_000)) {
                Some(worst) => format!("by {}", seconds(Some(worst))),
                None => "none".to_owned(),
            },
            nat(row),
            a_day(row.false_alarms_per_day),
        ]
    });
    table(&head, rows)
}

fn sweep(study: &Study) -> String {
    let head = [
        "",
        "policy",
        "TCP/IP",
        "radio energy",
        "battery a day",
        "silence p50",
        "p99",
        "worst",
        "NAT",
        "false alarms a day",
    ];
    let front = study.front();
    let rows = study.rows.iter().enumerate().filter(|(_, row)| row.swept);
    let rows = rows.map(|(place, row)| {
        let silence = |of| seconds(row.dead(Broken::Silence, of));
        vec![
            if front.contains(&place) { "*" } else { "" }.to_owned(),
            row.policy.name.to_string(),
            bytes(row.costs.ip),
            format!("{:.0} J", row.costs.radio_j),
            format!("{:.1} %", row.costs.battery_day_percent),
            silence(500),
            silence(990),
            silence(1_000),
            nat(row),
            a_day(row.false_alarms_per_day),
        ]
    });
    table(&head, rows)
}

/// Half of them, 99 of 100, all.
fn three(row: &Row, broken: Broken) -> String {
    let found = [500, 990, 1_000].map(|of| row.dead(broken, of));
    match found {
        [None, ..] => "never".to_owned(),
        found => found.map(seconds).join(" / "),
    }
}

fn nat(row: &Row) -> String {
    match row.keeps_nat() {
        true => "kept awake".to_owned(),
        false => format!("lost, {}", seconds(row.dead(Broken::Nat, 1_000))),
    }
}

fn assumed(assumptions: &Assumptions) -> String {
    let Assumptions {
        latency,
        ip,
        delayed_ack,
        radio_tail,
        radio_tail_mw,
        radio_promotion,
        radio_promotion_mw,
        battery_mwh,
        nat_idle,
        kernel_gives_up,
        application_writes,
        zombie_speaks,
        stalls_every,
        stall,
        server_notices_within,
    } = assumptions;
    let lines = [
        format!("--latency {}..{}: one way", latency.0, latency.1),
        format!(
            "--ip {}: {} bytes a header",
            format!("{ip:?}").to_lowercase(),
            ip.header()
        ),
        format!(
            "--delayed-ack {delayed_ack}: then an acknowledgement goes alone (RFC 1122, 4.2.3.2; Linux)"
        ),
        format!(
            "--radio-tail {radio_tail} at --radio-tail-mw {radio_tail_mw}, --radio-promotion {radio_promotion} at --radio-promotion-mw {radio_promotion_mw}: LTE (Huang et al., MobiSys 2012)"
        ),
        format!("--battery-mwh {battery_mwh}: 4,000 mAh at 3.85 V"),
        format!(
            "--nat-idle {nat_idle}: a NAT forgets (RFC 5382, REQ-5: 2 h 4 min; Wang et al., SIGCOMM 2011: minutes)"
        ),
        format!("--kernel-gives-up {kernel_gives_up}: Linux, tcp_retries2 15"),
        format!("--application-writes {application_writes}: over a half-open link"),
        format!("--zombie-speaks {zombie_speaks}: other stanzas of a server that answers no IQ"),
        format!(
            "--stalls-every {stalls_every}, --stall {}..{}: a slow link (no public source)",
            stall.0, stall.1
        ),
        format!("--notice-within {server_notices_within}: what a server asks for"),
    ];
    lines.map(|line| format!("  {line}\n")).concat()
}

/// Lines of at most 118 characters.
fn wrapped(text: &str) -> String {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let last = lines.last_mut().expect("there is a line");
        if last.is_empty() {
            last.push_str(word);
        } else if last.chars().count() + 1 + word.chars().count() > 118 {
            lines.push(word.to_owned());
        } else {
            last.push(' ');
            last.push_str(word);
        }
    }
    lines.join("\n")
}
