//! The flags of `squall run` that are the live engine's, and what it cannot run.

use std::fs;
use std::io;
use std::path::PathBuf;

use clap::Args;
use squall::engine::Engine;
use squall::engine::live::{self, Elsewhere, Reach, Trusts};
use squall::exit::Exit;
use squall::plan::Plan;
use squall::scenario::{RootKey, Scenario, ServerUrl};

use super::out;

#[derive(Debug, Args)]
#[command(next_help_heading = "With --engine live")]
pub(super) struct Flags {
    /// Run over TLS [default: in clear]
    #[arg(long, conflicts_with = "connect")]
    tls: bool,
    /// Dial this server, as in ws://127.0.0.1:8080/ws/chat; its faults are its own [default: one beside each run]
    #[arg(long, value_name = "URL", requires = "root_key")]
    connect: Option<ServerUrl>,
    /// The root public key of that server, in hexadecimal
    #[arg(long, value_name = "HEX", requires = "connect")]
    root_key: Option<RootKey>,
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
        let (Some(url), Some(RootKey(root_key))) = (&self.connect, self.root_key) else {
            return Ok(match self.tls {
                true => Reach::BesideOverTls,
                false => Reach::Beside,
            });
        };
        let trusts = match &self.trust {
            Some(file) => {
                let pem = fs::read_to_string(file).map_err(|error| {
                    (Exit::Usage, format!("--trust {}: {error}", file.display()))
                })?;
                let file = file.clone();
                Some(Trusts { file, pem })
            }
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
