//! One connection in virtual time: a keeper at one end, a server that answers at once at the other, and between them a
//! link that may break.

use std::collections::BTreeMap;

use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use squall_protocol::{Instant, Millis};

use super::frame;
use super::keeper::{Act, Keeper};
use super::policy::Policy;
use crate::seed::Seed;
use crate::trace::{Message, Side};

/// What is wrong with a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// Nothing.
    Healthy,
    /// From then on the server's kernel takes what is sent, and nothing comes back.
    Silence {
        /// When it begins.
        from: Instant,
    },
    /// From then on nothing passes either way, while the application goes on writing.
    HalfOpen {
        /// When it begins.
        from: Instant,
        /// Between two writes of the application.
        application_writes: Millis,
        /// The client's kernel gives up so long after the first segment that nobody acknowledges.
        kernel_gives_up: Millis,
    },
    /// A NAT forgets the connection over which nothing was sent for so long, counted from the login; then nothing passes
    /// either way. What is idle for exactly so long is forgotten.
    Nat {
        /// How long it remembers.
        idle: Millis,
        /// How late a client's message may reach it: as long as the link may stall.
        held: Millis,
        /// As with `HalfOpen`.
        kernel_gives_up: Millis,
    },
    /// From then on no IQ is answered, while WebSocket Pongs and other stanzas go on.
    Zombie {
        /// When it begins.
        from: Instant,
        /// Between two other stanzas.
        speaks: Millis,
    },
    /// Now and then the link holds everything back for a while.
    Stalls {
        /// About so often.
        every: Millis,
        /// For between so long and so long.
        lasts: (Millis, Millis),
    },
}

/// A message that went over a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Carried {
    /// When it was sent.
    pub sent: Instant,
    /// When it arrived; never, if it did not.
    pub arrived: Instant,
    /// Who sent it.
    pub from: Side,
    /// What it was.
    pub message: Message,
}

impl Carried {
    /// Bytes as a WebSocket frame.
    pub fn bytes(&self) -> u64 {
        frame::length(&self.message, self.from).unwrap_or(0) as u64
    }
}

/// What happened on a connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Log {
    /// What went over it, in the order of sending; empty where nobody asked for it.
    pub carried: Vec<Carried>,
    /// When the link broke, where it did.
    pub broken: Option<Instant>,
    /// When the client first told that something is late, after it broke.
    pub late: Option<Instant>,
    /// When it found its connection dead. Over a link that stalls a new one begins each time.
    pub dead: Vec<Instant>,
    /// Milliseconds in which the client had anything to do.
    pub wakeups: u64,
}

/// How a connection is set up.
#[derive(Clone, Copy, Debug)]
pub struct Setup {
    /// The least and the most that a message takes, one way.
    pub latency: (Millis, Millis),
    /// When its pings begin to be counted.
    pub begins: Instant,
    /// When its WebSocket Pings do: the login is over, and has just passed.
    pub connected: Instant,
    /// The number of its first ping.
    pub first: u64,
    /// When the run is over.
    pub until: Instant,
    /// Whether what goes over it is kept.
    pub keep: bool,
}

/// From the Noise transport to the first answers, over the default link.
pub const LOGIN: Millis = Millis::new(260);

/// Runs one connection to its end, or until it is found dead.
pub fn run(policy: &Policy, setup: Setup, condition: Condition, seed: Seed, stream: &str) -> Log {
    let draws = |who: &str| seed.stream(&format!("keep-alive/{stream}/{who}"));
    let mut line = Line {
        policy,
        setup,
        condition,
        keeper: Keeper::new(
            policy,
            draws("client"),
            setup.begins,
            setup.connected,
            setup.first,
        ),
        link: draws("link"),
        stalls: Vec::new(),
        queue: BTreeMap::new(),
        queued: 0,
        last_due: [setup.begins; 2],
        passed: setup.connected,
        unacknowledged: false,
        woke: Instant::NEVER,
        log: Log::default(),
    };
    line.prepare(&mut draws("condition"));
    line.go();
    line.log
}

/// What is under way, or will happen.
#[derive(Clone, Copy, Debug)]
enum Happens {
    /// A ping reaches the server: whether by IQ, and its number.
    ServerGets { iq: bool, number: u64 },
    /// Its answer reaches the client.
    ClientGets { iq: bool, number: u64 },
    /// Another stanza does.
    ClientHears,
    /// The server sends another stanza.
    ServerSpeaks,
    /// The application writes.
    ApplicationWrites,
    /// The kernel gives the connection up.
    KernelGivesUp,
}

