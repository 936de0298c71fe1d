//! `cargo xtask soak`: what takes minutes and need not run at every change.

use std::time::Instant;

use anyhow::Context;
use clap::Args;
use serde_json::Value;

use crate::measure::{Measured, measure};
use crate::run::{SQUALL, run};

/// The scenario that draws its weather.
pub(crate) const MONTH: &str = "soak/a-month-of-random-weather.yaml";
/// A thousand sessions, for a day.
pub(crate) const THOUSAND: &str = "soak/a-thousand-organizations-for-a-day.yaml";
/// Five thousand real connections.
const FIVE_THOUSAND: &str = "soak/five-thousand-connections-for-five-minutes.yaml";

/// Two hundred rounds of `kill -9` on a gateway.
const KILLS: &str = "env SQUALL_KILL_ROUNDS=200 cargo test --workspace --locked --quiet --test gateway no_kill -- --nocapture";

/// Two thousand organizations on the shipped gateway.
const TWO_THOUSAND: &str = "soak/two-thousand-organizations-for-an-hour.yaml";
/// Five hundred sessions on the real program, over real sockets, for five minutes.
const LOAD: &str = "env SQUALL_LOAD_SESSIONS=500 SQUALL_LOAD_SECONDS=300 cargo test --workspace --locked --quiet --test gateway many_sessions -- --nocapture";

#[derive(Args)]
pub(crate) struct Soak {
    /// The seeds of the random month, each of which runs twice
    #[arg(long, value_name = "N|A..B", default_value = "1..1000")]
    seed: String,
}

impl Soak {
    /// Runs everything; what fails is told with the line that replays it.
    pub(crate) fn run(&self) -> anyhow::Result<()> {
        run("cargo build --release --locked --quiet")?;
        let months = format!("run {MONTH} --seed {} --twice", self.seed);
        let hour = format!("run {TWO_THOUSAND}");
        let of_the_gateway = format!("{hour} --subject gateway");
        for what in [months, format!("run {THOUSAND}"), hour, of_the_gateway] {
            println!("\n$ squall {what}");
            #[expect(
                clippy::disallowed_methods,
                reason = "how long it took is told to people, nothing else"
            )]
            let begun = Instant::now();
            run(&format!("{SQUALL} {what}"))?;
            println!("took {:.0} s", begun.elapsed().as_secs_f64());
        }
        // Every window is scaled down, and still 200 rounds wait for their hours.
        run(KILLS)?;
        run(LOAD)?;
        five_thousand()
    }
}

/// Real sockets, both ends of them in one process: what each takes, and how soon its pings are answered.
fn five_thousand() -> anyhow::Result<()> {
    let line = format!("{SQUALL} run {FIVE_THOUSAND} --engine live --format json");
    println!("\n$ {line}");
    let Measured {
        took,
        peak_kib,
        said,
    } = measure(&line)?;
    let report: Value = serde_json::from_str(&said)?;
    let run = &report["runs"][0];
    let number = |value: &Value| value.as_u64().context("the report lacks a number");
    let (dials, pongs) = (number(&run["dials"])?, &run["pongs"]);
    println!(
        "{dials} connections: {}, {} KiB each with both its ends, {:.0} s of processor time; {} pings answered, p50 {} ms, p99 {} ms, the last {} ms",
        run["verdict"],
        peak_kib / dials.max(1),
        took.as_secs_f64(),
        number(&pongs["count"])?,
        number(&pongs["p50_ms"])?,
        number(&pongs["p99_ms"])?,
        number(&pongs["worst_ms"])?,
    );
    Ok(())
}
