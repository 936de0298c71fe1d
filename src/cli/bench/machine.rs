//! What a session-hour takes of this machine: `squall run` as a process of its own, plain and under valgrind.

use std::io::Write;
use std::process::{Command, Output};
use std::{env, fs};

use anyhow::{Context, bail};
use squall::report::keep_alive::machine::Took;
use squall::subject::Tested;

/// What is left of a long run without a short one is its steady hours.
const SHORT: &str = "1h";
const LONG: &str = "25h";
const STEADY_HOURS: u64 = 24;
/// The processor time of a short run is lost in the noise.
const LONGER: &str = "2401h";
const LONGER_HOURS: u64 = 2_400;
/// So many connections more say what one holds.
const MORE: u64 = 10;

/// Measures the clients that the wire engine runs.
pub(super) fn measure() -> anyhow::Result<Vec<Took>> {
    if Command::new("valgrind").arg("--version").output().is_err() {
        bail!(
            "--machine: valgrind counts instructions and allocations, and is not installed; on Debian: apt-get install valgrind"
        );
    }
    [Tested::Session, Tested::Before]
        .into_iter()
        .map(of)
        .collect()
}

fn of(tested: Tested) -> anyhow::Result<Took> {
    let (one, many) = (steady(1)?, steady(1 + MORE)?);
    let name = tested.name();
    let steady_hours = |tool: &Tool| -> anyhow::Result<u64> {
        let (short, long) = (
            tool.count(&one, name, SHORT)?,
            tool.count(&one, name, LONG)?,
        );
        Ok(long.saturating_sub(short) / STEADY_HOURS)
    };
    let held = Tool::HELD.count(&many, name, SHORT)?;
    let held = held.saturating_sub(Tool::HELD.count(&one, name, SHORT)?);
    Ok(Took {
        policy: name,
        processor_us: processor_us(&one, name)?,
        instructions: steady_hours(&Tool::INSTRUCTIONS)?,
        allocations: steady_hours(&Tool::ALLOCATIONS)?,
        held_bytes: held / MORE,
    })
}

/// The kernel tells the processor time of children that have ended in hundredths of a second.
fn processor_us(scenario: &tempfile::TempPath, name: &str) -> anyhow::Result<u64> {
    let took = |until| -> anyhow::Result<u64> {
        let before = of_children()?;
        ran(&mut run(
            Command::new(env::current_exe()?),
            scenario,
            name,
            until,
        ))?;
        Ok((of_children()? - before) * 10_000)
    };
    Ok(took(LONGER)?.saturating_sub(took(SHORT)?) / LONGER_HOURS)
}

/// User and system time of all children that have ended: fields 16 and 17 of `/proc/self/stat` by proc(5), counted here
/// from behind the program's name, which may hold anything.
fn of_children() -> anyhow::Result<u64> {
    let stat = fs::read_to_string("/proc/self/stat").context("--machine needs Linux")?;
    let fields = stat.rsplit_once(')').map(|(_, fields)| fields);
    let mut times = fields.unwrap_or_default().split_whitespace().skip(13);
    let mut next = || times.next()?.parse::<u64>().ok();
    let both = next().zip(next()).context("/proc/self/stat is short")?;
    Ok(both.0 + both.1)
}

/// A steady run of so many connections.
fn steady(connections: u64) -> anyhow::Result<tempfile::TempPath> {
    let each = |what: &dyn Fn(u64) -> String, between: &str| {
        let all: Vec<String> = (1..=connections).map(what).collect();
        all.join(between)
    };
    let organizations = each(&|org| format!("\"{org}\": {{ paired: true }}"), ", ");
    let starts = each(
        &|org| format!("  - {{ at: 0s, start_session: {{ org: \"{org}\" }} }}"),
        "\n",
    );
    let text = format!(
        "name: steady\nruns_for: {LONGER}\norganizations: {{ {organizations} }}\nlink: {{ latency: 40ms }}\n\
         policy: {{ limiter: {{ global: {{ max: 1000 }} }} }}\nsteps:\n{starts}\n"
    );
    let mut file = tempfile::Builder::new().suffix(".yaml").tempfile()?;
    file.write_all(text.as_bytes())?;
    Ok(file.into_temp_path())
}

/// A tool of valgrind, and the line in which it says what it counted.
struct Tool {
    arguments: &'static [&'static str],
    before: &'static str,
    after: &'static str,
}

impl Tool {
    const INSTRUCTIONS: Self = Self {
        arguments: &["--tool=callgrind", "--callgrind-out-file=/dev/null"],
        before: "Collected :",
        after: "",
    };
    const ALLOCATIONS: Self = Self {
        arguments: &["--tool=dhat", "--dhat-out-file=/dev/null"],
        before: "Total:",
        after: "bytes in",
    };
    const HELD: Self = Self {
        before: "At t-gmax:",
        after: "",
        ..Self::ALLOCATIONS
    };

    fn count(&self, scenario: &tempfile::TempPath, name: &str, until: &str) -> anyhow::Result<u64> {
        let mut command = Command::new("valgrind");
        command
            .args(self.arguments)
            .arg("--log-fd=1")
            .arg(env::current_exe()?);
        let output = ran(&mut run(command, scenario, name, until))?;
        let said = String::from_utf8_lossy(&output.stdout);
        let found = said.lines().find_map(|line| line.split_once(self.before));
        let number = found.and_then(|(_, rest)| match self.after {
            "" => Some(rest),
            after => rest.split_once(after).map(|(_, rest)| rest),
        });
        let digits: String = number
            .with_context(|| format!("valgrind said nothing of {:?}", self.before))?
            .trim_start()
            .chars()
            .take_while(|c| c.is_ascii_digit() || *c == ',')
            .filter(char::is_ascii_digit)
            .collect();
        digits.parse().context("valgrind printed no count")
    }
}

fn run(mut command: Command, scenario: &tempfile::TempPath, name: &str, until: &str) -> Command {
    command.arg("run").arg(scenario.as_os_str());
    command.args(["--jobs", "1", "--subject", name, "--until", until]);
    command
}

/// Whatever is found does not matter: what it takes does.
fn ran(command: &mut Command) -> anyhow::Result<Output> {
    let output = command.output()?;
    match output.status.code() {
        Some(0 | 1 | 4) => Ok(output),
        _ => bail!("{command:?}: {}", String::from_utf8_lossy(&output.stderr)),
    }
}
