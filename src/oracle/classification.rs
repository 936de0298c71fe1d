//! The cause reported is the one that the first delivery which ends the connection implies, by the judges' own table.

use std::collections::BTreeMap;

use squall_protocol::{Instant, Millis};

use super::ending::{Ending, blocks, clears, fails};
use super::link::{Link, Links};
use super::{Findings, Oracle};
use crate::trace::{Ask, Entry, Event, Header, OrgName};
use crate::words::{Cause, OracleName, Stage};

/// Compares every disconnect with what was delivered, or with what else ended the session. Of a subject with a limiter
/// it also asks what follows: the failure, the block, the device set aside, the stage, the stanza kept.
#[derive(Debug)]
pub struct Classification {
    block: Millis,
    /// A subject without a limiter has nobody to tell consequences to.
    tells_consequences: bool,
    links: Links,
    orgs: BTreeMap<OrgName, Org>,
}

/// What may end a session without a delivery.
#[derive(Debug, Default)]
struct Org {
    stopped: Option<Instant>,
    revoked: bool,
    died: bool,
}

impl Classification {
    /// For the trace that begins with this header.
    pub fn new(header: &Header) -> Self {
        Self {
            block: header.policy.block,
            tells_consequences: header.claims.waits,
            links: Links::new(header),
            orgs: BTreeMap::new(),
        }
    }
}

/// What a subject said of an end.
struct Said {
    cause: Cause,
    stage: Option<Stage>,
    failure: bool,
    block: Millis,
    clear: bool,
}

impl Org {
    /// Nothing, or why a cause that no delivery implies cannot be this one.
    fn allows(&self, said: &Said, link: Option<&Link>) -> Result<(), String> {
        let possible = match said.cause {
            Cause::Stopped => self.stopped.is_some(),
            Cause::PermitRevoked => self.revoked,
            Cause::ProcessDied => self.died,
            Cause::ConnectionLost => link.is_some_and(|link| link.secured.is_some()),
            Cause::ConnectTimedOut => link.is_some_and(|link| link.stage() != Stage::Open),
            Cause::QrExpired => link.is_some_and(|link| link.qr_ends().is_some()),
            _ => false,
        };
        if possible {
            Ok(())
        } else {
            Err("nothing that implies it happened".to_owned())
        }
    }
}

/// Nothing, or why what was delivered implies something else.
fn fits(said: &Said, ending: &Ending) -> Result<(), String> {
    if said.cause == ending.cause {
        Ok(())
    } else {
        Err(format!(
            "the first thing to end it was {}, which is {}{}",
            ending.what,
            ending.cause,
            ending
                .raw
                .as_ref()
                .map_or(String::new(), |raw| format!(": {raw}"))
        ))
    }
}

/// Nothing, or what follows and was not told.
fn consequences(
    said: &Said,
    link: Option<&Link>,
    ending: Option<&Ending>,
    block: Millis,
) -> Result<(), String> {
    let cause = said.cause;
    if said.failure != fails(cause) {
        return Err(if said.failure {
            "it is no failure".to_owned()
        } else {
            "it is a failure".to_owned()
        });
    }
    if said.clear != clears(cause) {
        return Err(if said.clear {
            "it does not set the device aside".to_owned()
        } else {
            "it sets the device aside".to_owned()
        });
    }
    let right = blocks(
        cause,
        block,
        ending.map_or(Millis::ZERO, |ending| ending.stay_away),
    );
    if said.block != right {
        return Err(format!("it blocks for {right}, not for {}", said.block));
    }
    let stage = match cause {
        Cause::ConnectionClosed => ending.map(|ending| ending.stage),
        Cause::ConnectTimedOut => link.map(Link::stage),
        _ => None,
    };
    if let Some(stage) = stage
        && said.stage != Some(stage)
    {
        let said = said.stage.map_or("none", Stage::name);
        return Err(format!("its stage is {stage}, not {said}"));
    }
    Ok(())
}

impl Oracle for Classification {
    fn name(&self) -> OracleName {
        OracleName::Classification
    }

