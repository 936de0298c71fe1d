//! The session's gateway by the machine's own clock and over real sockets: what `squall gateway` runs.

mod log;
mod world;

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::num::NonZero;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use rand::rngs::ChaCha8Rng;
use squall_protocol::certificate::TrustedRoot;
use squall_session::driver::{Tcp, Untrusted, Wss};
use squall_session::gateway::http::{self, ApiKey};
use squall_session::gateway::{Gateway, Operator, Setting};
use squall_session::store::file::RedbStore;
use squall_session::store::{Contents, StoreError};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;

use crate::engine::live::{Interrupt, Way, open_more_files};
use crate::run::policy;
use crate::scenario::{LogForm, RootKey, ServerUrl};
use crate::trace::Policy;

use log::Log;
use world::RealWorld;

pub use squall_session::gateway::http::WeakKey;

/// The root key of the real service, which is public: every client of it carries it.
pub const SERVICE_ROOT: RootKey = RootKey([
    0x14, 0x23, 0x75, 0x57, 0x4d, 0x0a, 0x58, 0x71, 0x66, 0xaa, 0xe7, 0x1e, 0xbe, 0x51, 0x64, 0x37,
    0xc4, 0xa2, 0x8b, 0x73, 0xe3, 0x69, 0x5c, 0x6c, 0xe1, 0xf7, 0xf9, 0x54, 0x5d, 0xa8, 0xee, 0x6b,
]);

/// Everything that a gateway has to be told.
#[derive(Debug)]
pub struct Config {
    /// The server that sessions connect to.
    pub server: ServerUrl,
    /// The root key that its certificates lead to.
    pub root_key: RootKey,
    /// The TLS certificates to trust, as PEM; where nothing is said, a `wss` server is trusted by none.
    pub trusts: Option<Vec<u8>>,
    /// Where operators ask. With port 0 the system chooses one.
    pub listen: SocketAddr,
    /// What they have to carry.
    pub key: Key,
    /// The store.
    pub store: PathBuf,
    /// Whether the store is made first; there must be none then.
    pub init_store: bool,
    /// The rules of sessions and of the limiter.
    pub policy: Policy,
    /// Gives keys for devices and connections: nobody else may know what it draws.
    pub rng: ChaCha8Rng,
    /// How what happens is told.
    pub log: LogForm,
}

/// An API key that is strong enough. Nothing prints it.
#[derive(Debug)]
pub struct Key(ApiKey);

impl Key {
    /// The key of this text; spaces and line ends around it are no part of it.
    ///
    /// # Errors
    /// It could be guessed, or no header could carry it.
    pub fn new(text: &str) -> Result<Self, WeakKey> {
        ApiKey::new(text).map(Self)
    }
}

/// Takes each line that is to be told.
pub type Tell = Arc<dyn Fn(&str) + Send + Sync>;

/// Why a gateway does not run.
#[derive(Debug, thiserror::Error)]
pub enum NotRun {
    /// The store refuses; it was left as it was.
    #[error("{}: {why}", path.display())]
    Store {
        /// Where it is.
        path: PathBuf,
        /// Why.
        why: StoreError,
    },
    /// The address cannot be had.
    #[error("{0} cannot be listened on: {1}")]
    Address(SocketAddr, io::Error),
    /// A `wss` server, and nothing to trust it by.
    #[error("a wss:// server needs the TLS certificates to trust: `trust`, or --trust FILE")]
    NoTrust,
    /// What is to be trusted cannot be.
    #[error(transparent)]
    Untrusted(#[from] Untrusted),
    /// It ran, and was not given the time to end.
    #[error(
        "ended at once, as a second signal asks for: the server may take its sessions to be there for a while"
    )]
    CutShort,
    /// Something else that the system refused.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl NotRun {
    /// Whether a store was to be made where there is one.
    pub fn is_about_a_store_that_is_there(&self) -> bool {
        matches!(
            self,
            Self::Store {
                why: StoreError::Exists,
                ..
            }
        )
    }
}

/// Runs a gateway until the process is asked to end, by SIGINT or SIGTERM; then ends each session in order, unless it is
/// asked again.
///
/// # Errors
/// See [`NotRun`]. Nothing has dialed then, but where it was cut short.
pub fn run(config: Config, tell: Tell) -> Result<(), NotRun> {
    let runtime = runtime()?;
    let ran = runtime.block_on(async {
        let interrupt = Interrupt::listen()?;
        let (ask, asked) = oneshot::channel();
        let end = async {
            // Whoever would ask is there as long as this is.
            let _ = asked.await;
        };
        let twice = async {
            interrupt.come().await;
            let again = Interrupt::listen()?;
            let _ = ask.send(());
            again.come().await;
            Err(NotRun::CutShort)
        };
        tokio::select! {
            biased;
            ran = until(config, tell, end) => ran,
            cut_short = twice => cut_short,
        }
    });
    leave(runtime);
    ran
}

