//! A connection that is dialed again whenever it ends.

use std::collections::{BTreeSet, VecDeque};

use rand::rngs::ChaCha8Rng;
use squall_protocol::pairing::{self, Device};
use squall_protocol::{Instant, Millis, Node, Now};
use squall_session::cause;
use squall_session::machine::{Closed, Dial, Disconnected, LinkInput, Refusal};
use squall_session::{
    AttemptId, Cause, Consequence, Event, Input, LinkId, Lost, Machine, Output, Stage, State, Timer,
};

/// Between two IQ pings, and between two looks at the silence.
const TICK: Millis = Millis::from_secs(30);
/// Silence for longer than this, seen at a tick, is the end.
pub(super) const SILENCE: Millis = Millis::from_secs(35);
/// From any end to the next dial.
const REDIAL: Millis = Millis::from_secs(5);
/// A query without an answer is given up.
const QUERY: Millis = Millis::from_secs(60);
/// From the dial to the login.
pub(super) const CONNECT: Millis = Millis::from_secs(20);
/// The first QR code is shown so long, each later one a third of it.
const FIRST_QR: Millis = Millis::from_secs(60);
const NEXT_QR: Millis = Millis::from_secs(20);

/// The machine of the gateway as it was before.
#[derive(Debug)]
pub struct Reconnecting {
    device: Device,
    rng: ChaCha8Rng,
    attempt: AttemptId,
    link: LinkId,
    state: State,
    /// Set while a link is open or opening.
    live: Option<Live>,
    redial_at: Option<Instant>,
    queries: u64,
    outputs: VecDeque<Output<AttemptId>>,
}

#[derive(Debug)]
struct Live {
    stage: Stage,
    /// Given up if nothing has changed by then.
    give_up_at: Option<Instant>,
    last_heard: Instant,
    next_tick: Option<Instant>,
    paired_here: bool,
    refs: VecDeque<String>,
    next_qr: Option<Instant>,
    /// The queries before `open`, and when they are given up.
    awaited: BTreeSet<String>,
    open_at: Option<Instant>,
}

impl Machine for Reconnecting {
    type Start = AttemptId;
    type Go = AttemptId;

    fn handle_input(&mut self, now: Now, input: Input<AttemptId, AttemptId>) {
        match input {
            Input::Start(attempt) => {
                self.redial_at = None;
                self.outputs.push_back(Output::Confirm(attempt, attempt));
            }
            Input::Go(attempt) => {
                self.attempt = attempt;
                self.dial(now);
            }
            Input::Revoked(..) | Input::Block(_) | Input::Undecryptable(_) => {}
            Input::Stop => self.on_stop(),
            Input::Link(link, input) if link == self.link => self.on_link(now, input),
            Input::Link(..) => {}
            Input::Timeout => self.on_timeout(now),
        }
    }

    fn poll_output(&mut self) -> Option<Output<AttemptId>> {
        self.outputs.pop_front()
    }

    fn poll_timeout(&self) -> Option<(Instant, Timer)> {
        let live = self.live.as_ref();
        [
            (self.redial_at, Timer::Dial),
            (live.and_then(|live| live.give_up_at), Timer::Stage),
            (live.and_then(|live| live.next_tick), Timer::KeepAlive),
            (live.and_then(|live| live.next_qr), Timer::Qr),
            (live.and_then(|live| live.open_at), Timer::NotReady),
        ]
        .into_iter()
        .filter_map(|(at, timer)| Some((at?, timer)))
        .min()
    }

    fn state(&self) -> State {
        self.state
    }
}

impl Reconnecting {
    pub(super) fn new(device: Device, rng: ChaCha8Rng) -> Self {
        Self {
            device,
            rng,
            attempt: AttemptId(0),
            link: LinkId::NONE,
            state: State::Idle,
            live: None,
            redial_at: None,
            queries: 0,
            outputs: VecDeque::new(),
        }
    }

