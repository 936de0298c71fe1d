//! The machine's clock, its sockets, and its runtime.

use std::future::Future;
use std::io;

use jiff::{RoundMode, Timestamp, TimestampRound, Unit};
use squall_protocol::{Instant, Millis, Now};
use squall_session::OrgId;
use squall_session::driver::{Clock, Connector};
use squall_session::gateway::World;
use squall_session::machine::Dial;

use crate::engine::live::{Socket, Way};

/// See the module's text.
#[derive(Clone, Debug)]
pub(super) struct RealWorld {
    way: Way,
    began: std::time::Instant,
}

impl RealWorld {
    #[expect(
        clippy::disallowed_methods,
        reason = "real time is what this world is for; everybody else asks it"
    )]
    pub(super) fn new(way: Way) -> Self {
        Self {
            way,
            began: std::time::Instant::now(),
        }
    }
}

impl Clock for RealWorld {
    #[expect(
        clippy::disallowed_methods,
        reason = "real time is what this world is for; everybody else asks it"
    )]
    fn now(&self) -> Now {
        let whole = TimestampRound::new()
            .smallest(Unit::Millisecond)
            .mode(RoundMode::Trunc);
        let wall = Timestamp::now();
        Now {
            mono: Instant::START + Millis::from(self.began.elapsed()),
            wall: wall.round(whole).unwrap_or(wall),
        }
    }

    fn sleep_until(&self, at: Instant) -> impl Future<Output = ()> + Send + 'static {
        let due = self.began.checked_add(at.since_start().to_duration());
        async move {
            match due {
                Some(due) => tokio::time::sleep_until(due.into()).await,
                // A time that no clock can show never comes.
                None => std::future::pending().await,
            }
        }
    }
}

impl Connector for RealWorld {
    type Stream = Socket;

    fn connect(&self, _: &Dial) -> impl Future<Output = io::Result<Socket>> + Send + 'static {
        self.way.clone().open()
    }
}

impl World for RealWorld {
    type Own = Self;

    fn own(&self, _: &OrgId) -> Self {
        self.clone()
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        tokio::spawn(task);
    }
}
