//! What is measured, ready to run: made once, for the benches of time and for those of instructions.

pub mod beat;
pub mod codec;
pub mod decide;
pub mod steady;
