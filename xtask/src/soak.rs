//! `cargo xtask soak`: what takes minutes and need not run at every change.

use std::time::Instant;

use clap::Args;

use crate::run::run;

/// The scenario that draws its weather.
pub(crate) const MONTH: &str = "soak/a-month-of-random-weather.yaml";
/// A thousand sessions, for a day.
pub(crate) const THOUSAND: &str = "soak/a-thousand-organizations-for-a-day.yaml";
/// The program as it is shipped.
const SQUALL: &str = "target/release/squall";

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
        for what in [months, format!("run {THOUSAND}")] {
            println!("\n$ squall {what}");
            #[expect(
                clippy::disallowed_methods,
                reason = "how long it took is told to people, nothing else"
            )]
            let begun = Instant::now();
            run(&format!("{SQUALL} {what}"))?;
            println!("took {:.0} s", begun.elapsed().as_secs_f64());
        }
        Ok(())
    }
}