struct Line<'a> {
    policy: &'a Policy,
    setup: Setup,
    condition: Condition,
    keeper: Keeper<'a>,
    link: ChaCha8Rng,
    stalls: Vec<(Instant, Instant)>,
    queue: BTreeMap<(Instant, u64), Happens>,
    queued: u64,
    /// When the last message of each direction arrives: a stream keeps its order.
    last_due: [Instant; 2],
    /// When anything last passed.
    passed: Instant,
    /// Whether the kernel has something out that nobody acknowledges.
    unacknowledged: bool,
    woke: Instant,
    log: Log,
}

impl Line<'_> {
    /// What will happen by itself.
    fn prepare(&mut self, chance: &mut ChaCha8Rng) {
        match self.condition {
            Condition::HalfOpen {
                from,
                application_writes,
                ..
            } => {
                let first = chance.random_range(0..application_writes.get().max(1));
                self.at(from + Millis::new(first), Happens::ApplicationWrites);
            }
            Condition::Zombie { from, speaks } => {
                let first = chance.random_range(0..speaks.get().max(1));
                self.at(from + Millis::new(first), Happens::ServerSpeaks);
            }
            Condition::Stalls { every, lasts } => {
                let mut at = self.setup.begins;
                while at < self.setup.until {
                    // From half the mean to one and a half: two never follow each other so closely that they are one.
                    let every = every.get().max(2);
                    at += Millis::new(chance.random_range(every / 2..=every / 2 * 3));
                    let ends = at + Millis::new(chance.random_range(lasts.0.get()..=lasts.1.get()));
                    self.stalls.push((at, ends));
                    at = ends;
                }
            }
            Condition::Healthy | Condition::Silence { .. } | Condition::Nat { .. } => {}
        }
        if let Condition::Silence { from }
        | Condition::HalfOpen { from, .. }
        | Condition::Zombie { from, .. } = self.condition
        {
            self.log.broken = Some(from);
        }
    }

    fn go(&mut self) {
        loop {
            let timer = self.keeper.poll_timeout();
            let next = self.queue.first_key_value().map(|(key, _)| key.0);
            // What arrives comes before a timer of the same millisecond.
            let due = next.filter(|at| *at <= timer);
            let now = due.unwrap_or(timer);
            if now > self.setup.until {
                return;
            }
            match due.and_then(|_| self.queue.pop_first()) {
                Some((_, happens)) => self.happens(now, happens),
                None => {
                    self.wakes(now);
                    self.keeper.handle_timeout(now);
                }
            }
            while let Some(act) = self.keeper.poll_act() {
                self.act(now, act);
            }
            let stalls = matches!(self.condition, Condition::Stalls { .. });
            if !self.log.dead.is_empty() && !stalls {
                return;
            }
        }
    }

    fn happens(&mut self, now: Instant, happens: Happens) {
        match happens {
            Happens::ServerGets { iq, number } => {
                let swallowed =
                    iq && matches!(self.condition, Condition::Zombie { from, .. } if now >= from);
                if !swallowed {
                    let answer = Happens::ClientGets { iq, number };
                    self.send(now, Side::Server, Some(answer), || {
                        Message::Pong(number.to_be_bytes().to_vec())
                    });
                }
            }
            Happens::ClientGets { iq, number } => {
                self.wakes(now);
                self.keeper.answered(now, number, iq);
            }
            Happens::ClientHears => {
                self.wakes(now);
                self.keeper.heard(now);
            }
            Happens::ServerSpeaks => {
                self.send(now, Side::Server, Some(Happens::ClientHears), || {
                    Message::Stanza(squall_protocol::Node::new("ib").into())
                });
                if let Condition::Zombie { speaks, .. } = self.condition {
                    self.at(now + speaks.max(Millis::new(1)), Happens::ServerSpeaks);
                }
            }
            Happens::ApplicationWrites => {
                self.keeper.sent(now);
                self.unacknowledged(now);
                if let Condition::HalfOpen {
                    application_writes, ..
                } = self.condition
                {
                    let next = now + application_writes.max(Millis::new(1));
                    self.at(next, Happens::ApplicationWrites);
                }
            }
            Happens::KernelGivesUp => self.log.dead.push(now),
        }
    }

    fn act(&mut self, now: Instant, act: Act) {
        match act {
            Act::IqPing(number) => {
                let arrives = Happens::ServerGets { iq: true, number };
                self.send(now, Side::Client, Some(arrives), || Message::Reset);
            }
            Act::WebSocketPing(number) => {
                let arrives = Happens::ServerGets { iq: false, number };
                let payload = number.to_be_bytes().to_vec();
                self.send(now, Side::Client, Some(arrives), || Message::Ping(payload));
            }
            Act::Late => {
                if self.log.broken.is_some_and(|from| from <= now) {
                    self.log.late.get_or_insert(now);
                }
            }
            Act::Dead => {
                self.log.dead.push(now);
                if matches!(self.condition, Condition::Stalls { .. }) {
                    self.begin_anew(now);
                }
            }
        }
    }

    /// A connection that was given up in vain is opened again once the link flows.
    fn begin_anew(&mut self, now: Instant) {
        self.queue.clear();
        let opened = self.flows_at(now) + self.setup.latency.1;
        let number = self.log.dead.len();
        let draws = ChaCha8Rng::seed_from_u64(self.link.random());
        self.keeper = Keeper::new(self.policy, draws, opened, opened, number as u64);
    }

    /// Hands a message to the link.
    fn send(
        &mut self,
        now: Instant,
        from: Side,
        arrives: Option<Happens>,
        message: impl FnOnce() -> Message,
    ) {
        let passes = self.passes(now, from);
        let arrived = match passes {
            true => self.due(now, from),
            false => Instant::NEVER,
        };
        if let Some(arrives) = arrives.filter(|_| passes) {
            self.at(arrived, arrives);
        }
        if self.setup.keep {
            let message = match arrives {
                Some(Happens::ServerGets { iq: true, number }) => self.policy.iq_ping(number),
                Some(Happens::ClientGets { iq: true, number }) => self.policy.iq_answer(number),
                _ => message(),
            };
            self.log.carried.push(Carried {
                sent: now,
                arrived,
                from,
                message,
            });
        }
        if !passes && from == Side::Client {
            self.unacknowledged(now);
        }
    }

    /// Whether a message that is handed over now will arrive.
    fn passes(&mut self, now: Instant, from: Side) -> bool {
        match self.condition {
            Condition::Silence { from: begins } => from == Side::Client || now < begins,
            Condition::HalfOpen { from: begins, .. } => now < begins,
            Condition::Nat { idle, held, .. } => {
                let reaches = match from {
                    Side::Client => now + held,
                    Side::Server => now,
                };
                if self.log.broken.is_none() && reaches >= self.passed + idle {
                    self.log.broken = Some(self.passed + idle);
                }
                self.passed = now;
                self.log.broken.is_none()
            }
            Condition::Healthy | Condition::Zombie { .. } | Condition::Stalls { .. } => true,
        }
    }

    /// The kernel has something out that nobody will acknowledge.
    fn unacknowledged(&mut self, now: Instant) {
        let (Condition::HalfOpen {
            kernel_gives_up, ..
        }
        | Condition::Nat {
            kernel_gives_up, ..
        }) = self.condition
        else {
            return;
        };
        if !std::mem::replace(&mut self.unacknowledged, true) {
            self.at(now + kernel_gives_up, Happens::KernelGivesUp);
        }
    }

    /// When a message that is handed over now arrives.
    fn due(&mut self, now: Instant, from: Side) -> Instant {
        let (least, most) = self.setup.latency;
        let takes = match least == most {
            true => least,
            false => Millis::new(self.link.random_range(least.get()..=most.get())),
        };
        let due = self.flows_at(self.flows_at(now) + takes);
        let last = &mut self.last_due[from as usize];
        *last = due.max(*last);
        *last
    }

    /// When the link next flows: now, unless it stalls.
    fn flows_at(&self, now: Instant) -> Instant {
        let next = self.stalls.partition_point(|(_, ends)| *ends <= now);
        match self.stalls.get(next) {
            Some((begins, ends)) if *begins <= now => *ends,
            _ => now,
        }
    }

    fn at(&mut self, at: Instant, happens: Happens) {
        self.queued += 1;
        self.queue.insert((at, self.queued), happens);
    }

    fn wakes(&mut self, now: Instant) {
        if self.woke != now {
            self.woke = now;
            self.log.wakeups += 1;
        }
    }
}
