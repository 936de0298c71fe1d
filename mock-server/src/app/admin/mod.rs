//! The control API, under `/admin`: a file for each thing that it is about.
//!
//! It changes nothing by itself: each route asks the machine, under the same lock and the same clock as every connection,
//! and says in JSON what the machine answered. Whatever goes wrong is told as a problem of RFC 9457. No cross-origin
//! headers are sent, ever.

#![expect(
    unused_qualifications,
    reason = "utoipa's macros write every type as a path"
)]

mod accounts;
mod body;
mod connections;
mod document;
mod event_stream;
mod events;
mod faults;
mod guard;
mod hint;
mod inject;
mod parameters;
mod phone;
mod problem;
mod target;

use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::extract::State;
use http::{Method, Uri};
use jiff::Timestamp;
use squall_protocol::{Instant, Now};

use super::{MockServer, dashboard};
use crate::fault::FaultId;
use crate::server::Server;
use events::EventLog;
use problem::{Kind, Problem};

pub use guard::{Access, Token};

/// What the API keeps, beside the machine.
#[derive(Debug)]
pub(super) struct Control {
    access: Access,
    pub(super) log: EventLog,
    /// The number of the fault that was put on last by hand.
    faults: AtomicU64,
}

impl Control {
    pub(super) fn new(access: Access) -> Self {
        Self {
            access,
            log: EventLog::default(),
            faults: AtomicU64::new(0),
        }
    }

    /// A number that no fault has had; once there is none, one that no fault has. Those from 2^32 on are for a scenario's
    /// steps.
    fn next_fault(&self, machine: &Server) -> FaultId {
        let next = |last: u64| (last < LAST_BY_HAND).then_some(last + 1);
        let (relaxed, faults) = (Ordering::Relaxed, &self.faults);
        match faults.fetch_update(relaxed, relaxed, next) {
            Ok(last) => FaultId(last + 1),
            Err(_) => {
                let placed = machine.placed_faults();
                let stands = |number: u64| placed.iter().any(|it| it.id == FaultId(number));
                let free = (1..).find(|number| !stands(*number));
                FaultId(free.expect("faults that stand can be counted"))
            }
        }
    }

    /// This number was chosen by hand.
    fn has_fault(&self, FaultId(number): FaultId) {
        if number <= LAST_BY_HAND {
            self.faults.fetch_max(number, Ordering::Relaxed);
        }
    }
}

/// The last number of a fault that is put on by hand.
const LAST_BY_HAND: u64 = u32::MAX as u64;

/// Every page behind the guard; none where there is no control API.
pub(super) fn pages(server: &MockServer) -> Router<MockServer> {
    if server.0.control.is_none() {
        return Router::new();
    }
    let (routes, _) = document::routes().split_for_parts();
    routes
        .merge(dashboard::routes())
        .fallback(no_page)
        .method_not_allowed_fallback(no_method)
        .layer(axum::middleware::from_fn_with_state(
            server.clone(),
            guard::check,
        ))
}

async fn no_page(uri: Uri) -> Problem {
    let path = uri.path();
    Problem::new(
        Kind::NoSuchPage,
        format!("there is nothing at {path}; /admin/openapi.json lists what there is"),
    )
}

async fn no_method(method: Method, uri: Uri) -> Problem {
    let path = uri.path();
    Problem::new(
        Kind::MethodNotAllowed,
        format!("{method} does nothing at {path}; the header Allow says what does"),
    )
}

/// What the routes need of the server.
trait Controlled {
    fn control(&self) -> &Control;
    fn ask<R>(&self, ask: impl FnOnce(&mut crate::server::Server, Now) -> R) -> R;
}

impl Controlled for State<MockServer> {
    fn control(&self) -> &Control {
        let control = self.0.0.control.as_ref();
        control.expect("there are no routes without it")
    }

    fn ask<R>(&self, ask: impl FnOnce(&mut crate::server::Server, Now) -> R) -> R {
        self.with(None, ask)
    }
}

/// An instant as people tell it.
fn told(now: Now, at: Instant) -> Timestamp {
    let signed = |at: Instant| i64::try_from(at.since_start().get()).unwrap_or(i64::MAX);
    let ahead = signed(at).saturating_sub(signed(now.mono));
    let told = now
        .wall
        .checked_add(jiff::SignedDuration::from_millis(ahead));
    told.unwrap_or(Timestamp::MAX)
}
