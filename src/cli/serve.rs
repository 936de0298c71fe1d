//! `squall serve`.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde_json::json;
use squall::engine::Listener;
use squall::engine::live::{self, Listening, NotServed};
use squall::exit::Exit;
use squall::plan::Plan;
use squall::scenario::{self, Scenario};
use squall::seed::Seed;
use squall::trace::{Entry, Header, Log};
use squall_protocol::Millis;

use super::out;
use super::spool::{LAST_WORDS, Spool};

/// Serve the mock server to whoever connects, until Ctrl-C
///
/// The first lines say where it listens and which root public key its clients have to trust. What follows tells what
/// happens, a line an event.
#[derive(Debug, Args)]
pub(super) struct Serve {
    /// Where to listen. An address that is not loopback needs a token
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// The port, instead of that of --listen; 0 is any that is free
    #[arg(long, value_name = "PORT")]
    port: Option<u16>,
    /// What /admin and / have to be asked with, from anywhere [default: none, and loopback alone]
    #[arg(
        long,
        value_name = "TOKEN",
        env = "SQUALL_TOKEN",
        hide_env_values = true
    )]
    token: Option<String>,
    /// Speak TLS, with a certificate that signs itself and is made anew each time
    #[arg(long)]
    tls: bool,
    /// Write that certificate to this file, as PEM [default: it is printed]
    #[arg(long, value_name = "FILE", requires = "tls")]
    tls_cert: Option<PathBuf>,
    /// Draw keys and chance from this seed; whoever knows it knows the keys [default: another each time]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    seed: Option<Seed>,
    /// Behave as this scenario says, and put its faults on at its times [default: nothing goes wrong]
    #[arg(long, value_name = "FILE")]
    scenario: Option<PathBuf>,
    /// From a client's last handshake message to the first stanza [default: 150ms]
    #[arg(long, value_name = "T")]
    login_delay: Option<Millis>,
    /// Answer a request that is not known with an error [default: with an empty result]
    #[arg(long)]
    strict: bool,
    /// End a connection on which the head of an HTTP request has not come whole after so long
    #[arg(long, value_name = "T", default_value_t = live::HEAD_WITHIN)]
    head_within: Millis,
    /// Count no dials and punish nobody [default: more than 3 of an account in 58 minutes are punished]
    #[arg(long)]
    no_guard: bool,
    /// How what happens is told
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    #[default]
    Text,
    /// JSON lines: where it listens, then the trace
    Json,
}

/// A scenario in which nothing happens, for as long as anybody may want to serve.
const NOTHING: &str = "name: whoever connects\nruns_for: 366d\norganizations: { \"1\": {} }\nlink: { latency: 0ms }\n";

impl Serve {
    pub(super) fn run(self) -> anyhow::Result<Exit> {
        let mut listen = self.listen;
        if let Some(port) = self.port {
            listen.set_port(port);
        }
        if !listen.ip().is_loopback() && self.token.as_ref().is_none_or(String::is_empty) {
            out::complain(&format!(
                "--listen {listen}: that is not a loopback address; others may reach it only with a --token"
            ))?;
            return Ok(Exit::Usage);
        }
        let Some(scenario) = self.scenario()? else {
            return Ok(Exit::BadScenario);
        };
        let seed = self.seed.unwrap_or_else(any_seed);
        let plan = Plan::draw(&scenario, seed);
        let lacks = live::lacks(&plan);
        if !lacks.is_empty() {
            out::complain(&format!(
                "{}: no real socket can have {}; `squall faults` says which engines have a fault",
                scenario.path.display(),
                lacks.join(", ")
            ))?;
            return Ok(Exit::BadScenario);
        }
        self.tell_left_out(&scenario, &plan)?;
        let serve = live::Serve {
            listen,
            tls: self.tls,
            plan,
            token: self.token.clone(),
            login_delay: self.login_delay,
            guard: !self.no_guard,
            strict: self.strict,
            head_within: self.head_within,
        };
        let format = self.format;
        // Nobody who stops reading stops the server.
        let lines = Spool::to_stdout(match format {
            Format::Text => |lost| format!("{lost} lines are lost here: whoever reads is too slow"),
            Format::Json => |lost| json!({ "lost": { "lines": lost } }).to_string(),
        })?;
        let spool = lines.clone();
        let hear = Box::new(move |header: &Header| vec![format.listener(header, spool)]);
        let begun = |listening: &Listening| self.begin(listening, seed, &lines);
        let served = live::serve(&scenario, serve, hear, begun);
        if let Ok(stopped) = &served {
            lines.say(self.end(stopped.closed));
        }
        lines.end(LAST_WORDS);
        match served {
            Ok(_) => Ok(Exit::Held),
            Err(NotServed::Address(address, error)) => {
                let hint = match error.kind() {
                    io::ErrorKind::AddrInUse => "; --port 0 takes one that is free",
                    _ => "",
                };
                out::complain(&format!("{address} cannot be listened on: {error}{hint}"))?;
                Ok(Exit::Usage)
            }
            Err(error @ (NotServed::Io(_) | NotServed::Token)) => {
                out::complain(&error.to_string())?;
                Ok(Exit::Usage)
            }
        }
    }

