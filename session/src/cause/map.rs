//! From what happened to its cause: one total function for each kind of ending.
//!
//! The numbers are the ones that WhatsApp's server sends and that Baileys (`DisconnectReason`) and whatsmeow
//! (`events.ConnectFailureReason`) name. A code is compared as the text that came, so a code that is no number is
//! simply one that this table does not have.

use squall_protocol::Node;

use super::{Cause, Stage};
use crate::machine::{Closed, Refusal};

/// The cause of a `<stream:error>`. `paired_here` says whether a pair-success came on the same connection before it.
///
/// A `<conflict>` inside says more than the code beside it, as in whatsmeow: a connection that another one replaced is not
/// logged out, whatever the number.
pub fn stream_error(node: &Node, paired_here: bool) -> Cause {
    by_conflict(node)
        .or_else(|| by_code(node.get("code")?, paired_here))
        .unwrap_or(Cause::StreamError)
}

/// The cause of a `<failure>`, which comes instead of `<success>`.
pub fn failure(node: &Node, paired_here: bool) -> Cause {
    let reason = node.get("reason");
    by_conflict(node)
        .or_else(|| by_code(reason?, paired_here))
        .unwrap_or_else(|| Cause::LoginRefused {
            reason: reason.map(str::to_owned),
        })
}

/// The cause of an upgrade that was answered with this status instead of 101. It never logs out and never clears: the
/// status may be a proxy's.
pub fn http_status(status: u16) -> Cause {
    match status {
        429 => Cause::RateLimited,
        500 | 501 | 503 => Cause::ServiceUnavailable,
        _ => Cause::Refused,
    }
}

/// The cause of a link that never became a WebSocket.
pub fn refusal(refusal: &Refusal) -> Cause {
    match refusal {
        Refusal::Http { status, .. } => http_status(*status),
        Refusal::Connect(_) | Refusal::Upgrade(_) => Cause::Refused,
    }
}

/// The cause of a link that ended, having come so far.
pub fn closed(how: &Closed, stage: Stage) -> Cause {
    match how {
        Closed::Frame { .. } | Closed::Eof | Closed::Reset => Cause::ConnectionClosed { stage },
        Closed::InvalidFrame(_) | Closed::BadNode(_) => Cause::ProtocolError,
        Closed::BadMac => Cause::BadMac,
    }
}

/// What a `<conflict>` inside says, if there is one.
fn by_conflict(node: &Node) -> Option<Cause> {
    match node.find("conflict")?.get("type")? {
        "device_removed" => Some(Cause::LoggedOut),
        "replaced" => Some(Cause::Replaced),
        _ => None,
    }
}

