//! The machine that follows a policy: told what happens, it says when to ping and when the connection is dead.
//!
//! It takes time as an argument and chance from a generator that it is given. It shares no code with the session, which
//! it is compared with.

use std::collections::VecDeque;

use rand::RngExt;
use rand::rngs::ChaCha8Rng;
use squall_protocol::{Instant, Millis};

use super::policy::{Policy, Silence, Unanswered};

/// What a keeper does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Sends the IQ ping of this number.
    IqPing(u64),
    /// Sends the WebSocket Ping of this number.
    WebSocketPing(u64),
    /// Tells the application that an answer is late.
    Late,
    /// Ends the connection: it is dead.
    Dead,
}

/// Keeps one connection alive by a policy.
#[derive(Debug)]
pub struct Keeper<'a> {
    policy: &'a Policy,
    rng: ChaCha8Rng,
    acts: VecDeque<Act>,
    next_ping: Instant,
    /// The ping whose answer the next interval waits for, and until when.
    awaited: Option<(u64, Instant)>,
    next_web_socket_ping: Instant,
    number: u64,
    heard_at: Instant,
    answered_at: Instant,
    /// When the first ping went out after the last thing heard.
    pinged_since_heard: Option<Instant>,
    /// When the first thing at all went out after the last thing heard.
    sent_since_heard: Option<Instant>,
    /// When the first IQ ping went out after the last answer.
    pinged_since_answer: Option<Instant>,
    /// Pings of either kind without an answer: number, when sent. The oldest is the first.
    unsettled: VecDeque<(u64, Instant)>,
    late: bool,
    dead: bool,
}

impl<'a> Keeper<'a> {
    /// Begins with an open connection at `now`, with the WebSocket Pings at `connected`. `number` is that of its first
    /// ping.
    pub fn new(
        policy: &'a Policy,
        rng: ChaCha8Rng,
        now: Instant,
        connected: Instant,
        number: u64,
    ) -> Self {
        let mut keeper = Self {
            policy,
            rng,
            acts: VecDeque::new(),
            next_ping: Instant::NEVER,
            awaited: None,
            next_web_socket_ping: policy
                .web_socket_ping
                .map_or(Instant::NEVER, |every| connected + every),
            number,
            heard_at: now,
            answered_at: now,
            pinged_since_heard: None,
            sent_since_heard: None,
            pinged_since_answer: None,
            unsettled: VecDeque::new(),
            late: false,
            dead: false,
        };
        keeper.next_ping = now + keeper.draw();
        keeper
    }

    /// Something arrived, whatever it was.
    pub fn heard(&mut self, now: Instant) {
        self.heard_at = now;
        self.pinged_since_heard = None;
        self.sent_since_heard = None;
    }

    /// The answer to the ping of this number arrived. To a policy that waits for its answers one that comes too late is a
    /// sign of life and no answer.
    pub fn answered(&mut self, now: Instant, number: u64, iq: bool) {
        self.heard(now);
        self.unsettled.retain(|(unsettled, _)| *unsettled != number);
        self.late &= self
            .policy
            .late_after
            .zip(self.unsettled.front())
            .is_some_and(|(after, (_, sent))| *sent + after <= now);
        if !iq {
            return;
        }
        let awaited = self.awaited.take_if(|(awaited, _)| *awaited == number);
        if self.policy.ping.deadline.is_some() {
            if awaited.is_none() {
                return;
            }
            self.next_ping = now + self.draw();
        }
        self.answered_at = now;
        self.pinged_since_answer = None;
    }

    /// The application sent something.
    pub fn sent(&mut self, now: Instant) {
        self.sent_since_heard.get_or_insert(now);
    }

    /// When it wants to act; never, once it has found its connection dead.
    pub fn poll_timeout(&self) -> Instant {
        if self.dead {
            return Instant::NEVER;
        }
        let deadline = self.awaited.map_or(Instant::NEVER, |(_, at)| at);
        [
            self.next_ping,
            deadline,
            self.next_web_socket_ping,
            self.late_at(),
            self.dead_at(),
        ]
        .into_iter()
        .min()
        .unwrap_or(Instant::NEVER)
    }

