//! The steps of a plan, at their times, one after another: the nemesis does what concerns the server and the network, the
//! operator what concerns the client.
//!
//! A step runs when everything else of its millisecond is done, and the next one when all that follows from it is.

mod nemesis;
mod operator;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use squall_protocol::Instant;

use crate::engine::conductor::{Class, Conductor};
use crate::engine::ears::{Fired, Firing};
use crate::plan::{Action, Plan};
use crate::trace::{FaultRef, OrgName};

pub(crate) use nemesis::Nemesis;
pub(crate) use operator::{InVain, Nobody, Operator, OwnClient};

/// Executes a plan's steps.
pub(crate) struct Steps<O> {
    pub(crate) conductor: Arc<Conductor>,
    /// There is none where the server is not ours: its steps are its own host's to execute.
    pub(crate) nemesis: Option<Nemesis>,
    pub(crate) operator: O,
    pub(crate) fired: Arc<Fired>,
    pub(crate) plan: Plan,
}

/// What is to be done at a time. Within one millisecond in the order of the plan, what ends before what begins.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Due<D> {
    FaultOff(FaultRef),
    ServerUp,
    /// Something on the client's side.
    Client(D),
    /// The step at this place of the plan, for this organization's event where it waited for one.
    Step(usize, Option<OrgName>),
}

impl<O: Operator> Steps<O> {
    /// Executes every step, to the end of the run.
    pub(crate) async fn run(self) {
        let Self {
            conductor,
            nemesis,
            operator,
            fired,
            plan,
        } = self;
        let mut hands = Hands {
            nemesis,
            operator,
            fired: Arc::clone(&fired),
        };
        let mut agenda = BinaryHeap::new();
        // The next time of each step that comes at fixed times.
        let mut times: Vec<_> = plan
            .steps
            .iter()
            .map(|step| step.times(plan.ends))
            .collect();
        for (place, times) in times.iter_mut().enumerate() {
            agenda.extend(times.next().map(|at| Reverse((at, Due::Step(place, None)))));
        }
        loop {
            let next = agenda.peek().map(|Reverse((at, _))| *at);
            match wait(&conductor, &fired, next).await {
                Some(firings) => {
                    let due =
                        |Firing { at, place, org }| Reverse((at, Due::Step(place, Some(org))));
                    agenda.extend(firings.into_iter().map(due));
                }
                None => {
                    let Some(Reverse((at, due))) = agenda.pop() else {
                        continue;
                    };
                    if let Due::Step(place, None) = due {
                        agenda.extend(
                            times[place]
                                .next()
                                .map(|at| Reverse((at, Due::Step(place, None)))),
                        );
                    }
                    agenda.extend(hands.act(&plan, at, due).map(Reverse));
                }
            }
        }
    }
}

/// Waits for the next time, or for steps that were waiting for something.
async fn wait(
    conductor: &Arc<Conductor>,
    fired: &Fired,
    next: Option<Instant>,
) -> Option<Vec<Firing>> {
    let mut sleep = pin!(next.map(|at| conductor.sleep_until(at, Class::Step)));
    poll_fn(|cx| {
        if let Poll::Ready(firings) = fired.poll_take(cx) {
            return Poll::Ready(Some(firings));
        }
        match sleep.as_mut().as_pin_mut() {
            Some(sleep) => sleep.poll(cx).map(|()| None),
            None => Poll::Pending,
        }
    })
    .await
}

/// Who acts.
struct Hands<O> {
    nemesis: Option<Nemesis>,
    operator: O,
    fired: Arc<Fired>,
}

impl<O: Operator> Hands<O> {
    /// Does what is due; what has to follow at a later time is returned.
    fn act(
        &mut self,
        plan: &Plan,
        now: Instant,
        due: Due<O::Due>,
    ) -> Option<(Instant, Due<O::Due>)> {
        match due {
            Due::FaultOff(fault) => {
                self.nemesis.as_mut()?.take_off(fault);
                None
            }
            Due::ServerUp => {
                self.nemesis.as_mut()?.server_up();
                None
            }
            Due::Client(due) => in_time(self.operator.follow(now, due)),
            Due::Step(place, org) => self.step(plan, now, place, org),
        }
    }

    fn step(
        &mut self,
        plan: &Plan,
        now: Instant,
        place: usize,
        of: Option<OrgName>,
    ) -> Option<(Instant, Due<O::Due>)> {
        let step = &plan.steps[place];
        match &step.action {
            Action::Inject { fault, target } => {
                self.nemesis.as_mut()?.put(step, fault, target, of, true);
                None
            }
            Action::Fault {
                fault,
                target,
                lasts,
            } => {
                let nemesis = self.nemesis.as_mut()?;
                let fault = nemesis.put(step, fault, target, of, false);
                Some((lasts.ends(now)?, Due::FaultOff(fault)))
            }
            Action::Clear { step } => {
                self.nemesis.as_mut()?.clear(*step);
                None
            }
            Action::ServerRestart {
                down_for,
                connections,
            } => {
                self.nemesis.as_mut()?.server_down(*connections);
                Some((now + *down_for, Due::ServerUp))
            }
            action => match self.operator.act(now, action) {
                Ok(follows) => in_time(follows),
                Err(InVain) => {
                    if !step.is_at_random() {
                        self.fired.in_vain(place);
                    }
                    None
                }
            },
        }
    }
}

fn in_time<D>(follows: Option<(Instant, D)>) -> Option<(Instant, Due<D>)> {
    follows.map(|(at, due)| (at, Due::Client(due)))
}