    /// What is to happen; or nothing, and what is wrong was told.
    fn scenario(&self) -> anyhow::Result<Option<Scenario>> {
        let read = match &self.scenario {
            None => scenario::parse(NOTHING, "serve".as_ref()),
            Some(file) => scenario::load(std::slice::from_ref(file)).map(|mut all| all.remove(0)),
        };
        match read {
            Ok(scenario) => Ok(Some(scenario)),
            Err(errors) => {
                for error in &errors {
                    out::complain(&error.render(true))?;
                }
                Ok(None)
            }
        }
    }

    /// Says which steps only the client's side could do, which is not ours here.
    fn tell_left_out(&self, scenario: &Scenario, plan: &Plan) -> io::Result<()> {
        let clients = plan.steps.iter().filter(|step| !step.action.is_servers());
        for step in clients {
            let key = scenario
                .step(step.number)
                .map_or("", |step| step.action.key());
            out::remark(&format!(
                "{}:{}: step {} ({key}) is the client's to do, and left out",
                scenario.path.display(),
                step.line,
                step.number
            ))?;
        }
        Ok(())
    }

    fn begin(&self, listening: &Listening, seed: Seed, lines: &Spool) -> io::Result<()> {
        let root_key = hex(&listening.root_key);
        if let (Some(file), Some(certificate)) = (&self.tls_cert, &listening.certificate) {
            fs::write(file, certificate).map_err(|error| {
                io::Error::new(
                    error.kind(),
                    format!("--tls-cert {}: {error}", file.display()),
                )
            })?;
        }
        match self.format {
            Format::Json => lines.say(
                json!({ "listening": {
                    "address": listening.address,
                    "url": listening.url,
                    "pages": listening.pages,
                    "root_key": root_key,
                    "seed": seed.0,
                    "certificate": listening.certificate,
                } })
                .to_string(),
            ),
            Format::Text => {
                let mut said = format!(
                    "listening on {}\nroot public key {root_key}\nseed {seed}",
                    listening.url
                );
                match (&self.tls_cert, &listening.certificate) {
                    (Some(file), _) => {
                        said += &format!("\nTLS certificate written to {}", file.display());
                    }
                    (None, Some(certificate)) => said += &format!("\n{}", certificate.trim_end()),
                    (None, None) => {}
                }
                lines.say(said);
            }
        }
        Ok(())
    }

    fn end(&self, closed: usize) -> String {
        match self.format {
            Format::Json => json!({ "stopped": { "closed": closed } }).to_string(),
            Format::Text if closed == 1 => "stopped: 1 connection closed".to_owned(),
            Format::Text => format!("stopped: {closed} connections closed"),
        }
    }
}

impl Format {
    fn listener(self, header: &Header, lines: Spool) -> Box<dyn Listener> {
        match self {
            Self::Text => Box::new(Lines(Log::new(header), lines)),
            Self::Json => Box::new(JsonLines(lines)),
        }
    }
}

/// Writes a line for each event that is worth one.
struct Lines(Log, Spool);

impl Listener for Lines {
    fn hear(&mut self, entry: &Entry) {
        if let Some(line) = self.0.line(entry) {
            self.1.say(line);
        }
    }
}

/// Writes the entries of the trace as JSON lines.
struct JsonLines(Spool);

impl Listener for JsonLines {
    fn hear(&mut self, entry: &Entry) {
        if let Ok(line) = serde_json::to_string(entry) {
            self.0.say(line);
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the keys of a server that others can reach are made anew each time, and the seed is printed"
)]
fn any_seed() -> Seed {
    Seed(rand::random())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
