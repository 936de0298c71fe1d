//! From the Noise transport to `<success>`, and what ends a login: failure, guard, conflict, revocation.

use compact_str::CompactString;
use squall_protocol::pairing::Login;
use squall_protocol::{Node, Now};

use super::account::push_name;
use super::device_list::Change;
use super::pairing::Registration;
use super::request::Caller;
use super::{GuardAnswer, LOCATION, Server, ServerEvent, Stage, Timer};
use crate::fault::{self, AsSent, Conflict, StreamError};
use crate::id::ConnectionId;

impl Server {
    /// The client has said who it is; it is answered after the login delay, or at once by a fault.
    pub(super) fn on_secured(
        &mut self,
        now: Now,
        id: ConnectionId,
        login: &Login,
        noise: [u8; 32],
    ) {
        match login {
            Login::Registration(registration) => {
                // The same name is the same number: a test chooses its account by what its user calls himself.
                if let Some(name) = registration.push_name.as_deref().and_then(push_name) {
                    self.belongs_to(id, &name);
                }
                if let Some(connection) = self.connections.get_mut(id) {
                    connection.registration = Some(Registration::new(registration, noise));
                }
            }
            Login::Device { user, device } => self.identify(now, id, *user, *device, noise),
        }
        let Some(connection) = self.connections.get_mut(id) else {
            return;
        };
        connection.stage = connection.stage.max(Stage::Secured);
        match self.ask(now, id, |fault, cx| fault.on_secured(cx)) {
            fault::FirstWord::InTime => {
                self.arm(now.mono + self.settings.login_delay, Timer::Login(id));
            }
            fault::FirstWord::AtOnce => self.on_login_delay_over(now, id),
        }
    }

    /// Finds whose device it is. A dial counts from here on, whatever comes of it.
    fn identify(&mut self, now: Now, id: ConnectionId, phone: u64, device: u32, noise: [u8; 32]) {
        let Some(name) = self.accounts.name_of(phone).cloned() else {
            return;
        };
        self.belongs_to(id, &name);
        let is_paired = self
            .accounts
            .get(&name)
            .and_then(|account| account.devices.get(&device))
            .is_some_and(|known| known.noise == noise);
        let punished = self.guard_dial(now, id, &name, true);
        if let Some(connection) = self.connections.get_mut(id) {
            connection.punished = punished;
            connection.device = is_paired.then_some(device);
        }
    }

    /// The login delay is over.
    pub(super) fn on_login_delay_over(&mut self, now: Now, id: ConnectionId) {
        let Some(connection) = self.connections.get_mut(id) else {
            return;
        };
        if connection.stage != Stage::Secured {
            return;
        }
        if connection.registration.is_some() {
            self.offer(now, id);
            return;
        }
        if let Some(banned) = self.banned(now, id) {
            self.fail(now, id, banned);
            return;
        }
        match self.ask(now, id, |fault, cx| fault.on_login(cx)) {
            fault::Login::Admit => self.admit(now, id),
            fault::Login::Fail(node) => self.fail(now, id, node),
            fault::Login::Revoke => {
                self.remove_own_device(now, id);
                self.fail(now, id, failure("401"));
            }
        }
    }

    fn admit(&mut self, now: Now, id: ConnectionId) {
        let Some(connection) = self.connections.get_mut(id) else {
            return;
        };
        let (punished, device) = (connection.punished, connection.device);
        let (Some(device), Some(name)) = (device, connection.account.clone()) else {
            self.fail(now, id, failure("401"));
            return;
        };
        if punished && self.guard_answer() != GuardAnswer::StreamError {
            self.punish(now, id);
            return;
        }
        let Some(account) = self.accounts.get(&name) else {
            return;
        };
        let success = Node::new("success")
            .attr("t", now.wall.as_second())
            .attr("lid", account.lid(device))
            .attr("props", "27")
            .attr("companion_enc_static", "")
            .attr("display_name", &*name)
            .attr("location", LOCATION);
        self.send(now, id, success);
        self.tell(ServerEvent::Login {
            connection: id,
            account: name.clone(),
        });
        self.replace_others(now, id, &name, device);
        if punished {
            self.punish(now, id);
            return;
        }
        let caller = Caller { name, device };
        self.send_waiting(now, id, &caller);
        self.open(now, id);
        self.send_news(now, id, &caller);
    }

