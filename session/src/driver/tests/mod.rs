//! The driver over in-memory transports on a paused clock, against a server made of `protocol` alone.

mod ends;
mod flood;
mod life;
mod pairing;
pub(crate) mod peer;

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;
use squall_protocol::pairing::Device;
use squall_protocol::{Instant, Millis, Node, Now};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{Sleep, sleep, sleep_until};

use super::*;
use crate::id::OrgId;
use crate::limiter::{Go, Permit};
use crate::machine::Disconnected;
use crate::policy::Policy;
use crate::session::Session;
use crate::session::permits::{self, Permits};
use peer::Peer;

/// The clock of a test: tokio's paused one.
#[derive(Clone, Copy)]
pub(crate) struct Paused {
    start: tokio::time::Instant,
}

impl Paused {
    #[expect(
        clippy::disallowed_methods,
        reason = "the clock of the tests is tokio's paused one"
    )]
    pub(crate) fn new() -> Self {
        Self {
            start: tokio::time::Instant::now(),
        }
    }

    pub(crate) fn sleep_until(self, at: Instant) -> Sleep {
        sleep_until(self.start + at.since_start().to_duration())
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the clock of the tests is tokio's paused one"
    )]
    pub(crate) fn mono(self) -> Instant {
        Instant::START + Millis::from(tokio::time::Instant::now() - self.start)
    }

    pub(crate) fn now(self) -> Now {
        permits::at(self.mono())
    }
}

/// A transport whose reads come `latency` after the bytes were written, whoever woke the reader.
struct Slow {
    inner: DuplexStream,
    clock: Paused,
    latency: Millis,
    under_way: VecDeque<(Instant, Vec<u8>)>,
    wake: Pin<Box<Sleep>>,
    ended: bool,
}

impl Slow {
    fn new(inner: DuplexStream, clock: Paused, latency: Millis) -> Self {
        Self {
            inner,
            clock,
            latency,
            under_way: VecDeque::new(),
            wake: Box::pin(sleep(Duration::ZERO)),
            ended: false,
        }
    }

    fn pull(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        while !self.ended {
            // Small, so that a flood takes more reads than tokio grants a task at one time.
            let mut bytes = [0; 64];
            let mut bytes = ReadBuf::new(&mut bytes);
            let Poll::Ready(read) = Pin::new(&mut self.inner).poll_read(cx, &mut bytes) else {
                break;
            };
            read?;
            self.ended = bytes.filled().is_empty();
            let due = self.clock.mono() + self.latency;
            self.under_way.push_back((due, bytes.filled().to_vec()));
        }
        Ok(())
    }
}

impl AsyncRead for Slow {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.pull(cx)?;
        let now = self.clock.mono();
        let Some((due, bytes)) = self.under_way.front_mut() else {
            return if self.ended {
                Poll::Ready(Ok(()))
            } else {
                Poll::Pending
            };
        };
        let due = *due;
        if due <= now {
            let taken = bytes.len().min(buffer.remaining());
            buffer.put_slice(&bytes[..taken]);
            bytes.drain(..taken);
            if bytes.is_empty() {
                self.under_way.pop_front();
            }
            return Poll::Ready(Ok(()));
        }
        let at = self.clock.start + due.since_start().to_duration();
        self.wake.as_mut().reset(at);
        // Only to be woken: what is due is read from the clock.
        let _ = self.wake.as_mut().poll(cx);
        Poll::Pending
    }
}

impl AsyncWrite for Slow {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

/// What a host hears.
#[derive(Debug)]
enum Heard {
    Event(Now, Box<Event>),
    Sending(Now, Label),
}

/// A host that confirms everything, and whose links lead to the test.
struct TestHost {
    clock: Paused,
    permits: Permits,
    latency: Millis,
    refuses: bool,
    servers: UnboundedSender<DuplexStream>,
    heard: UnboundedSender<Heard>,
}

impl Clock for TestHost {
    fn now(&self) -> Now {
        self.clock.now()
    }

    fn sleep_until(&self, at: Instant) -> impl Future<Output = ()> + Send + 'static {
        self.clock.sleep_until(at)
    }
}

impl Connector for TestHost {
    type Stream = Slow;

