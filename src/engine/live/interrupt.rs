//! Being asked to end: by SIGINT, as Ctrl-C sends it, by SIGTERM, or by SIGHUP, as a terminal that is closed sends it.

use std::{fs, io};

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Hears from its making on that the process is asked to end.
pub(crate) struct Interrupt {
    interrupted: Signal,
    terminated: Signal,
    /// None where the process was started to outlive its terminal.
    hung_up: Option<Signal>,
}

impl Interrupt {
    /// From now on the signals end nothing by themselves.
    pub(crate) fn listen() -> io::Result<Self> {
        let hangup = SignalKind::hangup();
        // Whoever listens hears also what `nohup` had the process ignore.
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        Ok(Self {
            interrupted: signal(SignalKind::interrupt())?,
            terminated: signal(SignalKind::terminate())?,
            hung_up: match ignores(&status, hangup) {
                true => None,
                false => Some(signal(hangup)?),
            },
        })
    }

    /// Done when one has come.
    pub(crate) async fn come(mut self) {
        let hung_up = async {
            match &mut self.hung_up {
                Some(signal) => drop(signal.recv().await),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.interrupted.recv() => {}
            _ = self.terminated.recv() => {}
            () = hung_up => {}
        }
    }
}

/// Whether a process of this status (`/proc/PID/status`, proc(5)) ignores a signal.
fn ignores(status: &str, signal: SignalKind) -> bool {
    let mask = status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    // The first signal is the lowest bit.
    mask.is_some_and(|mask| mask >> (signal.as_raw_value() - 1) & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_process_ignores_stands_in_its_status() {
        let status = |mask| format!("Name:\tsquall\nSigIgn:\t{mask}\nSigCgt:\t0000000000004003\n");
        let hangup = SignalKind::hangup();
        assert!(ignores(&status("0000000000000001"), hangup));
        assert!(ignores(&status("0000000000001003"), hangup));
        assert!(!ignores(&status("0000000000001002"), hangup));
        assert!(!ignores("", hangup), "a system without such a file");
    }
}
