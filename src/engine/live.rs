//! The live engine: the same links, the same faults and the same app in real time, over real sockets.
//!
//! Each socket that is accepted is the client's end of a link in memory, whose other end the app has: so a link's faults
//! act here with the code that is there, and the link is the witness here too.

mod callers;
mod child;
mod files;
mod gate;
mod greeting;
mod interrupt;
mod network;
mod phone;
mod probe;
mod pump;
mod run;
mod seen;
mod serve;
mod socket;
mod tls;

use jiff::Timestamp;

use crate::plan::{Action, Plan};
use crate::scenario::EngineKind;

pub use child::Ended;
pub(crate) use files::open_more_files;
pub(crate) use interrupt::Interrupt;
pub(crate) use network::Way;
pub(crate) use probe::probe;
pub use probe::{Client, Probe, can_be_put_through};
pub(super) use run::run;
pub use run::{Elsewhere, Reach, Trusts};
pub use seen::{Connection, Seen};
pub use serve::{HEAD_WITHIN, HearFn, Listening, NotServed, Serve, Stopped, serve};
pub(crate) use socket::Socket;

/// When a run in real time begins: clients check the server's certificates by the wall clock.
#[expect(
    clippy::disallowed_methods,
    reason = "real time is what this engine is for"
)]
pub(super) fn now() -> Timestamp {
    Timestamp::now()
}

/// The faults of this plan that no real socket can have, by name.
pub fn lacks(plan: &Plan) -> Vec<&'static str> {
    let names = plan.steps.iter().filter_map(|step| match &step.action {
        Action::Fault { fault, .. } | Action::Inject { fault, .. } => Some(fault.info()),
        _ => None,
    });
    let mut names: Vec<_> = names
        .filter(|info| !info.engines.contains(&EngineKind::Live))
        .map(|info| info.name)
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}
