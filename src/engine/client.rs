//! The client's process, as the engine handles it: a program on a store, killed and booted, asked and looked at.

mod api;
mod foreign;
mod gateway;
mod rest;
mod session;
mod subject;

use std::sync::Arc;

use crate::engine::link::exchange::Exchange;
use crate::engine::network::Network;
use crate::engine::process::Process;
use crate::engine::recorder::Recorder;
use crate::seed::Seed;
use crate::subject::Setup;
use crate::trace::{Ask, Event, OrgName};

pub(crate) use gateway::TheGateway;
pub(crate) use subject::BootFn;

/// What the client's process meets outside of itself.
pub(crate) struct Outside<N> {
    pub(crate) recorder: Arc<Recorder>,
    pub(crate) process: Arc<Process>,
    pub(crate) exchange: Arc<Exchange>,
    pub(crate) network: N,
    pub(crate) seed: Seed,
}

impl<N> Outside<N> {
    /// Writes a request down. Whether the process answers it.
    fn asks(&self, org: &OrgName, ask: Ask) -> bool {
        self.recorder.record(Event::Request {
            org: org.clone(),
            ask,
        });
        self.process.answers()
    }
}

/// What runs as the client's process.
pub(crate) trait Program: Send + 'static {
    /// Whether its store is a file in any case, and not only where the scenario tears it.
    const ON_DISK: bool;

    /// Its process, which has not booted yet.
    fn client<N: Network>(
        self,
        outside: Outside<N>,
        setup: Setup,
        organizations: Vec<OrgName>,
    ) -> Arc<dyn Client>;
}

/// The client's process, dead or alive.
pub(crate) trait Client: Send + Sync + 'static {
    /// Boots it: a session for each organization, none of which dials. Whether it did not refuse to start.
    fn boot(self: Arc<Self>) -> bool;

    /// Another one boots on its store while it runs. Why that one refused to start; nothing, where it runs as well. Of such
    /// a one no more is told: that it could start is what is wrong.
    fn boot_another(&self) -> Option<String>;

    /// Asks it to end: every session is stopped, and the process is gone once each has ended.
    fn end(self: Arc<Self>);

    /// Kills it. Its links end as the kernel ends them.
    fn kill(&self);

    /// The operator asks for a session.
    fn start(&self, org: &OrgName);

    /// The operator stops or cancels a session.
    fn stop(&self, org: &OrgName);

    /// The phone scans the QR code that an organization shows, if it shows one.
    fn scan_qr(&self, org: &OrgName);

    /// The run ends: one last look at what is left of every session.
    fn look_at_all(&self);
}
