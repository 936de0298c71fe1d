//! `squall gateway`.

use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, ValueEnum};
use rand::SeedableRng as _;
use rand::rngs::ChaCha8Rng;
use serde_json::json;
use squall::exit::Exit;
use squall::gateway::{self, Config, Key, NotRun, SERVICE_ROOT};
use squall::scenario::{self, GatewaySettings, LogForm, RootKey, ServerUrl};

use super::out;
use super::spool::{LAST_WORDS, Spool};

/// Hold a session for each organization, and dial only when an operator asks
///
/// Operators ask over HTTP, with the API key in X-API-Key: `GET /api/openapi.json` says what. The key comes from the
/// environment variable SQUALL_API_KEY, or from a file. What the flags say goes before what the file says.
#[derive(Debug, Args)]
pub(super) struct Gateway {
    /// Settings, as YAML; every one of them is in docs/gateway.yaml
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The server that sessions connect to, as in ws://127.0.0.1:8080/ws/chat
    #[arg(long, value_name = "URL")]
    server: Option<ServerUrl>,
    /// The root public key of that server, in hexadecimal [default: the public one of the service]
    #[arg(long, value_name = "HEX")]
    root_key: Option<RootKey>,
    /// Trust the TLS certificates of this file, as PEM; a wss:// server needs it
    #[arg(long, value_name = "FILE")]
    trust: Option<PathBuf>,
    /// Where operators ask [default: 127.0.0.1:3000]
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
    /// The file that holds the API key [default: the environment's SQUALL_API_KEY]
    #[arg(long, value_name = "FILE")]
    api_key_file: Option<PathBuf>,
    /// What must outlive the process [default: squall.store]
    #[arg(long, value_name = "FILE")]
    store: Option<PathBuf>,
    /// Make the store first; there must be none. Leave it away from the second time on
    #[arg(long)]
    init_store: bool,
    /// How what happens is told [default: text]
    #[arg(long, value_enum, value_name = "FORM")]
    log: Option<Form>,
    /// Connect to a server that is not on this machine. Real accounts can be blocked for it, and this is a test tool
    #[arg(long)]
    i_own_this_account: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Form {
    /// For people
    Text,
    /// JSON lines
    Json,
}

/// Where operators ask where nothing is said: on this machine alone.
const LISTEN: &str = "127.0.0.1:3000";
const STORE: &str = "squall.store";
const KEY_VARIABLE: &str = "SQUALL_API_KEY";

/// Why nothing runs.
type Refused = (Exit, String);

impl Gateway {
    pub(super) fn run(self) -> anyhow::Result<Exit> {
        let config = match self.settings().and_then(|settings| self.config(settings)) {
            Ok(config) => config,
            Err((exit, why)) => {
                out::complain(&why)?;
                return Ok(exit);
            }
        };
        // Nobody who stops reading stops the gateway.
        let lines = Spool::to_stdout(match config.log {
            LogForm::Text => {
                |lost| format!("{lost} lines are lost here: whoever reads is too slow")
            }
            LogForm::Json => |lost| json!({ "event": "lines_lost", "lines": lost }).to_string(),
        })?;
        let spool = lines.clone();
        let ran = gateway::run(config, Arc::new(move |line: &str| spool.say(line)));
        lines.end(LAST_WORDS);
        match ran {
            Ok(()) => Ok(Exit::Held),
            Err(error) => {
                let way_out = match error.is_about_a_store_that_is_there() {
                    true => "; leave --init-store away to run on it",
                    false => "",
                };
                out::complain(&format!("{error}{way_out}"))?;
                Ok(match error {
                    NotRun::Store { .. } | NotRun::CutShort => Exit::Findings,
                    _ => Exit::Usage,
                })
            }
        }
    }

    fn settings(&self) -> Result<Option<GatewaySettings>, Refused> {
        let Some(file) = &self.config else {
            return Ok(None);
        };
        let told = |errors: Vec<scenario::LoadError>| {
            let errors = errors.iter().map(|error| error.render(true));
            (Exit::BadScenario, errors.collect::<Vec<_>>().join("\n"))
        };
        scenario::load_gateway(file).map(Some).map_err(told)
    }

    fn config(&self, written: Option<GatewaySettings>) -> Result<Config, Refused> {
        let usage = |why: String| (Exit::Usage, why);
        let said = written.unwrap_or_else(GatewaySettings::of_nothing);
        let server = self.server.clone().or(said.server).ok_or_else(|| {
            usage("which server? say it by --server URL, or by `server` in --config".to_owned())
        })?;
        if !is_here(&server.host) && !self.i_own_this_account {
            return Err(usage(format!(
                "{} is not this machine. Whoever connects an account to the real service with a tool like this may lose \
                 it; if it is yours to lose, say --i-own-this-account",
                server.host
            )));
        }
        let trusts = match self.trust.clone().or(said.trust) {
            Some(file) => Some(read(&file, "--trust")?),
            None => None,
        };
        let listen = self.listen.or(said.listen);
        let form = self.log.map(|form| match form {
            Form::Text => LogForm::Text,
            Form::Json => LogForm::Json,
        });
        Ok(Config {
            server,
            root_key: self.root_key.or(said.root_key).unwrap_or(SERVICE_ROOT),
            trusts,
            listen: match listen {
                Some(listen) => listen,
                None => LISTEN.parse().map_err(|_| usage(LISTEN.to_owned()))?,
            },
            key: key(self.api_key_file.clone().or(said.api_key_file))?,
            store: self
                .store
                .clone()
                .or(said.store)
                .unwrap_or_else(|| STORE.into()),
            init_store: self.init_store,
            policy: said.policy,
            rng: any_rng(),
            log: form.or(said.log).unwrap_or_default(),
        })
    }
}

/// Whether a host is this machine.
fn is_here(host: &str) -> bool {
    host == "localhost"
        || host
            .parse()
            .is_ok_and(|address: IpAddr| address.is_loopback())
}

fn read(file: &PathBuf, flag: &str) -> Result<Vec<u8>, Refused> {
    fs::read(file).map_err(|error| (Exit::Usage, format!("{flag} {}: {error}", file.display())))
}

/// The API key; no message holds any of it.
fn key(file: Option<PathBuf>) -> Result<Key, Refused> {
    let usage = |why: String| (Exit::Usage, why);
    let (text, from) = match file {
        Some(file) => {
            let bytes = read(&file, "--api-key-file")?;
            let text = String::from_utf8_lossy(&bytes).into_owned();
            (text, file.display().to_string())
        }
        None => {
            let text = std::env::var(KEY_VARIABLE).map_err(|_| {
                usage(format!(
                    "no API key: set {KEY_VARIABLE}, or name a file by --api-key-file"
                ))
            })?;
            (text, KEY_VARIABLE.to_owned())
        }
    };
    Key::new(&text).map_err(|weak| usage(format!("{from}: {weak}")))
}

#[expect(
    clippy::disallowed_methods,
    reason = "the keys of real devices are nobody's to foresee"
)]
fn any_rng() -> ChaCha8Rng {
    ChaCha8Rng::from_seed(rand::random())
}
