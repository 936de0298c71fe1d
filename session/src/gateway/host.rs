//! One organization's driver, as its host sees it.

use std::future::Future;
use std::io;

use squall_protocol::{Instant, Millis, Node, Now};

use super::notice::Notice;
use super::organization::Held;
use super::{Gateway, Inside, World};
use crate::driver::{Clock, Connector, Host, Label};
use crate::id::{AttemptId, LinkId, OrgId};
use crate::limiter::{Go, Permit};
use crate::machine::{Dial, Event, Revocation};
use crate::store::Store;

/// See the module's text.
pub(super) struct OrgHost<S, W: World> {
    gateway: Gateway<S, W>,
    org: OrgId,
    own: W::Own,
}

impl<S: Store, W: World> OrgHost<S, W> {
    pub(super) fn new(gateway: Gateway<S, W>, org: OrgId) -> Self {
        let own = gateway.0.world.own(&org);
        Self { gateway, org, own }
    }
}

impl<S: Store, W: World> Clock for OrgHost<S, W> {
    fn now(&self) -> Now {
        self.own.now()
    }

    fn sleep_until(&self, at: Instant) -> impl Future<Output = ()> + Send + 'static {
        self.own.sleep_until(at)
    }
}

impl<S: Store, W: World> Connector for OrgHost<S, W> {
    type Stream = <W::Own as Connector>::Stream;

    fn connect(
        &self,
        dial: &Dial,
    ) -> impl Future<Output = io::Result<Self::Stream>> + Send + 'static {
        self.own.connect(dial)
    }
}

impl<S: Store, W: World> Host<Held> for OrgHost<S, W> {
    fn confirm(&mut self, now: Now, start: Permit) -> Result<Go, Revocation> {
        let attempt = start.attempt();
        let mut inside = self.gateway.lock();
        let answer = inside.limiter.confirm(now, start);
        self.gateway
            .look_after_the_store(&mut inside, now, &self.org);
        drop(inside);
        let told = answer.as_ref().map(|_| ()).map_err(|why| *why);
        self.gateway.0.listener.confirmed(&self.org, attempt, told);
        answer
    }

    // A store that cannot be asked may hold a block: it is asked again.
    fn blocked_until(&mut self, now: Now) -> Option<Instant> {
        let until = self.gateway.lock().limiter.blocked_until(now, &self.org);
        until.unwrap_or_else(|_| Some(now.mono + ASK_AGAIN))
    }

    // What cannot be written is kept, told, and tried again.

    fn withdraw(&mut self, now: Now, attempt: AttemptId) {
        let mut inside = self.gateway.lock();
        let _ = inside.limiter.withdraw(now, attempt);
        self.gateway
            .look_after_the_store(&mut inside, now, &self.org);
        drop(inside);
        self.gateway.0.listener.withdrawn(&self.org, attempt);
    }

    fn event(&mut self, now: Now, event: &Event) {
        let mut inside = self.gateway.lock();
        let Inside {
            limiter,
            unwritten,
            organizations,
            ..
        } = &mut *inside;
        match event {
            // Written with its end already, but for a block that is over.
            Event::State(state) if state.is_at_rest() => {
                let _ = limiter.rest(&self.org, *state);
            }
            Event::Disconnected(ended) => {
                let _ = limiter.ended(now, &self.org, ended.then, ended.rests_at());
                if ended.then.clear {
                    unwritten.set_aside(limiter.store(), &self.org, ended.attempt);
                }
            }
            Event::Device(device) => unwritten.put(limiter.store(), &self.org, device),
            _ => {}
        }
        if let Some(organization) = organizations.get_mut(&self.org) {
            organization.hear(event);
        }
        self.gateway
            .look_after_the_store(&mut inside, now, &self.org);
        let events = &self.gateway.0.events;
        events.write(now.wall, &self.org, Notice::of(now, event));
        self.gateway.0.listener.event(now, &self.org, event);
    }

    fn stanza(&mut self, link: LinkId, node: &Node) {
        self.gateway.0.listener.stanza(&self.org, link, node);
    }

    fn sending(&mut self, link: LinkId, label: Label) {
        self.gateway.0.listener.sending(&self.org, link, label);
    }
}

/// How long after a store could not be asked it is asked again whether a block is over.
const ASK_AGAIN: Millis = Millis::from_mins(1);
