//! What may go wrong: a file for each fault, one trait, one register.
//!
//! A fault is a value, the same that a scenario writes. It holds no clock, no generator, no socket and no memory:
//! [`FaultCx`] lends them, one set for each fault and connection, so that every engine runs the same code. A hook answers
//! with a verdict; of several standing faults the first verdict other than the default wins, but for messages, where their
//! verdicts add up ([`Passage`]). In YAML every fault is a map; one whose parameters all have defaults is written `eof: {}`.

mod backlog;
mod bad_accept;
mod bad_certificate;
mod bandwidth;
mod blackhole;
mod carry;
mod close;
mod corrupt_frame;
mod cut_after;
mod delay_pong;
mod delay_reply;
mod early_frame;
mod end_stream;
mod eof;
mod evenly;
mod failure;
mod flap;
mod garbage_hello;
mod idle_timeout;
mod latency;
mod malformed_frame;
mod nearest;
mod no_hello;
mod outgoing;
mod partition;
mod ping_flood;
mod refs_run_out;
mod refuse_connect;
mod refuse_upgrade;
mod register;
mod registry;
mod reply_error;
mod reset;
mod revoke;
mod rotate_key;
mod scan_late;
mod slice;
mod stall_mid_frame;
mod stall_upgrade;
mod standing;
mod stop_reading;
mod stream_error;
mod undecryptable;
mod unsolicited_pong;
mod value;
mod withhold_pong;
mod withhold_reply;
mod wrong_pong;
mod wrong_reply_id;
mod zombie;

use std::sync::Arc;

use compact_str::CompactString;
use rand::rngs::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use squall_protocol::certificate::Defect;
use squall_protocol::{Instant, Node, Now};

use crate::id::ConnectionId;

pub use backlog::Backlog;
pub use bad_accept::BadAccept;
pub use bad_certificate::BadCertificate;
pub use bandwidth::Bandwidth;
pub use blackhole::Blackhole;
pub use carry::{Carry, Direction, Fate, Handed, Passage, Slices, Ways};
pub use close::Close;
pub use corrupt_frame::CorruptFrame;
pub use cut_after::CutAfter;
pub use delay_pong::DelayPong;
pub use delay_reply::DelayReply;
pub use early_frame::EarlyFrame;
pub use end_stream::EndStream;
pub use eof::Eof;
pub use failure::Failure;
pub use flap::Flap;
pub use garbage_hello::GarbageHello;
pub use idle_timeout::{Forgotten, IdleTimeout};
pub use latency::Latency;
pub use malformed_frame::{Malformation, MalformedFrame};
pub use nearest::nearest;
pub use no_hello::NoHello;
pub use outgoing::{Control, Outgoing, Verdict};
pub use partition::Partition;
pub use ping_flood::PingFlood;
pub use refs_run_out::{Refs, RefsLeft, RefsRunOut};
pub use refuse_connect::RefuseConnect;
pub use refuse_upgrade::RefuseUpgrade;
pub use register::{FaultInfo, FaultSpec, REGISTER};
pub use registry::{FaultId, Faults};
pub use reply_error::ReplyError;
pub use reset::Reset;
pub use revoke::Revoke;
pub use rotate_key::RotateKey;
pub use scan_late::{Scan, ScanLate};
pub use slice::Slice;
pub use stall_mid_frame::StallMidFrame;
pub use stall_upgrade::StallUpgrade;
pub use standing::{Target, Which};
pub use stop_reading::StopReading;
pub use stream_error::{Conflict, StreamError};
pub use undecryptable::Undecryptable;
pub use unsolicited_pong::UnsolicitedPong;
pub use value::{
    AsSent, CloseCode, CloseReason, HttpStatus, InvalidValue, IqKind, Replies, SomeTime,
};
pub use withhold_pong::WithholdPong;
pub use withhold_reply::WithholdReply;
pub use wrong_pong::WrongPong;
pub use wrong_reply_id::WrongReplyId;
pub use zombie::Zombie;

