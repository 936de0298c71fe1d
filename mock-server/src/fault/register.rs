//! The register: one line makes a fault known to scenarios, to the schema, to the list of faults and to the server.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{EngineKind, Fault, Layer};

/// What the list of faults says of one.
#[derive(Clone, Copy, Debug)]
pub struct FaultInfo {
    /// Its name in YAML.
    pub name: &'static str,
    /// Where it acts.
    pub layer: Layer,
    /// Which engines execute it.
    pub engines: &'static [EngineKind],
    /// What it does, in a line.
    pub doc: &'static str,
}

/// Needs real messages.
const BYTES: &[EngineKind] = &[EngineKind::Wire, EngineKind::Live];
/// Needs a kernel that answers a dial as it is told.
const MEMORY: &[EngineKind] = &[EngineKind::Wire];
/// Is a matter of the server machine alone, so an engine without bytes can have it too, once there is one.
const MACHINE: &[EngineKind] = &[EngineKind::Wire, EngineKind::Live];

macro_rules! register {
    ($($name:literal $fault:ident $layer:ident $engines:ident $doc:literal;)+) => {
        /// A fault with its parameters, as a scenario writes it.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields)]
        pub enum FaultSpec {
            $(#[doc = $doc] #[serde(rename = $name)] $fault(super::$fault),)+
        }

        /// Every fault, layer by layer.
        pub const REGISTER: &[FaultInfo] = &[
            $(FaultInfo { name: $name, layer: Layer::$layer, engines: $engines, doc: $doc },)+
        ];

        impl FaultSpec {
            /// Its line of the register.
            pub const fn info(&self) -> FaultInfo {
                match self {
                    $(Self::$fault(_) => FaultInfo { name: $name, layer: Layer::$layer, engines: $engines, doc: $doc },)+
                }
            }

            /// Its behaviour.
            pub fn behaviour(&self) -> &dyn Fault {
                match self { $(Self::$fault(fault) => fault,)+ }
            }
        }

        $(impl From<super::$fault> for FaultSpec {
            fn from(fault: super::$fault) -> Self {
                Self::$fault(fault)
            }
        })+
    };
}

register! {
    "latency" Latency Link BYTES "Each message takes longer, by `base` and a drawn part of `jitter`.";
    "blackhole" Blackhole Link BYTES "Messages are kept back in silence; the connection stays up.";
    "bandwidth" Bandwidth Link BYTES "The line takes so many bytes a second; messages queue for it.";
    "slice" Slice Link BYTES "The reader gets each message in pieces, with a gap between them.";
    "partition" Partition Link BYTES "There is no route: messages are kept back, and dials get no answer.";
    "flap" Flap Link BYTES "The network goes down and up again, over and over.";
    "idle_timeout" IdleTimeout Link BYTES "A NAT forgets a connection that was idle for too long.";
    "cut_after" CutAfter Link BYTES "The transport is reset after so many bytes, or so long.";
    "reset" Reset Link BYTES "The transport is reset.";
    "refuse_connect" RefuseConnect Link MEMORY "A dial finds nobody listening.";
    "refuse_upgrade" RefuseUpgrade Upgrade BYTES "The upgrade is answered with an HTTP status other than 101.";
    "bad_accept" BadAccept Upgrade BYTES "The upgrade is answered with 101 and a wrong Sec-WebSocket-Accept.";
    "stall_upgrade" StallUpgrade Upgrade BYTES "The upgrade is never answered.";
    "close" Close WebSocket BYTES "The server sends a close frame.";
    "eof" Eof WebSocket BYTES "The server ends the stream without a close frame.";
    "delay_pong" DelayPong WebSocket BYTES "WebSocket pongs come late.";
    "withhold_pong" WithholdPong WebSocket BYTES "WebSocket pongs never come.";
    "wrong_pong" WrongPong WebSocket BYTES "WebSocket pongs carry another payload than their ping.";
    "unsolicited_pong" UnsolicitedPong WebSocket BYTES "The server sends pongs that answer no ping.";
    "ping_flood" PingFlood WebSocket BYTES "The server sends many WebSocket Pings.";
    "malformed_frame" MalformedFrame WebSocket BYTES "The server sends a frame that RFC 6455 forbids.";
    "stall_mid_frame" StallMidFrame WebSocket BYTES "The server stops in the middle of a frame.";
    "stop_reading" StopReading WebSocket BYTES "The server reads nothing any more, and goes on writing.";
    "bad_certificate" BadCertificate Handshake BYTES "The server's certificate chain is wrong.";
    "garbage_hello" GarbageHello Handshake BYTES "The server answers the handshake with bytes that are no hello.";
    "no_hello" NoHello Handshake BYTES "The server never answers the handshake.";
    "rotate_key" RotateKey Handshake BYTES "The server has another static key from then on.";
    "early_frame" EarlyFrame Handshake BYTES "The server's first stanza comes without the login delay.";
    "stream_error" StreamError Stream MACHINE "The server sends `<stream:error>` and closes.";
    "failure" Failure Stream MACHINE "A login is answered with `<failure>`.";
    "end_stream" EndStream Stream MACHINE "The server sends `<xmlstreamend/>` and closes.";
    "delay_reply" DelayReply Stream MACHINE "Replies to requests come late.";
    "withhold_reply" WithholdReply Stream MACHINE "Replies to requests never come.";
    "reply_error" ReplyError Stream MACHINE "Requests are answered with an error.";
    "wrong_reply_id" WrongReplyId Stream MACHINE "Requests are answered under another id.";
    "zombie" Zombie Stream MACHINE "No request is answered any more; pongs and all other stanzas go on.";
    "corrupt_frame" CorruptFrame Stream BYTES "The server sends a frame that does not authenticate.";
    "backlog" Backlog Stream MACHINE "The server sends a backlog of stanzas.";
    "undecryptable" Undecryptable Stream MACHINE "Messages come that the application cannot decrypt.";
    "refs_run_out" RefsRunOut Pairing MACHINE "Few refs for QR codes are left, or none.";
    "scan_late" ScanLate Pairing MACHINE "The phone scans late.";
    "revoke" Revoke Pairing MACHINE "The device is removed from its account.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_is_written_under_its_name() {
        let spec: FaultSpec = serde_json::from_str(r#"{"stream_error":{"code":515}}"#).unwrap();
        assert_eq!(spec.info().name, "stream_error");
        assert_eq!(
            serde_json::to_string(&spec).unwrap(),
            r#"{"stream_error":{"code":"515"}}"#
        );
    }

    #[test]
    fn a_fault_without_parameters_is_an_empty_map() {
        for info in REGISTER {
            let spec: Result<FaultSpec, _> =
                serde_json::from_str(&format!(r#"{{"{}":{{}}}}"#, info.name));
            let needs = [
                "latency",
                "bandwidth",
                "slice",
                "flap",
                "idle_timeout",
                "cut_after",
                "refuse_upgrade",
                "delay_pong",
                "malformed_frame",
                "delay_reply",
                "backlog",
                "ping_flood",
                "reply_error",
                "undecryptable",
                "scan_late",
            ];
            assert_eq!(spec.is_ok(), !needs.contains(&info.name), "{}", info.name);
        }
    }

    #[test]
    fn an_unknown_parameter_or_fault_is_refused() {
        for written in [r#"{"eof":{"code":1}}"#, r#"{"eof2":{}}"#] {
            assert!(
                serde_json::from_str::<FaultSpec>(written).is_err(),
                "{written}"
            );
        }
    }

    #[test]
    fn names_are_unique() {
        for (i, info) in REGISTER.iter().enumerate() {
            assert!(REGISTER[..i].iter().all(|other| other.name != info.name));
        }
    }
}
