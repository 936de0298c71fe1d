//! What a run writes down on the side: its hash, and the full trace in a file.

use std::io::{self, BufWriter};
use std::path::Path;
use std::sync::{Arc, OnceLock};

use crate::engine::Listener;
use crate::trace::{Entry, Event, Fingerprint, FullWriter, Header, TraceHash};
use crate::whole::WholeFile;

/// A place that the end of a trace is told to.
pub(super) type Told<T> = Arc<OnceLock<T>>;

/// How a trace is told from others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Naming {
    /// By its name, the same on every machine.
    Name,
    /// By a fingerprint, for a comparison within this process alone.
    Fingerprint,
}

/// Hashes a trace, and tells the hash at its end.
pub(super) struct Hashing {
    hash: Hash,
    told: Told<String>,
}

enum Hash {
    Name(TraceHash),
    Fingerprint(Fingerprint),
}

impl Hashing {
    pub(super) fn new(naming: Naming, header: &Header, told: &Told<String>) -> Self {
        Self {
            hash: match naming {
                Naming::Name => Hash::Name(TraceHash::new(header)),
                Naming::Fingerprint => Hash::Fingerprint(Fingerprint::new(header)),
            },
            told: Arc::clone(told),
        }
    }
}

impl Listener for Hashing {
    fn hear(&mut self, entry: &Entry) {
        match &mut self.hash {
            Hash::Name(name) => name.add(entry),
            Hash::Fingerprint(fingerprint) => fingerprint.add(entry),
        }
        if entry.event == Event::End {
            let _ = self.told.set(match &self.hash {
                Hash::Name(name) => name.finish(),
                Hash::Fingerprint(fingerprint) => fingerprint.finish(),
            });
        }
    }
}

/// Writes a trace to a file, and tells what became of it: at its end, or as soon as it cannot go on. There is no file of a
/// trace that is not whole.
pub(super) struct ToFile {
    out: Option<FullWriter<BufWriter<WholeFile>>>,
    told: Told<io::Result<()>>,
}

impl ToFile {
    pub(super) fn new(path: &Path, header: &Header, told: &Told<io::Result<()>>) -> Self {
        let told = Arc::clone(told);
        let out = WholeFile::at(path);
        let out = out.and_then(|file| FullWriter::new(BufWriter::new(file), header));
        match out {
            Ok(out) => Self {
                out: Some(out),
                told,
            },
            Err(error) => {
                let _ = told.set(Err(error));
                Self { out: None, told }
            }
        }
    }
}

impl Listener for ToFile {
    fn hear(&mut self, entry: &Entry) {
        let Some(out) = &mut self.out else { return };
        let written = out.write(entry);
        if written.is_ok() && entry.event != Event::End {
            return;
        }
        let out = self.out.take();
        let ended = written.and_then(|()| match out {
            Some(out) => out.finish()?.into_inner()?.keep(),
            None => Ok(()),
        });
        let _ = self.told.set(ended);
    }
}