    /// One connection of a device lives: the older ones are told that they were replaced.
    fn replace_others(&mut self, now: Now, id: ConnectionId, name: &str, device: u32) {
        let others: Vec<ConnectionId> = self
            .connections
            .iter()
            .filter(|(other, connection)| {
                *other != id
                    && connection.stage == Stage::Open
                    && connection.device == Some(device)
                    && connection.account.as_deref() == Some(name)
            })
            .map(|(other, _)| other)
            .collect();
        let replaced = StreamError {
            conflict: Some(Conflict::Replaced),
            ..StreamError::default()
        };
        for other in others {
            self.end(now, other, replaced.node());
        }
    }

    fn fail(&mut self, now: Now, id: ConnectionId, node: Node) {
        self.tell(ServerEvent::LoginFailed {
            connection: id,
            account: self.connections.account(id).map(CompactString::from),
            reason: node.get("reason").map(CompactString::from),
        });
        self.end(now, id, node);
    }

    /// Counts a dial of this account, told by its client payload or by its pairing. Whether it is punished.
    pub(super) fn guard_dial(
        &mut self,
        now: Now,
        id: ConnectionId,
        name: &CompactString,
        login: bool,
    ) -> bool {
        if self.settings.guard.is_none() {
            return false;
        }
        if login && self.accounts.named(name).guard.is_handoff(now.mono) {
            return false;
        }
        self.count_dial(now, id, Some(name.clone()))
    }

    /// Whether this upgrade is refused since a penalty stands for everybody. It is a dial like any other, so the penalty
    /// begins anew.
    pub(super) fn guard_upgrade(&mut self, now: Now, id: ConnectionId) -> bool {
        let of_all = |guard: &super::Guard| guard.in_all;
        if !self.settings.guard.as_ref().is_some_and(of_all)
            || !self.everyone.is_penalized(now.mono)
        {
            return false;
        }
        let account = self.connections.account(id).map(CompactString::from);
        self.count_dial(now, id, account)
    }

    /// Counts a dial where the guard keeps its count. Whether it is punished.
    fn count_dial(&mut self, now: Now, id: ConnectionId, account: Option<CompactString>) -> bool {
        let Some(guard) = &self.settings.guard else {
            return false;
        };
        let record = match (guard.in_all, &account) {
            (true, _) => &mut self.everyone,
            (false, Some(name)) => &mut self.accounts.named(name).guard,
            (false, None) => return false,
        };
        let Some(until) = record.dial(now.mono, guard) else {
            return false;
        };
        self.tell(ServerEvent::Penalty {
            connection: id,
            account,
            until,
        });
        true
    }

    /// Gives a punished connection what it gets.
    pub(super) fn punish(&mut self, now: Now, id: ConnectionId) {
        match self.guard_answer() {
            GuardAnswer::StreamError => {
                let too_fast = StreamError {
                    code: Some(AsSent::from(515)),
                    ..StreamError::default()
                };
                self.end(now, id, too_fast.node());
            }
            GuardAnswer::Forbidden => self.fail(now, id, failure("403")),
            GuardAnswer::Silence => {}
        }
    }

    fn guard_answer(&self) -> GuardAnswer {
        self.settings
            .guard
            .as_ref()
            .map(|guard| guard.answer)
            .unwrap_or_default()
    }

    /// The phone removes the device of this connection.
    pub(super) fn revoke(&mut self, now: Now, id: ConnectionId) {
        self.remove_own_device(now, id);
        let removed = StreamError {
            code: Some(AsSent::from(401)),
            conflict: Some(Conflict::DeviceRemoved),
            ..StreamError::default()
        };
        self.end(now, id, removed.node());
    }

    fn remove_own_device(&mut self, now: Now, id: ConnectionId) {
        let Some(connection) = self.connections.get_mut(id) else {
            return;
        };
        let (Some(device), Some(name)) = (connection.device.take(), connection.account.clone())
        else {
            return;
        };
        self.remove_device(now, &name, device);
    }

    /// Removes a device from its account.
    pub(super) fn remove_device(&mut self, now: Now, name: &str, device: u32) {
        if let Some(account) = self.accounts.get_mut(name)
            && account.devices.remove(&device).is_some()
        {
            self.tell(ServerEvent::Revoked {
                account: name.into(),
                device,
            });
            self.devices_changed(now, name, device, Change::Removed);
        }
    }
}

fn failure(reason: &str) -> Node {
    Node::new("failure")
        .attr("reason", reason)
        .attr("location", LOCATION)
}
