//! What is printed while something runs: whoever reads it may be slow, or stop, and nobody waits for that.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use super::out;

/// Lines on their way to a reader, by a thread of their own. Clones are handles on the same ones.
#[derive(Clone)]
pub(super) struct Spool(Arc<Shared>);

struct Shared {
    queue: Mutex<Queue>,
    /// Something is queued, or there is to be an end.
    more: Condvar,
    /// Everything is written.
    done: Condvar,
    /// Says that so many lines were lost.
    lost: fn(u64) -> String,
    /// So many bytes may wait.
    room: usize,
}

#[derive(Default)]
struct Queue {
    lines: VecDeque<String>,
    /// How many bytes they have.
    bytes: usize,
    /// How many lines did not fit behind the last one.
    lost: u64,
    over: bool,
    done: bool,
}

impl Spool {
    /// To the standard output. `lost` says in a line that so many were lost there.
    pub(super) fn to_stdout(lost: fn(u64) -> String) -> io::Result<Self> {
        Self::to(ROOM, lost, |line| {
            out::say(line)?;
            io::stdout().flush()
        })
    }

    fn to(
        room: usize,
        lost: fn(u64) -> String,
        mut write: impl FnMut(&str) -> io::Result<()> + Send + 'static,
    ) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            queue: Mutex::default(),
            more: Condvar::new(),
            done: Condvar::new(),
            lost,
            room,
        });
        let writer = Arc::clone(&shared);
        thread::Builder::new()
            .name("spool".to_owned())
            .spawn(move || {
                while let Some(line) = writer.next() {
                    // What cannot be written, a full disk for one, keeps nothing from going on.
                    let _ = write(&format!("{line}\n"));
                }
                writer.lock().done = true;
                writer.done.notify_all();
            })?;
        Ok(Self(shared))
    }

    /// Puts a line where it is written in its turn; it may be of several lines itself. Where there is no room it is lost,
    /// and counted.
    pub(super) fn say(&self, line: impl Into<String>) {
        let line = line.into();
        let mut queue = self.0.lock();
        if queue.bytes + line.len() > self.0.room {
            queue.lost += 1;
            return;
        }
        if queue.lost > 0 {
            let lost = std::mem::take(&mut queue.lost);
            queue.push((self.0.lost)(lost));
        }
        queue.push(line);
        self.0.more.notify_one();
    }

    /// Waits until what was said is written, or for so long.
    pub(super) fn end(&self, most: Duration) {
        let mut queue = self.0.lock();
        queue.over = true;
        self.0.more.notify_one();
        let waited = self.0.done.wait_timeout_while(queue, most, |it| !it.done);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }
}

impl Queue {
    fn push(&mut self, line: String) {
        self.bytes += line.len();
        self.lines.push_back(line);
    }
}

impl Shared {
    /// The next line to write; none at the end.
    fn next(&self) -> Option<String> {
        let queue = self.lock();
        let idle = |queue: &mut Queue| queue.lines.is_empty() && queue.lost == 0 && !queue.over;
        let waited = self.more.wait_while(queue, idle);
        let mut queue = waited.unwrap_or_else(PoisonError::into_inner);
        if let Some(line) = queue.lines.pop_front() {
            queue.bytes -= line.len();
            return Some(line);
        }
        let lost = std::mem::take(&mut queue.lost);
        (lost > 0).then(|| (self.lost)(lost))
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// So many bytes wait: some thirty thousand lines, more than a server writes down of a flood in one piece.
const ROOM: usize = 8 << 20;

/// How long whoever ends waits for a reader.
pub(super) const LAST_WORDS: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, channel, sync_channel};

    use super::*;

    fn lost(count: u64) -> String {
        format!("lost {count}")
    }

    /// What is written waits for its reader, line by line; three letters fit.
    fn spool() -> (Spool, Receiver<String>) {
        let (sender, receiver) = sync_channel(0);
        let spool = Spool::to(3, lost, move |line| {
            let gone = |_| io::Error::from(io::ErrorKind::BrokenPipe);
            sender.send(line.to_owned()).map_err(gone)
        });
        (spool.unwrap(), receiver)
    }

    #[test]
    fn a_reader_who_stops_stops_nobody_and_is_told_what_was_lost() {
        let (spool, reader) = spool();
        ["a"; 100].iter().for_each(|line| spool.say(*line));
        // One may be in the writer's hand already, beside those that wait.
        let mut read = 0;
        let said = loop {
            let line = reader.recv().unwrap();
            if line != "a\n" {
                break line;
            }
            read += 1;
        };
        assert!(read == 3 || read == 4, "{read}");
        assert_eq!(said, format!("lost {}\n", 100 - read));
        spool.say("b");
        assert_eq!(reader.recv().unwrap(), "b\n");
    }

    #[test]
    fn an_end_writes_what_waits() {
        let (sender, lines) = channel();
        let spool = Spool::to(1_000, lost, move |line| {
            sender.send(line.to_owned()).map_err(io::Error::other)
        })
        .unwrap();
        ["a"; 1_000].iter().for_each(|line| spool.say(*line));
        spool.end(Duration::from_mins(1));
        assert_eq!(lines.try_iter().count(), 1_000);
    }

    #[test]
    fn an_end_waits_no_longer_than_it_says() {
        let (spool, _reader) = spool();
        spool.say("a");
        spool.end(Duration::from_millis(10));
        assert!(!spool.0.lock().done);
    }
}
