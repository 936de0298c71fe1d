//! The shell around a machine: one task that moves bytes, and asks its host for time, links and the limiter's word.
//!
//! It holds no clock and spawns nothing. Within one millisecond everything that can be read is fed to the machine before
//! a timer that is due, and timers before commands. A link that never runs dry has that precedence for so many inputs at a
//! time, so that no flood keeps a ping, a time-out or the operator waiting.

mod link;
mod socket;
#[cfg(feature = "tcp")]
mod tcp;
#[cfg(feature = "tls")]
mod tls;
mod upgrade;

use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use rand::rngs::ChaCha8Rng;
use squall_protocol::certificate::TrustedRoot;
use squall_protocol::{Instant, Node, Now};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::coop::has_budget_remaining;

use crate::id::{AttemptId, LinkId};
use crate::machine::{Dial, Event, Input, LinkInput, Machine, Output, Revocation};

use link::Link;

#[cfg(feature = "tcp")]
pub use tcp::Tcp;
#[cfg(feature = "tls")]
pub use tls::{Untrusted, Wss};

/// Where a driver's time comes from.
pub trait Clock {
    /// The time, in whole milliseconds.
    fn now(&self) -> Now;

    /// Waits until a point of the monotonic clock. Being early is harmless: the machine is asked, and waits again.
    fn sleep_until(&self, at: Instant) -> impl Future<Output = ()> + Send + 'static;
}

/// Where a driver's links come from.
pub trait Connector {
    /// A transport below the WebSocket, such as a TCP or a TLS stream.
    type Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// Opens a transport. An error is a refused connect.
    fn connect(
        &self,
        dial: &Dial,
    ) -> impl Future<Output = io::Result<Self::Stream>> + Send + 'static;
}

/// Who runs a session: gives it time and links, answers for its limiter, and hears what it tells.
pub trait Host<M: Machine>: Clock + Connector + Send + 'static {
    /// Asks the limiter once more whether this start may dial, at its time.
    ///
    /// # Errors
    /// The permit was revoked: nothing is dialed.
    fn confirm(&mut self, now: Now, start: M::Start) -> Result<M::Go, Revocation>;

    /// Asks the limiter until when the block of this organization stands, by the monotonic clock; none, if none stands.
    fn blocked_until(&mut self, now: Now) -> Option<Instant>;

    /// Gives an attempt's slot back: it was cancelled before its dial.
    fn withdraw(&mut self, now: Now, attempt: AttemptId);

    /// Hears an event, in the millisecond it happens.
    fn event(&mut self, now: Now, event: &Event);

    /// Hears a stanza, right before the machine does: messages, receipts and notifications are the application's.
    fn stanza(&mut self, _link: LinkId, _node: &Node) {}

    /// Hears what the next binary WebSocket frame of this link carries, right before the frame is written.
    fn sending(&mut self, _link: LinkId, _label: Label) {}
}

/// What a binary WebSocket frame carries, which its encrypted bytes do not tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Label {
    /// A message of the Noise handshake: `client_hello` (with the intro header before it) or `client_finish`.
    Handshake(&'static str),
    /// A stanza.
    Stanza(Arc<Node>),
}

/// What is asked of a session from outside.
#[derive(Debug)]
pub enum Command<S> {
    /// An admitted start.
    Start(S),
    /// The operator's stop or cancel, or an orderly shutdown.
    Stop,
    /// So many messages more could not be decrypted.
    Undecryptable(u64),
}

/// What a driver is given once.
#[derive(Debug)]
pub struct DriverConfig {
    /// The root key that the server's certificates must lead to.
    pub root: TrustedRoot,
    /// Host, and port where it is not the scheme's own, for the request line and the `Host` header.
    pub authority: String,
    /// Gives the Noise ephemeral keys and `Sec-WebSocket-Key`.
    pub rng: ChaCha8Rng,
}

