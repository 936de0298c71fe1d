//! The wire engine: the real session driver, real WebSocket frames, real Noise and the real axum app, over in-memory
//! links, in one thread, in virtual time.
//!
//! **Invariant:** nothing in a run reads a clock or draws a number but through the conductor and the seed.

mod dial;

use std::future::Future;
use std::io;
use std::sync::Arc;

use squall_mock_server::Peer;
use squall_mock_server::app::MockServer;
use squall_protocol::certificate::TrustedRoot;

use crate::engine::client::Program;
use crate::engine::conductor::Conductor;
use crate::engine::link::End;
use crate::engine::link::exchange::Exchange;
use crate::engine::network::Network;
use crate::engine::stage::{Lines, Stage, settings};
use crate::engine::{Done, Job};
use crate::subject::Setup;
use crate::trace::OrgName;

/// Runs a job from beginning to end.
pub(crate) fn run(job: Job<'_>, setup: Setup, program: impl Program) -> io::Result<Done> {
    #[expect(
        clippy::disallowed_methods,
        reason = "how long a run took is told to people, nothing else"
    )]
    let begun = std::time::Instant::now();
    let conductor = Conductor::new();
    // No timer, no I/O: whoever asks tokio for either panics. When every task is idle, the conductor goes on.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .on_thread_park({
            let conductor = Arc::clone(&conductor);
            move || conductor.advance()
        })
        .build()?;
    let lines = Lines {
        latency: job.plan.latency,
        room: usize::MAX,
    };
    let (stage, listener) = Stage::set(job, &conductor, lines);
    let server = stage.server(settings(&stage.plan));
    stage.open_accounts(&server, &setup);
    runtime.block_on(async {
        tokio::spawn(conductor.beat());
        tokio::spawn(server.clone().serve(listener));
        tokio::spawn(server.run());
        let nemesis = stage.nemesis(&server);
        let network = Memory {
            exchange: Arc::clone(&stage.exchange),
            server,
        };
        stage.play(setup, program, network, Some(nemesis)).await;
    });
    stage.end(|| begun.elapsed(), || drop(runtime))
}

/// Links in memory.
struct Memory {
    exchange: Arc<Exchange>,
    server: MockServer,
}

impl Network for Memory {
    type Stream = End;

    fn root(&self) -> TrustedRoot {
        self.server.root()
    }

    fn authority(&self) -> String {
        "127.0.0.1".to_owned()
    }

    fn dial(&self, peer: Peer) -> impl Future<Output = io::Result<End>> + Send + 'static {
        dial::dial(&self.exchange, &self.server, peer)
    }

    fn phone_sees_qr(&self, org: &OrgName, qr: &str) {
        self.server.phone_sees_qr(org, qr);
    }

    fn scan_qr(&self, qr: &str) {
        self.server.scan_qr(qr);
    }
}