    fn dial(&mut self, now: Now) {
        self.link = self.link.next();
        self.redial_at = None;
        self.live = Some(Live {
            stage: Stage::Connect,
            give_up_at: Some(now.mono + CONNECT),
            last_heard: now.mono,
            next_tick: None,
            paired_here: false,
            refs: VecDeque::new(),
            next_qr: None,
            awaited: BTreeSet::new(),
            open_at: None,
        });
        self.stand(State::Connecting);
        let device = self.device.clone();
        self.outputs.push_back(Output::Dial(Dial {
            link: self.link,
            attempt: self.attempt,
            handoff: false,
            device,
        }));
    }

    fn on_link(&mut self, now: Now, input: LinkInput) {
        let Some(live) = &mut self.live else { return };
        live.last_heard = now.mono;
        match input {
            LinkInput::Connected => {}
            LinkInput::Upgraded => live.stage = Stage::Handshake,
            LinkInput::Secured => {
                live.stage = Stage::Login;
                live.next_tick = Some(now.mono + TICK);
            }
            LinkInput::Refused(refusal) => {
                self.end(now, cause::refusal(&refusal), None, refused(&refusal));
            }
            LinkInput::HandshakeFailed(why) => self.end(now, Cause::HandshakeFailed, None, why),
            LinkInput::Stanza(node) => self.on_stanza(now, node),
            // Nobody listens to WebSocket events.
            LinkInput::Ping | LinkInput::Pong(_) => {}
            LinkInput::Closed(how) => {
                let ended = cause::closed(&how, live.stage);
                self.end(now, ended, None, closed(&how));
            }
        }
    }

    fn on_stanza(&mut self, now: Now, node: Node) {
        let Some(live) = &mut self.live else { return };
        match node.tag.as_str() {
            "success" => {
                live.stage = Stage::Open;
                live.give_up_at = None;
                live.open_at = Some(now.mono + QUERY);
                self.query(
                    Node::new("iq")
                        .attr("xmlns", "encrypt")
                        .attr("type", "get")
                        .child(Node::new("count")),
                    true,
                );
                self.query(
                    Node::new("iq")
                        .attr("xmlns", "passive")
                        .attr("type", "set")
                        .child(Node::new("active")),
                    true,
                );
                let history = Node::new("iq")
                    .attr("xmlns", "w:m")
                    .attr("type", "get")
                    .child(Node::new("history"));
                self.query(history, false);
            }
            "stream:error" => {
                let ended = cause::stream_error(&node, live.paired_here);
                self.end(now, ended, Some(node), String::new());
            }
            "failure" => {
                let ended = cause::failure(&node, live.paired_here);
                self.end(now, ended, Some(node), String::new());
            }
            "xmlstreamend" => {
                let stage = live.stage;
                self.end(
                    now,
                    Cause::ConnectionClosed { stage },
                    Some(node),
                    String::new(),
                );
            }
            "iq" => self.on_iq(now, &node),
            _ => {}
        }
    }

    fn on_iq(&mut self, now: Now, node: &Node) {
        let Some(live) = &mut self.live else { return };
        if let Some(pair) = node.find("pair-device") {
            live.refs = pair
                .children()
                .iter()
                .filter_map(|child| child.content_bytes())
                .map(|bytes| String::from_utf8_lossy(bytes).into_owned())
                .collect();
            live.stage = Stage::Pairing;
            live.give_up_at = None;
            self.reply(node, Node::new("iq").attr("type", "result"));
            self.show_qr(now, FIRST_QR);
        } else if let Some(success) = node.find("pair-success") {
            match self.device.on_pair_success(success, &mut self.rng) {
                Ok(paired) => {
                    live.paired_here = true;
                    live.next_qr = None;
                    self.device = paired.device;
                    self.outputs
                        .push_back(Output::Event(Event::Device(self.device.clone())));
                    let result = Node::new("iq").attr("type", "result");
                    self.reply(node, result.child(paired.reply));
                    self.stand(State::Pairing);
                }
                Err(error) => self.end(
                    now,
                    Cause::ProtocolError,
                    Some(node.clone()),
                    error.to_string(),
                ),
            }
        } else if matches!(node.get("type"), Some("result" | "error")) {
            let id = node.get("id").unwrap_or_default();
            if live.awaited.remove(id) && live.awaited.is_empty() && live.open_at.take().is_some() {
                self.stand(State::Connected);
            }
        }
    }