/// Runs a machine until its last command handle is dropped; links that are open then are let go of as they are, as when
/// a process dies. Send [`Command::Stop`] first for an orderly end.
pub async fn run<M, H>(
    machine: M,
    host: H,
    mut commands: UnboundedReceiver<Command<M::Start>>,
    config: DriverConfig,
) -> M
where
    M: Machine,
    H: Host<M>,
{
    let mut driver = Driver {
        machine,
        host,
        config,
        links: Vec::with_capacity(MOST_LINKS),
        reading: None,
    };
    driver.settle(driver.host.now());
    loop {
        let deadline = driver.deadline();
        // A fresh sleep for each deadline: resetting one costs more.
        let mut sleep = pin!(deadline.map(|at| driver.host.sleep_until(at)));
        while driver.deadline() == deadline {
            let wake =
                std::future::poll_fn(|cx| driver.poll(cx, deadline, sleep.as_mut(), &mut commands));
            match wake.await {
                Wake::Link(link, input) => driver.on_link(link, input),
                Wake::Timer => {
                    driver.feed(Input::Timeout);
                    break;
                }
                Wake::Command(Command::Start(start)) => driver.feed(Input::Start(start)),
                Wake::Command(Command::Stop) => driver.feed(Input::Stop),
                Wake::Command(Command::Undecryptable(messages)) => {
                    driver.feed(Input::Undecryptable(messages));
                }
                Wake::Abandoned => return driver.machine,
            }
        }
    }
}

/// The current link, and one old one that waits for the server's close.
const MOST_LINKS: usize = 2;

struct Driver<M, H: Connector> {
    machine: M,
    host: H,
    config: DriverConfig,
    /// In the order of their dials.
    links: Vec<Link<H::Stream>>,
    /// How long there was always something more to read; none once all was read.
    reading: Option<Reading>,
}

/// Links that do not run dry.
struct Reading {
    /// In virtual time that is always the millisecond that is now.
    since: Instant,
    inputs: usize,
}

impl Reading {
    /// Whether it is the others' turn. A slow step alone makes it nobody's: what lay there before it is to be read first.
    fn is_long(&self, now: Instant) -> bool {
        self.since < now && self.inputs >= MANY
    }
}

/// As many inputs as tokio grants a task reads at one time.
const MANY: usize = 128;

/// Why the task goes on.
enum Wake<S> {
    Link(LinkId, LinkInput),
    Timer,
    Command(Command<S>),
    /// Nobody can command any more.
    Abandoned,
}

impl<S> From<Option<Command<S>>> for Wake<S> {
    fn from(command: Option<Command<S>>) -> Self {
        command.map_or(Self::Abandoned, Self::Command)
    }
}

impl<M: Machine, H: Host<M>> Driver<M, H> {
    fn deadline(&self) -> Option<Instant> {
        self.machine.poll_timeout().map(|(at, _)| at)
    }

