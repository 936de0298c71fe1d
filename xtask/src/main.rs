//! The commands of the house: `cargo xtask test` passes every test, `bench` measures, `instructions` counts, `fuzz` looks
//! for what nobody thought of, `api` does so over HTTP, `interop` runs real clients, `soak` runs long.

#![expect(clippy::print_stdout, reason = "this is a command line, not a library")]

mod api;
mod bench;
mod fuzz;
mod instructions;
mod interop;
mod measure;
mod run;
mod soak;
mod test;

use clap::{Parser, Subcommand};

/// The commands of the house.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Pass every test, and print what each stage took.
    Test,
    /// Measure a steady year and a day of a thousand sessions: time, memory, instructions.
    Bench,
    /// Count the instructions of the parts that matter, and compare them with benches/instructions.json.
    Instructions(instructions::Instructions),
    /// Fuzz what reads hostile bytes, for as long as one likes.
    Fuzz(fuzz::Fuzz),
    /// Fuzz the gateway's API from its own document.
    Api,
    /// Put real clients through every case, and compare what they did with interop/RESULTS.md.
    Interop(interop::Interop),
    /// Run what takes too long for every day: a thousand months of random weather, each twice, and a thousand sessions.
    Soak(soak::Soak),
}

fn main() -> anyhow::Result<()> {
    match Cli::parse().command {
        Command::Test => test::test(),
        Command::Bench => bench::bench(),
        Command::Instructions(instructions) => instructions.run(),
        Command::Fuzz(fuzz) => fuzz.run(),
        Command::Api => api::run(),
        Command::Interop(interop) => interop.run(),
        Command::Soak(soak) => soak.run(),
    }
}