/// A fault's behaviour. Every hook but [`Fault::injected`] has a default that changes nothing.
pub trait Fault {
    /// What becomes of it when it is injected once instead of standing.
    fn injected(&self) -> Injected;

    /// Whether only the first act on each connection is reported: for what acts on every message.
    fn reports_once(&self) -> bool {
        false
    }

    /// Whether it may keep back what has to be asked about again once it is taken off.
    fn keeps_back(&self) -> bool {
        false
    }

    /// A client opens a link, or goes on trying to.
    fn on_connect(&self, _cx: &mut FaultCx<'_>) -> Connect {
        Connect::Accept
    }

    /// A message, or a piece of one, is handed to the link. The generator that is lent depends on the message's number and
    /// on nothing that happened before.
    fn on_message(&self, _message: Handed, _cx: &mut FaultCx<'_>) -> Carry {
        Carry::Pass
    }

    /// The server is about to read from a connection.
    fn on_read(&self, _cx: &mut FaultCx<'_>) -> Read {
        Read::Read
    }

    /// The server is about to write a frame, or to go on with one.
    fn on_write(&self, _cx: &mut FaultCx<'_>) -> Write {
        Write::Whole
    }

    /// A client asks for the WebSocket.
    fn on_upgrade(&self, _cx: &mut FaultCx<'_>) -> Upgrade {
        Upgrade::Switch
    }

    /// A client opens the Noise handshake.
    fn on_hello(&self, _cx: &mut FaultCx<'_>) -> Hello {
        Hello::Honest
    }

    /// The Noise transport of a connection is up, and the client has said who it is.
    fn on_secured(&self, _cx: &mut FaultCx<'_>) -> FirstWord {
        FirstWord::InTime
    }

    /// A device logs in.
    fn on_login(&self, _cx: &mut FaultCx<'_>) -> Login {
        Login::Admit
    }

    /// A device that registers is about to be handed its refs.
    fn on_refs(&self, _cx: &mut FaultCx<'_>) -> Refs {
        Refs::All
    }

    /// A phone sees the first QR code of this connection.
    fn on_qr(&self, _cx: &mut FaultCx<'_>) -> Scan {
        Scan::ByHabit
    }

    /// A stanza is about to be sent.
    fn on_stanza(&self, _stanza: Outgoing<'_>, _cx: &mut FaultCx<'_>) -> Verdict<Node> {
        Verdict::Pass
    }

    /// A WebSocket control frame with this payload is about to be sent; another payload may go instead.
    fn on_frame(
        &self,
        _frame: Control,
        _payload: &[u8],
        _cx: &mut FaultCx<'_>,
    ) -> Verdict<Vec<u8>> {
        Verdict::Pass
    }

    /// What it does of its own accord to a connection, as soon as that has come far enough for the fault's layer.
    fn acts(&self, _cx: &mut FaultCx<'_>) -> Vec<Act> {
        Vec::new()
    }

    /// What it does when the time has come that it asked for with [`FaultCx::wake_at`].
    fn on_timer(&self, _cx: &mut FaultCx<'_>) -> Vec<Act> {
        Vec::new()
    }
}

/// What becomes of a fault that is injected once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Injected {
    /// It acts at once on each live connection of its target, and is over.
    AtOnce,
    /// Its first verdict on each connection of its target that lives now, and it is over.
    NextAct,
    /// It stays with each connection of its target that lives now, as long as that lives.
    WholeConnection,
    /// It waits for the target's next dial and acts on that one.
    NextDial,
    /// It acts at once on each live connection of its target, or where none lives on the target's next dial.
    AtOnceOrNextDial,
}

/// What a hook is lent: the time, chance, and this fault's own memory of this connection.
#[derive(Debug)]
pub struct FaultCx<'a> {
    /// The time.
    pub now: Now,
    /// Chance: a function of the server's seed, the fault, the connection and the number of hooks that have drawn before;
    /// for a message, of its direction and number instead.
    pub rng: &'a mut ChaCha8Rng,
    /// The connection.
    pub connection: ConnectionId,
    /// Its account, where known.
    pub account: Option<&'a str>,
    /// A number that this fault keeps for this connection, from 0.
    pub count: &'a mut u64,
    /// When this fault first did something of its own accord to this connection.
    pub since: Instant,
    /// When this fault was put on.
    pub put_on: Instant,
    /// Set through [`FaultCx::wake_at`].
    pub(crate) wake: Option<Instant>,
}