    fn observe(&mut self, entry: &Entry, findings: &mut Findings) {
        let now = self.links.own_time(entry);
        self.links.observe(entry, now);
        match &entry.event {
            Event::Request {
                org,
                ask: Ask::Stop,
            } if self.links.listens() => {
                self.orgs.entry(org.clone()).or_default().stopped = Some(now);
            }
            Event::Stopping => {
                let orgs = self.orgs.values_mut();
                orgs.for_each(|org| org.stopped = Some(now));
            }
            Event::PermitRevoked { org, .. } => {
                self.orgs.entry(org.clone()).or_default().revoked = true;
            }
            Event::Crashed { .. } | Event::Exited => {
                self.orgs.values_mut().for_each(|org| org.died = true);
            }
            Event::Verdict { org, .. } | Event::Dial { org, .. } => {
                self.orgs.entry(org.clone()).or_default();
            }
            Event::Disconnected {
                org,
                conn,
                cause,
                stage,
                failure,
                block,
                clear,
                raw,
                ..
            } => {
                let link = conn.and_then(|conn| self.links.take(conn));
                let ending = link.as_ref().and_then(|link| link.ending.as_ref());
                let said = Said {
                    cause: *cause,
                    stage: *stage,
                    failure: *failure,
                    block: block.unwrap_or(Millis::ZERO),
                    clear: *clear,
                };
                let before = std::mem::take(self.orgs.entry(org.clone()).or_default());
                let mut verdict = match ending {
                    Some(ending) => fits(&said, ending),
                    None => before.allows(&said, link.as_ref()),
                };
                if verdict.is_ok() && self.tells_consequences {
                    verdict = consequences(&said, link.as_ref(), ending, self.block);
                    let kept = ending.and_then(|ending| ending.raw.as_ref());
                    let must = *cause == Cause::StreamError;
                    if verdict.is_ok() && raw.as_ref() != kept && (must || raw.is_some()) {
                        verdict =
                            Err("the stanza kept is not the one that was delivered".to_owned());
                    }
                }
                findings.judged(self.name());
                if let Err(why) = verdict {
                    findings.say(self.name(), entry.at, Some(org), *conn, || {
                        format!("reported as {cause}: {why}")
                    });
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use squall_protocol::Node;

    use super::super::testing::Tape;
    use super::*;
    use crate::trace::{Message, Side};

    fn failure(reason: &str) -> Node {
        Node::new("failure").attr("reason", reason)
    }

    /// The last thing that the session said, changed.
    fn but(tape: &mut Tape, change: impl Fn(&mut Event)) {
        change(&mut tape.entries.last_mut().unwrap().event);
    }

    #[test]
    fn each_delivery_implies_its_cause() {
        let conflict = |kind: &str| Node::new("conflict").attr("type", kind);
        let error = || Node::new("stream:error");
        for (node, cause) in [
            (error().attr("code", 515), Cause::RateLimited),
            (error().attr("code", 429), Cause::RateLimited),
            (error().attr("code", 401), Cause::LoggedOut),
            (error().attr("code", 516), Cause::LoggedOut),
            (error().child(conflict("device_removed")), Cause::LoggedOut),
            (error().child(conflict("replaced")), Cause::Replaced),
            (error().attr("code", 440), Cause::Replaced),
            (error().attr("code", 403), Cause::Forbidden),
            (error().attr("code", 503), Cause::ServiceUnavailable),
            (error().attr("code", 777), Cause::StreamError),
            (error(), Cause::StreamError),
            (failure("405"), Cause::ClientOutdated),
            (failure("402"), Cause::TemporaryBan),
            (failure("409"), Cause::LoginRefused),
            (Node::new("failure"), Cause::LoginRefused),
            (Node::new("xmlstreamend"), Cause::ConnectionClosed),
        ] {
            let mut tape = Tape::new();
            tape.start().at(40_000).server_says(node);
            tape.disconnected(cause, Some(Stage::Open));
            tape.assert_clean(Classification::new);
        }
        for (message, cause) in [
            (Message::Eof, Cause::ConnectionClosed),
            (Message::Reset, Cause::ConnectionClosed),
            (Message::Malformed("opcode".into()), Cause::ProtocolError),
            (Message::Corrupt(Arc::new(Node::new("iq"))), Cause::BadMac),
            (
                Message::Handshake("bad_certificate".into()),
                Cause::HandshakeFailed,
            ),
        ] {
            let mut tape = Tape::new();
            tape.start().carried(Side::Server, &message);
            tape.disconnected(cause, Some(Stage::Open));
            tape.assert_clean(Classification::new);
        }
    }

    #[test]
    fn an_upgrade_refused_implies_a_cause_by_its_status() {
        for (status, cause) in [
            (429, Cause::RateLimited),
            (500, Cause::ServiceUnavailable),
            (503, Cause::ServiceUnavailable),
            (403, Cause::Refused),
            (302, Cause::Refused),
        ] {
            let mut tape = Tape::new();
            tape.granted(1).at(30_000).dial(1, 1, false);
            tape.upgrade(status, None).disconnected(cause, None);
            tape.assert_clean(Classification::new);
        }
    }

    #[test]
    fn another_cause_than_the_one_delivered_is_a_finding() {
        let mut tape = Tape::new();
        tape.start().stream_error("515").ended();
        tape.assert_says(
            Classification::new,
            &["reported as connection_closed: the first thing to end it was a stream error, which is rate_limited"],
        );
    }

    #[test]
    fn the_first_delivery_decides() {
        let mut tape = Tape::new();
        tape.start().stream_error("515").close();
        tape.disconnected(Cause::RateLimited, None);
        tape.assert_clean(Classification::new);
    }

    #[test]
    fn a_515_after_pair_success_is_the_restart_that_pairing_demands() {
        let mut tape = Tape::new();
        tape.pair();
        tape.assert_clean(Classification::new);
        let mut tape = Tape::new();
        tape.start()
            .stream_error("515")
            .disconnected(Cause::RestartRequired, None);
        tape.assert_says(Classification::new, &["which is rate_limited"]);
    }

    #[test]
    fn a_cause_that_nothing_implies_is_a_finding() {
        for cause in Cause::ALL {
            let mut tape = Tape::new();
            tape.start().at(40_000).disconnected(*cause, None);
            let findings = usize::from(*cause != Cause::ConnectionLost);
            assert_eq!(tape.judged(Classification::new).len(), findings, "{cause}");
        }
    }

    #[test]
    fn a_failure_not_told_or_invented_is_a_finding() {
        let mut tape = Tape::new();
        tape.start()
            .close()
            .disconnected(Cause::ConnectionClosed, Some(Stage::Open));
        but(&mut tape, |event| {
            if let Event::Disconnected { failure, .. } = event {
                *failure = false;
            }
        });
        tape.assert_says(Classification::new, &["it is a failure"]);
        tape.header.claims.waits = false;
        tape.assert_clean(Classification::new);
    }

    #[test]
    fn a_device_not_set_aside_is_a_finding() {
        let mut tape = Tape::new();
        tape.start()
            .stream_error("401")
            .disconnected(Cause::LoggedOut, None);
        but(&mut tape, |event| {
            if let Event::Disconnected { clear, .. } = event {
                *clear = false;
            }
        });
        tape.assert_says(Classification::new, &["it sets the device aside"]);
    }

    #[test]
    fn a_block_shorter_than_the_server_asks_is_a_finding() {
        let mut tape = Tape::new();
        tape.granted(1).at(30_000).dial(1, 1, false);
        tape.upgrade(429, Some("172800"));
        tape.disconnected(Cause::RateLimited, None);
        tape.assert_says(Classification::new, &["it blocks for 2d, not for 1d"]);
    }

    #[test]
    fn a_wrong_stage_is_a_finding() {
        let mut tape = Tape::new();
        tape.start_secured().close().ended();
        tape.assert_says(Classification::new, &["its stage is login, not open"]);
    }

    #[test]
    fn a_stream_error_whose_stanza_is_not_kept_is_a_finding() {
        let mut tape = Tape::new();
        tape.start()
            .stream_error("777")
            .disconnected(Cause::StreamError, None);
        tape.assert_clean(Classification::new);
        but(&mut tape, |event| {
            if let Event::Disconnected { raw, .. } = event {
                *raw = None;
            }
        });
        tape.assert_says(Classification::new, &["the stanza kept is not"]);
    }

    #[test]
    fn what_the_operator_the_limiter_and_the_process_end_is_called_so() {
        let mut tape = Tape::new();
        tape.start()
            .ask(Ask::Stop)
            .disconnected(Cause::Stopped, None);
        tape.granted(2).pass(31_000).revoked(2, true);
        tape.on(0).disconnected(Cause::PermitRevoked, None);
        tape.on(1).pass(8_000_000).start().crash().pass(5_000);
        tape.boot().disconnected(Cause::ProcessDied, None);
        tape.assert_clean(Classification::new);
    }
}
