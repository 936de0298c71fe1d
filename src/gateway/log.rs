//! What an operator reads: a line for each change, with whose it is, why, and what follows. No line holds a secret.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;

use jiff::Timestamp;
use serde_json::{Value, json};
use squall_protocol::{Millis, Now};
use squall_session::gateway::{
    Denied, Granted, Limits, Listener, NoQr, NoSuchOrganization, Operator, Standing,
};
use squall_session::limiter::Found;
use squall_session::machine::{Alert, Disconnected};
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

    /// What hears the sessions.
    pub(super) fn listener(self) -> Listener {
        Box::new(move |now, org, event| self.hear(now, org, event))
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

    pub(super) fn ended(&self, at: Timestamp) {
        self.line(at, None, "stopped", "every session was ended", json!({}));
    }

    fn hear(&self, now: Now, org: &OrgId, event: &Event) {
        let at = now.wall;
        match event {
            Event::State(state) => {
                let more = json!({ "state": state.name() });
                self.line(at, Some(org), "state", state.name(), more);
            }
            Event::Qr(_) => {
                let what = "shows a QR code: GET /api/qr";
                self.line(at, Some(org), "qr", what, json!({}));
            }
            Event::Device(device) => {
                let what = if device.is_paired() {
                    "paired"
                } else {
                    "has new keys"
                };
                self.line(
                    at,
                    Some(org),
                    "device",
                    what,
                    json!({ "paired": device.is_paired() }),
                );
            }
            Event::Disconnected(ended) => self.disconnected(now, org, ended),
            Event::KeepAliveOk(after) => {
                let what = format!("keep-alive ok ({after})");
                let more = json!({ "after_ms": after.get() });
                self.line(at, Some(org), "keep_alive_ok", &what, more);
            }
            Event::KeepAliveLate => {
                self.line(
                    at,
                    Some(org),
                    "keep_alive_late",
                    "keep-alive is late",
                    json!({}),
                );
            }
            Event::KeepAliveRecovered => {
                let what = "keep-alive has recovered";
                self.line(at, Some(org), "keep_alive_recovered", what, json!({}));
            }
            Event::Alert(alert) => {
                let what = match alert {
                    Alert::Undecryptable(count) => {
                        format!("ALERT: {}: {count} messages so far", alert.name())
                    }
                    alert => format!("ALERT: {}", alert.name()),
                };
                self.line(
                    at,
                    Some(org),
                    "alert",
                    &what,
                    json!({ "alert": alert.name() }),
                );
            }
        }
    }

    fn disconnected(&self, now: Now, org: &OrgId, ended: &Disconnected) {
        let cause = ended.cause.name();
        let mut what = match ended.detail.as_str() {
            "" => format!("disconnected: {cause}"),
            detail => format!("disconnected: {cause} ({})", plain(detail)),
        };
        let blocked_until = ended.then.block.map(|length| later(now.wall, length));
        if let Some(until) = blocked_until {
            what += &format!("; BLOCKED until {until}");
        }
        if ended.then.clear {
            what += "; its device was moved aside, and the next start pairs by QR";
        }
        what += match ended.handoff {
            true => "; pairing asks for one more login, which follows",
            false => "; it stays so until an operator starts it",
        };
        let more = json!({
            "attempt": ended.attempt.0,
            "cause": cause,
            "detail": ended.detail,
            "handoff": ended.handoff,
            "failure": ended.then.failure,
            "cleared": ended.then.clear,
            "blocked_until": blocked_until,
        });
        self.line(now.wall, Some(org), "disconnected", &what, more);
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

/// On one line, whatever a server wrote into it.
fn plain(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

fn later(now: Timestamp, length: Millis) -> Timestamp {
    now.saturating_add(length.to_duration())
        .unwrap_or(Timestamp::MAX)
}

/// An operator whose starts and stops are told.
pub(super) struct Logged<O> {
    operator: O,
    log: Log,
}

impl<O: Operator> Logged<O> {
    pub(super) fn new(operator: O, log: Log) -> Self {
        Self { operator, log }
    }

    fn told(&self, org: &OrgId, answer: &Result<Granted, Denied>) {
        let at = self.operator.now();
        match answer {
            Ok(Granted {
                attempt, dial_at, ..
            }) => {
                let what = format!("start admitted: {attempt} dials at {dial_at}");
                let more = json!({ "attempt": attempt.0, "dial_at": dial_at });
                self.log.line(at, Some(org), "admitted", &what, more);
            }
            Err(Denied::Limiter {
                cause,
                also,
                retry_at,
            }) => {
                let mut what = format!("start refused: {}", cause.name());
                if let Some(retry_at) = retry_at {
                    what += &format!(", retry at {retry_at}");
                }
                let more = json!({ "cause": cause.name(), "also": also, "retry_at": retry_at });
                self.log.line(at, Some(org), "denied", &what, more);
            }
            Err(Denied::Closing) => {
                let what = "start refused: the gateway is about to end";
                self.log
                    .line(at, Some(org), "denied", what, json!({ "cause": "closing" }));
            }
        }
    }
}

impl<O: Operator> Operator for Logged<O> {
    fn start(&self, org: &OrgId) -> Result<Granted, Denied> {
        let answer = self.operator.start(org);
        self.told(org, &answer);
        answer
    }

    fn stop(&self, org: &OrgId) -> Result<(), NoSuchOrganization> {
        let answer = self.operator.stop(org);
        if answer.is_ok() {
            let at = self.operator.now();
            self.log
                .line(at, Some(org), "stop_asked", "stop asked for", json!({}));
        }
        answer
    }

    fn standing(&self, org: &OrgId) -> Result<Standing, NoSuchOrganization> {
        self.operator.standing(org)
    }

    fn standings(&self) -> Vec<Standing> {
        self.operator.standings()
    }

    fn qr(&self, org: &OrgId) -> Result<String, NoQr> {
        self.operator.qr(org)
    }

    fn limits(&self, org: Option<&OrgId>) -> Result<Limits, StoreError> {
        self.operator.limits(org)
    }

    fn now(&self) -> Timestamp {
        self.operator.now()
    }

    fn after(&self, length: Millis) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        self.operator.after(length)
    }
}
