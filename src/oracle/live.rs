//! What is remembered of each live connection.

use crate::trace::ConnectionId;

/// A value for each live connection. They are numbered in the order of the dials, so a sorted list is quickest; the
/// numbers stand apart from the values, so that a search among a thousand of them stays in a few cache lines.
#[derive(Clone, Debug)]
pub(super) struct Live<T> {
    conns: Vec<ConnectionId>,
    values: Vec<T>,
}

impl<T> Default for Live<T> {
    fn default() -> Self {
        Self {
            conns: Vec::new(),
            values: Vec::new(),
        }
    }
}

impl<T> Live<T> {
    pub(super) fn insert(&mut self, conn: ConnectionId, value: T) {
        match self.place(conn) {
            Ok(at) => self.values[at] = value,
            Err(at) => {
                self.conns.insert(at, conn);
                self.values.insert(at, value);
            }
        }
    }

    pub(super) fn get(&self, conn: ConnectionId) -> Option<&T> {
        self.place(conn).ok().map(|at| &self.values[at])
    }

    pub(super) fn get_mut(&mut self, conn: ConnectionId) -> Option<&mut T> {
        self.place(conn).ok().map(|at| &mut self.values[at])
    }

    pub(super) fn remove(&mut self, conn: ConnectionId) -> Option<T> {
        let at = self.place(conn).ok()?;
        self.conns.remove(at);
        Some(self.values.remove(at))
    }

    pub(super) fn retain(&mut self, mut keep: impl FnMut(ConnectionId, &T) -> bool) {
        let gone: Vec<ConnectionId> = self
            .iter()
            .filter(|(conn, value)| !keep(*conn, value))
            .map(|(conn, _)| conn)
            .collect();
        for conn in gone {
            self.remove(conn);
        }
    }

    pub(super) fn drain(&mut self) -> impl Iterator<Item = (ConnectionId, T)> {
        self.conns.drain(..).zip(self.values.drain(..))
    }

    /// In the order of the dials.
    pub(super) fn iter(&self) -> impl Iterator<Item = (ConnectionId, &T)> {
        self.conns.iter().copied().zip(&self.values)
    }

    /// In the order of the dials.
    pub(super) fn iter_mut(&mut self) -> impl DoubleEndedIterator<Item = (ConnectionId, &mut T)> {
        self.conns.iter().copied().zip(&mut self.values)
    }

    fn place(&self, conn: ConnectionId) -> Result<usize, usize> {
        // Nearly always the newest is meant.
        match self.conns.last() {
            Some(last) if *last == conn => Ok(self.conns.len() - 1),
            _ => self.conns.binary_search(&conn),
        }
    }
}
