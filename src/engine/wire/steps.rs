//! The nemesis and the operator: executes a plan's steps at their times, one after another.
//!
//! A step runs when everything else of its millisecond is done, and the next one when all that follows from it is.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use compact_str::CompactString;
use squall_mock_server::app::MockServer;
use squall_mock_server::fault::{self, FaultSpec};
use squall_protocol::{Instant, Millis};
use squall_session::limiter::MemoryStore;

use crate::engine::wire::client::Client;
use crate::engine::wire::conductor::{Class, Conductor};
use crate::engine::wire::ears::{Fired, Firing};
use crate::engine::wire::exchange::Exchange;
use crate::engine::wire::process::Process;
use crate::engine::wire::recorder::Recorder;
use crate::engine::wire::world::fault_id;
use crate::plan::{Action, DOWN_FOR, Lasts, Plan, PlannedStep};
use crate::scenario::{CrashedStore, EndsOf, Target, Which};
use crate::subject::Subject;
use crate::trace::{Event, FaultRef, OrgName};

/// Executes a plan's steps.
pub(crate) struct Steps<S: Subject> {
    pub(crate) conductor: Arc<Conductor>,
    pub(crate) recorder: Arc<Recorder>,
    pub(crate) process: Arc<Process>,
    pub(crate) server: MockServer,
    pub(crate) exchange: Arc<Exchange>,
    pub(crate) store: MemoryStore,
    pub(crate) client: Arc<Client<S>>,
    pub(crate) fired: Arc<Fired>,
    pub(crate) plan: Plan,
}

/// What is to be done at a time. Within one millisecond in the order of the plan, what ends before what begins.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    FaultOff(FaultRef),
    ServerUp,
    Resume,
    /// Of this boot of the process.
    Continue(u32),
    Boot,
    /// The step at this place of the plan, for this organization's event where it waited for one.
    Step(usize, Option<OrgName>),
}

/// What the steps have left standing.
#[derive(Default)]
struct Standing {
    /// How often each step with a fault has acted.
    acted: BTreeMap<u32, u32>,
    /// How long after it is gone a supervisor starts the client's process again, where there is one.
    supervisor: Option<Millis>,
    /// The client's process is gone, and a time was set for its boot.
    boots: bool,
    /// How many restarts of the server overlap.
    server_downs: u32,
}

