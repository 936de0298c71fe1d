//! What is remembered of each live connection.

use crate::trace::ConnectionId;

/// A value for each live connection. They are few and numbered in the order of the dials, so a sorted list is quickest.
#[derive(Debug)]
pub(super) struct Live<T>(Vec<(ConnectionId, T)>);

impl<T> Default for Live<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Live<T> {
    pub(super) fn insert(&mut self, conn: ConnectionId, value: T) {
        match self.place(conn) {
            Ok(at) => self.0[at].1 = value,
            Err(at) => self.0.insert(at, (conn, value)),
        }
    }

    pub(super) fn get(&self, conn: ConnectionId) -> Option<&T> {
        self.place(conn).ok().map(|at| &self.0[at].1)
    }

    pub(super) fn get_mut(&mut self, conn: ConnectionId) -> Option<&mut T> {
        self.place(conn).ok().map(|at| &mut self.0[at].1)
    }

    pub(super) fn remove(&mut self, conn: ConnectionId) -> Option<T> {
        self.place(conn).ok().map(|at| self.0.remove(at).1)
    }

    pub(super) fn retain(&mut self, mut keep: impl FnMut(ConnectionId, &T) -> bool) {
        self.0.retain(|(conn, value)| keep(*conn, value));
    }

    pub(super) fn drain(&mut self) -> impl Iterator<Item = (ConnectionId, T)> {
        self.0.drain(..)
    }

    /// In the order of the dials.
    pub(super) fn iter(&self) -> impl Iterator<Item = (ConnectionId, &T)> {
        self.0.iter().map(|(conn, value)| (*conn, value))
    }

    /// In the order of the dials.
    pub(super) fn iter_mut(&mut self) -> impl DoubleEndedIterator<Item = (ConnectionId, &mut T)> {
        self.0.iter_mut().map(|(conn, value)| (*conn, value))
    }

    fn place(&self, conn: ConnectionId) -> Result<usize, usize> {
        // Nearly always the newest is meant.
        match self.0.last() {
            Some((last, _)) if *last == conn => Ok(self.0.len() - 1),
            _ => self.0.binary_search_by_key(&conn, |(other, _)| *other),
        }
    }
}
