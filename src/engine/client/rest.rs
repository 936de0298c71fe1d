//! What is left of a session that came to rest: looked up 5 s later, when that must be nothing, and at the end of the run.

use std::sync::{Arc, Weak};

use squall_protocol::{Instant, Millis};

use super::Client;
use crate::engine::conductor::{Class, Wake};
use crate::engine::network::Network;
use crate::subject::Subject;
use crate::trace::{Event, OrgName};

/// How long a session may take to let go of everything, by its own clock.
const GRACE: Millis = Millis::from_secs(5);

/// A session's rest: when it began by the process's own clock, and which it is of that session in this life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Rest {
    nth: u32,
    since: Option<Instant>,
}

impl Rest {
    /// At rest since the boot.
    pub(super) const fn since(boot: Instant) -> Self {
        Self {
            nth: 0,
            since: Some(boot),
        }
    }
}

/// A look that is due.
struct Look<S: Subject, N> {
    client: Weak<Client<S, N>>,
    org: OrgName,
    boots: u32,
    rest: Rest,
}

impl<S: Subject, N: Network> Wake for Look<S, N> {
    /// Wakes nobody: it only looks, once everything else of its millisecond is done.
    fn wake(self: Arc<Self>) -> bool {
        if let Some(client) = self.client.upgrade() {
            client.look(self);
        }
        false
    }
}

impl<S: Subject, N: Network> Client<S, N> {
    /// This session says where it stands now; `at_rest` where that is an end.
    pub(super) fn stands(self: &Arc<Self>, now: Instant, org: &OrgName, at_rest: bool) {
        let mut inside = self.lock();
        let boots = inside.boots;
        let Some(session) = inside.sessions.get_mut(org) else {
            return;
        };
        session.rest = Rest {
            nth: session.rest.nth + 1,
            since: at_rest.then_some(now),
        };
        let rest = session.rest;
        drop(inside);
        if at_rest {
            let look = Look {
                client: Arc::downgrade(self),
                org: org.clone(),
                boots,
                rest,
            };
            self.look_in(GRACE, Arc::new(look));
        }
    }

    /// The run ends: one last look at every session that has been at rest for long enough.
    pub(crate) fn look_at_all(&self) {
        let process = &self.outside.process;
        if !process.answers() {
            return;
        }
        let now = process.now().mono;
        for org in &self.organizations {
            let since = self.lock().sessions.get(org).and_then(|own| own.rest.since);
            if since.is_some_and(|since| since + GRACE <= now) {
                self.record_left(org);
            }
        }
    }

    fn look(&self, look: Arc<Look<S, N>>) {
        let inside = self.lock();
        let rests = inside.sessions.get(&look.org).map(|own| own.rest);
        if inside.boots != look.boots || rests != Some(look.rest) {
            return;
        }
        drop(inside);
        let process = &self.outside.process;
        let due = look.rest.since.unwrap_or(Instant::START) + GRACE;
        let now = process.now().mono;
        if !process.answers() {
            // Nobody is there to let go of anything.
            self.look_in(GRACE, look);
        } else if now < due {
            self.look_in(due - now, look);
        } else {
            self.record_left(&look.org);
        }
    }

    fn look_in(&self, later: Millis, look: Arc<Look<S, N>>) {
        let conductor = self.outside.exchange.conductor();
        conductor.call(conductor.now() + later, Class::End, look);
    }

    fn record_left(&self, org: &OrgName) {
        let Some(owner) = self.lock().sessions.get(org).map(|own| own.owner) else {
            return;
        };
        let conductor = self.outside.exchange.conductor();
        let now = conductor.now();
        let timers = conductor.armed(owner).into_iter().map(|at| at - now);
        self.outside.recorder.record(Event::Left {
            org: org.clone(),
            timers: timers.collect(),
        });
    }
}