impl<S: Subject> Steps<S> {
    /// Executes every step, to the end of the run.
    pub(crate) async fn run(self) {
        let mut agenda = BinaryHeap::new();
        // The next time of each step that comes at fixed times.
        let mut times: Vec<_> = self
            .plan
            .steps
            .iter()
            .map(|step| step.times(self.plan.ends))
            .collect();
        for (place, times) in times.iter_mut().enumerate() {
            agenda.extend(times.next().map(|at| Reverse((at, Due::Step(place, None)))));
        }
        let mut standing = Standing::default();
        loop {
            let next = agenda.peek().map(|Reverse((at, _))| *at);
            match self.wait(next).await {
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
                    agenda.extend(self.act(at, due, &mut standing).map(Reverse));
                }
            }
        }
    }

    /// Waits for the next time, or for steps that were waiting for something.
    async fn wait(&self, next: Option<Instant>) -> Option<Vec<Firing>> {
        let mut sleep = pin!(next.map(|at| self.conductor.sleep_until(at, Class::Step)));
        poll_fn(|cx| {
            if let Poll::Ready(firings) = self.fired.poll_take(cx) {
                return Poll::Ready(Some(firings));
            }
            match sleep.as_mut().as_pin_mut() {
                Some(sleep) => sleep.poll(cx).map(|()| None),
                None => Poll::Pending,
            }
        })
        .await
    }

    /// Does what is due; what has to follow at a later time is returned.
    fn act(&self, now: Instant, due: Due, standing: &mut Standing) -> Option<(Instant, Due)> {
        match due {
            Due::FaultOff(fault) => {
                self.server.remove_fault(fault_id(fault));
                None
            }
            Due::Resume => {
                if self.process.resume() {
                    self.recorder.record(Event::Resumed);
                    if self.process.boots_now() {
                        return self.boot(now, standing);
                    }
                }
                None
            }
            Due::Continue(boot) => {
                if self.process.unpause(boot) {
                    self.recorder.record(Event::Continued);
                }
                None
            }
            Due::Boot if self.process.may_boot() => self.boot(now, standing),
            // At the resume.
            Due::Boot => None,
            Due::ServerUp => {
                standing.server_downs = standing.server_downs.saturating_sub(1);
                if standing.server_downs == 0 {
                    self.exchange.listen(true);
                    self.recorder.record(Event::ServerUp);
                }
                None
            }
            Due::Step(place, org) => self.step(now, place, org, standing),
        }
    }

    /// Boots the client. A process that refuses to start is gone at once, and a supervisor tries again.
    fn boot(&self, now: Instant, standing: &mut Standing) -> Option<(Instant, Due)> {
        standing.boots = false;
        if self.client.boot() {
            return None;
        }
        let restart = standing.supervisor?;
        standing.boots = true;
        Some((now + restart, Due::Boot))
    }

    fn step(
        &self,
        now: Instant,
        place: usize,
        of: Option<OrgName>,
        standing: &mut Standing,
    ) -> Option<(Instant, Due)> {
        let step = &self.plan.steps[place];
        match &step.action {
            Action::StartSession { orgs } => orgs.0.iter().for_each(|org| self.client.start(org)),
            Action::StopSession { orgs } => orgs.0.iter().for_each(|org| self.client.stop(org)),
            Action::ScanQr { orgs } => orgs.0.iter().for_each(|org| self.client.scan_qr(org)),
            Action::Inject { fault, target } => {
                self.put(step, fault, target, of, true, standing);
            }
            Action::Fault {
                fault,
                target,
                lasts,
            } => {
                let fault = self.put(step, fault, target, of, false, standing);
                let off = match lasts {
                    Lasts::For(length) => now + *length,
                    Lasts::Until(at) => *at,
                    Lasts::ToTheEnd => return None,
                };
                return Some((off, Due::FaultOff(fault)));
            }
            Action::Clear { step } => {
                let times = standing.acted.get(step).copied().unwrap_or(0);
                (1..=times).for_each(|nth| {
                    self.server
                        .remove_fault(fault_id(FaultRef { step: *step, nth }));
                });
            }
            Action::ClientCrash { store, down_for } => {
                if !self.process.is_up() {
                    if !step.is_at_random() {
                        self.fired.in_vain(place);
                    }
                    return None;
                }
                let name = match store {
                    CrashedStore::Kept => "kept",
                    CrashedStore::Lost => {
                        self.store.lose();
                        "lost"
                    }
                };
                self.recorder.record(Event::Crashed {
                    store: CompactString::const_new(name),
                });
                self.client.kill();
                standing.boots = true;
                let down_for = down_for.or(standing.supervisor).unwrap_or(DOWN_FOR);
                return Some((now + down_for, Due::Boot));
            }
            Action::Suspend { lasts } => {
                if self.process.suspend() {
                    self.recorder.record(Event::Suspended);
                }
                return Some((now + *lasts, Due::Resume));
            }
            Action::ClientPause { lasts } => {
                if !self.process.is_up() {
                    if !step.is_at_random() {
                        self.fired.in_vain(place);
                    }
                    return None;
                }
                let (first, boot) = self.process.pause();
                if first {
                    self.recorder.record(Event::Paused);
                }
                return Some((now + *lasts, Due::Continue(boot)));
            }
            Action::ClockStep { by } => {
                self.process.step_clock(*by);
                self.recorder.record(Event::ClockStepped { by: *by });
            }
            Action::Supervisor { restart } => {
                standing.supervisor = Some(*restart);
                if !self.process.is_up() && !standing.boots {
                    standing.boots = true;
                    return Some((now + *restart, Due::Boot));
                }
            }
            Action::ServerRestart {
                down_for,
                connections,
            } => {
                standing.server_downs += 1;
                if standing.server_downs == 1 {
                    self.recorder.record(Event::ServerDown);
                    self.exchange.listen(false);
                    self.exchange.server_dies(*connections == EndsOf::Reset);
                }
                return Some((now + *down_for, Due::ServerUp));
            }
        }
        None
    }

    /// Puts a fault on, for whom the step says, or else for whom its event was.
    fn put(
        &self,
        step: &PlannedStep,
        spec: &FaultSpec,
        target: &Target,
        of: Option<OrgName>,
        once: bool,
        standing: &mut Standing,
    ) -> FaultRef {
        let nth = standing.acted.entry(step.number).or_default();
        *nth += 1;
        let fault = FaultRef {
            step: step.number,
            nth: *nth,
        };
        let kind = CompactString::const_new(spec.info().name);
        self.recorder.record(Event::FaultOn {
            fault,
            kind,
            once,
            at_random: step.is_at_random(),
        });
        let target = fault::Target {
            account: target.org.clone().or(of),
            connection: match target.connection {
                Which::All => fault::Which::All,
                Which::Nth(nth) => fault::Which::Nth(nth),
                Which::Old => fault::Which::Old,
            },
        };
        self.server
            .put_fault(fault_id(fault), spec.clone(), target, once);
        fault
    }
}
