//! The right to dial, as values that can be neither made nor cloned outside the limiter.
//!
//! A [`Permit`] is an admitted start. Confirmed at its time it is a [`Go`], which one dial spends. The dial leaves a
//! [`Handoff`]: the pairing protocol demands one more dial after pair-success, so pair-success arms it, and that dial
//! spends it. Each step consumes the one before, so one admission is one dial and at most one handoff.
//!
//! A permit comes from the limiter alone:
//! ```
//! use squall_session::limiter::Permit;
//! use squall_session::{AttemptId, OrgId};
//! fn own(permit: Permit) -> (AttemptId, OrgId) {
//!     (permit.attempt(), permit.org().clone())
//! }
//! ```
//! It has no public field to write,
//! ```compile_fail,E0451
//! use squall_session::limiter::Permit;
//! use squall_session::{AttemptId, OrgId};
//! fn own(permit: Permit) -> (AttemptId, OrgId) {
//!     let permit = Permit { attempt: AttemptId(1), ..permit };
//!     (permit.attempt(), permit.org().clone())
//! }
//! ```
//! no constructor to call,
//! ```compile_fail,E0624
//! use squall_protocol::{Millis, Now};
//! use squall_session::limiter::Permit;
//! use squall_session::{AttemptId, OrgId};
//! fn own(permit: Permit, now: Now) -> (AttemptId, OrgId) {
//!     let permit = Permit::new(permit.attempt(), permit.org().clone(), now, Millis::ZERO);
//!     (permit.attempt(), permit.org().clone())
//! }
//! ```
//! and no clone, no default and no text to read it from. What is asked of the four here, a plain number grants:
//! ```
//! use squall_session::AttemptId;
//! fn cloned<T: Clone>() {}
//! fn made<T: Default>() {}
//! fn read<T: serde::de::DeserializeOwned>() {}
//! (cloned::<AttemptId>(), made::<u64>(), read::<AttemptId>());
//! ```
//! ```compile_fail,E0277
//! fn cloned<T: Clone>() {}
//! cloned::<squall_session::limiter::Permit>();
//! ```
//! ```compile_fail,E0277
//! fn cloned<T: Clone>() {}
//! cloned::<squall_session::limiter::Go>();
//! ```
//! ```compile_fail,E0277
//! fn cloned<T: Clone>() {}
//! cloned::<squall_session::limiter::Handoff>();
//! ```
//! ```compile_fail,E0277
//! fn cloned<T: Clone>() {}
//! cloned::<squall_session::limiter::ArmedHandoff>();
//! ```
//! ```compile_fail,E0277
//! fn made<T: Default>() {}
//! made::<squall_session::limiter::Permit>();
//! ```
//! ```compile_fail,E0277
//! fn made<T: Default>() {}
//! made::<squall_session::limiter::Go>();
//! ```
//! ```compile_fail,E0277
//! fn read<T: serde::de::DeserializeOwned>() {}
//! read::<squall_session::limiter::Permit>();
//! ```
//! ```compile_fail,E0277
//! fn read<T: serde::de::DeserializeOwned>() {}
//! read::<squall_session::limiter::Go>();
//! ```
//! A go comes from a permit only by way of the limiter, and one dial consumes it:
//! ```
//! use squall_session::limiter::{Go, Handoff};
//! fn dial(go: Go) -> Handoff {
//!     go.spend()
//! }
//! ```
//! ```compile_fail,E0451
//! use squall_session::AttemptId;
//! use squall_session::limiter::{Go, Handoff};
//! fn dial(_: AttemptId) -> Handoff {
//!     Go { attempt: AttemptId(1) }.spend()
//! }
//! ```
//! ```compile_fail,E0624
//! use squall_session::limiter::{Handoff, Permit};
//! fn dial(permit: Permit) -> Handoff {
//!     permit.confirmed().spend()
//! }
//! ```
//! ```compile_fail,E0382
//! use squall_session::limiter::{Go, Handoff};
//! fn dial(go: Go) -> (Handoff, Handoff) {
//!     (go.spend(), go.spend())
//! }
//! ```
//! A handoff must be armed before it dials:
//! ```
//! use squall_session::AttemptId;
//! use squall_session::limiter::Handoff;
//! fn dial_again(handoff: Handoff) -> AttemptId {
//!     handoff.arm().spend()
//! }
//! ```
//! ```compile_fail,E0599
//! use squall_session::AttemptId;
//! use squall_session::limiter::Handoff;
//! fn dial_again(handoff: Handoff) -> AttemptId {
//!     handoff.spend()
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
