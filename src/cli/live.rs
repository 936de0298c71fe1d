//! The flags of `squall run` that are the live engine's, and what it cannot run.

use std::fs;
use std::io;
use std::path::PathBuf;

use clap::Args;
use squall::engine::Engine;
use squall::engine::live::{self, Elsewhere, Reach};
use squall::exit::Exit;
use squall::plan::Plan;
use squall::scenario::Scenario;

use super::out;

#[derive(Debug, Args)]
#[command(next_help_heading = "With --engine live")]
pub(super) struct Flags {
    /// Run over TLS [default: in clear]
    #[arg(long, conflicts_with = "connect")]
    tls: bool,
    /// Dial this server, as in ws://127.0.0.1:8080/ws/chat; its faults are its own [default: one beside each run]
    #[arg(long, value_name = "URL", requires = "root_key")]
    connect: Option<Url>,
    /// The root public key of that server, in hexadecimal
    #[arg(long, value_name = "HEX", requires = "connect", value_parser = key)]
    root_key: Option<[u8; 32]>,
    /// Trust the TLS certificates of this file, as PEM
    #[arg(long, value_name = "FILE", requires = "connect")]
    trust: Option<PathBuf>,
}

impl Flags {
    /// How the runs reach their server; or why they cannot run, which was told.
    pub(super) fn reach(
        &self,
        engine: Engine,
        scenarios: &[Scenario],
        twice: bool,
    ) -> io::Result<Result<Reach, Exit>> {
        let refused = if engine == Engine::Live {
            self.unfit(scenarios, twice)
        } else if self.tls || self.connect.is_some() {
            let why = "--tls and --connect are for real sockets; add --engine live";
            Some((Exit::Usage, why.to_owned()))
        } else {
            None
        };
        let reach = refused.map_or_else(|| self.written(), Err);
        match reach {
            Ok(reach) => Ok(Ok(reach)),
            Err((exit, why)) => {
                out::complain(&why)?;
                Ok(Err(exit))
            }
        }
    }

    /// Why these cannot run in real time.
    fn unfit(&self, scenarios: &[Scenario], twice: bool) -> Option<(Exit, String)> {
        if twice {
            let why = "--twice: nothing happens twice alike in real time";
            return Some((Exit::Usage, why.to_owned()));
        }
        for scenario in scenarios {
            let path = scenario.path.display();
            let refused = |why: String| Some((Exit::BadScenario, format!("{path}: {why}")));
            if !scenario.live {
                return refused(
                    "it is not marked `live: true`; `--only live` takes those that are".to_owned(),
                );
            }
            let lacks = live::lacks(&Plan::draw(scenario, scenario.seed));
            if !lacks.is_empty() {
                let lacks = lacks.join(", ");
                return refused(format!("no real socket can have {lacks}"));
            }
            let paired = scenario.organizations.iter().find(|(_, org)| org.paired);
            if let (Some(_), Some((org, _))) = (&self.connect, paired) {
                return refused(format!(
                    "organization {org} is paired, and the server at --connect knows no device of it"
                ));
            }
        }
        None
    }

    fn written(&self) -> Result<Reach, (Exit, String)> {
        let (Some(url), Some(root_key)) = (&self.connect, self.root_key) else {
            return Ok(match self.tls {
                true => Reach::BesideOverTls,
                false => Reach::Beside,
            });
        };
        let trusts =
            match &self.trust {
                Some(file) => Some(fs::read_to_string(file).map_err(|error| {
                    (Exit::Usage, format!("--trust {}: {error}", file.display()))
                })?),
                None if url.tls => {
                    let why = "--connect wss://…: say by --trust FILE which certificate to trust";
                    return Err((Exit::Usage, why.to_owned()));
                }
                None => None,
            };
        Ok(Reach::Elsewhere(Elsewhere {
            host: url.host.clone(),
            port: url.port,
            root_key,
            trusts: trusts.filter(|_| url.tls),
        }))
    }
}

/// Where a server is.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Url {
    tls: bool,
    host: String,
    port: u16,
}

impl std::str::FromStr for Url {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is not like ws://127.0.0.1:8080/ws/chat");
        let (scheme, rest) = text.split_once("://").ok_or_else(wrong)?;
        let tls = match scheme {
            "ws" => false,
            "wss" => true,
            _ => return Err(wrong()),
        };
        let authority = match rest.split_once('/') {
            Some((authority, "ws/chat" | "")) => authority,
            None => rest,
            Some(_) => return Err("the path of the protocol is /ws/chat".to_owned()),
        };
        let (host, port) = authority.rsplit_once(':').ok_or_else(wrong)?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let port = port.parse().map_err(|_| wrong())?;
        if host.is_empty() {
            return Err(wrong());
        }
        let host = host.to_owned();
        Ok(Self { tls, host, port })
    }
}

/// A public key: 64 hexadecimal digits.
fn key(text: &str) -> Result<[u8; 32], String> {
    let mut key = [0; 32];
    let digits = text.as_bytes();
    if digits.len() != 64 || !digits.iter().all(u8::is_ascii_hexdigit) {
        return Err("a key is 64 hexadecimal digits".to_owned());
    }
    for (byte, two) in key.iter_mut().zip(digits.chunks(2)) {
        let two = String::from_utf8_lossy(two);
        *byte = u8::from_str_radix(&two, 16).map_err(|error| error.to_string())?;
    }
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_scheme_host_and_port() {
        let url = |tls, host: &str, port| {
            let host = host.to_owned();
            Ok(Url { tls, host, port })
        };
        assert_eq!(
            "ws://127.0.0.1:8080/ws/chat".parse(),
            url(false, "127.0.0.1", 8080)
        );
        assert_eq!("wss://localhost:443".parse(), url(true, "localhost", 443));
        assert_eq!("ws://[::1]:1/ws/chat".parse(), url(false, "::1", 1));
        for wrong in ["http://x:1", "ws://x", "ws://x:1/other", "ws://:1", "x:1"] {
            assert!(wrong.parse::<Url>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_key_is_64_digits() {
        assert_eq!(key(&"0f".repeat(32)), Ok([15; 32]));
        assert!(key(&"0f".repeat(31)).is_err() && key(&"zz".repeat(32)).is_err());
    }
}
