//! Squall: a chaos test harness and simulator for WhatsApp-style persistent connections.
//!
//! Data flows one way, and the module list shows it.

pub mod oracle;
pub mod plan; //     Scenario + Seed -> Plan, every time drawn
pub mod scenario; // YAML text       -> Scenario, what the author meant
pub mod seed; //                         the streams of chance of a run
pub mod trace; //                        what happened, in order
pub mod words; //    the closed lists of words that all the others share //   &Trace          -> Finding, what is wrong
