//! What a keep-alive costs, and what it buys: policies as values, a machine that follows one, and a connection for it.
//!
//! ```text
//! policy       what a client does, as numbers, with its source
//! keeper       Policy + what it hears  ->  pings, and the verdict that the connection is dead
//! line         Keeper + Condition      ->  Log      one connection, healthy or not, in virtual time
//! frame        Message                 ->  bytes on the wire
//! cost         Log + Assumptions       ->  Costs    what a session-hour takes
//! detection    Policy + Condition      ->  how long until it is noticed, over many random phases
//! front        what costs least for what it finds
//! study        all of it, for every policy
//! ```
//!
//! Nothing here is the session: the machine is checked against it, message by message.

pub mod assumptions;
pub mod cost;
pub mod detection;
pub mod frame;
pub mod front;
pub mod keeper;
pub mod line;
pub mod policy;
pub mod study;

pub use assumptions::{Assumptions, IpVersion};
pub use cost::Costs;
pub use detection::{Broken, Detection, Found};
pub use line::{Condition, Log};
pub use policy::Policy;
pub use study::{Question, Row, Study};
