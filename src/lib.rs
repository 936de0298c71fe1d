//! Squall: a chaos test harness and simulator for WhatsApp-style persistent connections.
//!
//! Data flows one way; a module uses only those above it:
//!
//! ```text
//! words                          the closed lists of words that all the others share
//! seed                           one stream of chance for each consumer
//! trace                          what happened, in order
//! keep_alive Policy          ->  Study       what a keep-alive costs and finds
//! scenario  YAML text        ->  Scenario    what the author meant
//! plan      Scenario + Seed  ->  Plan        every time and target drawn
//! oracle    &Trace           ->  Finding     what is wrong by a rule
//! expect    &Trace           ->  Finding     what is wrong by the scenario's own word
//! engine    Plan + Subject   ->  Trace       what executes a plan
//! subject                                    what is tested
//! run       Scenario + Seed  ->  Verdict     all of the above, once
//! runner    Scenarios        ->  Outcomes    runs in parallel, twice, from a file, against every mutant
//! gateway                                    the session's gateway by the machine's own clock and sockets
//! report    Outcomes         ->  text, HTML, JSON, JUnit, annotations
//! exit      Outcomes         ->  exit code
//! whole                                      a file that is written whole or not at all
//! ```

pub mod engine;
pub mod exit;
pub mod expect;
pub mod gateway;
pub mod keep_alive;
pub mod oracle;
pub mod plan;
pub mod report;
mod run;
pub mod runner;
pub mod scenario;
pub mod seed;
pub mod subject;
pub mod trace;
pub mod whole;
pub mod words;

pub use run::{Ending, Options, Verdict, WritersFn, run, run_tested};