    /// Its time has come.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.late_at() <= now {
            self.late = true;
            self.acts.push_back(Act::Late);
        }
        if self.dead_at() <= now {
            return self.die();
        }
        if self.awaited.take_if(|(_, at)| *at <= now).is_some() {
            if self.is_dead_at_deadline(now) {
                return self.die();
            }
            self.next_ping = now + self.draw();
        }
        if self.next_ping <= now {
            self.tick(now);
        }
        if self.next_web_socket_ping <= now {
            let every = self.policy.web_socket_ping.unwrap_or(Millis::MAX);
            self.next_web_socket_ping += every;
            let number = self.ping(now);
            self.acts.push_back(Act::WebSocketPing(number));
        }
    }

    /// What it does, until `None`.
    pub fn poll_act(&mut self) -> Option<Act> {
        self.acts.pop_front()
    }

    /// An IQ ping is due.
    fn tick(&mut self, now: Instant) {
        if let Some(Silence::AtTick(after)) = self.policy.silence
            && now - self.heard_at > after
        {
            return self.die();
        }
        let idle = now - self.heard_at;
        if self.policy.ping.only_idle.is_some_and(|least| idle < least) {
            self.next_ping = now + self.draw();
            return;
        }
        let number = self.ping(now);
        self.pinged_since_answer.get_or_insert(now);
        self.acts.push_back(Act::IqPing(number));
        match self.policy.ping.deadline {
            Some(deadline) => {
                self.awaited = Some((number, now + deadline));
                self.next_ping = Instant::NEVER;
            }
            None => {
                let every = self.draw();
                self.next_ping += every;
            }
        }
    }

    /// Counts a ping of either kind.
    fn ping(&mut self, now: Instant) -> u64 {
        let number = self.number;
        self.number += 1;
        self.pinged_since_heard.get_or_insert(now);
        self.sent_since_heard.get_or_insert(now);
        if self.unsettled.len() < MOST_UNSETTLED {
            self.unsettled.push_back((number, now));
        }
        number
    }

    fn late_at(&self) -> Instant {
        match (self.policy.late_after, self.unsettled.front()) {
            (Some(after), Some((_, sent))) if !self.late => *sent + after,
            _ => Instant::NEVER,
        }
    }

    /// When a rule with a timer of its own says that the connection is dead.
    fn dead_at(&self) -> Instant {
        let silent = match self.policy.silence {
            Some(Silence::AfterPing(after)) => self.pinged_since_heard.map(|since| since + after),
            _ => None,
        };
        let unanswered = match self.policy.unanswered {
            Some(Unanswered::AfterPing(after)) => {
                self.pinged_since_answer.map(|since| since + after)
            }
            _ => None,
        };
        silent
            .into_iter()
            .chain(unanswered)
            .min()
            .unwrap_or(Instant::NEVER)
    }

    /// Whether a rule that is looked at when a ping has had no answer in time says so.
    fn is_dead_at_deadline(&self, now: Instant) -> bool {
        // The published rule says longer than its limit; a real clock is always some way over where a timer that fires
        // is compared with the same length, and whole milliseconds are not.
        let silent = match self.policy.silence {
            Some(Silence::AtDeadline(after)) => self
                .sent_since_heard
                .is_some_and(|since| now - since >= after),
            _ => false,
        };
        let unanswered = match self.policy.unanswered {
            Some(Unanswered::AtDeadline(after)) => now - self.answered_at > after,
            _ => false,
        };
        silent || unanswered
    }

    fn die(&mut self) {
        self.dead = true;
        self.acts.push_back(Act::Dead);
    }

    fn draw(&mut self) -> Millis {
        let (least, most) = self.policy.ping.every;
        match least == most {
            true => least,
            false => Millis::new(self.rng.random_range(least.get()..=most.get())),
        }
    }
}

/// A policy that never gives up would remember every ping that was never answered; the oldest says all.
const MOST_UNSETTLED: usize = 64;