/// The codes that mean the same in a `<stream:error>` and in a `<failure>`.
fn by_code(code: &str, paired_here: bool) -> Option<Cause> {
    Some(match code {
        "401" | "516" => Cause::LoggedOut,
        "402" => Cause::TemporaryBan,
        "403" => Cause::Forbidden,
        "405" => Cause::ClientOutdated,
        "429" => Cause::RateLimited,
        "440" => Cause::Replaced,
        "500" | "501" | "503" => Cause::ServiceUnavailable,
        "515" if paired_here => Cause::RestartRequired,
        "515" => Cause::RateLimited,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table again, as ranges over numbers, so that a slip in the one is not repeated in the other.
    fn expected(code: u16, paired_here: bool, other: Cause) -> Cause {
        let table: &[(&[u16], Cause)] = &[
            (&[401, 516], Cause::LoggedOut),
            (&[402], Cause::TemporaryBan),
            (&[403], Cause::Forbidden),
            (&[405], Cause::ClientOutdated),
            (&[429], Cause::RateLimited),
            (&[440], Cause::Replaced),
            (&[500, 501, 503], Cause::ServiceUnavailable),
        ];
        if code == 515 {
            return if paired_here {
                Cause::RestartRequired
            } else {
                Cause::RateLimited
            };
        }
        table
            .iter()
            .find(|(codes, _)| codes.contains(&code))
            .map_or(other, |(_, cause)| cause.clone())
    }

    #[test]
    fn every_stream_code_has_its_cause() {
        for code in 0..=599 {
            for paired_here in [false, true] {
                let node = Node::new("stream:error").attr("code", code);
                assert_eq!(
                    stream_error(&node, paired_here),
                    expected(code, paired_here, Cause::StreamError),
                    "{code}"
                );
            }
        }
    }

    #[test]
    fn every_failure_reason_has_its_cause() {
        for code in 0..=599 {
            for paired_here in [false, true] {
                let node = Node::new("failure").attr("reason", code);
                let other = Cause::LoginRefused {
                    reason: Some(code.to_string()),
                };
                assert_eq!(
                    failure(&node, paired_here),
                    expected(code, paired_here, other),
                    "{code}"
                );
            }
        }
    }

    #[test]
    fn every_http_status_has_its_cause() {
        for status in 100..=599 {
            let cause = match status {
                429 => Cause::RateLimited,
                500 | 501 | 503 => Cause::ServiceUnavailable,
                _ => Cause::Refused,
            };
            assert_eq!(http_status(status), cause, "{status}");
            assert_eq!(
                refusal(&Refusal::Http {
                    status,
                    retry_after: None
                }),
                cause,
                "{status}"
            );
        }
    }

    #[test]
    fn a_code_that_is_absent_or_no_number_is_any_other() {
        for paired_here in [false, true] {
            assert_eq!(
                stream_error(&Node::new("stream:error"), paired_here),
                Cause::StreamError
            );
            assert_eq!(
                failure(&Node::new("failure"), paired_here),
                Cause::LoginRefused { reason: None }
            );
            for text in [
                "",
                " 515",
                "515 ",
                "+515",
                "0515",
                "5.15e2",
                "-401",
                "restart",
                "99999999999999999999",
            ] {
                assert_eq!(
                    stream_error(&Node::new("stream:error").attr("code", text), paired_here),
                    Cause::StreamError,
                    "{text:?}"
                );
                assert_eq!(
                    failure(&Node::new("failure").attr("reason", text), paired_here),
                    Cause::LoginRefused {
                        reason: Some(text.to_owned())
                    },
                    "{text:?}"
                );
            }
        }
    }

    #[test]
    fn a_conflict_says_more_than_the_code_beside_it() {
        let conflict =
            |kind: &str| Node::new("stream:error").child(Node::new("conflict").attr("type", kind));
        for code in 0..=599 {
            let with = |kind| stream_error(&conflict(kind).attr("code", code), false);
            assert_eq!(with("device_removed"), Cause::LoggedOut, "{code}");
            assert_eq!(with("replaced"), Cause::Replaced, "{code}");
            let alone = Node::new("stream:error").attr("code", code);
            assert_eq!(with("other"), stream_error(&alone, false), "{code}");
        }
        assert_eq!(
            stream_error(&conflict("device_removed"), false),
            Cause::LoggedOut
        );
        assert_eq!(stream_error(&conflict("replaced"), false), Cause::Replaced);
        assert_eq!(stream_error(&conflict("other"), false), Cause::StreamError);
    }

    #[test]
    fn a_link_that_ends_keeps_how_far_it_had_come() {
        for stage in [
            Stage::Connect,
            Stage::Handshake,
            Stage::Login,
            Stage::Pairing,
            Stage::Open,
        ] {
            for how in [
                Closed::Eof,
                Closed::Reset,
                Closed::Frame {
                    code: None,
                    reason: String::new(),
                },
                Closed::Frame {
                    code: Some(1011),
                    reason: "gone".to_owned(),
                },
            ] {
                assert_eq!(closed(&how, stage), Cause::ConnectionClosed { stage });
            }
            assert_eq!(closed(&Closed::BadMac, stage), Cause::BadMac);
            assert_eq!(
                closed(&Closed::BadNode("x".to_owned()), stage),
                Cause::ProtocolError
            );
            assert_eq!(
                closed(&Closed::InvalidFrame("x".to_owned()), stage),
                Cause::ProtocolError
            );
        }
        assert_eq!(
            refusal(&Refusal::Connect("refused".to_owned())),
            Cause::Refused
        );
        assert_eq!(
            refusal(&Refusal::Upgrade("bad accept".to_owned())),
            Cause::Refused
        );
    }
}
