//! Commands, one file each, and where their output goes.

mod bench;
mod check;
mod control;
mod diff;
mod explain;
mod fault;
mod gateway;
mod judge;
mod lists;
mod live;
mod merge;
mod new;
mod oracle;
mod out;
mod page;
mod part;
mod plan;
mod probe;
mod run;
mod selftest;
mod serve;
mod set;
mod shell;
mod spool;
mod store;
mod subject;

use clap::{Parser, Subcommand};
use squall::exit::Exit;

/// A chaos test harness for WhatsApp-style persistent connections.
///
/// Runs the scenarios of a directory against a session and its limiter, in virtual time, and judges whether the
/// connection holds and never reconnects by itself.
#[derive(Debug, Parser)]
#[command(version, after_help = EXIT_CODES, max_term_width = 100, subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Run(run::Run),
    New(new::New),
    Check(check::Check),
    Plan(plan::Plan),
    Judge(judge::Judge),
    Explain(explain::Explain),
    Diff(diff::Diff),
    Merge(merge::Merge),
    Selftest(selftest::Selftest),
    Bench(bench::Bench),
    Serve(serve::Serve),
    Probe(probe::Probe),
    Gateway(gateway::Gateway),
    Store(store::Store),
    Schema(lists::Schema),
    Oracles(lists::Oracles),
    Subjects(lists::Subjects),
    Faults(lists::Faults),
    Fault(control::Fault),
    Inject(control::Inject),
    Completions(shell::Completions),
    Man(shell::Man),
}

const EXIT_CODES: &str = "\
Exit codes, the gravest of a set of runs first:
  70  a bug of Squall's own
   5  two runs with one seed differ (--twice)
   3  a scenario, a trace, a report or the lines of a store cannot be read
   2  the command line asks for what cannot be done
   1  findings; a store that is refused; two traces that differ
   4  inconclusive: something was not put to the test
   0  everything held";

impl Cli {
    /// Does what the command line says.
    ///
    /// # Errors
    /// What nobody foresaw; what was foreseen is told, and is in the exit code.
    pub(crate) fn run(self) -> anyhow::Result<Exit> {
        match self.command {
            Command::Run(run) => run.run(),
            Command::New(new) => new.run(),
            Command::Check(check) => check.run(),
            Command::Plan(plan) => plan.run(),
            Command::Judge(judge) => judge.run(),
            Command::Explain(explain) => explain.run(),
            Command::Diff(diff) => diff.run(),
            Command::Merge(merge) => merge.run(),
            Command::Selftest(selftest) => selftest.run(),
            Command::Bench(bench) => bench.run(),
            Command::Serve(serve) => serve.run(),
            Command::Probe(probe) => probe.run(),
            Command::Gateway(gateway) => gateway.run(),
            Command::Store(store) => store.run(),
            Command::Schema(schema) => schema.run(),
            Command::Oracles(oracles) => oracles.run(),
            Command::Subjects(subjects) => subjects.run(),
            Command::Faults(faults) => faults.run(),
            Command::Fault(fault) => fault.run(),
            Command::Inject(inject) => inject.run(),
            Command::Completions(completions) => completions.run(),
            Command::Man(man) => man.run(),
        }
    }
}

/// Tells what nobody foresaw.
pub(crate) fn unforeseen(error: &anyhow::Error) -> Exit {
    // Where even this cannot be told, the exit code still says it.
    let _ = out::complain(&format!("{error:#}"));
    Exit::Bug
}
