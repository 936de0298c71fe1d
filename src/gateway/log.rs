//! What an operator reads: a line for each change, with whose it is, why, and what follows. No line holds a secret.

use std::net::SocketAddr;

use jiff::Timestamp;
use serde_json::{Value, json};
use squall_protocol::Now;
use squall_session::gateway::{Ended, Listener, Notice};
use squall_session::limiter::Found;
use squall_session::store::StoreError;
use squall_session::{Event, OrgId};

use super::Tell;
use crate::scenario::LogForm;

/// Where lines go, and in which form.
#[derive(Clone)]
pub(super) struct Log {
    form: LogForm,
    tell: Tell,
}

impl Log {
    pub(super) fn new(form: LogForm, tell: Tell) -> Self {
        Self { form, tell }
    }

    pub(super) fn booted(&self, at: Timestamp, address: SocketAddr, found: &Found) {
        let url = format!("http://{address}");
        self.line(at, None, "listening", &url, json!({ "url": url }));
        for (org, attempt) in &found.cut_short {
            let what = format!(
                "{attempt} was cut short by the death of the process before; it counts as a failure"
            );
            let more = json!({ "attempt": attempt.0, "cause": "process_died" });
            self.line(at, Some(org), "disconnected", &what, more);
        }
        if let Some(ahead) = found.jumped {
            let what =
                format!("ALERT: the wall clock is {ahead} ahead of what the store remembers");
            let more = json!({ "alert": "clock_jump", "ahead_ms": ahead.get() });
            self.line(at, None, "alert", &what, more);
        }
    }

    pub(super) fn ended(&self, at: Timestamp, unwritten: Option<&StoreError>) {
        let what = match unwritten {
            None => "every session was ended".to_owned(),
            Some(why) => format!(
                "every session was ended; ALERT: {why}, and what it had not taken is lost with this process"
            ),
        };
        let more = json!({ "lost_by_store": unwritten.map(ToString::to_string) });
        self.line(at, None, "stopped", &what, more);
    }

    fn notice(&self, at: Timestamp, org: &OrgId, notice: &Notice) {
        let more = serde_json::to_value(notice).unwrap_or_default();
        let event = more["event"].as_str().unwrap_or_default().to_owned();
        self.line(at, Some(org), &event, &said(notice), more);
    }

    fn line(&self, at: Timestamp, org: Option<&OrgId>, event: &str, what: &str, more: Value) {
        let line = match self.form {
            LogForm::Text => match org {
                Some(org) => format!("{at}  org {}  {what}", plain(org.as_str())),
                None => format!("{at}  {event}: {what}"),
            },
            LogForm::Json => {
                let mut line = json!({ "at": at, "event": event });
                if let Some(org) = org {
                    line["organization_id"] = org.as_str().into();
                }
                if let (Value::Object(line), Value::Object(more)) = (&mut line, more) {
                    line.extend(more);
                }
                line.to_string()
            }
        };
        (self.tell)(&line);
    }
}

impl Listener for Log {
    fn event(&self, now: Now, org: &OrgId, event: &Event) {
        self.notice(now.wall, org, &Notice::of(now, event));
    }

    fn asked(&self, at: Timestamp, org: &OrgId, notice: &Notice) {
        self.notice(at, org, notice);
    }

    fn store(&self, now: Now, org: &OrgId, notice: &Notice) {
        self.notice(now.wall, org, notice);
    }
}

/// In words, on one line.
fn said(notice: &Notice) -> String {
    match notice {
        Notice::Admitted { attempt, dial_at } => {
            format!("start admitted: {attempt} dials at {dial_at}")
        }
        Notice::Denied {
            cause, retry_at, ..
        } => {
            let until = retry_at.map(|retry_at| format!(", retry at {retry_at}"));
            format!("start refused: {cause}{}", until.unwrap_or_default())
        }
        Notice::StopAsked => "stop asked for".to_owned(),
        Notice::State { state } => state.name().to_owned(),
        Notice::Qr => "shows a QR code: GET /api/qr".to_owned(),
        Notice::Device { paired: true } => "paired".to_owned(),
        Notice::Device { paired: false } => "has new keys".to_owned(),
        Notice::Disconnected(ended) => disconnected(ended),
        Notice::KeepAliveOk { after_ms } => format!("keep-alive ok (ws: {after_ms} ms)"),
        Notice::KeepAliveLate => "keep-alive is late".to_owned(),
        Notice::KeepAliveRecovered => "keep-alive has recovered".to_owned(),
        Notice::StoreFails { why } => format!(
            "ALERT: {}; nothing is admitted, and what happens is kept in memory and tried again every second",
            plain(why)
        ),
        Notice::StoreWorks => "the store works again, and has everything that was kept".to_owned(),
        Notice::Alert { alert, messages } => {
            let so_far = messages.map(|messages| format!(": {messages} messages so far"));
            format!("ALERT: {alert}{}", so_far.unwrap_or_default())
        }
    }
}

/// A block first: nobody may overlook it.
fn disconnected(ended: &Ended) -> String {
    let mut what = String::new();
    if let Some(until) = ended.blocked_until {
        let why = ended.code.as_deref().unwrap_or(ended.cause);
        what += &format!("{}: blocked until {until}; ", plain(why));
    }
    what += &format!("disconnected: {}{}", ended.cause, ended.more);
    if !ended.detail.is_empty() {
        what += &format!(" ({})", plain(&ended.detail));
    }
    if ended.blocked_until.is_none()
        && let Some(raw) = &ended.raw
    {
        what += &format!(" by {}", plain(raw));
    }
    if ended.cleared {
        what += "; its device was moved aside, and the next start pairs by QR";
    }
    what += match ended.handoff {
        true => "; pairing asks for one more login, which follows",
        false => "; it stays so until an operator starts it",
    };
    what
}

/// On one line, whatever a server wrote into it.
fn plain(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}
