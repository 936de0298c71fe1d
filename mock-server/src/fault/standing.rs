//! One fault that stands: whom it may still touch, what it remembers of each connection, what it reports.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use squall_protocol::{Instant, Now};

use super::{Act, Carry, Direction, Fault, FaultCx, FaultId, FaultSpec, Handed, Text};
use crate::dice::Dice;
use crate::id::ConnectionId;
use crate::server::{Connections, Output, ServerEvent};

/// Whom a fault concerns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Target {
    /// The account; without it every one.
    pub account: Option<Text>,
    /// Which of its connections.
    pub connection: Which,
}

/// Which connections of an account, or of all accounts together where the target names none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Which {
    /// Each one.
    #[default]
    All,
    /// The so-manieth since the server began, counted from 1, refused dials included.
    Nth(u32),
    /// Each one that lives, without the newest.
    Old,
}

#[derive(Debug)]
pub(super) struct Standing {
    pub(super) id: FaultId,
    pub(super) put_on: Instant,
    pub(super) spec: FaultSpec,
    pub(super) target: Target,
    pub(super) reach: Reach,
    pub(super) memory: BTreeMap<ConnectionId, Memory>,
}

/// Which connections a fault may still touch.
#[derive(Debug)]
pub(super) enum Reach {
    /// Every one of its target, as long as it stands.
    Everyone,
    /// These, once each.
    Once(BTreeSet<ConnectionId>),
    /// These, as long as they live.
    WhileAlive(BTreeSet<ConnectionId>),
    /// The target's next dial, or the one that it has become.
    NextDial(Option<ConnectionId>),
}

/// One question to a fault.
pub(super) struct Asked<'a> {
    pub(super) now: Now,
    pub(super) connection: ConnectionId,
    pub(super) connections: &'a Connections,
    pub(super) dice: &'a Dice,
}

/// What a fault remembers of a connection.
#[derive(Debug, Default)]
pub(super) struct Memory {
    count: u64,
    /// How many hooks have drawn.
    drawn: u64,
    reported: bool,
    pub(super) since: Option<Instant>,
}

impl Standing {
    pub(super) fn reaches(&self, connection: ConnectionId, connections: &Connections) -> bool {
        match &self.reach {
            Reach::Everyone => self.target.includes(connection, connections),
            Reach::Once(left) | Reach::WhileAlive(left) => left.contains(&connection),
            Reach::NextDial(slot) => *slot == Some(connection),
        }
    }

    /// Asks a hook. Its chance depends on how many hooks of this connection have drawn before.
    pub(super) fn run<V>(
        &mut self,
        asked: &Asked<'_>,
        hook: impl FnOnce(&dyn Fault, &mut FaultCx<'_>) -> V,
    ) -> (V, Option<Instant>) {
        let memory = self.memory.entry(asked.connection).or_default();
        let word = u128::from(memory.drawn) * WORDS_A_HOOK;
        let (verdict, wake, drew) = self.run_at(asked, word, hook);
        let memory = self.memory.entry(asked.connection).or_default();
        memory.drawn += u64::from(drew);
        (verdict, wake)
    }

    /// Asks about a message. Its chance depends on the message's direction and number alone.
    pub(super) fn carry(&mut self, asked: &Asked<'_>, message: Handed) -> (Carry, Option<Instant>) {
        let half = match message.direction {
            Direction::ToClient => MESSAGES,
            Direction::ToServer => MESSAGES + MESSAGES / 2,
        };
        let number = u128::from(message.number) * WORDS_A_HOOK % (MESSAGES / 2);
        let (carry, wake, _) = self.run_at(asked, half + number, |fault, cx| {
            fault.on_message(message, cx)
        });
        (carry, wake)
    }

    fn run_at<V>(
        &mut self,
        asked: &Asked<'_>,
        word: u128,
        hook: impl FnOnce(&dyn Fault, &mut FaultCx<'_>) -> V,
    ) -> (V, Option<Instant>, bool) {
        let &Asked {
            now,
            connection,
            connections,
            dice,
        } = asked;
        let memory = self.memory.entry(connection).or_default();
        // A stream of its own among the generator's 2^64, and in it a place of its own for each connection among 2^68
        // words, so that a draw depends on nothing else.
        let mut rng = dice.stream(FAULT_STREAMS | self.id.0);
        let of_connection = u128::from(connection.0 & 0x0FFF_FFFF) << 40;
        let begin = of_connection + word;
        rng.set_word_pos(begin);
        let mut cx = FaultCx {
            now,
            rng: &mut rng,
            connection,
            account: connections.account(connection),
            count: &mut memory.count,
            since: memory.since.unwrap_or(now.mono),
            put_on: self.put_on,
            wake: None,
        };
        let verdict = hook(self.spec.behaviour(), &mut cx);
        let wake = cx.wake;
        (verdict, wake, rng.get_word_pos() != begin)
    }

    pub(super) fn act(
        &mut self,
        asked: &Asked<'_>,
        wakes: &mut BTreeSet<(Instant, FaultId, ConnectionId)>,
        outputs: &mut VecDeque<Output>,
        hook: impl FnOnce(&dyn Fault, &mut FaultCx<'_>) -> Vec<Act>,
    ) -> Vec<Act> {
        let (acts, wake) = self.run(asked, hook);
        let connection = asked.connection;
        if !acts.is_empty() {
            self.report(connection, outputs);
        }
        match wake {
            Some(at) => {
                wakes.insert((at, self.id, connection));
            }
            None if !acts.is_empty() => self.spend(connection),
            None => {}
        }
        acts
    }

    pub(super) fn acted(&mut self, connection: ConnectionId, outputs: &mut VecDeque<Output>) {
        self.report(connection, outputs);
        self.spend(connection);
    }

    fn report(&mut self, connection: ConnectionId, outputs: &mut VecDeque<Output>) {
        let memory = self.memory.entry(connection).or_default();
        if !(memory.reported && self.spec.behaviour().reports_once()) {
            outputs.push_back(Output::Event(ServerEvent::FaultActed {
                fault: self.id,
                connection,
            }));
        }
        memory.reported = true;
    }

    /// An injected fault has acted on this connection.
    fn spend(&mut self, connection: ConnectionId) {
        match &mut self.reach {
            Reach::Once(left) => {
                left.remove(&connection);
            }
            // Nothing is left, which is how `sweep` knows that it is over.
            reach @ Reach::NextDial(_) => *reach = Reach::Once(BTreeSet::new()),
            Reach::Everyone | Reach::WhileAlive(_) => {}
        }
    }
}

impl Target {
    pub(super) fn includes(&self, connection: ConnectionId, connections: &Connections) -> bool {
        let account = connections.account(connection);
        if self.account.is_some() && self.account.as_deref() != account {
            return false;
        }
        match self.connection {
            Which::All => true,
            Which::Nth(nth) => connections.ordinal(connection, self.account.is_some()) == Some(nth),
            Which::Old => !connections.is_newest(connection, self.account.is_some()),
        }
    }
}

/// Words of chance that one hook may draw without reaching those of the next.
const WORDS_A_HOOK: u128 = 64;
/// Of the 2^40 words of a connection, the upper half is for messages: half of that for each direction.
const MESSAGES: u128 = 1 << 39;
/// The streams of faults, apart from those of connections, accounts and certificates.
const FAULT_STREAMS: u64 = 1 << 62;
