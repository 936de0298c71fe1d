//! What is worth a line, in words.

use squall_protocol::{Instant, Millis};

use super::clock::Stamp;
use super::counted::counted;
use crate::trace::{ConnectionId, Event, Message, OrgName, Remembered, Side};

/// An event that is no message, in words.
pub(in crate::trace) fn event(event: &Event, at: Instant, stamp: &Stamp) -> String {
    match event {
        Event::PermitRevoked {
            attempt, blocked, ..
        } => {
            let why = if *blocked { "blocked" } else { "too late" };
            format!("permit of attempt {attempt} revoked: {why}")
        }
        Event::Withdrawn { attempt, .. } => format!("attempt {attempt} given back"),
        Event::ConnectRefused { conn } => format!("{conn}: refused"),
        Event::Unanswered { conn } => format!("{conn}: no answer; the dial is given up"),
        Event::Released { conn, by } => match by {
            Side::Client => format!("{conn}: link dropped by the client"),
            Side::Server => format!("{conn}: link dropped by the server"),
        },
        Event::Qr { nth, .. } => format!("shows QR code {nth}"),
        Event::Disconnected {
            conn,
            cause,
            stage,
            failure,
            block,
            clear,
            detail,
            ..
        } => {
            let mut said = format!("disconnected: {cause}");
            if let Some(block) = block {
                said += &format!(", blocked until {}", stamp.wall(at, *block));
            }
            if *failure {
                said += ", a failure";
            }
            if *clear {
                said += ", device set aside";
            }
            let mut facts = Vec::new();
            facts.extend(conn.map(|conn| conn.to_string()));
            facts.extend(stage.map(|stage| format!("stage {stage}")));
            if !detail.is_empty() {
                facts.push(detail.clone());
            }
            if !facts.is_empty() {
                said += &format!(" ({})", facts.join("; "));
            }
            said
        }
        Event::Alert { kind, messages, .. } => match messages {
            None => format!("alert: {kind}"),
            Some(count) => {
                format!(
                    "alert: {kind}, {} so far",
                    counted(*count, "message", "messages")
                )
            }
        },
        Event::Left { timers, .. } => {
            let timers: Vec<_> = timers.iter().map(ToString::to_string).collect();
            format!(
                "at rest, and still armed: a timer in {}",
                timers.join(", in ")
            )
        }
        Event::PhoneScanned { .. } => "the phone scans the QR code".to_owned(),
        Event::ScanRefused { .. } => {
            "the phone scans a QR code that is good for nothing any more".to_owned()
        }
        Event::Revoked { .. } => "the server revokes the device".to_owned(),
        Event::Penalty { conn, .. } => match conn {
            Some(conn) => format!("the guard punishes the account ({conn})"),
            None => "the guard punishes the account".to_owned(),
        },
        Event::UnknownStanza { conn, kind } => {
            format!("{conn}: the server does not know {kind}")
        }
        Event::FaultOn { kind, once, .. } => {
            let how = if *once { "once" } else { "on" };
            format!("fault {kind}: {how}")
        }
        Event::FaultActed { fault, kind, conn } => {
            format!("{conn}: fault {kind} acts (step {})", fault.step)
        }
        Event::FaultOff { kind, .. } => format!("fault {kind}: off"),
        Event::Booted => "boots".to_owned(),
        Event::LedgerRead { remembered } => {
            let orgs: Vec<_> = remembered.iter().map(remembers).collect();
            format!("its store remembers {}", orgs.join("; "))
        }
        Event::RefusedToStart { why } => format!("refuses to start: {why}"),
        Event::StartedTwice { refused: Some(why) } => {
            format!("another one is started, and refuses: {why}")
        }
        Event::StartedTwice { refused: None } => {
            "another one is started beside it, and runs as well".to_owned()
        }
        Event::Stopping => "asked to end".to_owned(),
        Event::Exited => "ends in order".to_owned(),
        Event::Crashed { store } => format!("killed; its store is {store}"),
        Event::Suspended => "suspended".to_owned(),
        Event::Resumed => "resumed".to_owned(),
        Event::Paused => "paused".to_owned(),
        Event::Continued => "goes on".to_owned(),
        Event::ClockStepped { by } => {
            let way = if *by < 0 { "back" } else { "ahead" };
            let by = Millis::new(by.unsigned_abs());
            format!(
                "its wall clock is set {way} by {by}, to {}",
                stamp.wall(at, Millis::ZERO)
            )
        }
        Event::ServerDown => "goes down".to_owned(),
        Event::ServerUp => "is back".to_owned(),
        Event::SecretFound { key, place } => format!("written out: {key}, in {place}"),
        Event::End => "the run ends".to_owned(),
        // The others are told where they are folded.
        Event::Request { .. }
        | Event::Verdict { .. }
        | Event::PermitSpent { .. }
        | Event::Dial { .. }
        | Event::Accepted { .. }
        | Event::Sent { .. }
        | Event::Delivered { .. }
        | Event::State { .. }
        | Event::Shown { .. }
        | Event::KeepAliveOk { .. }
        | Event::KeepAliveLate { .. }
        | Event::KeepAliveRecovered { .. }
        | Event::Login { .. }
        | Event::LoginFailed { .. }
        | Event::PairSuccess { .. } => String::new(),
    }
}

