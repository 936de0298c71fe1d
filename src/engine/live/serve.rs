//! The server alone, for whoever connects.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use squall_mock_server::app::{Access, MockServer, Token};
use squall_mock_server::server::Input;
use squall_protocol::Millis;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::engine::conductor::{Class, Conductor};
use crate::engine::link::exchange::{Exchange, Listener as Links};
use crate::engine::live::gate::{Gate, Guests, bind};
use crate::engine::live::interrupt::Interrupt;
use crate::engine::live::tls::Identity;
use crate::engine::stage::{Lines, Stage, for_strangers};
use crate::engine::steps::{Nobody, Steps};
use crate::engine::{Engine, Job, Listener};
use crate::plan::Plan;
use crate::scenario::Scenario;
use crate::trace::{Claims, Header};

/// What is to be served.
#[derive(Debug)]
pub struct Serve {
    /// Where. With port 0 the system chooses one.
    pub listen: SocketAddr,
    /// What the control API has to be asked with, if with anything.
    pub token: Option<String>,
    /// Whether over TLS.
    pub tls: bool,
    /// How the server behaves, and what goes wrong, with everything drawn.
    pub plan: Plan,
    /// From a client's last handshake message to the server's first stanza; the server's own default where nothing is
    /// said.
    pub login_delay: Option<Millis>,
    /// Whether dials are counted and punished.
    pub guard: bool,
    /// Whether a request that the server does not know is answered with an error instead of an empty result.
    pub strict: bool,
    /// A connection on which the head of a request has not come whole after so long is ended.
    pub head_within: Millis,
}

/// What its clients have to know.
#[derive(Clone, Debug)]
pub struct Listening {
    /// The address that it got.
    pub address: SocketAddr,
    /// Where clients connect to.
    pub url: String,
    /// Where the other pages are.
    pub pages: String,
    /// The root public key that its certificates of the Noise handshake lead to.
    pub root_key: [u8; 32],
    /// The TLS certificate as PEM, where it speaks TLS.
    pub certificate: Option<String>,
}

/// How it ended.
#[derive(Clone, Copy, Debug)]
pub struct Stopped {
    /// So many connections were open.
    pub closed: usize,
}

/// Why nothing is served.
#[derive(Debug, thiserror::Error)]
pub enum NotServed {
    /// The address cannot be had.
    #[error("{0} cannot be listened on: {1}")]
    Address(SocketAddr, io::Error),
    /// A token that no request could carry.
    #[error("--token: letters, digits and signs of ASCII without spaces, at least one")]
    Token,
    /// Something else that the system refused.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Makes those who hear what happens.
pub type HearFn<'a> = Box<dyn FnOnce(&Header) -> Vec<Box<dyn Listener>> + 'a>;

/// Serves until the process is asked to end, by SIGINT, SIGTERM or SIGHUP.
///
/// # Errors
/// See [`NotServed`].
pub fn serve(
    scenario: &Scenario,
    serve: Serve,
    hear: HearFn<'_>,
    listening: impl FnOnce(&Listening) -> io::Result<()>,
) -> Result<Stopped, NotServed> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let interrupt = Interrupt::listen()?;
        let mut house = House::build(scenario, serve, hear).await?;
        listening(&house.listening)?;
        tokio::select! {
            biased;
            () = interrupt.come() => Ok(house.close().await),
            error = house.gate.lost() => Err(error.into()),
        }
    })
}

/// A server that runs.
struct House {
    stage: Stage,
    server: MockServer,
    gate: Open,
    listening: Listening,
}

impl House {
    async fn build(scenario: &Scenario, serve: Serve, hear: HearFn<'_>) -> Result<Self, NotServed> {
        let token = match &serve.token {
            Some(text) => Some(Token::new(text.as_str()).ok_or(NotServed::Token)?),
            None => None,
        };
        let (listener, address) = bind(serve.listen)
            .await
            .map_err(|error| NotServed::Address(serve.listen, error))?;
        let tls = match serve.tls {
            true => Some(Identity::of_this_run(address.ip())?),
            false => None,
        };
        let conductor = Conductor::in_real_time();
        tokio::spawn(Arc::clone(&conductor).keep_time());
        let lines = Lines::live(&serve.plan);
        let mut job = Job::new(
            scenario,
            serve.plan,
            Engine::Live,
            "strangers",
            Claims::default(),
        );
        job.writers = hear(&job.header);
        job.judged = false;
        let (stage, links) = Stage::set(job, &conductor, lines);
        let mut settings = for_strangers(&stage.plan, serve.strict);
        settings.login_delay = serve.login_delay.unwrap_or(settings.login_delay);
        settings.guard = settings.guard.filter(|_| serve.guard);
        let access = Access {
            listens: address.ip(),
            token,
        };
        let server = stage.controlled(settings, access);
        for name in stage.plan.organizations.keys() {
            server.create_account(name, None);
        }
        let certificate = tls.as_ref().map(|tls| tls.certificate.clone());
        let (web_socket, http) = match tls {
            Some(_) => ("wss", "https"),
            None => ("ws", "http"),
        };
        let listening = Listening {
            address,
            url: format!("{web_socket}://{address}/ws/chat"),
            pages: format!("{http}://{address}"),
            root_key: server.root().0,
            certificate,
        };
        let gate = open(
            &stage.exchange,
            &server,
            links,
            tls,
            (listener, Guests::Strangers),
            serve.head_within,
        );
        let steps = Steps {
            conductor,
            nemesis: Some(stage.nemesis(&server)),
            operator: Nobody,
            fired: Arc::clone(&stage.fired),
            plan: stage.plan.clone(),
        };
        tokio::spawn(steps.run());
        Ok(Self {
            stage,
            server,
            gate,
            listening,
        })
    }

    /// Tells every client that the server goes away, and gives them a moment to say farewell.
    async fn close(self) -> Stopped {
        let exchange = &self.stage.exchange;
        exchange.listen(false);
        let closed = exchange.live();
        self.server.input(Input::GoAway);
        let conductor = &self.stage.conductor;
        let patience = conductor.now() + FAREWELL;
        while exchange.live() > 0 && conductor.now() < patience {
            let soon = conductor.now() + LOOK_AGAIN;
            conductor.sleep_until(soon, Class::Timer).await;
        }
        self.stage.recorder.end();
        Stopped { closed }
    }
}

/// Serves the app behind a gate.
pub(super) fn open(
    exchange: &Arc<Exchange>,
    server: &MockServer,
    links: Links,
    tls: Option<Identity>,
    (listener, guests): (TcpListener, Guests),
    patience: Millis,
) -> Open {
    let (gate, pages) = Gate::new(exchange, server, tls.map(|tls| tls.acceptor), guests);
    tokio::spawn(server.clone().serve_timed(links, patience));
    tokio::spawn(server.clone().serve_pages_timed(pages, patience));
    tokio::spawn(server.run());
    Open(tokio::spawn(gate.open(listener)))
}

/// A gate that is open.
pub(super) struct Open(JoinHandle<io::Result<Infallible>>);

impl Open {
    /// Done when nobody can come any more, and why.
    pub(super) async fn lost(&mut self) -> io::Error {
        match (&mut self.0).await {
            Ok(Err(error)) => error,
            Err(error) => io::Error::other(error),
        }
    }
}

/// How long the head of a request may take: as long as nginx waits for one (`client_header_timeout`).
pub const HEAD_WITHIN: Millis = Millis::from_mins(1);

/// How long clients have to answer the server's last close frame.
const FAREWELL: Millis = Millis::from_secs(1);
const LOOK_AGAIN: Millis = Millis::new(10);