    fn connect(&self, _: &Dial) -> impl Future<Output = io::Result<Slow>> + Send + 'static {
        let (ours, theirs) = tokio::io::duplex(1 << 16);
        let slow = Slow::new(ours, self.clock, self.latency);
        let answer = if self.refuses {
            Err(io::ErrorKind::ConnectionRefused.into())
        } else {
            let _ = self.servers.send(theirs);
            Ok(slow)
        };
        std::future::ready(answer)
    }
}

impl Host<Session> for TestHost {
    fn confirm(&mut self, _: Now, start: Permit) -> Result<Go, Revocation> {
        Ok(self.permits.confirm(start))
    }

    fn blocked_until(&mut self, _: Now) -> Option<Instant> {
        None
    }

    fn withdraw(&mut self, _: Now, _: AttemptId) {}

    fn event(&mut self, now: Now, event: &Event) {
        let _ = self.heard.send(Heard::Event(now, Box::new(event.clone())));
    }

    fn sending(&mut self, _: LinkId, label: Label) {
        let _ = self.heard.send(Heard::Sending(self.clock.now(), label));
    }
}

/// A running driver, and the test's end of everything.
struct World {
    clock: Paused,
    commands: UnboundedSender<Command<Permit>>,
    servers: UnboundedReceiver<DuplexStream>,
    heard: UnboundedReceiver<Heard>,
    authority: peer::Authority,
    driver: tokio::task::JoinHandle<Session>,
}

impl World {
    /// A paired client.
    fn new(latency: u64) -> Self {
        Self::with(latency, false, Some("15550100:1@s.whatsapp.net"))
    }

    /// A client that has yet to pair.
    fn unpaired() -> Self {
        Self::with(0, false, None)
    }

    /// A paired client whose connects are refused.
    fn unreachable() -> Self {
        Self::with(0, true, Some("15550100:1@s.whatsapp.net"))
    }

    fn with(latency: u64, refuses: bool, jid: Option<&str>) -> Self {
        let clock = Paused::new();
        let (to_servers, servers) = unbounded_channel();
        let (to_heard, heard) = unbounded_channel();
        let (commands, from_commands) = unbounded_channel();
        let mut permits = Permits::new();
        let permit = permits.admit(clock.mono(), &OrgId::new("2"));
        let host = TestHost {
            clock,
            permits,
            latency: Millis::new(latency),
            refuses,
            servers: to_servers,
            heard: to_heard,
        };
        let authority = peer::Authority::new(clock.now().wall);
        let mut device = Device::generate(&mut ChaCha8Rng::seed_from_u64(1));
        device.jid = jid.map(str::to_owned);
        let rng = ChaCha8Rng::seed_from_u64(2);
        let session = Session::new(OrgId::new("2"), Policy::default(), device, None, rng);
        let config = DriverConfig {
            root: authority.root(),
            authority: "web.whatsapp.com".to_owned(),
            rng: ChaCha8Rng::seed_from_u64(3),
        };
        let driver = tokio::spawn(run(session, host, from_commands, config));
        commands
            .send(Command::Start(permit))
            .expect("the driver runs");
        Self {
            clock,
            commands,
            servers,
            heard,
            authority,
            driver,
        }
    }

    /// The server's end of the next dial, before any byte.
    async fn dialed(&mut self) -> DuplexStream {
        self.servers.recv().await.expect("the driver dials")
    }

    /// A server that has taken the upgrade and the Noise handshake.
    async fn secured(&mut self) -> Peer {
        let stream = self.dialed().await;
        Peer::accept(stream, &self.authority).await
    }

    /// A server that has greeted the client and answered its first requests.
    async fn connected(&mut self) -> Peer {
        let mut peer = self.secured().await;
        peer.send(&Node::new("success")).await;
        for _ in 0..3 {
            let asked = peer.receive().await;
            peer.answer(&asked).await;
        }
        assert_eq!(peer.receive().await.tag, "presence");
        peer
    }

    /// The next QR code.
    async fn code(&mut self) -> String {
        loop {
            if let Heard::Event(_, event) = self.heard.recv().await.expect("the driver runs")
                && let Event::Qr(code) = *event
            {
                return code;
            }
        }
    }

    /// The next disconnect, and when it was told.
    async fn disconnected(&mut self) -> (Now, Disconnected) {
        loop {
            if let Heard::Event(now, event) = self.heard.recv().await.expect("the driver runs")
                && let Event::Disconnected(end) = *event
            {
                return (now, end);
            }
        }
    }
}