    fn poll<F: Future<Output = ()>>(
        &mut self,
        cx: &mut Context<'_>,
        deadline: Option<Instant>,
        sleep: Pin<&mut Option<F>>,
        commands: &mut UnboundedReceiver<Command<M::Start>>,
    ) -> Poll<Wake<M::Start>> {
        let now = self.host.now();
        let is_due = deadline.is_some_and(|at| at <= now.mono);
        let others_first = self.reading.take_if(|it| it.is_long(now.mono)).is_some();
        if others_first {
            self.links.iter_mut().for_each(|link| link.flush(cx));
            if is_due {
                return Poll::Ready(Wake::Timer);
            }
            if let Poll::Ready(command) = commands.poll_recv(cx) {
                return Poll::Ready(command.into());
            }
        }
        if let Poll::Ready(wake) = self.poll_links(cx, now, others_first) {
            self.read(now.mono, 1);
            return Poll::Ready(wake);
        }
        // A task that has run for long is told `Pending` by everything, readable or not. Then a timer must not overtake
        // what is still to be read.
        if !has_budget_remaining() {
            self.read(now.mono, MANY);
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.reading = None;
        if is_due {
            return Poll::Ready(Wake::Timer);
        }
        if let Some(sleep) = sleep.as_pin_mut()
            && sleep.poll(cx).is_ready()
        {
            return Poll::Ready(Wake::Timer);
        }
        commands.poll_recv(cx).map(Wake::from)
    }

    fn read(&mut self, now: Instant, inputs: usize) {
        let begun = Reading {
            since: now,
            inputs: 0,
        };
        self.reading.get_or_insert(begun).inputs += inputs;
    }

    /// The next thing that happens on a link. The older link comes first, and where that is always so, now and then the
    /// newer one.
    fn poll_links(
        &mut self,
        cx: &mut Context<'_>,
        now: Now,
        newest_first: bool,
    ) -> Poll<Wake<M::Start>> {
        let newest = self.links.len().saturating_sub(1);
        for place in 0..self.links.len() {
            let place = if newest_first { newest - place } else { place };
            let link = &mut self.links[place];
            let id = link.id();
            let mut sending = |label| self.host.sending(id, label);
            if let Poll::Ready(input) = link.poll(cx, now.wall, &mut self.config, &mut sending) {
                return Poll::Ready(Wake::Link(id, input));
            }
        }
        Poll::Pending
    }

    fn on_link(&mut self, link: LinkId, input: LinkInput) {
        if let LinkInput::Stanza(node) = &input {
            self.host.stanza(link, node);
        }
        self.feed(Input::Link(link, input));
        // Nothing more can come from a link that has ended, whatever the machine makes of it.
        self.links
            .retain(|other| other.id() != link || !other.has_ended());
    }

    fn feed(&mut self, input: Input<M::Start, M::Go>) {
        let now = self.host.now();
        self.machine.handle_input(now, input);
        self.settle(now);
    }

    /// Does what the machine wants done, until it wants nothing more.
    fn settle(&mut self, now: Now) {
        loop {
            let mut answer = None;
            while let Some(output) = self.machine.poll_output() {
                match output {
                    Output::Confirm(attempt, start) => {
                        answer = Some(match self.host.confirm(now, start) {
                            Ok(go) => Input::Go(go),
                            Err(why) => Input::Revoked(attempt, why),
                        });
                    }
                    Output::AskBlock => answer = Some(Input::Block(self.host.blocked_until(now))),
                    Output::Dial(dial) => self.dial(dial),
                    Output::Send(link, node) => self.send(link, node),
                    Output::Ping(link, payload) => {
                        if let Some(link) = self.link(link) {
                            link.ping(payload);
                        }
                    }
                    Output::Close(link, code) => {
                        if let Some(link) = self.link(link) {
                            link.close(code);
                        }
                    }
                    Output::Drop(link) => self.links.retain(|other| other.id() != link),
                    Output::Withdraw(attempt) => self.host.withdraw(now, attempt),
                    Output::Event(event) => self.host.event(now, &event),
                }
            }
            match answer {
                Some(answer) => self.machine.handle_input(now, answer),
                None => return,
            }
        }
    }

    fn dial(&mut self, dial: Dial) {
        if self.links.len() == MOST_LINKS {
            self.links.remove(0);
        }
        let connecting = Box::pin(self.host.connect(&dial));
        self.links.push(Link::new(dial, connecting));
    }

    fn send(&mut self, link: LinkId, node: Node) {
        let Self { host, links, .. } = self;
        if let Some(open) = links.iter_mut().find(|other| other.id() == link) {
            open.send(node, |label| host.sending(link, label));
        }
    }

    fn link(&mut self, link: LinkId) -> Option<&mut Link<H::Stream>> {
        self.links.iter_mut().find(|other| other.id() == link)
    }
}

#[cfg(test)]
pub(crate) mod tests;
