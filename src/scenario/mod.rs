//! The scenario language: YAML text -> [`Scenario`], what the author meant.
//!
//! A file is read in two strides. The parser gives it its shape ([`raw`]): unknown keys, wrong types and misspelt words
//! end there, at their line and column. Then it is checked ([`check`]): what would contradict itself, or never happen,
//! is collected and told all at once. What is left is plain data in which an illegal value has no spelling.

mod address;
mod check;
mod faults;
mod gateway;
mod load;
mod model;
mod place;
pub mod policy;
mod problem;
mod range;
mod raw;
mod schema;
mod yaml;

pub use address::{RootKey, ServerUrl};
pub use faults::{EngineKind, FAULTS, FaultInfo, FaultSpec};
pub use gateway::{GatewaySettings, LogForm};
pub use load::{LoadError, load, load_gateway, parse};
pub use model::{
    Action, Before, CrashedStore, EndsOf, EventKind, EventMatcher, Expectation, Expected, Guard,
    GuardAnswer, Lasts, Organization, Orgs, Outcome, Phone, Scenario, ServerPings, Step,
    Supervisor, Systemd, Target, Trigger, Which,
};
pub use problem::Problem;
pub use range::{Between, Count, InvalidRange, Length, Shift, Window};
pub use schema::schema;
pub use yaml::Place;
