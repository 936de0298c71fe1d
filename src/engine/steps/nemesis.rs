//! Puts faults on and takes them off, and takes the server down.

use std::collections::BTreeMap;
use std::sync::Arc;

use compact_str::CompactString;
use squall_mock_server::app::MockServer;
use squall_mock_server::fault::{self, FaultSpec};

use crate::engine::link::exchange::Exchange;
use crate::engine::recorder::Recorder;
use crate::engine::world::fault_id;
use crate::plan::PlannedStep;
use crate::scenario::{EndsOf, Target, Which};
use crate::trace::{Event, FaultRef, OrgName};

/// What a plan does to the server and the network.
pub(crate) struct Nemesis {
    recorder: Arc<Recorder>,
    server: MockServer,
    exchange: Arc<Exchange>,
    /// How often each step with a fault has acted.
    acted: BTreeMap<u32, u32>,
    /// How many restarts of the server overlap.
    server_downs: u32,
}

impl Nemesis {
    /// Against this server.
    pub(crate) fn new(
        recorder: &Arc<Recorder>,
        server: &MockServer,
        exchange: &Arc<Exchange>,
    ) -> Self {
        Self {
            recorder: Arc::clone(recorder),
            server: server.clone(),
            exchange: Arc::clone(exchange),
            acted: BTreeMap::new(),
            server_downs: 0,
        }
    }

    /// Puts a fault on, for whom the step says, or else for whom its event was.
    pub(super) fn put(
        &mut self,
        step: &PlannedStep,
        spec: &FaultSpec,
        target: &Target,
        of: Option<OrgName>,
        once: bool,
    ) -> FaultRef {
        let nth = self.acted.entry(step.number).or_default();
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
        // Of a stranger no name is known: then it is everybody whom it may be.
        let of = of.filter(|org| !org.is_empty());
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

    /// Takes a fault off, if it still stands.
    pub(super) fn take_off(&self, fault: FaultRef) {
        self.server.remove_fault(fault_id(fault));
    }

    /// Takes off all that the step of this number has put on.
    pub(super) fn clear(&self, step: u32) {
        let times = self.acted.get(&step).copied().unwrap_or(0);
        (1..=times).for_each(|nth| self.take_off(FaultRef { step, nth }));
    }

    /// The server's process dies.
    pub(super) fn server_down(&mut self, connections: EndsOf) {
        self.server_downs += 1;
        if self.server_downs == 1 {
            self.recorder.record(Event::ServerDown);
            self.exchange.listen(false);
            self.exchange.server_dies(connections == EndsOf::Reset);
        }
    }

    /// It comes back, unless another restart still keeps it down.
    pub(super) fn server_up(&mut self) {
        self.server_downs = self.server_downs.saturating_sub(1);
        if self.server_downs == 0 {
            self.exchange.listen(true);
            self.recorder.record(Event::ServerUp);
        }
    }
}
