//! Work in parallel, told in order; and a fresh thread for each run, whose panic is caught.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::panic;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::{self, ThreadId};

/// Works on every item, `jobs` of them at a time, handed out in order by a counter; calls `ready` on this thread with
/// each result, in the order of the items, as soon as those before it are there too.
///
/// # Errors
/// What `ready` says first; nothing more is handed out then.
pub fn in_order<T: Sync, R: Send, E>(
    items: &[T],
    jobs: NonZeroUsize,
    work: impl Fn(&T) -> R + Sync,
    mut ready: impl FnMut(&T, R) -> Result<(), E>,
) -> Result<(), E> {
    let next = AtomicUsize::new(0);
    let (send, receive) = mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..jobs.get().min(items.len()) {
            let (send, next, work) = (send.clone(), &next, &work);
            scope.spawn(move || {
                loop {
                    let place = next.fetch_add(1, Ordering::Relaxed);
                    let Some(item) = items.get(place) else { break };
                    if send.send((place, work(item))).is_err() {
                        break;
                    }
                }
            });
        }
        drop(send);
        let (mut early, mut due) = (BTreeMap::new(), 0);
        for (place, result) in receive {
            early.insert(place, result);
            while let Some(result) = early.remove(&due) {
                ready(&items[due], result)?;
                due += 1;
            }
        }
        Ok(())
    })
}

/// What threads panicked with, wherever in them it was.
///
/// tokio catches the panic of a task, and the run around it goes on as if the task had ended. Only the panic hook sees
/// every one, so a run that lost a task is never taken for one that held.
#[derive(Clone, Debug)]
pub struct Panics(Arc<Mutex<Vec<(ThreadId, String)>>>);

impl Panics {
    /// Watches from now on, beside what the hook did before. Once for a process.
    pub fn watch() -> Self {
        let seen = Self(Arc::default());
        let (before, inside) = (panic::take_hook(), seen.clone());
        panic::set_hook(Box::new(move |info| {
            before(info);
            let what = info.payload_as_str().unwrap_or("it does not say why");
            let place = info
                .location()
                .map(|at| format!(" at {}:{}", at.file(), at.line()));
            let said = format!("{what}{}", place.unwrap_or_default());
            inside.lock().push((thread::current().id(), said));
        }));
        seen
    }

    /// The first panic of a thread.
    fn of(&self, thread: ThreadId) -> Option<String> {
        let seen = self.lock();
        seen.iter()
            .find(|(id, _)| *id == thread)
            .map(|(_, said)| said.clone())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<(ThreadId, String)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Does something on a thread of its own, so that nothing that a run leaves in its thread reaches another run.
///
/// # Errors
/// What it panicked with.
pub fn on_fresh_thread<R: Send>(
    name: &str,
    panics: &Panics,
    work: impl FnOnce() -> R + Send,
) -> Result<R, String> {
    // A thread's name is a C string.
    let name = name.replace('\0', " ");
    thread::scope(|scope| {
        let thread = thread::Builder::new()
            .name(name)
            .spawn_scoped(scope, work)
            .map_err(|error| format!("no thread could be had: {error}"))?;
        let id = thread.thread().id();
        let result = thread.join();
        match (result, panics.of(id)) {
            (Ok(result), None) => Ok(result),
            (_, Some(said)) => Err(said),
            (Err(_), None) => Err("it does not say why".to_owned()),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;

    const TWO: NonZeroUsize = NonZeroUsize::MIN.saturating_add(1);

    #[test]
    fn results_come_in_the_order_of_the_items_however_long_each_takes() {
        // The first item waits until the last was worked on.
        let (send, receive) = mpsc::channel::<()>();
        let receive = Mutex::new(receive);
        let mut told = Vec::new();
        let work = |item: &u32| {
            match item {
                0 => drop(receive.lock().unwrap().recv()),
                9 => drop(send.send(())),
                _ => {}
            }
            item * 10
        };
        let items: Vec<u32> = (0..10).collect();
        in_order(&items, TWO, work, |item, result| {
            told.push((*item, result));
            Ok::<(), Infallible>(())
        })
        .unwrap();
        let all: Vec<(u32, u32)> = (0..10).map(|item| (item, item * 10)).collect();
        assert_eq!(told, all);
    }

    #[test]
    fn a_panic_is_caught_with_what_it_said_even_where_something_inside_caught_it_first() {
        let panics = Panics::watch();
        assert_eq!(on_fresh_thread("fine", &panics, || 7), Ok(7));
        let loud = on_fresh_thread("loud\0", &panics, || panic!("out of {}", "wind"));
        assert!(
            loud.unwrap_err()
                .starts_with("out of wind at src/runner/parallel.rs:")
        );
        let swallowed = on_fresh_thread("swallowed", &panics, || {
            drop(panic::catch_unwind(|| panic!("hush")));
        });
        assert!(swallowed.unwrap_err().starts_with("hush at "));
    }
}
