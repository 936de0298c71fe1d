//! The gateway's lock, and the lock of each session below it, in every order in which threads could come to them.
//!
//! loom runs the gateway itself, its sessions and their drivers: an operator's calls on one thread, a driver on another.
//! It finds a deadlock by itself; that each answer keeps the rules is asserted here. No time passes, and nobody listens where
//! the drivers dial.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use loom::model as in_every_order;
use loom::thread;
use rand::SeedableRng as _;
use squall_protocol::Instant;
use tokio::io::DuplexStream;

use super::*;
use crate::driver::{Clock, Connector};
use crate::limiter::Denial;
use crate::machine::Dial;
use crate::policy::{LimiterPolicy, Quota};
use crate::session::permits;
use crate::state::State;
use crate::store::{Ledger, MemoryStore};

type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Where time stands and nobody listens.
#[derive(Clone, Default)]
struct Still {
    dials: Arc<Mutex<Vec<AttemptId>>>,
    tasks: Arc<Mutex<Vec<Task>>>,
}

impl Clock for Still {
    fn now(&self) -> Now {
        permits::at(Instant::START)
    }

    fn sleep_until(&self, at: Instant) -> impl Future<Output = ()> + Send + 'static {
        let due = at <= Instant::START;
        std::future::poll_fn(move |_| if due { Poll::Ready(()) } else { Poll::Pending })
    }
}

impl Connector for Still {
    type Stream = DuplexStream;

    fn connect(
        &self,
        dial: &Dial,
    ) -> impl Future<Output = io::Result<DuplexStream>> + Send + 'static {
        let dials = self.dials.lock();
        dials
            .unwrap_or_else(PoisonError::into_inner)
            .push(dial.attempt);
        std::future::ready(Err(io::ErrorKind::ConnectionRefused.into()))
    }
}

impl World for Still {
    type Own = Self;

    fn own(&self, _: &OrgId) -> Self {
        self.clone()
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let tasks = self.tasks.lock();
        tasks
            .unwrap_or_else(PoisonError::into_inner)
            .push(Box::pin(task));
    }
}

struct Deaf;

impl Listener for Deaf {
    fn event(&self, _: Now, _: &OrgId, _: &Event) {}
}

/// A gateway that knows two organizations, 2 and 3, and admits so many starts in all.
struct House {
    gateway: Gateway<MemoryStore, Still>,
    store: MemoryStore,
    world: Still,
}

impl House {
    fn that_admits(max: u32) -> Self {
        Self::that_waits(max, Millis::ZERO)
    }

    /// One whose starts wait so long before they dial.
    fn that_waits(max: u32, delay: Millis) -> Self {
        let idle = |name| (OrgId::new(name), State::Idle);
        let ledger = Ledger {
            ends: [idle("2"), idle("3")].into(),
            ..Ledger::default()
        };
        let store = MemoryStore::holding(Contents {
            ledger,
            ..Contents::default()
        });
        let limiter = LimiterPolicy {
            global: Quota {
                max,
                per: Millis::from_hours(1),
            },
            delay,
            ..LimiterPolicy::default()
        };
        let setting = Setting {
            policy: Policy {
                limiter,
                ..Policy::default()
            },
            root: TrustedRoot([0; 32]),
            authority: "web.whatsapp.com".to_owned(),
            rng: ChaCha8Rng::seed_from_u64(7),
        };
        let world = Still::default();
        let booted = Gateway::boot(store.clone(), setting, world.clone(), Box::new(Deaf));
        let (gateway, _) = booted.expect("a healthy store");
        Self {
            gateway,
            store,
            world,
        }
    }

    /// The drivers of 2 and of 3: tasks in the order in which the boot spawned them.
    fn drivers(&self) -> [Driver; 2] {
        let mut tasks = self.world.tasks.lock().expect("unpoisoned");
        let mut drivers = tasks.drain(..).map(Driver);
        [drivers.next(), drivers.next()].map(|driver| driver.expect("one for each organization"))
    }

    /// A start, and what refused it.
    fn start(&self, org: &str) -> Result<AttemptId, Option<Denial>> {
        answered(&self.gateway, org)
    }

    /// How often was dialed, and how many attempts the store holds.
    fn dials_and_attempts(&self) -> (usize, usize) {
        let dials = self.world.dials.lock().expect("unpoisoned").len();
        let stored = self.store.contents().expect("healthy").ledger;
        (dials, stored.attempts.len())
    }
}

