//! `squall fault` and `squall inject`: a running server's control API, from the shell.

mod client;
mod written;

use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};
use squall::exit::Exit;
use squall::report::table;

use super::out;
use client::{Client, Method, Refusal};

/// Put faults on a running server, list them, take them off
#[derive(Debug, Args)]
pub(super) struct Fault {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Put a fault on, to stand until it is removed or its --ttl is over
    Add {
        #[command(flatten)]
        new: New,
        #[command(flatten)]
        asks: Asks,
    },
    /// List the faults that stand
    List(Asks),
    /// Take one fault off
    Remove {
        /// Its number, as `squall fault list` shows it
        id: u64,
        #[command(flatten)]
        asks: Asks,
    },
    /// Take every fault off
    Reset(Asks),
}

/// Inject a fault into a running server, once
///
/// What acts on connections acts on those that live; what acts on a dial waits for the next one.
#[derive(Debug, Args)]
pub(super) struct Inject {
    #[command(flatten)]
    new: New,
    #[command(flatten)]
    asks: Asks,
}

/// A fault and whom it concerns.
#[derive(Debug, Args)]
struct New {
    /// The fault's name; `squall faults` lists them
    name: String,
    /// Its parameters, as in `code=1011`; `squall faults NAME` lists them
    #[arg(value_name = "KEY=VALUE", value_parser = written::parameter)]
    parameters: Vec<(String, Value)>,
    /// The account that it concerns [default: every one]
    #[arg(long, value_name = "NAME")]
    org: Option<String>,
    /// Which connections: all, old, or a number from 1 [default: all]
    #[arg(long, value_name = "WHICH")]
    connection: Option<String>,
    /// How long it stands or waits, as in 30s
    #[arg(long, value_name = "T")]
    ttl: Option<String>,
}

/// Which server, and how to answer.
#[derive(Debug, Args)]
struct Asks {
    /// The server's address; over plain HTTP, so not one that was started with --tls
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8080")]
    server: String,
    /// The token that the server was started with
    #[arg(
        long,
        value_name = "TOKEN",
        env = "SQUALL_TOKEN",
        hide_env_values = true
    )]
    token: Option<String>,
    /// How to answer
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    #[default]
    Text,
    /// What the server answered
    Json,
}

impl Fault {
    pub(super) fn run(self) -> anyhow::Result<Exit> {
        match self.what {
            What::Add { new, asks } => asks.ask(
                (Method::Post, "/admin/faults"),
                Some(&new.body()),
                |fault| format!("fault {} stands: {}\n", fault["id"], written::whole(fault)),
            ),
            What::List(asks) => asks.ask((Method::Get, "/admin/faults"), None, listed),
            What::Remove { id, asks } => {
                let path = format!("/admin/faults/{id}");
                asks.ask((Method::Delete, &path), None, |_| {
                    format!("fault {id} is off\n")
                })
            }
            What::Reset(asks) => asks.ask((Method::Post, "/admin/reset"), None, |_| {
                "every fault is off\n".to_owned()
            }),
        }
    }
}

impl Inject {
    pub(super) fn run(self) -> anyhow::Result<Exit> {
        let name = self.new.name.clone();
        let asked = (Method::Post, "/admin/inject");
        self.asks.ask(asked, Some(&self.new.body()), |injected| {
            let id = &injected["id"];
            let touched = injected["acted_on"].as_array().into_iter().flatten();
            let touched: Vec<String> = touched.map(|conn| format!("conn {conn}")).collect();
            match (touched.as_slice(), injected["waits"] == true) {
                ([], _) => format!("fault {id} ({name}) waits for something to act on\n"),
                (some, false) => format!("fault {id} ({name}) acted on {}\n", some.join(", ")),
                (some, true) => format!(
                    "fault {id} ({name}) acted on {} and waits for more\n",
                    some.join(", ")
                ),
            }
        })
    }
}

impl New {
    fn body(self) -> Value {
        let parameters: serde_json::Map<String, Value> = self.parameters.into_iter().collect();
        let mut fault = serde_json::Map::new();
        fault.insert(self.name, parameters.into());
        let mut body = json!({ "fault": fault });
        let mut target = serde_json::Map::new();
        if let Some(org) = self.org {
            target.insert("account".to_owned(), org.into());
        }
        if let Some(which) = self.connection {
            target.insert("connection".to_owned(), written::which(&which));
        }
        if !target.is_empty() {
            body["target"] = target.into();
        }
        if let Some(ttl) = self.ttl {
            body["ttl"] = ttl.into();
        }
        body
    }
}

impl Asks {
    /// Asks the server and says what it answered, or why it did not.
    fn ask(
        self,
        (method, path): (Method, &str),
        body: Option<&Value>,
        say: impl FnOnce(&Value) -> String,
    ) -> anyhow::Result<Exit> {
        let client = match Client::new(&self.server, self.token) {
            Ok(client) => client,
            Err(refusal) => return complained(&refusal),
        };
        match client.ask(method, path, body) {
            Ok(answer) => {
                out::say(&match (self.format, &answer) {
                    (Format::Text, answer) => say(answer),
                    (Format::Json, Value::Null) => String::new(),
                    (Format::Json, answer) => format!("{answer:#}\n"),
                })?;
                Ok(Exit::Held)
            }
            Err(refusal) => complained(&refusal),
        }
    }
}

fn complained(refusal: &Refusal) -> anyhow::Result<Exit> {
    out::complain(&refusal.to_string())?;
    Ok(Exit::Usage)
}

fn listed(answer: &Value) -> String {
    let faults = answer["faults"].as_array().map_or(&[][..], Vec::as_slice);
    if faults.is_empty() {
        return "no fault stands\n".to_owned();
    }
    let rows = faults.iter().map(|fault| {
        vec![
            fault["id"].to_string(),
            written::fault(&fault["fault"]),
            written::target(&fault["target"]),
            match fault["once"] == true {
                true => "once".to_owned(),
                false => "stands".to_owned(),
            },
            fault["ends_at"].as_str().unwrap_or("never").to_owned(),
        ]
    });
    table(&["id", "fault", "of whom", "how", "ends"], rows)
}
