//! The study's tables and its assumptions, as words in rows: what text and a page both show.

use serde::Serialize;

use super::machine::{self, Took};
use super::{a_day, bytes, seconds};
use crate::keep_alive::study::Measured;
use crate::keep_alive::{Assumptions, Broken, Row, Study};

/// A table. The first column names what a row is about.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Table {
    /// What it is a table of, a sentence without an end.
    pub(super) about: String,
    /// The names of its columns.
    pub(super) head: Vec<&'static str>,
    /// Its rows.
    pub(super) rows: Vec<Vec<String>>,
}

/// All of them; and what it takes of the machine, where that was measured.
pub(super) fn tables(study: &Study, took: Option<&[Took]>) -> Vec<Table> {
    let mut tables = vec![costs(study), found(study)];
    if study.rows.iter().any(|row| row.swept) {
        tables.push(sweep(study));
    }
    tables.extend(took.map(machine::table));
    tables
}

fn published(study: &Study) -> impl Iterator<Item = &Row> {
    study.rows.iter().filter(|row| !row.swept)
}

fn costs(study: &Study) -> Table {
    let rows = published(study).map(|row| {
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
    Table {
        about: "What a session-hour costs over a healthy link".to_owned(),
        head: vec![
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
        ],
        rows: rows.collect(),
    }
}

fn found(study: &Study) -> Table {
    let rows = published(study).map(|row| {
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
    Table {
        about: format!(
            "How long a broken connection is taken for a good one, over {} random phases (p50 / p99 / worst)",
            study.question.phases
        ),
        head: vec![
            "policy",
            "silence",
            "half-open",
            "zombie",
            "first word of silence",
            "NAT",
            "false alarms a day",
        ],
        rows: rows.collect(),
    }
}

fn sweep(study: &Study) -> Table {
    let front = study.front();
    let rows = study.rows.iter().enumerate().filter(|(_, row)| row.swept);
    let rows = rows.map(|(place, row)| {
        let silence = |of| seconds(row.dead(Broken::Silence, of));
        vec![
            row.policy.name.to_string(),
            if front.contains(&place) { "*" } else { "" }.to_owned(),
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
    Table {
        about: "The sweep, by the session's rules and without WebSocket Pings (* on the front of what costs least for what it finds)"
            .to_owned(),
        head: vec![
            "policy",
            "*",
            "TCP/IP",
            "radio energy",
            "battery a day",
            "silence p50",
            "p99",
            "worst",
            "NAT",
            "false alarms a day",
        ],
        rows: rows.collect(),
    }
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

/// What is assumed: the flags that set it, as they stand, and what that is.
pub(super) fn assumed(assumptions: &Assumptions) -> Vec<(String, String)> {
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
    let version = format!("{ip:?}").to_lowercase();
    [
        (format!("--latency {}..{}", latency.0, latency.1), "one way".to_owned()),
        (format!("--ip {version}"), format!("{} bytes a header", ip.header())),
        (
            format!("--delayed-ack {delayed_ack}"),
            "then an acknowledgement goes alone (RFC 1122, 4.2.3.2; Linux)".to_owned(),
        ),
        (
            format!(
                "--radio-tail {radio_tail} at --radio-tail-mw {radio_tail_mw}, --radio-promotion {radio_promotion} at --radio-promotion-mw {radio_promotion_mw}"
            ),
            "LTE (Huang et al., MobiSys 2012)".to_owned(),
        ),
        (format!("--battery-mwh {battery_mwh}"), "4,000 mAh at 3.85 V".to_owned()),
        (
            format!("--nat-idle {nat_idle}"),
            "a NAT forgets (RFC 5382, REQ-5: 2 h 4 min; Wang et al., SIGCOMM 2011: minutes)".to_owned(),
        ),
        (format!("--kernel-gives-up {kernel_gives_up}"), "Linux, tcp_retries2 15".to_owned()),
        (format!("--application-writes {application_writes}"), "over a half-open link".to_owned()),
        (
            format!("--zombie-speaks {zombie_speaks}"),
            "other stanzas of a server that answers no IQ".to_owned(),
        ),
        (
            format!("--stalls-every {stalls_every}, --stall {}..{}", stall.0, stall.1),
            "a slow link (no public source)".to_owned(),
        ),
        (format!("--notice-within {server_notices_within}"), "what a server asks for".to_owned()),
    ]
    .into()
}