fn answered(gateway: &Gateway<MemoryStore, Still>, org: &str) -> Result<AttemptId, Option<Denial>> {
    match gateway.start(&OrgId::new(org)) {
        Ok(granted) => Ok(granted.attempt),
        Err(Denied::Limiter { cause, .. }) => Err(Some(cause)),
        Err(Denied::Closing) => Err(None),
    }
}

struct Driver(Task);

impl Driver {
    /// Does all that there is to do now.
    fn goes_on(&mut self) {
        let _ = self
            .0
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()));
    }
}

#[test]
fn of_starts_at_once_exactly_those_are_admitted_that_the_rules_allow() {
    in_every_order(|| {
        let house = House::that_admits(2);
        let [first, second] = ["2", "3"].map(|org| {
            let gateway = house.gateway.clone();
            thread::spawn(move || answered(&gateway, org))
        });
        let own = house.start("2");
        let (first, second) = (
            first.join().expect("no panic"),
            second.join().expect("no panic"),
        );
        let twice = Err(Some(Denial::AlreadyActive));
        assert!(
            first.is_ok() && own == twice || first == twice && own.is_ok(),
            "{first:?}, {own:?}"
        );
        assert!(second.is_ok(), "{second:?}");
        assert_eq!(house.dials_and_attempts(), (0, 2));
    });
}

#[test]
fn a_start_beside_an_end_meets_the_session_or_the_cooldown_that_it_left() {
    in_every_order(|| {
        let house = House::that_admits(3);
        house.start("2").expect("admitted");
        let [mut driver, _] = house.drivers();
        let dialing = thread::spawn(move || driver.goes_on());
        let meanwhile = house.start("2");
        let met = [Denial::AlreadyActive, Denial::Cooldown].map(|rule| Err(Some(rule)));
        assert!(met.contains(&meanwhile), "{meanwhile:?}");
        dialing.join().expect("no panic");
        assert_eq!(house.start("2"), Err(Some(Denial::Cooldown)));
        assert_eq!(house.dials_and_attempts(), (1, 1));
    });
}

#[test]
fn a_cancel_beside_the_dial_gives_the_slot_back_or_comes_too_late_and_never_both() {
    in_every_order(|| {
        let house = House::that_admits(1);
        house.start("2").expect("admitted");
        let [mut driver, mut other] = house.drivers();
        let dialing = thread::spawn(move || {
            driver.goes_on();
            driver
        });
        house.gateway.stop(&OrgId::new("2")).expect("known");
        let meanwhile = house.start("3");
        let mut driver = dialing.join().expect("no panic");
        driver.goes_on();
        other.goes_on();
        let late = house.start("3");
        // One attempt in the hour: the first one dialed, or the second did.
        assert!(late.is_err(), "{meanwhile:?}, then {late:?}");
        assert_eq!(
            house.dials_and_attempts(),
            (1, 1),
            "{meanwhile:?}, then {late:?}"
        );
    });
}

#[test]
fn whoever_looks_while_a_session_ends_sees_a_state_that_it_was_in() {
    in_every_order(|| {
        let house = House::that_admits(3);
        house.start("2").expect("admitted");
        let [mut driver, _] = house.drivers();
        let dialing = thread::spawn(move || driver.goes_on());
        let standings = house.gateway.standings();
        let limits = house
            .gateway
            .limits(Some(&OrgId::new("2")))
            .expect("healthy");
        dialing.join().expect("no panic");
        let end = State::DisconnectedManualReconnectRequired;
        let states: Vec<State> = standings.iter().map(|own| own.status.state).collect();
        assert!(
            [State::Waiting, State::Connecting, end].contains(&states[0])
                && states[1] == State::Idle,
            "{states:?}"
        );
        assert!(!limits.can_connect, "{limits:?}");
    });
}

#[test]
fn what_is_admitted_before_a_close_is_cancelled_and_nothing_is_after_it() {
    in_every_order(|| {
        let house = House::that_waits(3, Millis::from_secs(30));
        let gateway = house.gateway.clone();
        let closing = thread::spawn(move || {
            let mut close: Task = Box::pin(async move {
                let _ = gateway.close().await;
            });
            let _ = close.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        });
        let meanwhile = house.start("2");
        closing.join().expect("no panic");
        assert_eq!(house.start("3"), Err(None));
        let [mut driver, _] = house.drivers();
        driver.goes_on();
        assert_eq!(house.dials_and_attempts(), (0, 0), "{meanwhile:?}");
    });
}
