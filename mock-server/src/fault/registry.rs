//! The faults that stand, whom they concern, and what they did.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use squall_protocol::{Instant, Now};

use super::standing::{Asked, Reach, Standing, Target};
use super::{Act, Carry, Fault, FaultCx, FaultSpec, Handed, Injected, Layer, Passage};
use crate::dice::Dice;
use crate::id::ConnectionId;
use crate::server::{Connections, Output, ServerEvent, Stage};

/// The number of a fault, given by whoever puts it on. Unique in a run.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(transparent)]
pub struct FaultId(pub u64);

impl std::fmt::Display for FaultId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "fault {}", self.0)
    }
}

/// The faults that stand. Asked by the server at every hook; empty, that is one comparison.
#[derive(Debug)]
pub struct Faults {
    standing: Vec<Standing>,
    wakes: BTreeSet<(Instant, FaultId, ConnectionId)>,
    dice: Dice,
}

impl Faults {
    /// None; chance is drawn from these dice.
    pub(crate) fn new(dice: Dice) -> Self {
        Self {
            standing: Vec::new(),
            wakes: BTreeSet::new(),
            dice,
        }
    }

    /// Whether none stands.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.standing.is_empty()
    }

    /// Those that stand, in the order they were put on: number, fault, target.
    pub fn iter(&self) -> impl Iterator<Item = (FaultId, &FaultSpec, &Target)> {
        self.standing
            .iter()
            .map(|standing| (standing.id, &standing.spec, &standing.target))
    }

    /// The same, and whether each was injected.
    pub(crate) fn placed(&self) -> impl Iterator<Item = (FaultId, &FaultSpec, &Target, bool)> {
        self.standing.iter().map(|standing| {
            let once = !matches!(standing.reach, Reach::Everyone);
            (standing.id, &standing.spec, &standing.target, once)
        })
    }

    /// When a fault wants to act next.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.wakes.first().map(|(at, ..)| *at)
    }

    /// Puts a fault on. One that is injected and has no one to touch is over at once.
    pub(crate) fn put(
        &mut self,
        now: Instant,
        id: FaultId,
        (spec, target, once): (FaultSpec, Target, bool),
        connections: &Connections,
        outputs: &mut VecDeque<Output>,
    ) {
        let live = || -> BTreeSet<ConnectionId> {
            connections
                .ids()
                .filter(|connection| {
                    connections.stage(*connection) != Some(Stage::Ended)
                        && target.includes(*connection, connections)
                })
                .collect()
        };
        let reach = match (once, spec.behaviour().injected()) {
            (false, _) => Reach::Everyone,
            (true, Injected::AtOnce | Injected::NextAct) => Reach::Once(live()),
            (true, Injected::WholeConnection) => Reach::WhileAlive(live()),
            (true, Injected::NextDial) => Reach::NextDial(None),
            (true, Injected::AtOnceOrNextDial) => match live() {
                nobody if nobody.is_empty() => Reach::NextDial(None),
                live => Reach::Once(live),
            },
        };
        outputs.push_back(Output::Event(ServerEvent::FaultOn {
            fault: id,
            name: spec.info().name,
        }));
        self.standing.push(Standing {
            id,
            put_on: now,
            spec,
            target,
            reach,
            memory: BTreeMap::new(),
        });
        self.sweep(connections, outputs);
    }

    /// Takes a fault off. Whether it stood.
    pub(crate) fn remove(
        &mut self,
        id: FaultId,
        connections: &Connections,
        outputs: &mut VecDeque<Output>,
    ) -> bool {
        let before = self.standing.len();
        self.take_off(|standing| standing.id == id, connections, outputs);
        self.standing.len() < before
    }

    /// Takes every fault off.
    pub(crate) fn clear(&mut self, connections: &Connections, outputs: &mut VecDeque<Output>) {
        self.take_off(|_| true, connections, outputs);
    }

    /// The link has accepted or refused a dial of this connection: a fault that waits for its target's next dial has it.
    pub(crate) fn dialed(&mut self, connection: ConnectionId, connections: &Connections) {
        for standing in &mut self.standing {
            if let Reach::NextDial(slot @ None) = &mut standing.reach
                && standing.target.includes(connection, connections)
            {
                *slot = Some(connection);
            }
        }
    }

    /// A connection is no more.
    pub(crate) fn closed(
        &mut self,
        connection: ConnectionId,
        connections: &Connections,
        outputs: &mut VecDeque<Output>,
    ) {
        if self.is_empty() {
            return;
        }
        for standing in &mut self.standing {
            standing.memory.remove(&connection);
            match &mut standing.reach {
                Reach::Once(left) | Reach::WhileAlive(left) => {
                    left.remove(&connection);
                }
                // It went before the fault could act: the next dial will do.
                Reach::NextDial(slot) if *slot == Some(connection) => *slot = None,
                Reach::NextDial(_) | Reach::Everyone => {}
            }
        }
        self.wakes.retain(|(.., other)| *other != connection);
        self.sweep(connections, outputs);
    }

    /// Asks each fault that concerns `connection` until one answers with other than the default.
    pub(crate) fn ask<V: Default + PartialEq>(
        &mut self,
        now: Now,
        connection: ConnectionId,
        connections: &Connections,
        outputs: &mut VecDeque<Output>,
        mut hook: impl FnMut(&dyn Fault, &mut FaultCx<'_>) -> V,
    ) -> V {
        if self.is_empty() {
            return V::default();
        }
        let asked = Asked {
            now,
            connection,
            connections,
            dice: &self.dice,
        };
        let reaches = |standing: &&mut Standing| standing.reaches(connection, connections);
        for standing in self.standing.iter_mut().filter(reaches) {
            let (verdict, _) = standing.run(&asked, &mut hook);
            if verdict != V::default() {
                standing.acted(connection, outputs);
                self.sweep(connections, outputs);
                return verdict;
            }
        }
        V::default()
    }

    /// Asks every fault that concerns `connection` about a message, and adds up what they say.
    pub(crate) fn carry(
        &mut self,
        now: Now,
        connection: ConnectionId,
        message: Handed,
        connections: &Connections,
        outputs: &mut VecDeque<Output>,
    ) -> Passage {
        let mut passage = Passage::default();
        let asked = Asked {
            now,
            connection,
            connections,
            dice: &self.dice,
        };
        let reaches = |standing: &&mut Standing| standing.reaches(connection, connections);
        for standing in self.standing.iter_mut().filter(reaches) {
            let (carry, wake) = standing.carry(&asked, message);
            if let Some(at) = wake {
                self.wakes.insert((at, standing.id, connection));
            }
            if carry != Carry::Pass {
                standing.acted(connection, outputs);
                passage.add(carry);
            }
        }
        self.sweep(connections, outputs);
        passage
    }

    /// What the faults do of their own accord to a connection that has come to where their layer begins; each once.
    pub(crate) fn acts(
        &mut self,
        now: Now,
        connection: ConnectionId,
        connections: &Connections,
        outputs: &mut VecDeque<Output>,
    ) -> Vec<Act> {
        let mut all = Vec::new();
        if self.is_empty() {
            return all;
        }
        let Some(stage) = connections.stage(connection) else {
            return all;
        };
        if stage == Stage::Ended {
            return all;
        }
        let asked = Asked {
            now,
            connection,
            connections,
            dice: &self.dice,
        };
        for standing in &mut self.standing {
            let begins = match standing.spec.info().layer {
                Layer::Link | Layer::Upgrade => Stage::Accepted,
                Layer::WebSocket | Layer::Handshake => Stage::Upgraded,
                Layer::Stream | Layer::Pairing => Stage::Open,
            };
            let begun = standing
                .memory
                .get(&connection)
                .is_some_and(|memory| memory.since.is_some());
            if stage < begins || begun || !standing.reaches(connection, connections) {
                continue;
            }
            standing.memory.entry(connection).or_default().since = Some(now.mono);
            let acts = standing.act(&asked, &mut self.wakes, outputs, |fault, cx| fault.acts(cx));
            all.extend(acts);
        }
        self.sweep(connections, outputs);
        all
    }

    /// What the faults do whose time has come.
    pub(crate) fn on_timeout(
        &mut self,
        now: Now,
        connections: &Connections,
        outputs: &mut VecDeque<Output>,
    ) -> Vec<(ConnectionId, Act)> {
        let mut all = Vec::new();
        while let Some(&(at, id, connection)) = self.wakes.first()
            && at <= now.mono
        {
            self.wakes.pop_first();
            let Some(standing) = self.standing.iter_mut().find(|standing| standing.id == id) else {
                continue;
            };
            let asked = Asked {
                now,
                connection,
                connections,
                dice: &self.dice,
            };
            let acts = standing.act(&asked, &mut self.wakes, outputs, |fault, cx| {
                fault.on_timer(cx)
            });
            all.extend(acts.into_iter().map(|act| (connection, act)));
        }
        self.sweep(connections, outputs);
        all
    }

    /// Takes off what is over.
    fn sweep(&mut self, connections: &Connections, outputs: &mut VecDeque<Output>) {
        let over = |standing: &Standing| match &standing.reach {
            Reach::Once(left) | Reach::WhileAlive(left) => left.is_empty(),
            Reach::Everyone | Reach::NextDial(_) => false,
        };
        if self.standing.iter().any(over) {
            self.take_off(over, connections, outputs);
        }
    }

    fn take_off(
        &mut self,
        mut gone: impl FnMut(&Standing) -> bool,
        connections: &Connections,
        outputs: &mut VecDeque<Output>,
    ) {
        let wakes = &mut self.wakes;
        self.standing.retain(|standing| {
            if !gone(standing) {
                return true;
            }
            wakes.retain(|(_, id, _)| *id != standing.id);
            outputs.push_back(Output::Event(ServerEvent::FaultOff { fault: standing.id }));
            if standing.spec.behaviour().keeps_back() {
                // What was kept back may go on; whoever keeps it asks anew.
                for connection in standing.memory.keys() {
                    if connections.stage(*connection).is_some() {
                        outputs.push_back(Output::Resume(*connection));
                    }
                }
            }
            false
        });
    }
}