/// What a store remembers of an organization, in words.
fn remembers((org, what): (&OrgName, &Remembered)) -> String {
    let attempts = what
        .attempts
        .iter()
        .map(|(number, age)| format!("attempt {number} of {age} ago"));
    let failed = what.failed.map(|age| format!("a failure of {age} ago"));
    let blocked = what.blocked.map(|left| format!("a block for {left} more"));
    let all: Vec<_> = attempts.chain(failed).chain(blocked).collect();
    format!("of org {org} {}", all.join(", "))
}

/// A message that is no routine, as the client sent or received it; `None` where it is told by what follows.
pub(in crate::trace) fn message(
    conn: ConnectionId,
    message: &Message,
    sent: bool,
) -> Option<String> {
    let said = match message {
        Message::UpgradeRequest => return None,
        // That the client let go of its link is told so.
        Message::Eof | Message::Reset if sent => return None,
        Message::UpgradeResponse {
            status,
            retry_after,
            valid,
        } => match (retry_after, valid) {
            (Some(after), _) => format!("upgrade refused: {status}, Retry-After {after}"),
            (None, false) if *status == 101 => {
                "upgrade answered with a wrong Sec-WebSocket-Accept".to_owned()
            }
            (None, _) => format!("upgrade refused: {status}"),
        },
        Message::Handshake(name) => name.to_string(),
        Message::Stanza(node) => {
            if let Some(device) = node.find("pair-device") {
                format!("asked to pair, {} QR codes", device.children().len())
            } else if node.find("pair-success").is_some() {
                "pair-success".to_owned()
            } else {
                node.to_string()
            }
        }
        Message::Corrupt(_) => "a frame that does not authenticate".to_owned(),
        Message::Ping(payload) => format!("WebSocket Ping, {} bytes", payload.len()),
        Message::Pong(payload) => format!("WebSocket Pong to no ping, {} bytes", payload.len()),
        Message::Close { code, reason } => {
            let mut said = String::from("close frame");
            if let Some(code) = code {
                said += &format!(" {code}");
            }
            if !reason.is_empty() {
                said += &format!(" {reason:?}");
            }
            said
        }
        Message::Malformed(kind) => format!("an invalid WebSocket frame: {kind}"),
        Message::Eof => "the stream ended".to_owned(),
        Message::Reset => "the connection was reset".to_owned(),
    };
    Some(if sent {
        format!("{conn}: client sends {said}")
    } else {
        format!("{conn}: {said}")
    })
}
