//! What an operator does to the machine by hand, and what he sees of it. Unlike an input, each of these has an answer.

use compact_str::CompactString;
use jiff::Timestamp;
use squall_protocol::{Instant, Millis, Node, Now};

use super::pairing::Registration;
use super::{LOCATION, Output, Server, ServerEvent, Stage, Timer};
use crate::fault::{Act, AsSent, CloseCode, CloseReason, FaultId, FaultSpec, StreamError, Target};
use crate::id::ConnectionId;

/// A fault that stands.
#[derive(Clone, Debug, PartialEq)]
pub struct PlacedFault {
    /// Its number.
    pub id: FaultId,
    /// What it is.
    pub spec: FaultSpec,
    /// Whom it concerns.
    pub target: Target,
    /// Whether it acts once instead of standing.
    pub once: bool,
    /// When it is taken off by itself.
    pub ends_at: Option<Instant>,
}

/// What came of putting a fault on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed {
    /// The connections on which it acted at once.
    pub acted_on: Vec<ConnectionId>,
    /// Whether it stands, or waits for something to act on.
    pub stands: bool,
}

/// How a connection is ended by hand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// With a close frame of code 1001, "going away".
    #[default]
    Close,
    /// The stream ends without a close frame.
    Eof,
    /// The transport is reset.
    Reset,
}

/// What is seen of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionState {
    /// Whose it is, where known.
    pub account: Option<CompactString>,
    /// Its device, once that is logged in.
    pub device: Option<u32>,
    /// How far it has come.
    pub stage: Stage,
    /// Whether its client waits to be paired.
    pub registers: bool,
    /// When it was dialed.
    pub since: Timestamp,
}

/// What is seen of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountState {
    /// Its name.
    pub name: CompactString,
    /// Its phone number.
    pub phone: u64,
    /// Its companions.
    pub devices: Vec<DeviceState>,
    /// The ban that stands.
    pub ban: Option<Ban>,
    /// When the guard's penalty ends, while one stands.
    pub penalty_until: Option<Instant>,
}

/// What is seen of a companion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceState {
    /// Its number.
    pub device: u32,
    /// Its name in stanzas.
    pub jid: String,
    /// Its other name in stanzas.
    pub lid: String,
    /// The connection on which it is logged in.
    pub connection: Option<ConnectionId>,
}

/// An account that is kept out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ban {
    /// Until when; without it for ever.
    pub until: Option<Instant>,
}

/// What came of pairing a connection by hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paired {
    /// This one is told `<pair-success>`.
    Told(ConnectionId),
    /// None of those that could be meant waits to be paired.
    Nobody,
    /// Several wait, and none was named.
    Several,
}

impl Server {
    /// The faults that stand, in the order in which they were put on.
    pub fn placed_faults(&self) -> Vec<PlacedFault> {
        let placed = |(id, spec, target, once): (FaultId, &FaultSpec, &Target, bool)| PlacedFault {
            id,
            spec: spec.clone(),
            target: target.clone(),
            once,
            ends_at: self.fault_ends_at(id),
        };
        self.faults.placed().map(placed).collect()
    }

    /// Puts a fault on under this number, in the place of the one that has it. With `ttl` it is taken off after so long.
    pub fn place_fault(
        &mut self,
        now: Now,
        id: FaultId,
        (spec, target, once): (FaultSpec, Target, bool),
        ttl: Option<Millis>,
    ) -> Placed {
        self.lift_fault(id);
        self.on_fault(now, id, spec, target, once);
        let acted_on = |output: &Output| match output {
            Output::Event(ServerEvent::FaultActed { fault, connection }) if *fault == id => {
                Some(*connection)
            }
            _ => None,
        };
        let acted_on = self.outputs.iter().filter_map(acted_on).collect();
        let stands = self.faults.placed().any(|(other, ..)| other == id);
        if stands {
            self.end_fault_after(now, id, ttl);
        }
        Placed { acted_on, stands }
    }

    /// From now on this fault has so long, or no end.
    pub fn end_fault_after(&mut self, now: Now, id: FaultId, ttl: Option<Millis>) {
        self.timers
            .retain(|_, timer| *timer != Timer::FaultEnds(id));
        if let Some(ttl) = ttl {
            self.arm(now.mono + ttl, Timer::FaultEnds(id));
        }
    }

    /// Takes a fault off. Whether it stood.
    pub fn lift_fault(&mut self, id: FaultId) -> bool {
        self.timers
            .retain(|_, timer| *timer != Timer::FaultEnds(id));
        self.faults.remove(id, &self.connections, &mut self.outputs)
    }

    fn fault_ends_at(&self, id: FaultId) -> Option<Instant> {
        self.timers
            .iter()
            .find_map(|((at, _), timer)| (*timer == Timer::FaultEnds(id)).then_some(*at))
    }

    /// What is seen of a connection that lives.
    pub fn connection_state(&self, id: ConnectionId) -> Option<ConnectionState> {
        let (_, connection) = self.connections.iter().find(|(other, _)| *other == id)?;
        let logged_in = connection.stage >= Stage::Open;
        Some(ConnectionState {
            account: connection.account.clone(),
            device: connection.device.filter(|_| logged_in),
            stage: connection.stage,
            registers: connection.registration.is_some(),
            since: connection.since,
        })
    }

