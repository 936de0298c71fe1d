//! What a dial costs: a [`Permit`], confirmed as a [`Go`] at its time, and the one [`Handoff`] that a dial leaves behind.
//!
//! None of them can be made outside the limiter, copied, or spent twice, so the compiler holds what the limiter decides.
//! That a permit has no constructor:
//!
//! ```compile_fail,E0451
//! use squall_session::limiter::Permit;
//! fn forge(attempt: squall_session::AttemptId, org: squall_session::OrgId, dial_at: squall_protocol::Instant) -> Permit {
//!     Permit { attempt, org, dial_at, dial_wall: jiff::Timestamp::UNIX_EPOCH }
//! }
//! ```
//!
//! That neither can be cloned, while what they tell can be read:
//!
//! ```compile_fail,E0599
//! fn double(permit: squall_session::limiter::Permit) -> (squall_session::limiter::Permit, squall_session::limiter::Permit) {
//!     (permit.clone(), permit)
//! }
//! ```
//!
//! ```compile_fail,E0599
//! fn double(go: squall_session::limiter::Go) -> (squall_session::limiter::Go, squall_session::limiter::Go) {
//!     (go.clone(), go)
//! }
//! ```
//!
//! That a go comes from nowhere else either, and is gone once it is spent:
//!
//! ```compile_fail,E0451
//! fn forge(attempt: squall_session::AttemptId) -> squall_session::limiter::Go {
//!     squall_session::limiter::Go { attempt }
//! }
//! ```
//!
//! ```compile_fail,E0382
//! fn twice(go: squall_session::limiter::Go) {
//!     let first = go.spend();
//!     let second = go.spend();
//! }
//! ```
//!
//! The same names and paths compile where nothing is forged:
//!
//! ```
//! fn read(permit: &squall_session::limiter::Permit) -> (squall_session::AttemptId, squall_session::OrgId, squall_protocol::Instant) {
//!     (permit.attempt(), permit.org().clone(), permit.dial_at())
//! }
//! fn once(go: squall_session::limiter::Go) -> squall_session::limiter::Handoff {
//!     go.spend()
//! }
//! ```

use jiff::Timestamp;
use squall_protocol::{Instant, Millis, Now};

use crate::id::{AttemptId, OrgId};

/// An admitted start. Made by the limiter alone, after its store has committed the attempt.
#[derive(Debug)]
#[must_use = "an attempt that is not used counts all the same"]
pub struct Permit {
    attempt: AttemptId,
    org: OrgId,
    dial_at: Instant,
    dial_wall: Timestamp,
}

impl Permit {
    pub(super) fn new(attempt: AttemptId, org: OrgId, now: Now, delay: Millis) -> Self {
        let dial_wall = now
            .wall
            .saturating_add(delay.to_duration())
            .unwrap_or(Timestamp::MAX);
        Self {
            attempt,
            org,
            dial_at: now.mono + delay,
            dial_wall,
        }
    }

    /// The attempt that it belongs to.
    pub fn attempt(&self) -> AttemptId {
        self.attempt
    }

    /// Whom it admits.
    pub fn org(&self) -> &OrgId {
        &self.org
    }

    /// When it may be confirmed, on the monotonic clock: after the mandatory wait.
    pub fn dial_at(&self) -> Instant {
        self.dial_at
    }

    /// Whether it is more than `grace` late by either clock.
    pub(super) fn is_late(&self, now: Now, grace: Millis) -> bool {
        let by_wall = now.wall.duration_since(self.dial_wall);
        now.mono - self.dial_at > grace || by_wall.as_millis() > i128::from(grace.get())
    }

    /// The permit as a go, once the limiter has looked again.
    pub(super) fn confirmed(self) -> Go {
        Go {
            attempt: self.attempt,
        }
    }
}

/// A permit confirmed at its time. A dial consumes it.
#[derive(Debug)]
#[must_use = "a go that is not used leaves the attempt open"]
pub struct Go {
    attempt: AttemptId,
}

impl Go {
    /// The attempt that it belongs to.
    pub fn attempt(&self) -> AttemptId {
        self.attempt
    }

    /// Spends it on a dial. What is left may become the one re-dial that pairing demands.
    pub fn spend(self) -> Handoff {
        Handoff {
            attempt: self.attempt,
        }
    }
}

/// The possibility of one re-dial, not armed yet.
#[derive(Debug)]
pub struct Handoff {
    attempt: AttemptId,
}

impl Handoff {
    /// Arms it. Called on a pair-success that was verified, and nowhere else.
    pub fn arm(self) -> ArmedHandoff {
        ArmedHandoff {
            attempt: self.attempt,
        }
    }
}

/// The one re-dial that pairing demands.
#[derive(Debug)]
pub struct ArmedHandoff {
    attempt: AttemptId,
}

impl ArmedHandoff {
    /// Spends it on a dial of the same attempt.
    pub fn spend(self) -> AttemptId {
        self.attempt
    }
}