/// Several threads: while one waits for the disk, the pings of other sessions are answered.
fn runtime() -> io::Result<Runtime> {
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(cores.max(THREADS))
        .enable_all()
        .build()
}

/// Everything is ended by now but what nothing can end: a name that is looked up, for as long as the resolver likes.
fn leave(runtime: Runtime) {
    runtime.shutdown_timeout(LEAVE);
}

async fn until(config: Config, tell: Tell, end: impl Future<Output = ()>) -> Result<(), NotRun> {
    let log = Log::new(config.log, tell);
    let way = way(&config)?;
    let files = open_more_files();
    // The address first: where another gateway has it, the store is not looked at.
    let listener = TcpListener::bind(config.listen)
        .await
        .map_err(|error| NotRun::Address(config.listen, error))?;
    let refuses = |why| NotRun::Store {
        path: config.store.clone(),
        why,
    };
    let store = match config.init_store {
        true => RedbStore::create(&config.store, Contents::default()),
        false => RedbStore::open(&config.store),
    };
    let world = RealWorld::new(way);
    let setting = Setting {
        policy: policy(&config.policy),
        root: TrustedRoot(config.root_key.0),
        authority: config.server.authority(),
        rng: config.rng,
    };
    let (gateway, found) = Gateway::boot(
        store.map_err(refuses)?,
        setting,
        world,
        Box::new(log.clone()),
    )
    .map_err(refuses)?;
    log.booted(gateway.now(), listener.local_addr()?, &found);
    let app = http::app(Arc::new(gateway.clone()), config.key.0);
    let events = gateway.events();
    let end = async {
        end.await;
        // Whoever reads them would keep the server from its end.
        events.end();
    };
    http::serve(listener, app, places(files), end).await;
    let closed = gateway.close().await;
    log.ended(gateway.now(), closed.as_ref().err());
    closed.map_err(refuses)
}

/// How many ask at a time, where the process may have so many files open: a dial that finds none left would count as a
/// failure, so most of them are the sessions'.
fn places(files: usize) -> usize {
    (files / 4).clamp(1, PLACES)
}

/// More would be of no use to operators.
const PLACES: usize = 1_024;
/// Also on a machine of one core: threads that wait for the disk take no core.
const THREADS: usize = 4;
/// For what is under way at the end. Nothing of it is needed any more.
const LEAVE: Duration = Duration::from_millis(500);

fn way(config: &Config) -> Result<Way, NotRun> {
    let tcp = Tcp::new(config.server.host.as_str(), config.server.port);
    if !config.server.tls {
        return Ok(Way::Tcp(tcp));
    }
    let roots = config.trusts.as_deref().ok_or(NotRun::NoTrust)?;
    Ok(Way::Wss(Wss::new(tcp, roots)?))
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(60);

    #[test]
    fn one_that_waits_for_the_disk_keeps_no_other_waiting() {
        let runtime = runtime().unwrap();
        let (sender, receiver) = channel();
        let waits = runtime.spawn(async move { receiver.recv_timeout(PATIENCE) });
        runtime.spawn(async move { sender.send(()) });
        assert_eq!(runtime.block_on(waits).unwrap(), Ok(()));
    }

    #[test]
    fn a_name_that_is_looked_up_for_ever_keeps_nobody_from_leaving() {
        let (_held, never) = channel::<()>();
        let (left, leaves) = channel();
        thread::spawn(move || {
            let runtime = runtime().unwrap();
            let (begun, begins) = channel();
            runtime.spawn_blocking(move || {
                begun.send(()).unwrap();
                never.recv()
            });
            begins.recv().unwrap();
            leave(runtime);
            left.send(())
        });
        assert_eq!(leaves.recv_timeout(PATIENCE), Ok(()));
    }

    #[test]
    fn most_files_are_the_sessions() {
        assert_eq!(places(256), 64);
        assert_eq!(places(1_024), 256);
        assert_eq!(places(usize::MAX), PLACES);
        assert_eq!(places(0), 1);
    }
}
