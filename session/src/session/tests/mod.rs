//! The session in the order of its life, driven by hand: each input at its millisecond, each output as a line of text.

mod dial;
mod endings;
mod keep_alive;
mod login;
mod pairing;
#[cfg(not(loom))]
mod properties;

use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;
use squall_protocol::pairing::Device;
use squall_protocol::{Instant, Millis, Node, Now};

use super::permits::{self, Permits};
use super::{Session, StoredEnd};
use crate::id::{AttemptId, LinkId, OrgId};
use crate::limiter::{Go, Permit};
use crate::machine::{
    Alert, Closed, Disconnected, Event, Input, LinkInput, Machine, Output, Revocation, Timer,
};
use crate::policy::Policy;
use crate::state::State;

/// When the tests' Noise transport comes up, in milliseconds: 30 s of waiting, then three messages each way at 40 ms.
const SECURED: u64 = 30_200;

/// A session with a clock that stands until it is told to go.
struct Bench {
    session: Session,
    at: u64,
    permits: Permits,
    /// What was done since the last look, a line each.
    did: Vec<String>,
    /// Every IQ and ping that was sent and not answered by the test.
    sent: Vec<Node>,
    pings: Vec<Vec<u8>>,
    /// The start that the session asked to be confirmed.
    asked: Option<Permit>,
    /// The session asked until when its block stands, and what it is told.
    asks_block: bool,
    block: Option<Instant>,
    ends: Vec<Disconnected>,
    codes: Vec<String>,
    device: Option<Device>,
}

impl Bench {
    fn paired() -> Self {
        Self::with(Policy::default(), paired_device(), None)
    }

    fn unpaired() -> Self {
        Self::with(Policy::default(), Device::generate(&mut rng(1)), None)
    }

    fn with(policy: Policy, device: Device, end: Option<StoredEnd>) -> Self {
        Self {
            session: Session::new(OrgId::new("2"), policy, device, end, rng(2)),
            at: 0,
            permits: Permits::new(),
            did: Vec::new(),
            sent: Vec::new(),
            pings: Vec::new(),
            asked: None,
            asks_block: false,
            block: None,
            ends: Vec::new(),
            codes: Vec::new(),
            device: None,
        }
    }

    fn now(&self) -> Now {
        permits::at(Instant::at(self.at))
    }

    /// Goes on to a millisecond, waking the session as often as it wants.
    fn until(&mut self, at: u64) {
        while let Some((due, _)) = self.session.poll_timeout()
            && due <= Instant::at(at)
        {
            self.at = self.at.max(due.since_start().get());
            self.input(Input::Timeout);
        }
        self.at = at;
    }

    fn input(&mut self, input: Input<Permit, Go>) {
        self.session.handle_input(self.now(), input);
        while let Some(output) = self.session.poll_output() {
            let line = self.note(output);
            self.did.push(line);
        }
        if std::mem::take(&mut self.asks_block) {
            self.input(Input::Block(self.block));
        }
    }

    fn link(&mut self, link: u64, input: LinkInput) {
        self.input(Input::Link(LinkId(link), input));
    }

    fn stanza(&mut self, link: u64, node: Node) {
        self.link(link, LinkInput::Stanza(node));
    }

    /// What was done since the last look.
    fn did(&mut self) -> Vec<String> {
        std::mem::take(&mut self.did)
    }

    fn state(&self) -> State {
        self.session.state()
    }

    fn next(&self) -> Option<(u64, Timer)> {
        let (at, timer) = self.session.poll_timeout()?;
        Some((at.since_start().get(), timer))
    }