    fn on_timeout(&mut self, now: Now) {
        let due = |at: Option<Instant>| at.is_some_and(|at| at <= now.mono);
        if due(self.redial_at) {
            self.dial(now);
        }
        let Some(live) = &mut self.live else { return };
        if due(live.give_up_at) {
            let stage = live.stage;
            return self.end(now, Cause::ConnectTimedOut { stage }, None, String::new());
        }
        if due(live.open_at) {
            // The queries are given up; the connection is called open all the same.
            live.open_at = None;
            live.awaited.clear();
            self.stand(State::Connected);
        }
        let Some(live) = &mut self.live else { return };
        if due(live.next_tick) {
            if now.mono - live.last_heard > SILENCE {
                return self.end(
                    now,
                    Cause::ConnectionLost(Lost::Silence),
                    None,
                    String::new(),
                );
            }
            live.next_tick = Some(now.mono + TICK);
            self.query(
                Node::new("iq")
                    .attr("xmlns", "w:p")
                    .attr("type", "get")
                    .child(Node::new("ping")),
                false,
            );
        }
        if self.live.as_ref().is_some_and(|live| due(live.next_qr)) {
            self.show_qr(now, NEXT_QR);
        }
    }

    fn on_stop(&mut self) {
        self.redial_at = None;
        if self.live.take().is_some() {
            self.outputs.push_back(Output::Close(self.link, 1000));
            self.outputs.push_back(Output::Drop(self.link));
            self.tell_end(Cause::Stopped, None, String::new());
        }
        self.stand(State::Idle);
    }

    fn show_qr(&mut self, now: Now, shown_for: Millis) {
        let Some(live) = &mut self.live else { return };
        let Some(reference) = live.refs.pop_front() else {
            return self.end(now, Cause::QrExpired, None, String::new());
        };
        live.next_qr = Some(now.mono + shown_for);
        let text = pairing::qr_text(&self.device, &reference);
        self.outputs.push_back(Output::Event(Event::Qr(text)));
        self.stand(State::AwaitingQrScan);
    }

    fn query(&mut self, node: Node, awaited: bool) {
        self.queries += 1;
        let id = format!("b{}", self.queries);
        let node = node.attr("to", "s.whatsapp.net").attr("id", &id);
        self.outputs.push_back(Output::Send(self.link, node));
        if let Some(live) = &mut self.live
            && awaited
        {
            live.awaited.insert(id);
        }
    }

    fn reply(&mut self, to: &Node, node: Node) {
        let node = node
            .attr("to", "s.whatsapp.net")
            .attr("id", to.get("id").unwrap_or_default());
        self.outputs.push_back(Output::Send(self.link, node));
    }

    /// The connection ended; unless the device was logged out, the next one is dialed five seconds later.
    fn end(&mut self, now: Now, cause: Cause, raw: Option<Node>, detail: String) {
        if self.live.take().is_none() {
            return;
        }
        self.outputs.push_back(Output::Drop(self.link));
        let out = cause == Cause::LoggedOut;
        self.tell_end(cause, raw, detail);
        self.stand(if out {
            State::LoggedOut
        } else {
            State::DisconnectedManualReconnectRequired
        });
        self.redial_at = (!out).then(|| now.mono + REDIAL);
    }

    fn tell_end(&mut self, cause: Cause, raw: Option<Node>, detail: String) {
        let (attempt, link) = (self.attempt, Some(self.link));
        let then = Consequence::default();
        self.outputs
            .push_back(Output::Event(Event::Disconnected(Disconnected {
                attempt,
                link,
                cause,
                handoff: false,
                then,
                raw,
                detail,
            })));
    }

    fn stand(&mut self, state: State) {
        if std::mem::replace(&mut self.state, state) != state {
            self.outputs.push_back(Output::Event(Event::State(state)));
        }
    }
}

/// What people read of a refusal.
fn refused(refusal: &Refusal) -> String {
    match refusal {
        Refusal::Connect(why) | Refusal::Upgrade(why) => why.clone(),
        Refusal::Http { status, .. } => format!("HTTP status {status}"),
    }
}

/// What people read of a close.
fn closed(how: &Closed) -> String {
    match how {
        Closed::Frame { code, reason } => format!("close frame {code:?} {reason}"),
        other => format!("{other:?}"),
    }
}
