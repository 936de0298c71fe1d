//! `cargo xtask api`: the gateway's API, fuzzed from its own document by schemathesis, against the real program.

use std::fs;
use std::io::{self, BufRead as _, BufReader};
use std::process::{Child, Stdio};
use std::thread;

use anyhow::{Context, bail};
use serde_json::Value;

use crate::run::{self, SQUALL, output, program, root};

/// Pinned: another version thinks of other requests.
const VERSION: &str = "4.32.5";
/// Where it is installed.
const ENVIRONMENT: &str = "target/schemathesis";
/// Where the gateway's store lies meanwhile.
const DIRECTORY: &str = "target/api";
/// Long enough, visible, and no secret: the gateway is gone when the fuzz is over.
const KEY: &str = "0123456789abcdef0123456789abcdef";
/// Seconds. The requests are the same each time, as far as these reach.
const AT_MOST: u32 = 60;

/// The fuzz by itself.
pub(crate) fn run() -> anyhow::Result<()> {
    run::run("cargo build --release --locked --quiet")?;
    match stage()?.as_slice() {
        [] => Ok(()),
        lacking => bail!("NOT RUN {}", lacking.join(", ")),
    }
}

/// The stage of `cargo xtask test`: what could not be run, where Python is not there.
pub(crate) fn stage() -> anyhow::Result<Vec<String>> {
    if output("python3 --version", &[0]).is_err() {
        return Ok(vec![
            "the fuzz of the gateway's API: it needs python3, as of the Debian packages python3 and python3-venv".into(),
        ]);
    }
    install()?;
    fuzz()?;
    Ok(Vec::new())
}

fn install() -> anyhow::Result<()> {
    let said = output(&format!("{ENVIRONMENT}/bin/st --version"), &[0]);
    if said.is_ok_and(|said| said.contains(VERSION)) {
        return Ok(());
    }
    run::run(&format!("python3 -m venv --clear {ENVIRONMENT}"))?;
    run::run(&format!(
        "{ENVIRONMENT}/bin/pip install --quiet --disable-pip-version-check schemathesis=={VERSION}"
    ))
}

/// No answer is a server error, and none is another than the document says. (`/api/events` never ends, so its cases would
/// wait for their time-outs.)
fn fuzz() -> anyhow::Result<()> {
    let directory = root().join(DIRECTORY);
    let _ = fs::remove_dir_all(&directory);
    fs::create_dir_all(&directory)?;
    let server = Running::start("serve --port 0 --format json")?;
    let said = &server.first["listening"];
    let told = |name: &str| said[name].as_str().context("the server says where it is");
    let gateway = Running::start(&format!(
        "gateway --listen 127.0.0.1:0 --log json --init-store --store {DIRECTORY}/squall.store --server {} --root-key {}",
        told("url")?,
        told("root_key")?,
    ))?;
    let url = gateway.first["url"]
        .as_str()
        .context("the gateway says where it is")?;
    // What it remembers of a run it writes to where it is; `env` finds it from there.
    let line = format!(
        "env ../schemathesis/bin/st run {url}/api/openapi.json --header X-API-Key:{KEY} --exclude-path /api/events \
         --checks not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance \
         --max-examples 100 --max-time {AT_MOST} --request-timeout 15 --generation-deterministic --warnings off --no-color"
    );
    run::run_in(DIRECTORY, &line)
}

/// A process of ours that ends with the fuzz.
struct Running {
    child: Child,
    /// What it said first.
    first: Value,
}

impl Running {
    fn start(arguments: &str) -> anyhow::Result<Self> {
        let line = format!("{SQUALL} {arguments}");
        let mut child = program(&line)
            .env("SQUALL_API_KEY", KEY)
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start `{line}`"))?;
        let mut rest = BufReader::new(child.stdout.take().context("its output is a pipe")?);
        let mut first = String::new();
        rest.read_line(&mut first)?;
        let Ok(first) = serde_json::from_str(&first) else {
            let _ = child.kill();
            bail!("`{line}` began with {first:?}");
        };
        // Whoever writes to a pipe that nobody empties stands still.
        thread::spawn(move || io::copy(&mut rest, &mut io::sink()));
        Ok(Self { child, first })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
