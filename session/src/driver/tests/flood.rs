//! A server that never stops sending, in real time: whenever it is asked there is another frame to read, and each read takes
//! a millisecond.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::*;

/// So long, a read a millisecond, is a flood read before it is the others' turn.
const A_TURN: Millis = Millis::new(130);

/// Before the link ends by itself: a driver that is starved comes to that end.
const READS: u64 = 100_000;

/// How far the flood is, and so the time.
#[derive(Default)]
struct Flood {
    began: AtomicBool,
    reads: AtomicU64,
}

impl Flood {
    fn mono(&self) -> Instant {
        // The mandatory wait is over.
        Instant::at(30_000 + self.reads.load(Ordering::Relaxed))
    }
}

/// The client's end of the link.
struct Flooded {
    inner: DuplexStream,
    flood: Arc<Flood>,
}

impl AsyncRead for Flooded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let answer = Pin::new(&mut self.inner).poll_read(cx, buffer);
        if answer.is_ready() || !self.flood.began.load(Ordering::Relaxed) {
            return answer;
        }
        if !has_budget_remaining() {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        if self.flood.reads.fetch_add(1, Ordering::Relaxed) < READS {
            let empty_ping = [0x89, 0x00];
            buffer.put_slice(&empty_ping);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Flooded {
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

struct FloodedHost {
    flood: Arc<Flood>,
    permits: Permits,
    servers: UnboundedSender<DuplexStream>,
    ends: UnboundedSender<(Instant, Disconnected)>,
}

impl Clock for FloodedHost {
    fn now(&self) -> Now {
        permits::at(self.flood.mono())
    }

    fn sleep_until(&self, _: Instant) -> impl Future<Output = ()> + Send + 'static {
        // Time passes by reading alone, and who reads looks at the time.
        std::future::pending()
    }
}

impl Connector for FloodedHost {
    type Stream = Flooded;

    fn connect(&self, _: &Dial) -> impl Future<Output = io::Result<Flooded>> + Send + 'static {
        let (inner, theirs) = tokio::io::duplex(1 << 16);
        let _ = self.servers.send(theirs);
        let flood = Arc::clone(&self.flood);
        std::future::ready(Ok(Flooded { inner, flood }))
    }
}

impl Host<Session> for FloodedHost {
    fn confirm(&mut self, _: Now, start: Permit) -> Result<Go, Revocation> {
        Ok(self.permits.confirm(start))
    }

    fn blocked_until(&mut self, _: Now) -> Option<Instant> {
        None
    }

    fn withdraw(&mut self, _: Now, _: AttemptId) {}

    fn event(&mut self, now: Now, event: &Event) {
        if let Event::Disconnected(end) = event {
            let _ = self.ends.send((now.mono, end.clone()));
        }
    }
}

/// What ends a session whose server floods it from the upgrade on, and when.
async fn flooded(command: Option<Command<Permit>>) -> (Instant, &'static str) {
    let flood = Arc::<Flood>::default();
    let (to_servers, mut servers) = unbounded_channel();
    let (to_ends, mut ends) = unbounded_channel();
    let (commands, from_commands) = unbounded_channel();
    let mut permits = Permits::new();
    let permit = permits.admit(Instant::START, &OrgId::new("2"));
    let host = FloodedHost {
        flood: Arc::clone(&flood),
        permits,
        servers: to_servers,
        ends: to_ends,
    };
    let device = Device::generate(&mut ChaCha8Rng::seed_from_u64(1));
    let rng = ChaCha8Rng::seed_from_u64(2);
    let session = Session::new(OrgId::new("2"), Policy::default(), device, None, rng);
    let config = DriverConfig {
        root: peer::Authority::new(permits::at(Instant::START).wall).root(),
        authority: "web.whatsapp.com".to_owned(),
        rng: ChaCha8Rng::seed_from_u64(3),
    };
    let driver = tokio::spawn(run(session, host, from_commands, config));
    let _ = commands.send(Command::Start(permit));
    let server = servers.recv().await.expect("the driver dials");
    let web_socket = Peer::upgrade(server).await;
    flood.began.store(true, Ordering::Relaxed);
    if let Some(command) = command {
        let _ = commands.send(command);
    }
    let (at, end) = ends.recv().await.expect("the driver runs");
    drop((commands, web_socket));
    driver.abort();
    (at, end.cause.name())
}

#[tokio::test]
async fn a_flood_keeps_no_timer_waiting() {
    let (at, cause) = flooded(None).await;
    assert_eq!(cause, "connect_timed_out");
    let late = at - (Instant::at(30_000) + Policy::default().handshake_timeout);
    assert!(late <= A_TURN, "{late} late");
}

#[tokio::test]
async fn a_flood_keeps_no_operator_waiting() {
    let (at, cause) = flooded(Some(Command::Stop)).await;
    assert_eq!(cause, "stopped");
    assert!(at <= Instant::at(30_010) + A_TURN, "{at}");
}
