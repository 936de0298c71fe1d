//! The prose around what was found, for `--explain`.

use std::collections::VecDeque;

use super::Teller;
use crate::trace::{Entry, Header};

/// Keeps the last lines of the prose, so that what led to a finding can be shown, and what followed it.
#[derive(Debug)]
pub struct Window {
    teller: Teller,
    lines: Lines,
}

/// The prose around one finding, or around several that are close to each other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Excerpt {
    /// The lines, in order.
    pub lines: Vec<String>,
}

#[derive(Debug)]
struct Lines {
    before: usize,
    after: usize,
    ring: VecDeque<String>,
    /// So many lines more belong to the last excerpt.
    open: usize,
    excerpts: Vec<Excerpt>,
}

/// So many excerpts are kept, the first ones.
const KEPT_EXCERPTS: usize = 20;

impl Window {
    /// Of the trace that begins with this header: so many lines before what is marked, and so many after.
    pub fn new(header: &Header, before: usize, after: usize) -> Self {
        Self {
            teller: Teller::new(header),
            lines: Lines {
                before,
                after,
                ring: VecDeque::with_capacity(before),
                open: 0,
                excerpts: Vec::new(),
            },
        }
    }

    /// Takes in the next entry.
    pub fn observe(&mut self, entry: &Entry) {
        let lines = &mut self.lines;
        self.teller.observe(entry, &mut |line| lines.add(line));
    }

    /// Something was found at the entry that was observed last.
    pub fn mark(&mut self) {
        let lines = &mut self.lines;
        self.teller.flush_all(&mut |line| lines.add(line));
        lines.mark();
    }

    /// The prose around everything that was marked, in order.
    pub fn finish(mut self) -> Vec<Excerpt> {
        let lines = &mut self.lines;
        self.teller.flush_all(&mut |line| lines.add(line));
        self.lines.excerpts
    }
}

impl Lines {
    fn add(&mut self, line: &str) {
        if self.open > 0
            && let Some(last) = self.excerpts.last_mut()
        {
            last.lines.push(line.to_owned());
            self.open -= 1;
            return;
        }
        if self.ring.len() == self.before {
            self.ring.pop_front();
        }
        if self.before > 0 {
            self.ring.push_back(line.to_owned());
        }
    }

    fn mark(&mut self) {
        // One more close by lengthens the excerpt that is open.
        if self.open == 0 {
            if self.excerpts.len() == KEPT_EXCERPTS {
                return;
            }
            let lines = self.ring.drain(..).collect();
            self.excerpts.push(Excerpt { lines });
        }
        self.open = self.after;
    }
}
