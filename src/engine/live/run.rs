//! A run in real time: the real session, against a server beside it or elsewhere.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use squall_protocol::certificate::TrustedRoot;
use squall_session::driver::{Tcp, Wss};

use crate::engine::client::Program;
use crate::engine::conductor::Conductor;
use crate::engine::live::callers::Callers;
use crate::engine::live::gate::{Guests, bind};
use crate::engine::live::network::{self, Beside, Way};
use crate::engine::live::phone::Phone;
use crate::engine::live::serve::{HEAD_WITHIN, open};
use crate::engine::live::tls::Identity;
use crate::engine::stage::{Lines, Stage, settings};
use crate::engine::{Done, Job};
use crate::scenario::ServerUrl;
use crate::subject::Setup;

/// How a run in real time reaches its server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Reach {
    /// It runs beside the client, on a port of its own.
    #[default]
    Beside,
    /// The same, over TLS.
    BesideOverTls,
    /// It runs elsewhere, and is somebody else's.
    Elsewhere(Elsewhere),
}

/// A server that is not ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Elsewhere {
    /// A name or an address.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The root public key that it proves itself by.
    pub root_key: [u8; 32],
    /// The certificates to trust, where it speaks TLS.
    pub trusts: Option<Trusts>,
}

/// Certificates to trust.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trusts {
    /// The file that they were read from, for whoever runs it again.
    pub file: PathBuf,
    /// They, as PEM.
    pub pem: String,
}

/// Runs a job from beginning to end.
pub(crate) fn run(
    job: Job<'_>,
    setup: Setup,
    program: impl Program,
    reach: &Reach,
) -> io::Result<Done> {
    #[expect(
        clippy::disallowed_methods,
        reason = "how long a run took is told to people, nothing else"
    )]
    let begun = std::time::Instant::now();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let stage = runtime.block_on(async {
        let conductor = Conductor::in_real_time();
        tokio::spawn(Arc::clone(&conductor).keep_time());
        match reach {
            Reach::Beside => beside(job, &setup, program, &conductor, false).await,
            Reach::BesideOverTls => beside(job, &setup, program, &conductor, true).await,
            Reach::Elsewhere(server) => elsewhere(job, setup, program, &conductor, server).await,
        }
    })?;
    stage.end(|| begun.elapsed(), || drop(runtime))
}

async fn beside(
    job: Job<'_>,
    setup: &Setup,
    program: impl Program,
    conductor: &Arc<Conductor>,
    over_tls: bool,
) -> io::Result<Stage> {
    let (listener, address) = bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await?;
    let tls = match over_tls {
        true => Some(Identity::of_this_run(address.ip())?),
        false => None,
    };
    let tcp = Tcp::new(address.ip().to_string(), address.port());
    let way = match &tls {
        Some(tls) => Way::Wss(Wss::new(tcp, tls.certificate.as_bytes()).map_err(io::Error::other)?),
        None => Way::Tcp(tcp),
    };
    let lines = Lines::live(&job.plan);
    let (stage, links) = Stage::set(job, conductor, lines);
    let server = stage.server(settings(&stage.plan));
    stage.open_accounts(&server, setup);
    let callers = Arc::new(Callers::default());
    let guests = Guests::Own(Arc::clone(&callers));
    let guests = (listener, guests);
    let mut gate = open(&stage.exchange, &server, links, tls, guests, HEAD_WITHIN);
    let nemesis = stage.nemesis(&server);
    let network = Beside {
        exchange: Arc::clone(&stage.exchange),
        server,
        callers,
        way,
        authority: address.to_string(),
    };
    let played = stage.play(setup.clone(), program, network, Some(nemesis));
    tokio::select! {
        biased;
        () = played => {}
        error = gate.lost() => return Err(error),
    }
    Ok(stage)
}

async fn elsewhere(
    job: Job<'_>,
    setup: Setup,
    program: impl Program,
    conductor: &Arc<Conductor>,
    server: &Elsewhere,
) -> io::Result<Stage> {
    let tcp = Tcp::new(server.host.as_str(), server.port);
    let way = match &server.trusts {
        Some(roots) => Way::Wss(Wss::new(tcp, roots.pem.as_bytes()).map_err(io::Error::other)?),
        None => Way::Tcp(tcp),
    };
    let mut lines = Lines::live(&job.plan);
    // The server's own links delay what they delay.
    lines.latency = Default::default();
    let (stage, _) = Stage::set(job, conductor, lines);
    let url = ServerUrl {
        tls: server.trusts.is_some(),
        host: server.host.clone(),
        port: server.port,
    };
    let authority = url.authority();
    let network = network::Elsewhere {
        exchange: Arc::clone(&stage.exchange),
        root: TrustedRoot(server.root_key),
        phone: Phone::new(conductor, &way, &authority, stage.plan.phone),
        way,
        authority,
    };
    stage.play(setup, program, network, None).await;
    Ok(stage)
}