    fn note(&mut self, output: Output<Permit>) -> String {
        match output {
            Output::Confirm(attempt, permit) => {
                assert_eq!(attempt, permit.attempt());
                self.asked = Some(permit);
                "confirm".to_owned()
            }
            Output::AskBlock => {
                self.asks_block = true;
                "ask block".to_owned()
            }
            Output::Dial(dial) => {
                let how = if dial.handoff { "handoff" } else { "dial" };
                format!("{how} {} for {}", dial.link.0, dial.attempt)
            }
            Output::Send(link, node) => {
                let line = format!("send {} {node}", link.0);
                self.sent.push(node);
                line
            }
            Output::Ping(link, payload) => {
                self.pings.push(payload);
                format!("ping {}", link.0)
            }
            Output::Close(link, code) => format!("close {} {code}", link.0),
            Output::Drop(link) => format!("drop {}", link.0),
            Output::Withdraw(attempt) => format!("withdraw {attempt}"),
            Output::Event(event) => match event {
                Event::State(state) => format!("state {state}"),
                Event::Qr(code) => {
                    self.codes.push(code);
                    format!("qr {}", self.codes.len())
                }
                Event::Device(device) => {
                    let line = format!("device {}", device.jid.as_deref().unwrap_or("unpaired"));
                    self.device = Some(device);
                    line
                }
                Event::Disconnected(end) => {
                    let line = format!("disconnected {}", end.cause);
                    self.ends.push(end);
                    line
                }
                Event::KeepAliveOk(after) => format!("keep-alive ok {after}"),
                Event::KeepAliveLate => "late".to_owned(),
                Event::KeepAliveRecovered => "recovered".to_owned(),
                Event::Alert(Alert::Undecryptable(messages)) => {
                    format!("alert undecryptable {messages}")
                }
                Event::Alert(alert) => format!("alert {}", alert.name()),
            },
        }
    }

    // A life, as far as a test needs it.

    fn start(&mut self) {
        let permit = self.permits.admit(Instant::at(self.at), &OrgId::new("2"));
        self.input(Input::Start(permit));
    }

    fn confirm(&mut self) {
        let permit = self
            .asked
            .take()
            .expect("the session asks for its confirmation");
        let go = self.permits.confirm(permit);
        self.input(Input::Go(go));
    }

    /// Started, waited, dialed.
    fn dialed(mut self) -> Self {
        self.start();
        self.until(self.at + 30_000);
        self.confirm();
        self
    }

    /// And the upgrade and the Noise handshake done, 200 ms later.
    fn secured(self) -> Self {
        let mut bench = self.dialed();
        let link = bench.session.last_link.0;
        bench.secure(link);
        bench
    }

    fn secure(&mut self, link: u64) {
        self.until(self.at + 40);
        self.link(link, LinkInput::Connected);
        self.until(self.at + 80);
        self.link(link, LinkInput::Upgraded);
        self.until(self.at + 80);
        self.link(link, LinkInput::Secured);
    }

    /// And greeted by the server, in the millisecond of the Noise transport.
    fn greeted(self) -> Self {
        let mut bench = self.secured();
        let link = bench.session.last_link.0;
        bench.stanza(link, Node::new("success"));
        bench
    }

    /// And its first requests answered, in the same millisecond.
    fn connected(self) -> Self {
        let mut bench = self.greeted();
        bench.answer_all();
        assert_eq!(bench.state(), State::Connected);
        bench.did.clear();
        bench.sent.clear();
        bench
    }

    /// Answers every IQ of the current link by an empty result.
    fn answer_all(&mut self) {
        let link = self.session.last_link.0;
        for node in std::mem::take(&mut self.sent) {
            if let ("iq", Some("get" | "set")) = (node.tag.as_str(), node.get("type")) {
                self.stanza(link, result(id(&node)));
            }
        }
    }

    /// Answers every WebSocket Ping of the current link.
    fn pong_all(&mut self) {
        let link = self.session.last_link.0;
        for payload in std::mem::take(&mut self.pings) {
            self.link(link, LinkInput::Pong(payload));
        }
    }

    /// Goes on to a millisecond as a server that answers everything at once.
    fn healthy_until(&mut self, at: u64) {
        while let Some((due, _)) = self.next()
            && due <= at
        {
            self.until(due);
            self.answer_all();
            self.pong_all();
        }
        self.at = at;
    }

    fn last_end(&self) -> &Disconnected {
        self.ends.last().expect("the session has had an end")
    }
}

fn rng(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

fn paired_device() -> Device {
    let mut device = Device::generate(&mut rng(1));
    device.jid = Some("15550100:1@s.whatsapp.net".to_owned());
    device.lid = Some("100:1@lid".to_owned());
    device
}

fn id(node: &Node) -> &str {
    node.get("id").expect("an IQ has an id")
}

fn result(id: &str) -> Node {
    Node::new("iq")
        .attr("from", "s.whatsapp.net")
        .attr("type", "result")
        .attr("id", id)
}

fn stream_error(code: &str) -> Node {
    Node::new("stream:error").attr("code", code)
}

fn is_ping(node: &Node) -> bool {
    node.get("xmlns") == Some("w:p")
}
