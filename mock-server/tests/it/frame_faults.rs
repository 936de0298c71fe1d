//! The wrapper around the stream: whatever the stream accepts at a time, frames come out whole and in order.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use crate::host::{self, Host};
use proptest::prelude::*;
use squall_mock_server::ConnectionId;
use squall_mock_server::app::FrameFaults;
use squall_mock_server::fault::{
    DelayPong, FaultId, FaultSpec, StallMidFrame, Target, WithholdPong,
};
use squall_mock_server::server::Settings;
use squall_protocol::Millis;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};

/// A stream that accepts a few bytes at a time, or none.
struct Stingy {
    taken: Arc<Mutex<Vec<u8>>>,
    steps: Vec<usize>,
    step: usize,
}

impl AsyncWrite for Stingy {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let step = self.steps[self.step % self.steps.len()];
        self.step += 1;
        if step == 0 {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let part = &bytes[..bytes.len().min(step)];
        self.taken.lock().unwrap().extend_from_slice(part);
        Poll::Ready(Ok(part.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for Stingy {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        _: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Poll::Pending
    }
}

/// An unmasked frame of this opcode whose payload is `fill`, `length` times.
fn frame(opcode: u8, length: usize, fill: u8) -> Vec<u8> {
    let mut frame = vec![0x80 | opcode];
    match length {
        0..126 => frame.push(u8::try_from(length).unwrap()),
        _ => {
            frame.push(126);
            frame.extend_from_slice(&u16::try_from(length).unwrap().to_be_bytes());
        }
    }
    frame.resize(frame.len() + length, fill);
    frame
}

fn frames() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let data = (0usize..300, any::<u8>()).prop_map(|(length, fill)| frame(2, length, fill));
    let control = (0x8u8..=0xA, 0usize..=125, any::<u8>())
        .prop_map(|(opcode, length, fill)| frame(opcode, length, fill));
    prop::collection::vec(prop_oneof![data, control], 1..20)
}

/// What the stream took of these frames, written in batches of `batch`, with time to read in between.
async fn taken(host: &Host, frames: &[Vec<u8>], steps: Vec<usize>, batch: usize) -> Vec<u8> {
    let taken = Arc::new(Mutex::new(Vec::new()));
    let stream = Stingy {
        taken: taken.clone(),
        steps,
        step: 0,
    };
    let connection = ConnectionId(1);
    let mut faults = FrameFaults::new(stream, host.server.clone(), connection);
    let pause = Millis::new(50).to_duration();
    for frames in frames.chunks(batch) {
        faults.write_all(&frames.concat()).await.unwrap();
        // The connection reads all the time; here nothing ever comes.
        let mut byte = [0];
        assert!(
            tokio::time::timeout(pause, faults.read(&mut byte))
                .await
                .is_err()
        );
    }
    faults.flush().await.unwrap();
    let minute = Millis::from_mins(1).to_duration();
    let mut byte = [0];
    assert!(
        tokio::time::timeout(minute, faults.read(&mut byte))
            .await
            .is_err()
    );
    faults.flush().await.unwrap();
    taken.lock().unwrap().clone()
}

/// Cuts bytes into frames.
fn cut(mut bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    while !bytes.is_empty() {
        let length = match bytes[1] {
            126 => 4 + usize::from(u16::from_be_bytes([bytes[2], bytes[3]])),
            length => 2 + usize::from(length),
        };
        let (frame, rest) = bytes.split_at(length);
        frames.push(frame.to_vec());
        bytes = rest;
    }
    frames
}

fn is_pong(frame: &[u8]) -> bool {
    frame[0] == 0x8A
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn without_faults_the_bytes_are_the_same(
        frames in frames(), mut steps in prop::collection::vec(0usize..40, 1..8), batch in 1usize..4,
    ) {
        steps.push(7);
        host::run(Settings::default(), |host| async move {
            assert_eq!(cut(&taken(&host, &frames, steps, batch).await), frames);
        });
    }

    #[test]
    fn withheld_pongs_are_missing_and_nothing_else(
        frames in frames(), mut steps in prop::collection::vec(0usize..40, 1..8), batch in 1usize..4,
    ) {
        steps.push(7);
        host::run(Settings::default(), |host| async move {
            let fault = FaultSpec::from(WithholdPong {});
            host.upgraded_peer(1);
            host.server.put_fault(FaultId(1), fault, Target::default(), false);
            let left: Vec<_> = frames.iter().filter(|frame| !is_pong(frame)).cloned().collect();
            assert_eq!(cut(&taken(&host, &frames, steps, batch).await), left);
        });
    }

    #[test]
    fn late_pongs_come_whole_and_in_order_and_delay_nothing(
        frames in frames(), mut steps in prop::collection::vec(0usize..40, 1..8), batch in 1usize..4,
        by in 0u64..300,
    ) {
        steps.push(7);
        host::run(Settings::default(), |host| async move {
            let fault = FaultSpec::from(DelayPong { by: Millis::new(by) });
            host.upgraded_peer(1);
            host.server.put_fault(FaultId(1), fault, Target::default(), false);
            let came = cut(&taken(&host, &frames, steps, batch).await);
            for pongs in [true, false] {
                let of = |frames: &[Vec<u8>]| -> Vec<Vec<u8>> {
                    frames.iter().filter(|frame| is_pong(frame) == pongs).cloned().collect()
                };
                assert_eq!(of(&came), of(&frames));
            }
        });
    }

    #[test]
    fn a_stalled_frame_goes_so_far_and_the_rest_when_the_stall_is_over(
        frames in frames(), mut steps in prop::collection::vec(0usize..40, 1..8), bytes in 1u64..400,
    ) {
        steps.push(7);
        host::run(Settings::default(), |host| async move {
            let fault = StallMidFrame { bytes: std::num::NonZeroU64::new(bytes).unwrap() };
            host.upgraded_peer(1);
            host.server.put_fault(FaultId(1), fault.into(), Target::default(), false);
            let taken = Arc::new(Mutex::new(Vec::new()));
            let stream = Stingy { taken: taken.clone(), steps, step: 0 };
            let mut faults = FrameFaults::new(stream, host.server.clone(), ConnectionId(1));
            let all = frames.concat();
            let mut written = 0;
            let pause = Millis::new(50).to_duration();
            while let Ok(more) = tokio::time::timeout(pause, faults.write(&all[written..])).await {
                written += more.unwrap();
            }
            let first = usize::try_from(bytes).unwrap().min(frames[0].len() - 1);
            assert_eq!(taken.lock().unwrap().as_slice(), &all[..first]);
            host.server.remove_fault(FaultId(1));
            faults.write_all(&all[written..]).await.unwrap();
            assert_eq!(*taken.lock().unwrap(), all);
        });
    }
}