impl FaultCx<'_> {
    /// Asks for [`Fault::on_timer`] at this time; a later call replaces an earlier one.
    pub fn wake_at(&mut self, at: Instant) {
        self.wake = Some(at);
    }
}

/// The part of the stack where a fault acts.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Layer {
    /// Below everything: what the network does to messages.
    Link,
    /// The HTTP upgrade.
    Upgrade,
    /// WebSocket frames.
    WebSocket,
    /// The Noise handshake.
    Handshake,
    /// Stanzas.
    Stream,
    /// The bond of phone and companion.
    Pairing,
}

/// What can execute a plan.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum EngineKind {
    /// The real drivers over in-memory links in virtual time.
    Wire,
    /// The machines alone, joined by a queue of events.
    Model,
    /// Real sockets in real time.
    Live,
}

/// What the link answers a dial.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Connect {
    /// It opens.
    #[default]
    Accept,
    /// Nobody listens.
    Refuse,
    /// No answer comes. The client's kernel tries again, and the link asks again.
    Silence,
}

/// Whether the server reads what has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Read {
    /// It does.
    #[default]
    Read,
    /// It leaves everything where it is, until it is told to look again.
    Leave,
}

/// How much of a frame the server writes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Write {
    /// All of it.
    #[default]
    Whole,
    /// So many bytes from its beginning, and never its last; the rest waits until the server is told to look again.
    Only(u64),
}

/// What the server answers an upgrade request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Upgrade {
    /// 101.
    #[default]
    Switch,
    /// This status.
    Refuse {
        /// The HTTP status.
        status: HttpStatus,
        /// The Retry-After header.
        retry_after: Option<AsSent>,
    },
    /// 101, with the Sec-WebSocket-Accept of another key.
    BadAccept,
    /// Nothing, for ever.
    Stall,
}

/// What the server answers the client's hello.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Hello {
    /// Its hello, with a good certificate.
    #[default]
    Honest,
    /// Its hello, with a static key that it has from now on, and a good certificate for that.
    AnotherKey,
    /// Its hello, with a bad certificate.
    BadCertificate(Defect),
    /// Bytes that are no hello.
    Garbage([u8; 32]),
    /// Nothing, for ever.
    Silence,
}

/// When the server says its first stanza.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FirstWord {
    /// After the login delay.
    #[default]
    InTime,
    /// In the millisecond in which the transport is up.
    AtOnce,
}

/// What the server answers a login.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Login {
    /// `<success>`, if it has nothing against it itself.
    #[default]
    Admit,
    /// This node, and the end.
    Fail(Node),
    /// The device is no longer one of the account's.
    Revoke,
}

/// What a fault does of its own accord.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// Sends a stanza.
    Send(Arc<Node>),
    /// Sends a stanza whose frame does not authenticate.
    Corrupt(Arc<Node>),
    /// Sends a WebSocket Ping with this payload.
    Ping(Text),
    /// Sends a WebSocket Pong with this payload, which answers nothing.
    Pong(Text),
    /// Sends a last stanza and closes.
    End(Arc<Node>),
    /// Sends a close frame.
    Close(Option<CloseCode>, CloseReason),
    /// Ends the stream without a close frame.
    Eof,
    /// Resets the transport.
    Reset,
    /// Lets what the link holds be asked about again.
    Flow,
    /// Sends an invalid WebSocket frame.
    Malformed(Malformation),
    /// Removes the device that is logged in from its account.
    Revoke,
}

/// A phone that is nobody's: 555-0100 is reserved for fiction.
pub(crate) const SENDER: &str = "12025550100@s.whatsapp.net";

/// A short text of this crate's stanzas and names.
pub(crate) type Text = CompactString;

#[cfg(test)]
pub(crate) mod testing;
