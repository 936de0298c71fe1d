//! A session that holds its connection and never reconnects by itself, and the limiter that stands before every dial.
//!
//! The machine and the limiter are pure: time is an argument, randomness a lent generator. Only the driver touches tokio.

pub mod cause;
#[cfg(feature = "driver")]
pub mod driver;
#[cfg(feature = "gateway")]
pub mod gateway;
pub mod id;
pub mod limiter;
pub mod machine;
pub mod policy;
pub mod session;
pub mod state;
pub mod store;
#[cfg(feature = "gateway")]
mod sync;

pub use cause::{Cause, Consequence, Lost, Revoked, Stage};
pub use id::{AttemptId, LinkId, OrgId};
pub use machine::{Disconnected, Event, Input, LinkInput, Machine, Output, Timer};
pub use policy::{LimiterPolicy, Policy};
pub use session::{Session, Status, StoredEnd};
pub use state::State;