    /// Ends a connection. Whether it lives. One that speaks no WebSocket yet is reset.
    pub fn end_connection(&mut self, now: Now, id: ConnectionId, how: Ending) -> bool {
        let Some(stage) = self.connections.stage(id) else {
            return false;
        };
        let act = match how {
            _ if stage < Stage::Upgraded => Act::Reset,
            Ending::Close => Act::Close(Some(CloseCode::GOING_AWAY), CloseReason::default()),
            Ending::Eof => Act::Eof,
            Ending::Reset => Act::Reset,
        };
        self.perform(now, id, act);
        true
    }

    /// Every account, by name.
    pub fn account_states(&self, now: Now) -> Vec<AccountState> {
        let names = self.accounts.iter().map(|(name, _)| name);
        names
            .filter_map(|name| self.account_state(now, name))
            .collect()
    }

    /// What is seen of an account.
    pub fn account_state(&self, now: Now, name: &str) -> Option<AccountState> {
        let account = self.accounts.get(name)?;
        let device = |number: &u32| DeviceState {
            device: *number,
            jid: account.jid(*number).to_string(),
            lid: account.lid(*number).to_string(),
            connection: self.logged_in(name, *number),
        };
        Some(AccountState {
            name: name.into(),
            phone: account.phone,
            devices: account.devices.keys().map(device).collect(),
            ban: account.ban.filter(|ban| ban.stands(now)),
            penalty_until: account.guard.penalty(now.mono),
        })
    }

    /// A phone scans this text at once: that of `account`, or where none is named that of the account which the
    /// connection belongs to. Which connection is paired with which account.
    pub fn scan_qr(
        &mut self,
        now: Now,
        text: &str,
        account: Option<&str>,
    ) -> Option<(ConnectionId, CompactString)> {
        self.scan(now, text, account.map(CompactString::from))
    }

    /// Pairs a connection with an account although no phone sees its QR code: the ADV secret, which only that code tells,
    /// is known. Without `connection` it is the only one that waits to be paired.
    pub fn pair_without_phone(
        &mut self,
        now: Now,
        account: &str,
        connection: Option<ConnectionId>,
        adv_secret: &[u8; 32],
    ) -> Paired {
        let mut waiting = self.connections.iter().filter(|(id, state)| {
            let waits = state.registration.as_ref().is_some_and(Registration::waits);
            state.stage == Stage::Open && waits && connection.is_none_or(|wanted| wanted == *id)
        });
        let (first, second) = (waiting.next(), waiting.next());
        let id = match (first, second) {
            (Some((id, _)), None) => id,
            (None, _) => return Paired::Nobody,
            (Some(_), Some(_)) => return Paired::Several,
        };
        drop(waiting);
        let name = CompactString::from(account);
        self.belongs_to(id, &name);
        self.pair(now, id, name, adv_secret);
        Paired::Told(id)
    }

    /// Removes a device from its account, as the phone would; its connection is told and closed. Whether there is one.
    pub fn revoke_device(&mut self, now: Now, name: &str, device: u32) -> bool {
        let known = |account: &super::account::Account| account.devices.contains_key(&device);
        if !self.accounts.get(name).is_some_and(known) {
            return false;
        }
        match self.logged_in(name, device) {
            Some(id) => self.revoke(now, id),
            None => self.remove_device(now, name, device),
        }
        true
    }

    /// Keeps an account out, for so long or for ever: its connections get a stream error 403, its logins `<failure>`, with
    /// reason 402 and the seconds that are left, or 403 where it has no end. Whether there is such an account.
    pub fn ban(&mut self, now: Now, name: &str, lasts: Option<Millis>) -> bool {
        let Some(account) = self.accounts.get_mut(name) else {
            return false;
        };
        let until = lasts.map(|lasts| now.mono + lasts);
        account.ban = Some(Ban { until });
        let live: Vec<ConnectionId> = self
            .connections
            .iter()
            .filter(|(_, state)| {
                state.stage == Stage::Open && state.account.as_deref() == Some(name)
            })
            .map(|(id, _)| id)
            .collect();
        let banned = StreamError {
            code: Some(AsSent::from(403)),
            ..StreamError::default()
        };
        for id in live {
            self.end(now, id, banned.node());
        }
        true
    }

    /// Lets an account in again. Whether a ban stood.
    pub fn lift_ban(&mut self, now: Now, name: &str) -> bool {
        let ban = self.accounts.get_mut(name).and_then(|it| it.ban.take());
        ban.is_some_and(|ban| ban.stands(now))
    }

    /// What a login gets from an account that is kept out.
    pub(super) fn banned(&self, now: Now, id: ConnectionId) -> Option<Node> {
        let name = self.connections.account(id)?;
        let ban = self.accounts.get(name)?.ban?;
        let refusal = Node::new("failure").attr("location", LOCATION);
        match ban.until {
            _ if !ban.stands(now) => None,
            None => Some(refusal.attr("reason", "403")),
            Some(until) => {
                let left = until.since(now.mono).get().div_ceil(1_000);
                Some(
                    refusal
                        .attr("reason", "402")
                        .attr("code", BAN_CODE)
                        .attr("expire", left),
                )
            }
        }
    }

    /// The connection on which this device is logged in.
    fn logged_in(&self, name: &str, device: u32) -> Option<ConnectionId> {
        self.connections.iter().find_map(|(id, state)| {
            (state.stage == Stage::Open
                && state.device == Some(device)
                && state.account.as_deref() == Some(name))
            .then_some(id)
        })
    }
}

impl Ban {
    fn stands(&self, now: Now) -> bool {
        self.until.is_none_or(|until| now.mono < until)
    }
}

/// Why a temporary ban: too many messages to people who do not know the sender.
const BAN_CODE: &str = "101";
