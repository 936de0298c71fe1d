//! The limiter: who may start, when, and the permit that a dial spends.

/// An admitted start. Made only by the limiter, after its store has committed the attempt; neither made nor cloned
/// elsewhere.
#[derive(Debug)]
pub struct Permit(());

/// A permit confirmed at its time; a dial consumes it.
#[derive(Debug)]
pub struct Go(());
