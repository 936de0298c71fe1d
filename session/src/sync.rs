//! The locks around a gateway and its sessions: the system's, or loom's, which takes every order in which threads could
//! come to them.

#[cfg(all(test, loom))]
pub(crate) use loom::sync::{Mutex, MutexGuard};
#[cfg(not(all(test, loom)))]
pub(crate) use std::sync::{Mutex, MutexGuard};
